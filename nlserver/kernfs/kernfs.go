// SPDX-License-Identifier: BSD-3-Clause

// Package kernfs serves the files of package procfs as a file system (FUSE), so that programs open,
// read, write and list them by the system calls that they use for the kernel's: a write() returns
// when the change is made, with the errno that the kernel would give. The shim does no more than to
// put another prefix before a path.
//
// Below the mount point there is a directory for every network namespace, named by its inode
// number: 4026531840/proc/net/dev. It is found when it is asked for.
//
// Nothing is cached: neither names (links come and go) nor attributes nor contents.
package kernfs

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"skua/nlserver/procfs"
)

// Config says where and what is served.
type Config struct {
	Path string // of the mount point, a directory that is made

	// Tree gives the files of a network namespace, by the inode of it that a process pid named; nil:
	// there are none.
	Tree func(netns uint64, pid uint32) *procfs.Tree
	// Admin says whether a process may write.
	Admin func(uid, gid, pid uint32) bool

	Log *slog.Logger // nil: silence
}

// Server is a mounted file system.
type Server struct {
	fuse *fuse.Server
	path string
}

// Mount makes the mount point and mounts. It needs CAP_SYS_ADMIN and /dev/fuse. A mount that a
// server left behind that died is taken away.
func Mount(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for unix.Unmount(cfg.Path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil {
	}
	if err := os.Mkdir(cfg.Path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	f := &files{
		RawFileSystem: fuse.NewDefaultRawFileSystem(), cfg: cfg,
		nodes: map[uint64]*inode{}, ids: map[string]uint64{}, open: map[uint64]*handle{}, start: time.Now(),
	}
	f.nodes[fuse.FUSE_ROOT_ID] = &inode{}
	server, err := fuse.NewServer(f, cfg.Path, &fuse.MountOptions{
		AllowOther: true, DirectMountStrict: true, FsName: "skua", Name: "skua", DisableXAttrs: true,
		DisableReadDirPlus: true, DisableSplice: true, MaxWrite: 128 << 10,
		Logger: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	})
	if err != nil {
		_ = os.Remove(cfg.Path)
		return nil, fmt.Errorf("mount %s: %w", cfg.Path, err)
	}
	s := &Server{fuse: server, path: cfg.Path}
	go server.Serve()
	return s, server.WaitMount()
}

// Close unmounts. Who has a file open gets ENOTCONN from then on.
func (s *Server) Close() error {
	if err := unix.Unmount(s.path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount %s: %w", s.path, err)
	}
	return os.Remove(s.path)
}

// inode is a file that the kernel knows by a number.
type inode struct {
	path string
	refs uint64 // lookups that the kernel has not forgotten
}

// handle is an open file or directory.
type handle struct {
	node   *procfs.Node
	caller procfs.Caller

	mu   sync.Mutex
	data []byte         // what was read from the start last
	list []procfs.Entry // likewise of a directory
}

// files answers the kernel's requests.
type files struct {
	fuse.RawFileSystem
	cfg   Config
	start time.Time

	mu     sync.Mutex
	nodes  map[uint64]*inode
	ids    map[string]uint64
	lastID uint64
	open   map[uint64]*handle
	lastFH uint64
}

func (f *files) String() string { return "skua" }

// path is where a number stands; false: the kernel made it up.
func (f *files) pathOf(id uint64) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[id]
	if n == nil {
		return "", false
	}
	return n.path, true
}

// find is the file at a path. Nil: there is none.
func (f *files) find(path string, pid uint32) *procfs.Node {
	if path == "" {
		return &procfs.Node{Mode: unix.S_IFDIR | 0o555, List: func() []procfs.Entry { return nil }}
	}
	name, rest, _ := strings.Cut(path, "/")
	netns, err := strconv.ParseUint(name, 10, 64)
	if err != nil {
		return nil
	}
	tree := f.cfg.Tree(netns, pid)
	if tree == nil {
		return nil
	}
	return tree.Find(rest)
}

// ino is the inode number of a path: the same in stat() and in listings, and the same after a
// restart.
func ino(path string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return h.Sum64() | 1
}

func (f *files) attr(path string, n *procfs.Node, out *fuse.Attr) {
	out.Ino, out.Mode, out.Size, out.Nlink, out.Blksize = ino(path), n.Mode, n.Size, 1, 4096
	out.SetTimes(&f.start, &f.start, &f.start)
}

// Lookup finds a name in a directory.
func (f *files) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	parent, ok := f.pathOf(in.NodeId)
	if !ok {
		return fuse.Status(unix.ESTALE)
	}
	path := strings.TrimPrefix(parent+"/"+name, "/")
	n := f.find(path, in.Pid)
	if n == nil {
		return fuse.ENOENT
	}
	f.mu.Lock()
	id := f.ids[path]
	if id == 0 {
		f.lastID++
		id = f.lastID + fuse.FUSE_ROOT_ID
		f.ids[path], f.nodes[id] = id, &inode{path: path}
	}
	f.nodes[id].refs++
	f.mu.Unlock()
	out.NodeId = id
	f.attr(path, n, &out.Attr)
	return fuse.OK
}

// Forget says that the kernel no longer knows a number.
func (f *files) Forget(id, lookups uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nodes[id]
	if n == nil || id == fuse.FUSE_ROOT_ID {
		return
	}
	if n.refs -= min(lookups, n.refs); n.refs == 0 {
		delete(f.nodes, id)
		delete(f.ids, n.path)
	}
}

func (f *files) node(in *fuse.InHeader) (string, *procfs.Node) {
	path, ok := f.pathOf(in.NodeId)
	if !ok {
		return "", nil
	}
	return path, f.find(path, in.Pid)
}

// GetAttr is stat().
func (f *files) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	path, n := f.node(&in.InHeader)
	if n == nil {
		return fuse.ENOENT
	}
	f.attr(path, n, &out.Attr)
	return fuse.OK
}

// SetAttr lets open(O_TRUNC) pass, which changes nothing, and refuses what proc_sys_setattr does.
func (f *files) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if in.Valid&(fuse.FATTR_MODE|fuse.FATTR_UID|fuse.FATTR_GID) != 0 {
		return fuse.EPERM
	}
	path, n := f.node(&in.InHeader)
	if n == nil {
		return fuse.ENOENT
	}
	f.attr(path, n, &out.Attr)
	return fuse.OK
}

// Readlink is where a symbolic link points to.
func (f *files) Readlink(_ <-chan struct{}, in *fuse.InHeader) ([]byte, fuse.Status) {
	_, n := f.node(in)
	switch {
	case n == nil:
		return nil, fuse.ENOENT
	case n.Target == "":
		return nil, fuse.EINVAL
	}
	return []byte(n.Target), fuse.OK
}

// may checks permission bits as test_perm does: those that are for the owner are for whoever may
// change things, and nobody may do what the owner may not.
func (f *files) may(in *fuse.InHeader, n *procfs.Node, mask uint32) (procfs.Caller, bool) {
	c := procfs.Caller{PID: in.Pid, Admin: f.cfg.Admin(in.Uid, in.Gid, in.Pid)}
	perm := n.Mode & 7
	if c.Admin {
		perm = n.Mode >> 6 & 7
	}
	return c, perm&mask == mask
}

// Access is access().
func (f *files) Access(_ <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	_, n := f.node(&in.InHeader)
	if n == nil {
		return fuse.ENOENT
	}
	if _, ok := f.may(&in.InHeader, n, in.Mask&7); !ok {
		return fuse.EACCES
	}
	return fuse.OK
}

// Open is open() of a file that is there. All of it goes past the page cache: the length that stat()
// gives is not that of the contents.
func (f *files) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	_, n := f.node(&in.InHeader)
	if n == nil {
		return fuse.ENOENT
	}
	mask := uint32(4)
	switch in.Flags & unix.O_ACCMODE {
	case unix.O_WRONLY:
		mask = 2
	case unix.O_RDWR:
		mask = 6
	}
	c, ok := f.may(&in.InHeader, n, mask)
	if !ok {
		return fuse.EACCES
	}
	out.Fh, out.OpenFlags = f.add(&handle{node: n, caller: c}), fuse.FOPEN_DIRECT_IO
	return fuse.OK
}

func (f *files) add(h *handle) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastFH++
	f.open[f.lastFH] = h
	return f.lastFH
}

func (f *files) handle(fh uint64) *handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[fh]
}

func (f *files) forgetHandle(fh uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, fh)
}

// Read gives a part of the contents, which are filled anew for every read from the start: so a
// program reads one moment's, and sees what is new when it seeks back.
func (f *files) Read(_ <-chan struct{}, in *fuse.ReadIn, _ []byte) (fuse.ReadResult, fuse.Status) {
	h := f.handle(in.Fh)
	if h == nil {
		return nil, fuse.EBADF
	}
	if h.node.Read == nil {
		return nil, fuse.EIO
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if in.Offset == 0 || h.data == nil {
		data, err := h.node.Read(h.caller)
		if err != nil {
			return nil, fuse.ToStatus(err)
		}
		h.data = data
	}
	from := min(in.Offset, uint64(len(h.data)))
	to := min(from+uint64(in.Size), uint64(len(h.data)))
	return fuse.ReadResultData(h.data[from:to]), fuse.OK
}

// Write makes the change that data is. What does not begin at the start of the file is ignored
// (sysctl_writes_strict).
func (f *files) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	h := f.handle(in.Fh)
	if h == nil {
		return 0, fuse.EBADF
	}
	if h.node.Write == nil {
		return 0, fuse.EIO
	}
	if in.Offset == 0 {
		if err := h.node.Write(h.caller, data); err != nil {
			return 0, fuse.ToStatus(err)
		}
	}
	return uint32(len(data)), fuse.OK
}

// Release is the last close().
func (f *files) Release(_ <-chan struct{}, in *fuse.ReleaseIn) { f.forgetHandle(in.Fh) }

// Flush is every close().
func (f *files) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

// Fsync has nothing to do.
func (f *files) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.OK }
