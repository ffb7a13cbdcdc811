// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of neighbours that x/sys lacks.
const (
	ndaProtocol        = 12 // NDA_PROTOCOL
	ndaNHID            = 13 // NDA_NH_ID
	ndaFDBExtAttrs     = 14 // NDA_FDB_EXT_ATTRS
	ndaFlagsExt        = 15 // NDA_FLAGS_EXT
	neighAddrMax       = 32 // MAX_ADDR_LEN
	neighHardLen       = 6
	sizeofNdaCacheinfo = 16
)

// neighPolicy is nda_policy.
var neighPolicy = nlmsg.Policy{
	StrictStart: ndaNHID,
	Attrs: []nlmsg.Rule{
		unix.NDA_DST:       {Kind: nlmsg.Binary, Len: neighAddrMax},
		unix.NDA_LLADDR:    {Kind: nlmsg.Binary, Len: neighAddrMax},
		unix.NDA_CACHEINFO: {Len: sizeofNdaCacheinfo},
		unix.NDA_PROBES:    {Kind: nlmsg.U32},
		unix.NDA_VLAN:      {Kind: nlmsg.U16},
		unix.NDA_PORT:      {Kind: nlmsg.U16},
		unix.NDA_VNI:       {Kind: nlmsg.U32},
		unix.NDA_IFINDEX:   {Kind: nlmsg.U32},
		unix.NDA_MASTER:    {Kind: nlmsg.U32},
		ndaProtocol:        {Kind: nlmsg.U8},
		ndaNHID:            {Kind: nlmsg.U32},
		ndaFDBExtAttrs:     {Kind: nlmsg.NestedAttrs},
		ndaFlagsExt:        {Kind: nlmsg.U32, Check: nlmsg.CheckMask, Mask: uint64(neigh.FlagExtMask)},
	},
}

// neighRows are the messages about neighbours and about their tables.
func (f *family) neighRows() []Row {
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_NEWNEIGH, nlserver.Handler{Doit: f.newNeigh}},
		{unix.AF_UNSPEC, unix.RTM_DELNEIGH, nlserver.Handler{Doit: f.delNeigh}},
		{unix.AF_UNSPEC, unix.RTM_GETNEIGH, nlserver.Handler{Doit: f.getNeigh, Dumpit: f.dumpNeighs}},
		{unix.AF_UNSPEC, unix.RTM_GETNEIGHTBL, nlserver.Handler{Dumpit: f.dumpNeighTables}},
		{unix.AF_UNSPEC, unix.RTM_SETNEIGHTBL, nlserver.Handler{Doit: f.setNeighTable}},
	}
}

// ndmsg is struct ndmsg.
type ndmsg struct {
	family uint8
	pad1   uint8
	pad2   uint16
	index  uint32
	state  uint16
	flags  uint8
	typ    uint8
}

func parseNdmsg(b []byte) ndmsg {
	return ndmsg{
		family: b[0], pad1: b[1], pad2: native.Uint16(b[2:]), index: native.Uint32(b[4:]),
		state: native.Uint16(b[8:]), flags: b[10], typ: b[11],
	}
}

// neighKeyLen is the length of an address of a family that has neighbours, 0: it has none.
func neighKeyLen(family uint8) int {
	switch family {
	case unix.AF_INET:
		return 4
	case unix.AF_INET6:
		return 16
	}
	return 0
}

// newNeigh is neigh_add.
func (f *family) newNeigh(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofNdMsg, &tb, &neighPolicy, nlmsg.Liberal); err != nil {
		return err
	}
	ndm := parseNdmsg(req.Payload())
	dst := tb.Get(unix.NDA_DST)
	if !dst.Present() {
		return req.Ext.Fail(unix.EINVAL, "Network address not specified")
	}
	c := neigh.Config{
		NUD: ndm.state, Flags: uint32(ndm.flags) | tb.U32(ndaFlagsExt)<<neigh.FlagExtShift,
		Protocol: tb.U8(ndaProtocol), Portid: req.Portid(),
	}
	lladdr := tb.Get(unix.NDA_LLADDR)
	if ndm.index != 0 {
		if c.Link = f.Links.ByIndex(ndm.index); c.Link == nil {
			return unix.ENODEV
		}
		if lladdr.Present() && lladdr.Len() < neighHardLen {
			return req.Ext.Fail(unix.EINVAL, "Invalid link address")
		}
	}
	n := neighKeyLen(ndm.family)
	if n == 0 {
		return unix.EAFNOSUPPORT
	}
	if dst.Len() < n {
		return req.Ext.Fail(unix.EINVAL, "Invalid network address")
	}
	c.Addr, _ = netip.AddrFromSlice(dst.Data[:n])
	if lladdr.Len() >= neighHardLen {
		c.HardAddr, c.HasAddr = link.HardAddr(lladdr.Data[:neighHardLen]), true
	}
	return f.Neighs.Add(c, req.Flags)
}

// delNeigh is neigh_delete.
func (f *family) delNeigh(req *nlserver.Request) error {
	body := req.Payload()
	if len(body) < unix.SizeofNdMsg {
		return unix.EINVAL
	}
	ndm := parseNdmsg(body)
	var dst nlmsg.Attr
	_ = nlmsg.Each(body[unix.SizeofNdMsg:], 0, func(a nlmsg.Attr) error {
		if a.Type() == unix.NDA_DST && !dst.Present() {
			dst = a
		}
		return nil
	})
	if !dst.Present() {
		return req.Ext.Fail(unix.EINVAL, "Network address not specified")
	}
	c := neigh.Config{Flags: uint32(ndm.flags), Portid: req.Portid()}
	if ndm.index != 0 {
		if c.Link = f.Links.ByIndex(ndm.index); c.Link == nil {
			return unix.ENODEV
		}
	}
	n := neighKeyLen(ndm.family)
	if n == 0 {
		return unix.EAFNOSUPPORT
	}
	if dst.Len() < n {
		return req.Ext.Fail(unix.EINVAL, "Invalid network address")
	}
	c.Addr, _ = netip.AddrFromSlice(dst.Data[:n])
	return f.Neighs.Delete(c)
}

// getNeigh is neigh_get.
func (f *family) getNeigh(req *nlserver.Request) error {
	body := req.Payload()
	if len(body) < unix.SizeofNdMsg {
		return req.Ext.Fail(unix.EINVAL, "Invalid header for neighbor get request")
	}
	ndm := parseNdmsg(body)
	if ndm.pad1 != 0 || ndm.pad2 != 0 || ndm.state != 0 || ndm.typ != 0 {
		return req.Ext.Fail(unix.EINVAL, "Invalid values in header for neighbor get request")
	}
	if uint32(ndm.flags)&^neigh.FlagProxy != 0 {
		return req.Ext.Fail(unix.EINVAL, "Invalid flags in header for neighbor get request")
	}
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofNdMsg, &tb, &neighPolicy, nlmsg.DeprecatedStrict); err != nil {
		return err
	}
	n := neighKeyLen(ndm.family)
	if n == 0 {
		return req.Ext.Fail(unix.EAFNOSUPPORT, "Unsupported family in header for neighbor get request")
	}
	dst := tb.Get(unix.NDA_DST)
	if !dst.Present() {
		return req.Ext.Missing(nlmsg.Attr{}, unix.NDA_DST)
	}
	if dst.Len() != n {
		return req.Ext.Fail(unix.EINVAL, "Invalid network address in neighbor get request")
	}
	for typ := range tb.Len() {
		if typ != unix.NDA_DST && tb.Has(uint16(typ)) {
			return req.Ext.Fail(unix.EINVAL, "Unsupported attribute in neighbor get request")
		}
	}
	var l *link.Link
	if ndm.index != 0 {
		if l = f.Links.ByIndex(ndm.index); l == nil {
			return req.Ext.Fail(unix.ENODEV, "Unknown device ifindex")
		}
	}
	addr, _ := netip.AddrFromSlice(dst.Data)
	if uint32(ndm.flags)&neigh.FlagProxy != 0 {
		p := f.Neighs.LookupProxy(l, addr)
		if p == nil {
			return req.Ext.Fail(unix.ENOENT, "Proxy neighbour entry not found")
		}
		fillProxy(req.Reply(unix.RTM_NEWNEIGH, 0), p)
		req.Send()
		return nil
	}
	if l == nil {
		return req.Ext.Fail(unix.EINVAL, "No device specified")
	}
	entry := f.Neighs.Lookup(l, addr)
	if entry == nil {
		return req.Ext.Fail(unix.ENOENT, "Neighbour entry not found")
	}
	f.fillNeigh(req.Reply(unix.RTM_NEWNEIGH, 0), entry, entry.Refs()+1)
	req.Send()
	return nil
}

// neighDump is where a dump of neighbours is: what it began with, less what has gone since.
type neighDump struct {
	entries []*neigh.Entry
	proxies []*neigh.Proxy
	index   uint32 // only of this link; 0: of all
	master  uint32 // only of links with this master; 0: of all
	next    int
}

// shows is neigh_ifindex_filtered and neigh_master_filtered. No link has a master.
func (s *neighDump) shows(l *link.Link) bool {
	return (s.index == 0 || l != nil && l.Index == s.index) && (s.master == 0 || s.master == ^uint32(0))
}

// dumpNeighs is neigh_dump_info.
func (f *family) dumpNeighs(d *nlserver.Dump) error {
	s, ok := d.State.(*neighDump)
	if !ok {
		s = &neighDump{}
		proxies, err := s.filter(d)
		if err != nil && d.Strict() {
			return err
		}
		family := d.Payload()[0]
		for _, af := range []uint8{unix.AF_INET, unix.AF_INET6} {
			switch {
			case family != unix.AF_UNSPEC && family != af:
			case proxies:
				s.proxies = append(s.proxies, f.Neighs.Proxies(af)...)
			default:
				s.entries = append(s.entries, f.Neighs.All(af)...)
			}
		}
		d.State = s
	}
	begin := func() *nlmsg.Encoder {
		e := d.Begin(unix.RTM_NEWNEIGH)
		if s.index != 0 || s.master != 0 { // the kernel's NLMSG_DONE does not say it here
			e.SetFlags(unix.NLM_F_DUMP_FILTERED)
		}
		return e
	}
	for ; s.next < len(s.entries); s.next++ {
		if n := s.entries[s.next]; !n.Dead && s.shows(n.Link) {
			e := begin()
			f.fillNeigh(e, n, n.Refs())
			if !e.End() {
				return nlmsg.ErrFull
			}
		}
	}
	for ; s.next < len(s.proxies); s.next++ {
		if p := s.proxies[s.next]; s.shows(p.Link) {
			e := begin()
			fillProxy(e, p)
			if !e.End() {
				return nlmsg.ErrFull
			}
		}
	}
	return nil
}

// filter is neigh_valid_dump_req. Without strict checking its errors are passed over.
func (s *neighDump) filter(d *nlserver.Dump) (proxies bool, err error) {
	body := d.Payload()
	how := nlmsg.Liberal
	if len(body) >= unix.SizeofNdMsg {
		proxies = uint32(body[10]) == neigh.FlagProxy
	}
	if d.Strict() {
		if len(body) < unix.SizeofNdMsg {
			return false, d.Ext.Fail(unix.EINVAL, "Invalid header for neighbor dump request")
		}
		ndm := parseNdmsg(body)
		if ndm.pad1 != 0 || ndm.pad2 != 0 || ndm.index != 0 || ndm.state != 0 || ndm.typ != 0 {
			return false, d.Ext.Fail(unix.EINVAL, "Invalid values in header for neighbor dump request")
		}
		if uint32(ndm.flags)&^neigh.FlagProxy != 0 {
			return false, d.Ext.Fail(unix.EINVAL, "Invalid flags in header for neighbor dump request")
		}
		how = nlmsg.DeprecatedStrict
	}
	var tb nlmsg.Attrs
	if err := d.Parse(unix.SizeofNdMsg, &tb, &neighPolicy, how); err != nil {
		return proxies, err
	}
	for typ := range tb.Len() {
		if !tb.Has(uint16(typ)) {
			continue
		}
		switch typ {
		case unix.NDA_IFINDEX:
			s.index = tb.U32(unix.NDA_IFINDEX)
		case unix.NDA_MASTER:
			s.master = tb.U32(unix.NDA_MASTER)
		default:
			if d.Strict() {
				return proxies, d.Ext.Fail(unix.EINVAL, "Unsupported attribute in neighbor dump request")
			}
		}
	}
	return proxies, nil
}

// fillNeigh is neigh_fill_info.
func (f *family) fillNeigh(e *nlmsg.Encoder, n *neigh.Entry, refs uint32) {
	b := e.Raw(unix.SizeofNdMsg)
	b[0] = n.Family()
	native.PutUint32(b[4:], n.Link.Index)
	native.PutUint16(b[8:], n.NUD)
	b[10], b[11] = uint8(n.Flags), n.Type
	e.Bytes(unix.NDA_DST, n.Addr.AsSlice())
	if n.NUD&neigh.Valid != 0 {
		e.Bytes(unix.NDA_LLADDR, n.HardAddr[:])
	}
	e.U32(unix.NDA_PROBES, uint32(n.Probes))
	age := f.Neighs.Cacheinfo(n)
	ci := e.Payload(unix.NDA_CACHEINFO, sizeofNdaCacheinfo)
	for i, v := range []uint32{age.Confirmed, age.Used, age.Updated, refs} {
		native.PutUint32(ci[4*i:], v)
	}
	if n.Protocol != 0 {
		e.U8(ndaProtocol, n.Protocol)
	}
	if ext := n.Flags >> neigh.FlagExtShift; ext != 0 {
		e.U32(ndaFlagsExt, ext)
	}
}

// fillProxy is pneigh_fill_info.
func fillProxy(e *nlmsg.Encoder, p *neigh.Proxy) {
	b := e.Raw(unix.SizeofNdMsg)
	b[0] = unix.AF_INET6
	if p.Addr.Is4() {
		b[0] = unix.AF_INET
	}
	if p.Link != nil {
		native.PutUint32(b[4:], p.Link.Index)
	}
	b[10], b[11] = uint8(p.Flags)|uint8(neigh.FlagProxy), unix.RTN_UNICAST
	e.Bytes(unix.NDA_DST, p.Addr.AsSlice())
	if p.Protocol != 0 {
		e.U8(ndaProtocol, p.Protocol)
	}
	if ext := p.Flags >> neigh.FlagExtShift; ext != 0 {
		e.U32(ndaFlagsExt, ext)
	}
}

// announceNeigh fills the notifications of neighbours; false: msg is none.
func (f *family) announceNeigh(msg any) bool {
	m, ok := msg.(neigh.Msg)
	if !ok {
		return false
	}
	f.notify(unix.RTNLGRP_NEIGH, rtnl.Origin{PortID: m.Portid}, m.Type, m.Flags, func(e *nlmsg.Encoder) {
		f.fillNeigh(e, &m.Entry, m.Refs)
	})
	return true
}
