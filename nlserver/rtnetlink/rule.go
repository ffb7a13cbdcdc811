// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/rule"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of rules (FRA_*).
const (
	fraDst               = 1
	fraSrc               = 2
	fraIifname           = 3
	fraGoto              = 4
	fraPriority          = 6
	fraFwmark            = 10
	fraFlow              = 11
	fraTunID             = 12
	fraSuppressIfgroup   = 13
	fraSuppressPrefixlen = 14
	fraTable             = 15
	fraFwmask            = 16
	fraOifname           = 17
	fraL3mdev            = 19
	fraUIDRange          = 20
	fraProtocol          = 21
	fraIPProto           = 22
	fraSportRange        = 23
	fraDportRange        = 24
)

const sizeofRuleHdr = 12 // struct fib_rule_hdr

// rulePolicy is fib_rule_policy.
var rulePolicy = nlmsg.Policy{
	StrictStart: fraDportRange + 1,
	Attrs: []nlmsg.Rule{
		fraIifname:           {Kind: nlmsg.String, Len: unix.IFNAMSIZ - 1},
		fraOifname:           {Kind: nlmsg.String, Len: unix.IFNAMSIZ - 1},
		fraPriority:          {Kind: nlmsg.U32},
		fraFwmark:            {Kind: nlmsg.U32},
		fraFlow:              {Kind: nlmsg.U32},
		fraTunID:             {Kind: nlmsg.U64},
		fraFwmask:            {Kind: nlmsg.U32},
		fraTable:             {Kind: nlmsg.U32},
		fraSuppressPrefixlen: {Kind: nlmsg.U32},
		fraSuppressIfgroup:   {Kind: nlmsg.U32},
		fraGoto:              {Kind: nlmsg.U32},
		fraL3mdev:            {Kind: nlmsg.U8},
		fraUIDRange:          {Len: 8},
		fraProtocol:          {Kind: nlmsg.U8},
		fraIPProto:           {Kind: nlmsg.U8},
		fraSportRange:        {Len: 4},
		fraDportRange:        {Len: 4},
	},
}

// ruleRows are the messages about rules.
func (f *family) ruleRows() []Row {
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_NEWRULE, nlserver.Handler{Doit: f.newRule}},
		{unix.AF_UNSPEC, unix.RTM_DELRULE, nlserver.Handler{Doit: f.delRule}},
		{unix.AF_UNSPEC, unix.RTM_GETRULE, nlserver.Handler{Dumpit: f.dumpRules}},
	}
}

// newRule is fib_nl_newrule.
func (f *family) newRule(req *nlserver.Request) error {
	c, err := parseRule(req)
	if err != nil {
		return err
	}
	c.Exclusive = req.Has(unix.NLM_F_EXCL)
	return f.Rules.Add(c)
}

// delRule is fib_nl_delrule.
func (f *family) delRule(req *nlserver.Request) error {
	c, err := parseRule(req)
	if err != nil {
		return err
	}
	return f.Rules.Delete(c)
}

// ruleAddrLen is the length of an address of a family that has rules, 0: it has none.
func ruleAddrLen(family uint8) int {
	switch family {
	case unix.AF_INET:
		return 4
	case unix.AF_INET6:
		return 16
	}
	return 0
}

// parseRule is fib_nl2rule as far as the form of a request goes.
func parseRule(req *nlserver.Request) (c rule.Config, err error) {
	b := req.Payload()
	if len(b) < sizeofRuleHdr {
		return c, req.Ext.Fail(unix.EINVAL, "Invalid msg length")
	}
	n := ruleAddrLen(b[0])
	if n == 0 {
		return c, req.Ext.Fail(unix.EAFNOSUPPORT, "Rule family not supported")
	}
	var tb nlmsg.Attrs
	if err := req.Parse(sizeofRuleHdr, &tb, &rulePolicy, nlmsg.Liberal); err != nil {
		req.Ext.Msg = "Error parsing msg"
		return c, err
	}
	dstLen, srcLen := b[1], b[2]
	c.Family, c.TOS, c.Table, c.Action, c.Flags = b[0], b[3], uint32(b[4]), b[7], native.Uint32(b[8:])
	if c.Src, err = rulePrefix(tb.Get(fraSrc), srcLen, n); err != nil {
		return c, req.Ext.Fail(unix.EINVAL, "Invalid source address")
	}
	if c.Dst, err = rulePrefix(tb.Get(fraDst), dstLen, n); err != nil {
		return c, req.Ext.Fail(unix.EINVAL, "Invalid dst address")
	}
	return c, parseRuleAttrs(req, &tb, &c)
}

// rulePrefix makes a prefix of an address and its length; of length 0 there is none.
func rulePrefix(a nlmsg.Attr, bits uint8, n int) (netip.Prefix, error) {
	if bits == 0 {
		return netip.Prefix{}, nil
	}
	ip, ok := netip.AddrFromSlice(a.Data)
	if !ok || a.Len() != n || int(bits) > 8*n {
		return netip.Prefix{}, unix.EINVAL
	}
	return netip.PrefixFrom(ip, int(bits)), nil
}

func parseRuleAttrs(req *nlserver.Request, tb *nlmsg.Attrs, c *rule.Config) error {
	c.Priority, c.HasPriority = tb.U32(fraPriority), tb.Has(fraPriority)
	c.Protocol = tb.U8(fraProtocol)
	c.Iif, c.Oif = tb.String(fraIifname), tb.String(fraOifname)
	if c.Mark = tb.U32(fraFwmark); c.Mark != 0 {
		c.MarkMask = ^uint32(0)
	}
	if tb.Has(fraFwmask) {
		c.MarkMask = tb.U32(fraFwmask)
	}
	c.TunID = tb.U64BE(fraTunID)
	if tb.Has(fraL3mdev) {
		if tb.U8(fraL3mdev) != 1 {
			return req.Ext.Fail(unix.EINVAL, "Invalid l3mdev attribute")
		}
		c.L3mdev = true
	}
	if tb.Has(fraTable) {
		c.Table = tb.U32(fraTable)
	}
	c.SuppressPrefixLen, c.SuppressIfGroup = -1, -1
	if tb.Has(fraSuppressPrefixlen) {
		c.SuppressPrefixLen = int32(tb.U32(fraSuppressPrefixlen))
	}
	if tb.Has(fraSuppressIfgroup) {
		c.SuppressIfGroup = int32(tb.U32(fraSuppressIfgroup))
	}
	c.Realm, c.HasRealm = tb.U32(fraFlow), tb.Has(fraFlow)
	if c.Family != unix.AF_INET {
		c.Realm = 0
	}
	switch {
	case tb.Has(fraGoto) && c.Action != rule.ActionGoto:
		return req.Ext.Fail(unix.EINVAL, "Unexpected goto")
	case !tb.Has(fraGoto) && c.Action == rule.ActionGoto:
		return req.Ext.Fail(unix.EINVAL, "Missing goto target for action goto")
	}
	c.Goto = tb.U32(fraGoto)
	return parseRuleRanges(req, tb, c)
}

func parseRuleRanges(req *nlserver.Request, tb *nlmsg.Attrs, c *rule.Config) error {
	c.UID = rule.AnyUID
	if b := tb.Bytes(fraUIDRange); len(b) >= 8 {
		c.UID = rule.UIDRange{Start: native.Uint32(b), End: native.Uint32(b[4:])}
		if c.UID.End == ^uint32(0) || c.UID.Start > c.UID.End {
			return req.Ext.Fail(unix.EINVAL, "Invalid uid range")
		}
	}
	c.IPProto = tb.U8(fraIPProto)
	var ok bool
	if c.Sport, ok = portRange(tb.Bytes(fraSportRange)); !ok {
		return req.Ext.Fail(unix.EINVAL, "Invalid sport range")
	}
	if c.Dport, ok = portRange(tb.Bytes(fraDportRange)); !ok {
		return req.Ext.Fail(unix.EINVAL, "Invalid dport range")
	}
	return nil
}

// portRange is nla_get_port_range and fib_rule_port_range_valid.
func portRange(b []byte) (r rule.PortRange, ok bool) {
	if len(b) < 4 {
		return r, true
	}
	r = rule.PortRange{Start: native.Uint16(b), End: native.Uint16(b[2:])}
	return r, r.Start != 0 && r.End != 0 && r.End < 0xffff && r.Start <= r.End
}

// dumpRules is fib_nl_dumprule.
func (f *family) dumpRules(d *nlserver.Dump) error {
	b := d.Payload()
	if d.Strict() {
		switch {
		case len(b) < sizeofRuleHdr:
			return d.Ext.Fail(unix.EINVAL, "Invalid header for fib rule dump request")
		case b[1] != 0 || b[2] != 0 || b[3] != 0 || b[4] != 0 || b[5] != 0 || b[6] != 0 || b[7] != 0 ||
			native.Uint32(b[8:]) != 0:
			return d.Ext.Fail(unix.EINVAL, "Invalid values in header for fib rule dump request")
		case len(b) > sizeofRuleHdr:
			return d.Ext.Fail(unix.EINVAL, "Invalid data after header in fib rule dump request")
		}
	}
	families := []uint8{unix.AF_INET, unix.AF_INET6}
	if b[0] != unix.AF_UNSPEC {
		if ruleAddrLen(b[0]) == 0 {
			return unix.EAFNOSUPPORT
		}
		families = b[:1]
	}
	n := uint64(0)
	for _, family := range families {
		for _, r := range f.Rules.Rules(family) {
			if n++; n <= d.Args[0] {
				continue
			}
			e := d.Begin(unix.RTM_NEWRULE)
			fillRule(e, r)
			if !e.End() {
				return nlmsg.ErrFull
			}
			d.Args[0] = n
		}
	}
	return nil
}

// fillRule is fib_nl_fill_rule.
func fillRule(e *nlmsg.Encoder, r *rule.Rule) {
	h := e.Raw(sizeofRuleHdr)
	h[0], h[3], h[4], h[7] = r.Family, r.TOS, tableCompat(r.Table), r.Action
	if r.Dst.IsValid() {
		h[1] = uint8(r.Dst.Bits())
	}
	if r.Src.IsValid() {
		h[2] = uint8(r.Src.Bits())
	}
	flags := r.Flags
	if r.Unresolved() {
		flags |= rule.FlagUnresolved
	}
	if r.IifDetached() {
		flags |= rule.FlagIifDetached
	}
	if r.OifDetached() {
		flags |= rule.FlagOifDetached
	}
	native.PutUint32(h[8:], flags)
	e.U32(fraTable, r.Table)
	e.U32(fraSuppressPrefixlen, uint32(r.SuppressPrefixLen))
	e.U8(fraProtocol, r.Protocol)
	if r.Iif != "" {
		e.String(fraIifname, r.Iif)
	}
	if r.Oif != "" {
		e.String(fraOifname, r.Oif)
	}
	fillSelectors(e, r)
	if r.SuppressIfGroup != -1 {
		e.U32(fraSuppressIfgroup, uint32(r.SuppressIfGroup))
	}
	if r.Dst.IsValid() {
		e.Bytes(fraDst, r.Dst.Addr().AsSlice())
	}
	if r.Src.IsValid() {
		e.Bytes(fraSrc, r.Src.Addr().AsSlice())
	}
	if r.Realm != 0 {
		e.U32(fraFlow, r.Realm)
	}
}

func fillSelectors(e *nlmsg.Encoder, r *rule.Rule) {
	if r.Priority != 0 {
		e.U32(fraPriority, r.Priority)
	}
	if r.Mark != 0 {
		e.U32(fraFwmark, r.Mark)
	}
	if r.Mark != 0 || r.MarkMask != 0 {
		e.U32(fraFwmask, r.MarkMask)
	}
	if r.Goto != 0 {
		e.U32(fraGoto, r.Goto)
	}
	if r.TunID != 0 {
		e.U64BE(fraTunID, r.TunID)
	}
	if r.L3mdev {
		e.U8(fraL3mdev, 1)
	}
	if r.UID != rule.AnyUID {
		var b [8]byte
		native.PutUint32(b[:], r.UID.Start)
		native.PutUint32(b[4:], r.UID.End)
		e.Bytes(fraUIDRange, b[:])
	}
	for typ, p := range []rule.PortRange{r.Sport, r.Dport} {
		if p.Start != 0 && p.End != 0 {
			var b [4]byte
			native.PutUint16(b[:], p.Start)
			native.PutUint16(b[2:], p.End)
			e.Bytes(fraSportRange+uint16(typ), b[:])
		}
	}
	if r.IPProto != 0 {
		e.U8(fraIPProto, r.IPProto)
	}
}

// announceRule is notify_rule_change.
func (f *family) announceRule(m rule.Msg) {
	group := uint32(unix.RTNLGRP_IPV4_RULE)
	if m.Rule.Family == unix.AF_INET6 {
		group = unix.RTNLGRP_IPV6_RULE
	}
	f.notify(group, m.Origin, m.Type, 0, func(e *nlmsg.Encoder) { fillRule(e, m.Rule) })
}
