// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

const (
	netnsaNSID        = 1 // NETNSA_NSID, _PID, _FD
	netnsaPID         = 2
	netnsaFD          = 3
	nsidNotAssigned   = ^uint32(0)
	sizeofRtgenPadded = 4
)

// nsidPolicy is rtnl_net_policy.
var nsidPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	netnsaNSID: {Len: 4},
	netnsaPID:  {Len: 4},
	netnsaFD:   {Len: 4},
}}

// nsidRows are the messages about ids of network namespaces (RTM_GETNSID): none has one here, which
// is what `ip monitor` asks first.
func (f *family) nsidRows() []Row {
	return []Row{{unix.AF_UNSPEC, unix.RTM_GETNSID, nlserver.Handler{
		Doit:   f.getNSID,
		Dumpit: func(*nlserver.Dump) error { return nil },
	}}}
}

// getNSID is rtnl_net_getid where no namespace has an id.
func (f *family) getNSID(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofRtGenmsg, &tb, &nsidPolicy, nlmsg.Liberal); err != nil {
		return err
	}
	switch {
	case tb.Has(netnsaPID), tb.Has(netnsaFD):
	case tb.Has(netnsaNSID):
		return rtnl.AttrErrorf(unix.ENOENT, netnsaNSID, "Peer netns reference is invalid")
	default:
		return rtnl.Errorf(unix.EINVAL, "Peer netns reference is missing")
	}
	e := req.Reply(unix.RTM_NEWNSID, 0)
	e.Raw(sizeofRtgenPadded)
	e.U32(netnsaNSID, nsidNotAssigned)
	req.Send()
	return nil
}
