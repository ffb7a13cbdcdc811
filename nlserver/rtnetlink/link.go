// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of links that x/sys lacks.
const (
	iflaMaxPacing       = 66 // IFLA_MAX_PACING_OFFLOAD_HORIZON
	iflaNetnsImmutable  = 67
	iflaHeadroom        = 68
	iflaTailroom        = 69
	iflaMax             = 69
	rtextFilterVF       = 1 << 0
	rtextFilterSkipStat = 1 << 3
	maxAddrLen          = 32
	altIfnamsiz         = 128
	minGSO              = 320 + 1 // MAX_TCP_HEADER + 1
)

// linkPolicy is ifla_policy.
var linkPolicy = nlmsg.Policy{
	StrictStart: unix.IFLA_DPLL_PIN,
	Attrs: []nlmsg.Rule{
		unix.IFLA_IFNAME:             {Kind: nlmsg.String, Len: unix.IFNAMSIZ - 1},
		unix.IFLA_ADDRESS:            {Kind: nlmsg.Binary, Len: maxAddrLen},
		unix.IFLA_BROADCAST:          {Kind: nlmsg.Binary, Len: maxAddrLen},
		unix.IFLA_MAP:                {Len: 28},
		unix.IFLA_MTU:                {Kind: nlmsg.U32},
		unix.IFLA_LINK:               {Kind: nlmsg.U32},
		unix.IFLA_MASTER:             {Kind: nlmsg.U32},
		unix.IFLA_CARRIER:            {Kind: nlmsg.U8},
		unix.IFLA_TXQLEN:             {Kind: nlmsg.U32},
		unix.IFLA_WEIGHT:             {Kind: nlmsg.U32},
		unix.IFLA_OPERSTATE:          {Kind: nlmsg.U8},
		unix.IFLA_LINKMODE:           {Kind: nlmsg.U8},
		unix.IFLA_LINKINFO:           {Kind: nlmsg.NestedAttrs},
		unix.IFLA_NET_NS_PID:         {Kind: nlmsg.U32},
		unix.IFLA_NET_NS_FD:          {Kind: nlmsg.U32},
		unix.IFLA_IFALIAS:            {Kind: nlmsg.Binary, Len: 255},
		unix.IFLA_VFINFO_LIST:        {Kind: nlmsg.NestedAttrs},
		unix.IFLA_VF_PORTS:           {Kind: nlmsg.NestedAttrs},
		unix.IFLA_PORT_SELF:          {Kind: nlmsg.NestedAttrs},
		unix.IFLA_AF_SPEC:            {Kind: nlmsg.NestedAttrs},
		unix.IFLA_EXT_MASK:           {Kind: nlmsg.U32},
		unix.IFLA_PROMISCUITY:        {Kind: nlmsg.U32},
		unix.IFLA_NUM_TX_QUEUES:      {Kind: nlmsg.U32},
		unix.IFLA_NUM_RX_QUEUES:      {Kind: nlmsg.U32},
		unix.IFLA_GSO_MAX_SEGS:       {Kind: nlmsg.U32},
		unix.IFLA_GSO_MAX_SIZE:       {Kind: nlmsg.U32, Check: nlmsg.CheckMin, Min: minGSO},
		unix.IFLA_PHYS_PORT_ID:       {Kind: nlmsg.Binary, Len: 32},
		unix.IFLA_CARRIER_CHANGES:    {Kind: nlmsg.U32},
		unix.IFLA_PHYS_SWITCH_ID:     {Kind: nlmsg.Binary, Len: 32},
		unix.IFLA_LINK_NETNSID:       {Kind: nlmsg.S32},
		unix.IFLA_PROTO_DOWN:         {Kind: nlmsg.U8},
		unix.IFLA_XDP:                {Kind: nlmsg.NestedAttrs},
		unix.IFLA_EVENT:              {Kind: nlmsg.U32},
		unix.IFLA_GROUP:              {Kind: nlmsg.U32},
		unix.IFLA_TARGET_NETNSID:     {Kind: nlmsg.S32},
		unix.IFLA_CARRIER_UP_COUNT:   {Kind: nlmsg.U32},
		unix.IFLA_CARRIER_DOWN_COUNT: {Kind: nlmsg.U32},
		unix.IFLA_NEW_IFINDEX:        {Kind: nlmsg.S32, Check: nlmsg.CheckMin, Min: 1},
		unix.IFLA_MIN_MTU:            {Kind: nlmsg.U32},
		unix.IFLA_MAX_MTU:            {Kind: nlmsg.U32},
		unix.IFLA_PROP_LIST:          {Kind: nlmsg.NestedAttrs},
		unix.IFLA_ALT_IFNAME:         {Kind: nlmsg.String, Len: altIfnamsiz - 1},
		unix.IFLA_PERM_ADDRESS:       {Kind: nlmsg.Reject},
		unix.IFLA_PROTO_DOWN_REASON:  {Kind: nlmsg.NestedAttrs},
		unix.IFLA_PARENT_DEV_NAME:    {Kind: nlmsg.NulString},
		unix.IFLA_GRO_MAX_SIZE:       {Kind: nlmsg.U32},
		unix.IFLA_TSO_MAX_SIZE:       {Kind: nlmsg.Reject},
		unix.IFLA_TSO_MAX_SEGS:       {Kind: nlmsg.Reject},
		unix.IFLA_ALLMULTI:           {Kind: nlmsg.Reject},
		unix.IFLA_GSO_IPV4_MAX_SIZE:  {Kind: nlmsg.U32, Check: nlmsg.CheckMin, Min: minGSO},
		unix.IFLA_GRO_IPV4_MAX_SIZE:  {Kind: nlmsg.U32},
		iflaNetnsImmutable:           {Kind: nlmsg.Reject},
		iflaHeadroom:                 {Kind: nlmsg.Reject},
		iflaTailroom:                 {Kind: nlmsg.Reject},
	},
}

// linkRows are the messages about links.
func (f *family) linkRows() []Row {
	h := func(doit func(*nlserver.Request) error) nlserver.Handler { return nlserver.Handler{Doit: doit} }
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_GETLINK, nlserver.Handler{Doit: f.getLink, Dumpit: f.dumpLinks}},
		{unix.AF_UNSPEC, unix.RTM_SETLINK, h(f.setLink)},
		{unix.AF_UNSPEC, unix.RTM_NEWLINK, h(f.newLink)},
		{unix.AF_UNSPEC, unix.RTM_DELLINK, h(f.delLink)},
		{unix.AF_UNSPEC, unix.RTM_NEWLINKPROP, h(f.linkProp)},
		{unix.AF_UNSPEC, unix.RTM_DELLINKPROP, h(f.linkProp)},
		{unix.AF_INET6, unix.RTM_GETLINK, nlserver.Handler{Dumpit: f.dumpInfo6}},
	}
}

// ifinfo is struct ifinfomsg.
type ifinfo struct {
	typ    uint16
	index  int32
	flags  uint32
	change uint32
	pad    uint8
}

func parseIfinfo(b []byte) ifinfo {
	return ifinfo{
		pad: b[1], typ: native.Uint16(b[2:]), index: int32(native.Uint32(b[4:])),
		flags: native.Uint32(b[8:]), change: native.Uint32(b[12:]),
	}
}

// linkOf finds the link that a request names by index, name or alternative name (rtnl_dev_get).
// named is false when it names none.
func (f *family) linkOf(ifm ifinfo, tb *nlmsg.Attrs) (l *link.Link, named bool) {
	switch {
	case ifm.index > 0:
		return f.Links.ByIndex(uint32(ifm.index)), true
	case tb.Has(unix.IFLA_IFNAME):
		return f.Links.ByName(tb.String(unix.IFLA_IFNAME)), true
	case tb.Has(unix.IFLA_ALT_IFNAME):
		return f.Links.ByName(tb.String(unix.IFLA_ALT_IFNAME)), true
	}
	return nil, false
}

// getLink is rtnl_getlink.
func (f *family) getLink(req *nlserver.Request) error {
	if len(req.Payload()) < unix.SizeofIfInfomsg {
		return req.Ext.Fail(unix.EINVAL, "Invalid header for get link")
	}
	ifm := parseIfinfo(req.Payload())
	var tb nlmsg.Attrs
	how := nlmsg.Liberal
	if req.Strict() {
		if ifm.pad != 0 || ifm.typ != 0 || ifm.flags != 0 || ifm.change != 0 {
			return req.Ext.Fail(unix.EINVAL, "Invalid values in header for get link request")
		}
		how = nlmsg.DeprecatedStrict
	}
	if err := req.Parse(unix.SizeofIfInfomsg, &tb, &linkPolicy, how); err != nil {
		return err
	}
	if req.Strict() {
		err := onlyAttrs(req, &tb, "Unsupported attribute in get link request",
			unix.IFLA_IFNAME, unix.IFLA_ALT_IFNAME, unix.IFLA_EXT_MASK, unix.IFLA_TARGET_NETNSID)
		if err != nil {
			return err
		}
	}
	if err := uniqueNetns(req, &tb, true); err != nil {
		return err
	}
	to, err := f.targetNet(&tb, unix.IFLA_TARGET_NETNSID)
	if err != nil {
		return err
	}
	l, named := to.linkOf(ifm, &tb)
	if !named {
		return unix.EINVAL
	}
	if l == nil {
		return unix.ENODEV
	}
	e := req.Reply(unix.RTM_NEWLINK, 0)
	to.fillLink(e, l, 0, 0, tb.U32(unix.IFLA_EXT_MASK))
	if tb.Has(unix.IFLA_TARGET_NETNSID) {
		e.U32(unix.IFLA_TARGET_NETNSID, tb.U32(unix.IFLA_TARGET_NETNSID))
	}
	req.Send()
	return nil
}

// onlyAttrs refuses attributes other than those allowed (the switch of strict checking).
func onlyAttrs(req *nlserver.Request, tb *nlmsg.Attrs, text string, allowed ...uint16) error {
next:
	for i := range uint16(tb.Len()) {
		if !tb.Has(i) {
			continue
		}
		for _, a := range allowed {
			if a == i {
				continue next
			}
		}
		return req.Ext.Fail(unix.EINVAL, text)
	}
	return nil
}

// linkDump is what a dump of links keeps of its request.
type linkDump struct {
	mask, master uint32
	kind         string
	of           *family
	target       *uint32 // IFLA_TARGET_NETNSID
}

// wants is link_dump_filtered: master -1 asks for those that have none.
func (s *linkDump) wants(l *link.Link) bool {
	switch {
	case s.kind != "" && s.kind != l.Kind:
		return false
	case s.master == 0:
		return true
	case s.master == ^uint32(0):
		return l.Master == nil
	}
	return l.Master != nil && l.Master.Index == s.master
}

// dumpLinks is rtnl_dump_ifinfo.
func (f *family) dumpLinks(d *nlserver.Dump) error {
	if d.State == nil {
		s, err := f.linkDumpRequest(d)
		if err != nil {
			return err
		}
		d.State = s
	}
	s := d.State.(*linkDump)
	d.Gen = s.of.Links.Gen()
	for _, l := range s.of.Links.All() {
		if uint64(l.Index) < d.Args[0] {
			continue
		}
		if !s.wants(l) {
			continue
		}
		d.Args[0] = uint64(l.Index)
		e := d.Begin(unix.RTM_NEWLINK)
		s.of.fillLink(e, l, 0, 0, s.mask)
		if s.target != nil {
			e.U32(unix.IFLA_TARGET_NETNSID, *s.target)
		}
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// linkDumpRequest is rtnl_valid_dump_ifinfo_req with the loop over the attributes behind it.
func (f *family) linkDumpRequest(d *nlserver.Dump) (*linkDump, error) {
	s := &linkDump{of: f}
	hdr, how := unix.SizeofIfInfomsg, nlmsg.Liberal
	if d.Strict() {
		if len(d.Payload()) < hdr {
			return nil, d.Ext.Fail(unix.EINVAL, "Invalid header for link dump")
		}
		ifm := parseIfinfo(d.Payload())
		if ifm.pad != 0 || ifm.typ != 0 || ifm.flags != 0 || ifm.change != 0 {
			return nil, d.Ext.Fail(unix.EINVAL, "Invalid values in header for link dump request")
		}
		if ifm.index != 0 {
			return nil, d.Ext.Fail(unix.EINVAL, "Filter by device index not supported for link dumps")
		}
		how = nlmsg.DeprecatedStrict
	} else if len(d.Payload()) < hdr {
		hdr = unix.SizeofRtGenmsg // as iproute2 before 3.9 sends it
	}
	var tb nlmsg.Attrs
	if err := d.Parse(hdr, &tb, &linkPolicy, how); err != nil {
		if d.Strict() {
			return nil, err
		}
		return s, nil
	}
	if d.Strict() {
		err := onlyAttrs(d.Request, &tb, "Unsupported attribute in link dump request",
			unix.IFLA_TARGET_NETNSID, unix.IFLA_EXT_MASK, unix.IFLA_MASTER, unix.IFLA_LINKINFO)
		if err != nil {
			return nil, err
		}
	}
	var err error
	if s.of, err = f.targetNet(&tb, unix.IFLA_TARGET_NETNSID); err != nil {
		return nil, d.Ext.Fail(unix.EINVAL, "Invalid target network namespace id")
	}
	s.target = word(&tb, unix.IFLA_TARGET_NETNSID)
	s.mask, s.master = tb.U32(unix.IFLA_EXT_MASK), tb.U32(unix.IFLA_MASTER)
	if info := tb.Get(unix.IFLA_LINKINFO); info.Present() {
		s.kind = infoKind(info)
	}
	if s.master != 0 || s.kind != "" {
		d.AnswerFlags |= nlmsg.DumpFiltered
	}
	return s, nil
}

// infoKind is IFLA_INFO_KIND in IFLA_LINKINFO.
func infoKind(info nlmsg.Attr) (kind string) {
	_ = info.Each(func(a nlmsg.Attr) error {
		if a.Type() == unix.IFLA_INFO_KIND {
			kind = a.String()
		}
		return nil
	})
	return kind
}

// announceLink is rtmsg_ifinfo_event.
func (f *family) announceLink(m link.Msg) {
	f.linkNSID(m.Link) // a new number is announced before
	f.notify(unix.RTNLGRP_LINK, m.Origin, m.Type, 0, func(e *nlmsg.Encoder) {
		f.fillLink(e, m.Link, m.Change, m.Event, 0)
		if m.NewNet != nil {
			e.U32(unix.IFLA_NEW_NETNSID, uint32(m.NewNet.NSID))
			e.U32(unix.IFLA_NEW_IFINDEX, m.NewNet.Index)
		}
	})
}
