// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"

	"skua/controlplane/link"
	"skua/nlserver/kernfs"
)

// filesPath is where the files of /proc and /sys are served for clients of a netlink socket; the
// shim knows it too.
func filesPath(netlinkSocket string) string { return netlinkSocket + ".fs" }

// serveFiles mounts them beside the netlink socket until ctx is done. Where that is not allowed,
// clients get the kernel's files, and the log says so.
func (inst *instance) serveFiles(ctx context.Context, socket string) {
	files, err := kernfs.Mount(kernfs.Config{
		Path:  filesPath(socket),
		Tree:  inst.nets.tree,
		Admin: inst.server.AdminProcess,
		Log:   inst.log,
	})
	if err != nil {
		inst.log.Warn("clients see the kernel's files in /proc/sys/net, /proc/net and /sys/class/net", "err", err)
		return
	}
	inst.run(ctx, "files", func(ctx context.Context) error {
		<-ctx.Done()
		return files.Close()
	})
}

// speed is what the port of a link says of its wire, in Mbit/s; -1: it does not know.
func (inst *instance) speed(l *link.Link) (mbps int, full, ok bool) {
	if l.Loopback() {
		return 0, false, false
	}
	state, err := inst.dp.PortLink(l.Port)
	switch {
	case err != nil:
		return 0, false, false
	case state.Speed == 0:
		return -1, state.FullDuplex, true
	}
	return int(state.Speed), state.FullDuplex, true
}
