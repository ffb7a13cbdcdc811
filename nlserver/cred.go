// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// AdminProcess says whether a process that is known by its number may change things: as Admin does,
// or because it has CAP_NET_ADMIN, which of a process can be seen.
func (srv *Server) AdminProcess(uid, gid, pid uint32) bool {
	if srv.allowed(&unix.Ucred{Uid: uid, Gid: gid}, nil) {
		return true
	}
	groups, caps := processCreds(pid)
	return srv.allowed(&unix.Ucred{Uid: uid, Gid: gid}, groups) ||
		caps&(1<<unix.CAP_NET_ADMIN) != 0 && sameUserns(pid)
}

// processCreds reads the supplementary groups and the effective capabilities of a process.
func processCreds(pid uint32) (groups []uint32, caps uint64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, 0
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "Groups":
			for _, f := range strings.Fields(value) {
				if g, err := strconv.ParseUint(f, 10, 32); err == nil {
					groups = append(groups, uint32(g))
				}
			}
		case "CapEff":
			caps, _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return groups, caps
}

// sameUserns: capabilities count in our user namespace only.
func sameUserns(pid uint32) bool {
	var ours, theirs unix.Stat_t
	return unix.Stat("/proc/self/ns/user", &ours) == nil &&
		unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &theirs) == nil && ours.Ino == theirs.Ino
}
