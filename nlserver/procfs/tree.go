// SPDX-License-Identifier: BSD-3-Clause

// Package procfs writes the text files of the kernel's network stack for an instance of Skua's: what
// is below /proc/sys/net, /proc/net and /sys/class/net, byte for byte in the kernel's format. It
// holds no state: every file is filled when it is read, under RTNL, and what is written to one is a
// call of the control plane. Package kernfs serves it to programs.
//
// What Skua has none of (sockets, connection tracking) belongs to the host's kernel, in which the
// programs' own sockets are: those files are the host's, as the reading process would see them.
package procfs

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
)

// Caller is the process that asks.
type Caller struct {
	PID   uint32 // 0: not known
	Admin bool   // may change things
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Mode uint32 // S_IFREG, S_IFDIR or S_IFLNK
}

// Node is a file, a directory or a symbolic link.
type Node struct {
	Mode   uint32 // type and permission bits
	Size   uint64 // as stat() gives it
	Target string // of a symbolic link

	List  func() []Entry                    // of a directory
	Read  func(Caller) ([]byte, error)      // nil: EIO
	Write func(c Caller, data []byte) error // nil: EIO. Gets what one write() wrote
}

// Tree is the files of one instance.
type Tree struct {
	// Speed gives the speed of a link in Mbit/s (-1: unknown) and whether it is full duplex; false:
	// it has none. May be nil. Under RTNL.
	Speed func(l *link.Link) (mbps int, full, ok bool)

	st    *controlplane.Stack
	files map[string]*Node // fixed ones by path, with their directories
	names map[string][]Entry
}

// New makes the tree of st.
func New(st *controlplane.Stack) *Tree {
	t := &Tree{st: st, files: map[string]*Node{}, names: map[string][]Entry{}}
	t.addNet()
	t.addOwn()
	return t
}

// Find gives the node at a path without a leading slash, "proc/net/dev"; "": the root. Nil: there is
// none.
func (t *Tree) Find(path string) *Node {
	if rest, ok := strings.CutPrefix(path, "proc/sys/"); ok && (rest == "net" || strings.HasPrefix(rest, "net/")) {
		return t.sysctl(rest)
	}
	if rest, ok := strings.CutPrefix(path, "sys/devices/virtual/net"); ok && (rest == "" || rest[0] == '/') {
		return t.device(strings.TrimPrefix(rest, "/"))
	}
	if rest, ok := strings.CutPrefix(path, "sys/class/net"); ok && (rest == "" || rest[0] == '/') {
		return t.class(strings.TrimPrefix(rest, "/"))
	}
	if n := t.perLink(path); n != nil {
		return n
	}
	if n := t.files[path]; n != nil {
		return n
	}
	if list, ok := fixed[path]; ok {
		return dir(0o555, func() []Entry {
			var out []Entry
			for _, name := range list {
				out = append(out, Entry{name, unix.S_IFDIR})
			}
			return out
		})
	}
	return nil
}

// fixed are the directories above those that have contents.
var fixed = map[string][]string{
	"":                    {"proc", "skua", "sys"},
	"proc":                {"net", "sys"},
	"proc/sys":            {"net"},
	"sys":                 {"class", "devices"},
	"sys/class":           {"net"},
	"sys/devices":         {"virtual"},
	"sys/devices/virtual": {"net"},
}

func dir(perm uint32, list func() []Entry) *Node {
	return &Node{Mode: unix.S_IFDIR | perm, List: list}
}

// lock runs f under RTNL.
func (t *Tree) lock(f func()) {
	t.st.Net.Lock()
	defer t.st.Net.Unlock()
	f()
}

// sysctl is a file or directory below /proc/sys.
func (t *Tree) sysctl(path string) *Node {
	links := t.st.Links
	var mode uint32
	var isDir, host, ok bool
	t.lock(func() {
		e, found := links.SysctlStat(path)
		mode, isDir, host, ok = e.Mode, e.Dir, e.Host, found
	})
	switch {
	case !ok:
		return nil
	case isDir:
		return dir(mode, func() []Entry { return t.sysctlDir(path) })
	case host:
		return hostSysctl(path, mode)
	}
	n := &Node{Mode: unix.S_IFREG | mode}
	n.Read = func(Caller) (out []byte, err error) {
		t.lock(func() {
			var s string
			if s, err = links.Sysctl("/" + path); err == nil {
				out = append([]byte(s), '\n')
			}
		})
		return out, err
	}
	n.Write = func(_ Caller, data []byte) (err error) {
		value, err := sysctlValue(data)
		if err != nil {
			return err
		}
		t.lock(func() { err = links.SetSysctl("/"+path, value) })
		return err
	}
	return n
}

func (t *Tree) sysctlDir(path string) []Entry {
	var out []Entry
	t.lock(func() {
		list, _ := t.st.Links.SysctlDir(path)
		for _, e := range list {
			if e.Host && !hostHas(path+"/"+e.Name) {
				continue
			}
			mode := uint32(unix.S_IFREG)
			if e.Dir {
				mode = unix.S_IFDIR
			}
			out = append(out, Entry{e.Name, mode})
		}
	})
	return out
}

// sysctlMax is how much one write to a sysctl may be (KMALLOC_MAX_SIZE is far more than any needs).
const sysctlMax = 64 << 10

// sysctlValue is what a write means: the text up to a NUL (proc_sys_call_handler, strsep).
func sysctlValue(data []byte) (string, error) {
	if len(data) > sysctlMax {
		return "", syscall.ENOMEM
	}
	s := string(data)
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSpace(s), nil
}
