// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver"
)

const (
	netnsaNSID        = 1 // NETNSA_NSID
	nsidNotAssigned   = ^uint32(0)
	sizeofRtgenPadded = 4
)

// nsidRows are the messages about ids of network namespaces (RTM_GETNSID): none has one here, which
// is what `ip monitor` asks first.
func (f *family) nsidRows() []Row {
	return []Row{{unix.AF_UNSPEC, unix.RTM_GETNSID, nlserver.Handler{
		Doit:   f.getNSID,
		Dumpit: func(*nlserver.Dump) error { return nil },
	}}}
}

// getNSID is rtnl_net_getid for a namespace without an id.
func (f *family) getNSID(req *nlserver.Request) error {
	e := req.Reply(unix.RTM_NEWNSID, 0)
	e.Raw(sizeofRtgenPadded)
	e.U32(netnsaNSID, nsidNotAssigned)
	req.Send()
	return nil
}
