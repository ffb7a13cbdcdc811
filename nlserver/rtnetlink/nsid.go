// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

const (
	netnsaNSID        = 1 // NETNSA_NSID, ...
	netnsaPID         = 2
	netnsaFD          = 3
	netnsaTarget      = 4 // NETNSA_TARGET_NSID
	netnsaCurrent     = 5 // NETNSA_CURRENT_NSID
	sizeofRtgenPadded = 4
)

// nsidPolicy is rtnl_net_policy.
var nsidPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	netnsaNSID:    {Kind: nlmsg.S32},
	netnsaPID:     {Kind: nlmsg.U32},
	netnsaFD:      {Kind: nlmsg.U32},
	netnsaTarget:  {Kind: nlmsg.S32},
	netnsaCurrent: {Kind: nlmsg.Reject},
}}

// nsidRows are the messages about ids of network namespaces.
func (f *family) nsidRows() []Row {
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_NEWNSID, nlserver.Handler{Doit: f.newNSID}},
		{unix.AF_UNSPEC, unix.RTM_GETNSID, nlserver.Handler{Doit: f.getNSID, Dumpit: f.dumpNSIDs}},
	}
}

// nsidPeer is the net that a request is about, by process or descriptor, and the attribute that
// named it, 0 when none did. When that has no instance one is made, or nil is the answer.
func (f *family) nsidPeer(req *nlserver.Request, tb *nlmsg.Attrs, create bool) (peer *rtnl.Net, attr uint16, err error) {
	var file *os.File
	switch {
	case tb.Has(netnsaPID):
		attr = netnsaPID
		file, err = nlserver.OpenPID(tb.U32(netnsaPID))
	case tb.Has(netnsaFD):
		attr = netnsaFD
		file, err = req.Peer().OpenFD(tb.U32(netnsaFD))
	default:
		return nil, 0, nil
	}
	if err == nil {
		peer, err = f.Nets.open(file, create)
	}
	if err != nil {
		err = rtnl.AttrErrorf(rtnl.Errno(err), attr, "Peer netns reference is invalid")
	}
	return peer, attr, err
}

// newNSID is rtnl_net_newid.
func (f *family) newNSID(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofRtGenmsg, &tb, &nsidPolicy, nlmsg.Liberal); err != nil {
		return err
	}
	if !tb.Has(netnsaNSID) {
		return rtnl.Errorf(unix.EINVAL, "nsid is missing")
	}
	peer, attr, err := f.nsidPeer(req, &tb, true)
	if err != nil {
		return err
	}
	if attr == 0 {
		return rtnl.Errorf(unix.EINVAL, "Peer netns reference is missing")
	}
	if f.Net.NSID(peer) != rtnl.NSIDNone {
		return rtnl.AttrErrorf(unix.EEXIST, attr, "Peer netns already has a nsid assigned")
	}
	id, err := f.Net.AllocNSID(peer, int32(tb.U32(netnsaNSID)))
	if errors.Is(err, unix.ENOSPC) {
		return rtnl.AttrErrorf(unix.EEXIST, netnsaNSID, "The specified nsid is already used")
	}
	if err == nil {
		f.Net.Announce(rtnl.NSIDMsg{Type: unix.RTM_NEWNSID, ID: id, Origin: f.Net.Origin})
	}
	return err
}

// getNSID is rtnl_net_getid.
func (f *family) getNSID(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	how := nlmsg.Liberal
	if req.Strict() {
		how = nlmsg.DeprecatedStrict
	}
	if err := req.Parse(unix.SizeofRtGenmsg, &tb, &nsidPolicy, how); err != nil {
		return err
	}
	peer, attr, err := f.nsidPeer(req, &tb, false)
	switch {
	case err != nil:
		return err
	case attr != 0:
	case tb.Has(netnsaNSID):
		if peer = f.Net.ByNSID(int32(tb.U32(netnsaNSID))); peer == nil {
			return rtnl.AttrErrorf(unix.ENOENT, netnsaNSID, "Peer netns reference is invalid")
		}
	default:
		return rtnl.Errorf(unix.EINVAL, "Peer netns reference is missing")
	}
	to, err := f.targetNet(&tb, netnsaTarget)
	if err != nil {
		return rtnl.AttrErrorf(unix.EINVAL, netnsaTarget, "Target netns reference is invalid")
	}
	fillNSID(req.Reply(unix.RTM_NEWNSID, 0), to.Net.NSID(peer), tb.Has(netnsaTarget), f.Net.NSID(peer))
	req.Send()
	return nil
}

// dumpNSIDs is rtnl_net_dumpid.
func (f *family) dumpNSIDs(d *nlserver.Dump) error {
	to := f
	if d.Strict() {
		var tb nlmsg.Attrs
		if err := d.Parse(unix.SizeofRtGenmsg, &tb, &nsidPolicy, nlmsg.DeprecatedStrict); err != nil {
			return err
		}
		if err := onlyAttrs(d.Request, &tb, "Unsupported attribute in dump request", netnsaTarget); err != nil {
			return err
		}
		var err error
		if to, err = f.targetNet(&tb, netnsaTarget); err != nil {
			return rtnl.AttrErrorf(unix.EINVAL, netnsaTarget, "Invalid target network namespace id")
		}
	}
	for _, id := range to.Net.NSIDs() {
		if uint64(id) < d.Args[0] {
			continue
		}
		d.Args[0] = uint64(id)
		e := d.Begin(unix.RTM_NEWNSID)
		fillNSID(e, id, to != f, f.Net.NSID(to.Net.ByNSID(id)))
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// fillNSID is rtnl_net_fill.
func fillNSID(e *nlmsg.Encoder, id int32, other bool, current int32) {
	e.Raw(sizeofRtgenPadded)
	e.U32(netnsaNSID, uint32(id))
	if other {
		e.U32(netnsaCurrent, uint32(current))
	}
}

// announceNSID is rtnl_net_notifyid.
func (f *family) announceNSID(m rtnl.NSIDMsg) {
	f.notify(unix.RTNLGRP_NSID, m.Origin, m.Type, 0, func(e *nlmsg.Encoder) {
		fillNSID(e, m.ID, false, rtnl.NSIDNone)
	})
}
