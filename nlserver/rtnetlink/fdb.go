// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/addrconf"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of a bulk delete.
const (
	ndaNDMStateMask = 16 // NDA_NDM_STATE_MASK
	ndaNDMFlagsMask = 17 // NDA_NDM_FLAGS_MASK
)

// fdbPolicy allows anything in attributes that there are.
var fdbPolicy = nlmsg.Policy{Attrs: make([]nlmsg.Rule, ndaNDMFlagsMask+1)}

// fdbBulkPolicy is fdb_del_bulk_policy.
var fdbBulkPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.NDA_VLAN:    {Kind: nlmsg.U16},
	unix.NDA_IFINDEX: {Kind: nlmsg.S32, Check: nlmsg.CheckMin, Min: 1},
	ndaNDMStateMask:  {Kind: nlmsg.U16},
	ndaNDMFlagsMask:  {Kind: nlmsg.U8},
}}

// fdbRows are the messages about forwarding databases. No link is a bridge or a port of one: what
// there is are the link-layer groups that a link itself listens to ("self").
func (f *family) fdbRows() []Row {
	return []Row{
		{unix.AF_BRIDGE, unix.RTM_NEWNEIGH, nlserver.Handler{Doit: f.addFDB}},
		{unix.AF_BRIDGE, unix.RTM_DELNEIGH, nlserver.Handler{Doit: f.delFDB, BulkDel: true}},
		{unix.AF_BRIDGE, unix.RTM_GETNEIGH, nlserver.Handler{Doit: f.getFDB, Dumpit: f.dumpFDB}},
	}
}

// fdbRequest is what a change asks for.
type fdbRequest struct {
	ndm  ndmsg
	l    *link.Link
	addr link.HardAddr
	vlan bool
}

// parseFDB is what rtnl_fdb_add and rtnl_fdb_del check alike; verb is of their texts.
func (f *family) parseFDB(req *nlserver.Request, verb string) (r fdbRequest, err error) {
	policy, how, bulk := &fdbPolicy, nlmsg.Liberal, req.Type == unix.RTM_DELNEIGH && req.Has(nlmsg.Bulk)
	if bulk {
		policy, how = &fdbBulkPolicy, nlmsg.Strict
	}
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofNdMsg, &tb, policy, how); err != nil {
		return r, err
	}
	r.ndm = parseNdmsg(req.Payload())
	if r.ndm.index == 0 {
		return r, req.Ext.Fail(unix.EINVAL, "invalid ifindex")
	}
	if r.l = f.Links.ByIndex(r.ndm.index); r.l == nil {
		return r, req.Ext.Fail(unix.ENODEV, "unknown ifindex")
	}
	if !bulk {
		a := tb.Get(unix.NDA_LLADDR)
		if a.Len() != neighHardLen {
			return r, req.Ext.Fail(unix.EINVAL, "invalid address")
		}
		r.addr = link.HardAddr(a.Data)
	}
	if r.l.Type != unix.ARPHRD_ETHER {
		return r, req.Ext.Fail(unix.EINVAL, "FDB "+verb+" only supported for Ethernet devices")
	}
	if err := fdbVLAN(req, &tb); err != nil {
		return r, err
	}
	r.vlan = tb.Has(unix.NDA_VLAN)
	if uint32(r.ndm.flags)&neigh.FlagSelf == 0 || bulk {
		return r, unix.EOPNOTSUPP
	}
	return r, nil
}

// fdbVLAN is fdb_vid_parse.
func fdbVLAN(req *nlserver.Request, tb *nlmsg.Attrs) error {
	a := tb.Get(unix.NDA_VLAN)
	switch {
	case !a.Present():
		return nil
	case a.Len() != 2:
		return req.Ext.Fail(unix.EINVAL, "invalid vlan attribute size")
	case a.U16() == 0 || a.U16() >= 4095:
		return req.Ext.Fail(unix.EINVAL, "invalid vlan id")
	}
	return nil
}

// changeable refuses what is no group: ndo_dflt_fdb_add and ndo_dflt_fdb_del change the list of
// further unicast addresses of the device then, which ports do not have.
func (f *family) changeable(req *nlserver.Request, r *fdbRequest) error {
	bridges := [5]byte(r.addr[:5]) == [5]byte{0x01, 0x80, 0xc2} && r.addr[5]&0xf0 == 0 // is_link_local_ether_addr
	if r.addr[0]&1 == 0 || bridges || f.Addrconf == nil {
		return req.Ext.Fail(unix.EOPNOTSUPP, "Further unicast addresses of devices are not supported")
	}
	return nil
}

// addFDB is rtnl_fdb_add.
func (f *family) addFDB(req *nlserver.Request) error {
	r, err := f.parseFDB(req, "add")
	if err != nil {
		return err
	}
	if r.ndm.state != 0 && r.ndm.state&unix.NUD_PERMANENT == 0 || r.vlan {
		return unix.EINVAL
	}
	if err := f.changeable(req, &r); err != nil {
		return err
	}
	if err := f.Addrconf.JoinLinkGroup(r.l, r.addr); err != nil && req.Has(unix.NLM_F_EXCL) {
		return err
	}
	f.notifyFDB(unix.RTM_NEWNEIGH, &r)
	return nil
}

// delFDB is rtnl_fdb_del.
func (f *family) delFDB(req *nlserver.Request) error {
	r, err := f.parseFDB(req, "delete")
	if err != nil {
		return err
	}
	if r.ndm.state&unix.NUD_PERMANENT == 0 {
		return unix.EINVAL
	}
	if err := f.changeable(req, &r); err != nil {
		return err
	}
	if err := f.Addrconf.LeaveLinkGroup(r.l, r.addr); err != nil {
		return err
	}
	f.notifyFDB(unix.RTM_DELNEIGH, &r)
	return nil
}

// notifyFDB is rtnl_fdb_notify: to everybody, and from nobody.
func (f *family) notifyFDB(typ uint16, r *fdbRequest) {
	f.notify(unix.RTNLGRP_NEIGH, rtnl.Origin{}, typ, 0, func(e *nlmsg.Encoder) {
		fillFDB(e, r.l, r.addr, r.ndm.state)
	})
}

// fillFDB is nlmsg_populate_fdb_fill.
func fillFDB(e *nlmsg.Encoder, l *link.Link, a link.HardAddr, state uint16) {
	b := e.Raw(unix.SizeofNdMsg)
	if b == nil {
		return
	}
	b[0] = unix.AF_BRIDGE
	native.PutUint32(b[4:], l.Index)
	native.PutUint16(b[8:], state)
	b[10] = uint8(neigh.FlagSelf)
	e.Bytes(unix.NDA_LLADDR, a[:])
}

// fdbDump is a dump under way.
type fdbDump struct {
	links  []*link.Link
	groups []addrconf.HWGroup // of the first link
}

// dumpFDB is rtnl_fdb_dump.
func (f *family) dumpFDB(d *nlserver.Dump) error {
	s, ok := d.State.(*fdbDump)
	if !ok {
		bridge, index, err := dumpFDBOf(d)
		switch {
		case err != nil:
			return err
		case bridge != 0 && f.Links.ByIndex(bridge) == nil:
			return unix.ENODEV
		}
		s = &fdbDump{}
		d.State = s
		for _, l := range f.Links.All() {
			if bridge == 0 && f.Addrconf != nil && l.Type == unix.ARPHRD_ETHER && (index == 0 || l.Index == index) {
				s.links = append(s.links, l)
			}
		}
	}
	for ; len(s.links) > 0; s.links, s.groups = s.links[1:], nil {
		l := s.links[0]
		if s.groups == nil {
			s.groups = f.Addrconf.LinkGroups(l)
		}
		for ; len(s.groups) > 0; s.groups = s.groups[1:] {
			e := d.Begin(unix.RTM_NEWNEIGH)
			fillFDB(e, l, s.groups[0].Addr, unix.NUD_PERMANENT)
			if !e.End() {
				return nlmsg.ErrFull
			}
		}
	}
	return nil
}

// dumpFDBOf is valid_fdb_dump_strict and valid_fdb_dump_legacy: the bridge and the link that a dump
// is restricted to, 0: to none.
func dumpFDBOf(d *nlserver.Dump) (bridge, index uint32, err error) {
	body := d.Payload()
	var tb nlmsg.Attrs
	if !d.Strict() {
		// What is as long as a struct ndmsg, with a number or without, restricts nothing.
		if len(body) == unix.SizeofNdMsg || len(body) == unix.SizeofNdMsg+8 {
			return 0, 0, nil
		}
		if d.Parse(unix.SizeofIfInfomsg, &tb, &linkPolicy, nlmsg.Liberal) != nil {
			return 0, 0, unix.EINVAL
		}
		return tb.U32(unix.IFLA_MASTER), native.Uint32(body[4:]), nil
	}
	if len(body) < unix.SizeofNdMsg {
		return 0, 0, d.Ext.Fail(unix.EINVAL, "Invalid header for fdb dump request")
	}
	ndm := parseNdmsg(body)
	if ndm.pad1 != 0 || ndm.pad2 != 0 || ndm.state != 0 || ndm.flags != 0 || ndm.typ != 0 {
		return 0, 0, d.Ext.Fail(unix.EINVAL, "Invalid values in header for fdb dump request")
	}
	if err := d.Parse(unix.SizeofNdMsg, &tb, &fdbPolicy, nlmsg.DeprecatedStrict); err != nil {
		return 0, 0, err
	}
	index = ndm.index
	for i := range uint16(tb.Len()) {
		switch {
		case !tb.Has(i):
		case i == unix.NDA_IFINDEX && tb.Get(i).Len() != 4:
			return 0, 0, d.Ext.Fail(unix.EINVAL, "Invalid IFINDEX attribute in fdb dump request")
		case i == unix.NDA_IFINDEX:
			index = tb.U32(i)
		case i == unix.NDA_MASTER && tb.Get(i).Len() != 4:
			return 0, 0, d.Ext.Fail(unix.EINVAL, "Invalid MASTER attribute in fdb dump request")
		case i == unix.NDA_MASTER:
			bridge = tb.U32(i)
		default:
			return 0, 0, d.Ext.Fail(unix.EINVAL, "Unsupported attribute in fdb dump request")
		}
	}
	return bridge, index, nil
}

// getFDB is rtnl_fdb_get: no device can look an address up.
func (f *family) getFDB(req *nlserver.Request) error {
	body := req.Payload()
	if len(body) < unix.SizeofNdMsg {
		return req.Ext.Fail(unix.EINVAL, "Invalid header for fdb get request")
	}
	ndm := parseNdmsg(body)
	flags := uint32(ndm.flags)
	switch {
	case ndm.pad1 != 0 || ndm.pad2 != 0 || ndm.state != 0 || ndm.typ != 0:
		return req.Ext.Fail(unix.EINVAL, "Invalid values in header for fdb get request")
	case flags&^(neigh.FlagMaster|neigh.FlagSelf) != 0:
		return req.Ext.Fail(unix.EINVAL, "Invalid flags in header for fdb get request")
	}
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofNdMsg, &tb, &neighPolicy, nlmsg.DeprecatedStrict); err != nil {
		return err
	}
	switch a := tb.Get(unix.NDA_LLADDR); {
	case a.Present() && a.Len() != neighHardLen:
		return req.Ext.Fail(unix.EINVAL, "Invalid address in fdb get request")
	case tb.Has(unix.NDA_VLAN):
		if err := fdbVLAN(req, &tb); err != nil {
			return err
		}
	}
	err := onlyAttrs(req, &tb, "Unsupported attribute in fdb get request",
		unix.NDA_MASTER, unix.NDA_LLADDR, unix.NDA_VLAN, unix.NDA_VNI)
	if err != nil {
		return err
	}
	bridge := tb.U32(unix.NDA_MASTER)
	switch {
	case !tb.Has(unix.NDA_LLADDR):
		return req.Ext.Fail(unix.EINVAL, "Missing lookup address for fdb get request")
	case ndm.index != 0 && f.Links.ByIndex(ndm.index) == nil:
		return req.Ext.Fail(unix.ENODEV, "Unknown device ifindex")
	case bridge != 0 && ndm.index != 0:
		return req.Ext.Fail(unix.EINVAL, "Master and device are mutually exclusive")
	case bridge != 0 && f.Links.ByIndex(bridge) == nil:
		return req.Ext.Fail(unix.EINVAL, "Invalid master ifindex")
	case ndm.index != 0 && (flags == 0 || flags&neigh.FlagMaster != 0):
		return req.Ext.Fail(unix.EINVAL, "Device is not a bridge port")
	case bridge == 0 && ndm.index == 0:
		return req.Ext.Fail(unix.ENODEV, "No device specified")
	}
	return req.Ext.Fail(unix.EOPNOTSUPP, "Fdb get operation not supported by device")
}
