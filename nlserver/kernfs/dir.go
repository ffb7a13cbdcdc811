// SPDX-License-Identifier: BSD-3-Clause

package kernfs

import (
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"skua/nlserver/procfs"
)

// OpenDir is opendir().
func (f *files) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	_, n := f.node(&in.InHeader)
	switch {
	case n == nil:
		return fuse.ENOENT
	case n.List == nil:
		return fuse.ENOTDIR
	}
	out.Fh = f.add(&handle{node: n})
	return fuse.OK
}

// ReadDir lists what was there when it was read from the start.
func (f *files) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	h := f.handle(in.Fh)
	path, ok := f.pathOf(in.NodeId)
	if h == nil || !ok {
		return fuse.EBADF
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if in.Offset == 0 || h.list == nil {
		h.list = append([]procfs.Entry{{Name: ".", Mode: unix.S_IFDIR}, {Name: "..", Mode: unix.S_IFDIR}}, h.node.List()...)
	}
	for i := in.Offset; i < uint64(len(h.list)); i++ {
		e := h.list[i]
		of := strings.TrimPrefix(path+"/"+e.Name, "/")
		if !out.AddDirEntry(fuse.DirEntry{Name: e.Name, Mode: e.Mode, Ino: ino(of), Off: i + 1}) {
			break
		}
	}
	return fuse.OK
}

// ReleaseDir is closedir().
func (f *files) ReleaseDir(in *fuse.ReleaseIn) { f.forgetHandle(in.Fh) }

// FsyncDir has nothing to do.
func (f *files) FsyncDir(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.OK }

// refuse is what making a name gets: in /proc there is no such thing, in /sys it is not allowed.
func (f *files) refuse(id uint64) fuse.Status {
	path, _ := f.pathOf(id)
	_, rest, _ := strings.Cut(path, "/")
	if strings.HasPrefix(rest, "proc") {
		return fuse.ENOENT
	}
	return fuse.EACCES
}

// Create is open(O_CREAT) of what is not there.
func (f *files) Create(_ <-chan struct{}, in *fuse.CreateIn, _ string, _ *fuse.CreateOut) fuse.Status {
	return f.refuse(in.NodeId)
}

// Mknod makes no file.
func (f *files) Mknod(_ <-chan struct{}, in *fuse.MknodIn, _ string, _ *fuse.EntryOut) fuse.Status {
	return f.refuse(in.NodeId)
}

// Mkdir makes no directory.
func (f *files) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, _ string, _ *fuse.EntryOut) fuse.Status {
	return f.refuse(in.NodeId)
}

// Symlink makes no link.
func (f *files) Symlink(_ <-chan struct{}, in *fuse.InHeader, _, _ string, _ *fuse.EntryOut) fuse.Status {
	return f.refuse(in.NodeId)
}

// Unlink removes nothing.
func (f *files) Unlink(<-chan struct{}, *fuse.InHeader, string) fuse.Status { return fuse.EPERM }

// Rmdir removes nothing.
func (f *files) Rmdir(<-chan struct{}, *fuse.InHeader, string) fuse.Status { return fuse.EPERM }

// Rename renames nothing.
func (f *files) Rename(<-chan struct{}, *fuse.RenameIn, string, string) fuse.Status {
	return fuse.EPERM
}

// Link makes no link.
func (f *files) Link(<-chan struct{}, *fuse.LinkIn, string, *fuse.EntryOut) fuse.Status {
	return fuse.EPERM
}
