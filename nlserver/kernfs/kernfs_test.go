// SPDX-License-Identifier: BSD-3-Clause

package kernfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver/procfs"
)

const netns = 4711 // any number: Tree knows it alone

// mount serves a stack with a link p1 and gives where its network namespace's files are.
func mount(t *testing.T) (*controlplane.Stack, string) {
	t.Helper()
	st, err := controlplane.New(controlplane.Options{DP: dpif.NewFake(), Clock: rtnl.NewManualClock()})
	if err != nil {
		t.Fatal(err)
	}
	st.Net.Lock()
	_, err = st.Links.Add(link.Config{Name: "p1", HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}})
	st.Net.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	tree := procfs.New(st)
	dir, err := os.MkdirTemp("", "skua-kernfs-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s, err := Mount(Config{
		Path: filepath.Join(dir, "fs"),
		Tree: func(ns uint64, _ uint32) *procfs.Tree {
			if ns != netns {
				return nil
			}
			return tree
		},
		Admin: func(uid, _, _ uint32) bool { return uid == 0 },
	})
	if err != nil {
		t.Skipf("mounting needs root and /dev/fuse: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return st, filepath.Join(dir, "fs", fmt.Sprint(netns))
}

// A write is made when it returns, and its error is that of the change.
func TestWriteIsSynchronous(t *testing.T) {
	st, root := mount(t)
	path := filepath.Join(root, "proc/sys/net/ipv4/ip_forward")
	if err := os.WriteFile(path, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	st.Net.Lock()
	on := st.Links.All4.Forwarding
	st.Net.Unlock()
	if on != 1 {
		t.Error("forwarding is off after it was written")
	}
	if err := os.WriteFile(path, []byte("x\n"), 0o644); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a bad value: %v", err)
	}
	fixed := filepath.Join(root, "proc/sys/net/ipv4/ip_no_pmtu_disc")
	if err := os.WriteFile(fixed, []byte("1\n"), 0o644); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("a value that nothing follows: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "proc/sys/net/nosuch"), nil, 0o644); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a name that is not there: %v", err)
	}
}

// An open file shows what is new when it is read from the start again, and one moment's until then.
func TestReadAgain(t *testing.T) {
	_, root := mount(t)
	path := filepath.Join(root, "proc/sys/net/ipv4/conf/p1/rp_filter")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, want := range []string{"0\n", "2\n"} {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); string(got) != want || err != nil {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
		if err := os.WriteFile(path, []byte("2\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := f.Stat(); err != nil || st.Size() != 0 || st.Mode() != 0o644 {
		t.Errorf("stat: %v %v", st, err)
	}
}

// A file of thousands of lines, larger than what the kernel asks for at once, comes whole.
func TestLargeFile(t *testing.T) {
	st, root := mount(t)
	st.Net.Lock()
	for i := range 900 {
		if _, err := st.Links.Add(link.Config{Name: fmt.Sprintf("a-longer-n%04d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	st.Net.Unlock()
	got, err := os.ReadFile(filepath.Join(root, "proc/net/dev"))
	if err != nil || bytes.Count(got, []byte("\n")) != 904 {
		t.Errorf("%d lines, %v", bytes.Count(got, []byte("\n")), err)
	}
	names, err := os.ReadDir(filepath.Join(root, "sys/class/net"))
	if err != nil || len(names) != 902 {
		t.Errorf("%d links are listed, %v", len(names), err)
	}
}

// A link that comes, changes its name or goes is seen at once, whatever was looked up before.
func TestLinksComeAndGo(t *testing.T) {
	st, root := mount(t)
	have := func(name string, want bool) {
		t.Helper()
		for _, dir := range []string{"proc/sys/net/ipv4/conf", "proc/sys/net/ipv6/neigh", "sys/class/net", "proc/net/dev_snmp6"} {
			if _, err := os.Stat(filepath.Join(root, dir, name)); (err == nil) != want {
				t.Errorf("%s/%s: %v", dir, name, err)
			}
		}
	}
	have("p1", true)
	have("q1", false)
	st.Net.Lock()
	name := "q1"
	err := st.Links.Change(st.Links.ByName("p1"), link.Change{Name: &name})
	st.Net.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	have("p1", false)
	have("q1", true)
	st.Net.Lock()
	err = st.Links.Remove(st.Links.ByName("q1"))
	st.Net.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	have("q1", false)
}

// Who may not change things reads, and is told so when it opens for writing.
func TestPermissions(t *testing.T) {
	_, root := mount(t)
	run := func(script string) (string, error) {
		// Not by cmd.Dir: the child of a fork would wait for us there, and we for it.
		cmd := exec.Command("sh", "-c", "cd "+root+" && { "+script+"; }")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if out, err := run("cat proc/sys/net/ipv4/ip_forward"); out != "0" || err != nil {
		t.Errorf("reading: %s, %v", out, err)
	}
	if out, err := run("echo 1 > proc/sys/net/ipv4/ip_forward"); err == nil || !strings.Contains(out, "Permission denied") {
		t.Errorf("writing: %s, %v", out, err)
	}
	if out, _ := run("test -w proc/sys/net/ipv4/ip_forward || echo no; test -r proc/sys/net/ipv4/ip_forward && echo yes"); out != "no\nyes" {
		t.Errorf("test says %q", out)
	}
	if out, err := run("cat proc/sys/net/ipv6/conf/p1/stable_secret"); err == nil || !strings.Contains(out, "Permission denied") {
		t.Errorf("a secret: %s, %v", out, err)
	}
	// What is read-only is that for all who may change things, too.
	if err := unix.Access(filepath.Join(root, "proc/sys/net/ipv4/conf/p1/mc_forwarding"), unix.W_OK); err != unix.EACCES {
		t.Errorf("a read-only setting: %v", err)
	}
	if err := os.Chmod(filepath.Join(root, "proc/sys/net/ipv4/ip_forward"), 0o666); !errors.Is(err, syscall.EPERM) {
		t.Errorf("chmod: %v", err)
	}
}

// A network namespace that has no instance has no files.
func TestUnknownNamespace(t *testing.T) {
	_, root := mount(t)
	for _, name := range []string{"4712", "x", "-1", "4711x"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(root), name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A mount point that a server left behind that died is taken over.
func TestMountAgain(t *testing.T) {
	_, root := mount(t)
	again, err := Mount(Config{
		Path: filepath.Dir(root), Tree: func(uint64, uint32) *procfs.Tree { return nil },
		Admin: func(uint32, uint32, uint32) bool { return false },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still the first: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", filepath.Dir(root), "tmpfs", 0, ""); err != nil { // for the first's Close
		t.Fatal(err)
	}
}
