// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// infoPolicy is ifla_info_policy.
var infoPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.IFLA_INFO_KIND:       {Kind: nlmsg.String},
	unix.IFLA_INFO_DATA:       {Kind: nlmsg.NestedAttrs},
	unix.IFLA_INFO_SLAVE_KIND: {Kind: nlmsg.String},
	unix.IFLA_INFO_SLAVE_DATA: {Kind: nlmsg.NestedAttrs},
}}

// inet6AFPolicy is inet6_af_policy.
var inet6AFPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.IFLA_INET6_TOKEN:         {Len: 16},
	unix.IFLA_INET6_ADDR_GEN_MODE: {Kind: nlmsg.U8},
	unix.IFLA_INET6_RA_MTU:        {Kind: nlmsg.Reject, Text: "IFLA_INET6_RA_MTU can not be set"},
}}

// linkRequest parses a request that changes links.
func linkRequest(req *nlserver.Request, tb *nlmsg.Attrs) (ifm ifinfo, err error) {
	if err = req.Parse(unix.SizeofIfInfomsg, tb, &linkPolicy, nlmsg.Liberal); err != nil {
		return ifm, err
	}
	return parseIfinfo(req.Payload()), nil
}

// setLink is rtnl_setlink.
func (f *family) setLink(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	ifm, err := linkRequest(req, &tb)
	if err != nil {
		return err
	}
	if err := uniqueNetns(req, &tb, false); err != nil {
		return err
	}
	l, named := f.linkOf(ifm, &tb)
	if !named {
		return unix.EINVAL
	}
	if l == nil {
		return unix.ENODEV
	}
	return f.doSetLink(req, l, ifm, &tb, false)
}

// doSetLink makes a link.Change of a request.
// notify: something was changed already that all are to hear of.
func (f *family) doSetLink(req *nlserver.Request, l *link.Link, ifm ifinfo, tb *nlmsg.Attrs, notify bool) error {
	if err := refuse(req, tb); err != nil {
		return err
	}
	f, err := f.moveLink(req, l, tb) // what else is asked for is done there
	if err != nil {
		return err
	}
	c, err := f.linkChange(req, ifm, tb)
	if err != nil {
		return err
	}
	// A name beside an index is the new name, else it is how the link was found.
	if name := tb.String(unix.IFLA_IFNAME); ifm.index > 0 && name != "" {
		c.Name = &name
	}
	c.NotifyAnyway = notify
	return f.Links.Change(l, c)
}

// linkChange is the part of a request that making a link and changing one have in common.
func (f *family) linkChange(req *nlserver.Request, ifm ifinfo, tb *nlmsg.Attrs) (link.Change, error) {
	c := link.Change{
		Flags: ifm.flags, FlagsMask: ifm.change,
		HardAddr: tb.Bytes(unix.IFLA_ADDRESS), Broadcast: tb.Bytes(unix.IFLA_BROADCAST),
		MTU: word(tb, unix.IFLA_MTU), TxQLen: word(tb, unix.IFLA_TXQLEN),
		Group: word(tb, unix.IFLA_GROUP), Master: word(tb, unix.IFLA_MASTER),
		GSOMaxSize: word(tb, unix.IFLA_GSO_MAX_SIZE), GSOMaxSegs: word(tb, unix.IFLA_GSO_MAX_SEGS),
		GROMaxSize: word(tb, unix.IFLA_GRO_MAX_SIZE), GSOIPv4: word(tb, unix.IFLA_GSO_IPV4_MAX_SIZE),
		GROIPv4:   word(tb, unix.IFLA_GRO_IPV4_MAX_SIZE),
		OperState: octet(tb, unix.IFLA_OPERSTATE), LinkMode: octet(tb, unix.IFLA_LINKMODE),
		NumQueuesSaid: [2]bool{tb.Has(unix.IFLA_NUM_TX_QUEUES), tb.Has(unix.IFLA_NUM_RX_QUEUES)},
	}
	if tb.Has(unix.IFLA_IFALIAS) {
		alias := tb.String(unix.IFLA_IFALIAS)
		c.Alias = &alias
	}
	if v := octet(tb, unix.IFLA_CARRIER); v != nil {
		on := *v != 0
		c.Carrier = &on
	}
	c.ProtoDown = protoDown(tb)
	if err := f.afSpec(req, tb.Get(unix.IFLA_AF_SPEC), &c); err != nil {
		return c, err
	}
	return c, nil
}

// protoDown reads what do_set_proto_down is told; nil: nothing.
func protoDown(tb *nlmsg.Attrs) *link.ProtoDown {
	if !tb.Has(unix.IFLA_PROTO_DOWN) && !tb.Has(unix.IFLA_PROTO_DOWN_REASON) {
		return nil
	}
	p := &link.ProtoDown{NoValue: tb.Has(unix.IFLA_PROTO_DOWN_REASON)}
	if v := octet(tb, unix.IFLA_PROTO_DOWN); v != nil {
		on := *v != 0
		p.On = &on
	}
	_ = tb.Get(unix.IFLA_PROTO_DOWN_REASON).Each(func(a nlmsg.Attr) error {
		switch {
		case a.Len() < 4:
		case a.Type() == iflaProtoDownReasonMask:
			p.Mask = a.U32()
		case a.Type() == iflaProtoDownReasonValue:
			v := a.U32()
			p.Reason, p.NoValue = &v, false
		}
		return nil
	})
	return p
}

// IFLA_PROTO_DOWN_REASON_*
const (
	iflaProtoDownReasonMask  = 1
	iflaProtoDownReasonValue = 2
)

// refuse names what no link of Skua can do, with the kernel's errno where its drivers cannot either.
func refuse(req *nlserver.Request, tb *nlmsg.Attrs) error {
	for _, a := range []uint16{unix.IFLA_MAP, unix.IFLA_VFINFO_LIST, unix.IFLA_VF_PORTS, unix.IFLA_PORT_SELF} {
		if tb.Has(a) {
			return unix.EOPNOTSUPP
		}
	}
	if tb.Has(unix.IFLA_XDP) {
		return req.Ext.FailAttr(unix.EOPNOTSUPP, tb.Get(unix.IFLA_XDP), "links run no XDP programs")
	}
	return nil
}

// afSpec reads IFLA_AF_SPEC (validate_linkmsg, inet_validate_link_af, inet6_validate_link_af).
func (f *family) afSpec(req *nlserver.Request, spec nlmsg.Attr, c *link.Change) error {
	return spec.Each(func(af nlmsg.Attr) error {
		switch af.Type() {
		case unix.AF_INET:
			return inetAF(af, c)
		case unix.AF_INET6:
			return inet6AF(req, af, c)
		default:
			return unix.EAFNOSUPPORT
		}
	})
}

func inetAF(af nlmsg.Attr, c *link.Change) error {
	c.Conf4 = map[uint16]int32{}
	return af.Each(func(a nlmsg.Attr) error {
		if a.Type() != unix.IFLA_INET_CONF {
			return nil
		}
		return a.Each(func(v nlmsg.Attr) error {
			if v.Len() < 4 {
				return unix.EINVAL
			}
			c.Conf4[v.Type()] = int32(v.U32())
			return nil
		})
	})
}

func inet6AF(req *nlserver.Request, af nlmsg.Attr, c *link.Change) error {
	var tb nlmsg.Attrs
	if err := tb.ParseNested(af, &inet6AFPolicy, nlmsg.Liberal, req.Ext); err != nil {
		return err
	}
	c.AddrGenMode = octet(&tb, unix.IFLA_INET6_ADDR_GEN_MODE)
	if b := tb.BytesN(unix.IFLA_INET6_TOKEN, 16); b != nil {
		token := [16]byte(b)
		c.Token = &token
	}
	if c.AddrGenMode == nil && c.Token == nil {
		return unix.EINVAL
	}
	return nil
}

// word is an attribute of 32 bits, nil when it is absent.
func word(tb *nlmsg.Attrs, typ uint16) *uint32 {
	if !tb.Has(typ) {
		return nil
	}
	v := tb.U32(typ)
	return &v
}

// octet is an attribute of 8 bits, nil when it is absent.
func octet(tb *nlmsg.Attrs, typ uint16) *uint8 {
	if !tb.Has(typ) {
		return nil
	}
	v := tb.U8(typ)
	return &v
}

// linkProp is rtnl_linkprop: further names of a link.
func (f *family) linkProp(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofIfInfomsg, &tb, &linkPolicy, nlmsg.Strict); err != nil {
		return err
	}
	if err := uniqueNetns(req, &tb, true); err != nil {
		return err
	}
	l, named := f.linkOf(parseIfinfo(req.Payload()), &tb)
	if !named {
		return unix.EINVAL
	}
	if l == nil {
		return unix.ENODEV
	}
	changed := false
	err := tb.Get(unix.IFLA_PROP_LIST).Each(func(a nlmsg.Attr) error {
		if a.Type() != unix.IFLA_ALT_IFNAME {
			return nil
		}
		change := f.Links.AddAltName
		if req.Type == unix.RTM_DELLINKPROP {
			change = f.Links.DelAltName
		}
		err := change(l, a.String())
		changed = changed || err == nil
		return err
	})
	if err == nil && changed {
		f.Links.NotifyProps(l)
	}
	return err
}
