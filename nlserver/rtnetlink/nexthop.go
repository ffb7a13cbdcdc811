// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// What x/sys lacks of nexthops.
const (
	nhaFDB       = 11 // NHA_FDB
	nhaResGroup  = 12 // NHA_RES_GROUP
	nhaResBucket = 13 // NHA_RES_BUCKET

	nhaResGroupBuckets         = 1 // NHA_RES_GROUP_*
	nhaResGroupIdleTimer       = 2
	nhaResGroupUnbalancedTimer = 3
	nhaResGroupUnbalancedTime  = 4

	nhaResBucketIndex    = 1 // NHA_RES_BUCKET_*
	nhaResBucketIdleTime = 2
	nhaResBucketNHID     = 3

	sizeofNhmsg      = 8 // struct nhmsg
	sizeofNexthopGrp = 8 // struct nexthop_grp
)

var resGroupPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	nhaResGroupBuckets:         {Kind: nlmsg.U16},
	nhaResGroupIdleTimer:       {Kind: nlmsg.U32},
	nhaResGroupUnbalancedTimer: {Kind: nlmsg.U32},
}}

// newNexthopPolicy is rtm_nh_policy_new.
var newNexthopPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.NHA_ID:         {Kind: nlmsg.U32},
	unix.NHA_GROUP:      {Kind: nlmsg.Binary},
	unix.NHA_GROUP_TYPE: {Kind: nlmsg.U16},
	unix.NHA_BLACKHOLE:  {Kind: nlmsg.Flag},
	unix.NHA_OIF:        {Kind: nlmsg.U32},
	unix.NHA_GATEWAY:    {Kind: nlmsg.Binary},
	unix.NHA_ENCAP_TYPE: {Kind: nlmsg.U16},
	unix.NHA_ENCAP:      {Kind: nlmsg.NestedAttrs},
	nhaFDB:              {Kind: nlmsg.Flag},
	nhaResGroup:         {Kind: nlmsg.NestedAttrs},
}}

// getNexthopPolicy is rtm_nh_policy_get.
var getNexthopPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{unix.NHA_ID: {Kind: nlmsg.U32}}}

// nexthopRows are the messages about nexthop objects.
func (f *family) nexthopRows() []Row {
	dump := nlserver.Handler{Dumpit: f.dumpNexthops}
	get := nlserver.Handler{Doit: f.getNexthop, Dumpit: f.dumpNexthops}
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_NEWNEXTHOP, nlserver.Handler{Doit: f.newNexthop}},
		{unix.AF_UNSPEC, unix.RTM_DELNEXTHOP, nlserver.Handler{Doit: f.delNexthop}},
		{unix.AF_UNSPEC, unix.RTM_GETNEXTHOP, get},
		{unix.AF_INET, unix.RTM_GETNEXTHOP, dump},
		{unix.AF_INET6, unix.RTM_GETNEXTHOP, dump},
		{unix.AF_UNSPEC, unix.RTM_GETNEXTHOPBUCKET, nlserver.Handler{
			Doit: f.getNexthopBucket, Dumpit: f.dumpNexthopBuckets,
		}},
	}
}

// newNexthop is rtm_new_nexthop.
func (f *family) newNexthop(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	var cfg nexthop.ObjectConfig
	if err := req.Parse(sizeofNhmsg, &tb, &newNexthopPolicy, nlmsg.Strict); err != nil {
		return err
	}
	if err := f.nexthopConfig(req, &tb, &cfg); err != nil {
		return err
	}
	_, err := f.Routes.Nexthops().AddObject(&cfg)
	return err
}

// nexthopConfig is rtm_to_nh_config.
func (f *family) nexthopConfig(req *nlserver.Request, tb *nlmsg.Attrs, cfg *nexthop.ObjectConfig) error {
	ext, m := req.Ext, req.Payload()
	family, scope, protocol, reserved, flags := m[0], m[1], m[2], m[3], native.Uint32(m[4:])
	switch {
	case reserved != 0 || scope != 0:
		return ext.Fail(unix.EINVAL, "Invalid values in ancillary header")
	case flags&^unix.RTNH_F_ONLINK != 0:
		return ext.Fail(unix.EINVAL, "Invalid nexthop flags in ancillary header")
	case family != unix.AF_INET && family != unix.AF_INET6 && (family != unix.AF_UNSPEC || !tb.Has(unix.NHA_GROUP)):
		return ext.Fail(unix.EINVAL, "Invalid address family")
	}
	*cfg = nexthop.ObjectConfig{
		ID: tb.U32(unix.NHA_ID), Family: family, Protocol: protocol, Flags: uint8(flags), NLFlags: req.Flags,
		FDB: tb.Has(nhaFDB), Blackhole: tb.Has(unix.NHA_BLACKHOLE),
	}
	encap := tb.Has(unix.NHA_ENCAP) || tb.Has(unix.NHA_ENCAP_TYPE)
	if cfg.FDB {
		if tb.Has(unix.NHA_OIF) || cfg.Blackhole || encap {
			return ext.Fail(unix.EINVAL, "Fdb attribute can not be used with encap, oif or blackhole")
		}
		if flags != 0 {
			return ext.Fail(unix.EINVAL, "Unsupported nexthop flags in ancillary header")
		}
	}
	if tb.Has(unix.NHA_GROUP) {
		return f.nexthopGroup(tb, cfg, ext)
	}
	if cfg.Blackhole {
		if tb.Has(unix.NHA_GATEWAY) || tb.Has(unix.NHA_OIF) || encap || cfg.FDB {
			return ext.Fail(unix.EINVAL, "Blackhole attribute can not be used with gateway, oif, encap or fdb")
		}
		return nil
	}
	if !cfg.FDB {
		if err := f.nexthopLink(tb, cfg, ext); err != nil {
			return err
		}
	}
	if err := nexthopGateway(tb, cfg, ext); err != nil {
		return err
	}
	switch {
	case tb.Has(unix.NHA_ENCAP) && !tb.Has(unix.NHA_ENCAP_TYPE):
		return ext.Fail(unix.EINVAL, "LWT encapsulation type is missing")
	case tb.Has(unix.NHA_ENCAP):
		return validEncap(tb.U16(unix.NHA_ENCAP_TYPE), ext)
	case tb.Has(unix.NHA_ENCAP_TYPE):
		return ext.Fail(unix.EINVAL, "LWT encapsulation attribute is missing")
	}
	return nil
}

func (f *family) nexthopLink(tb *nlmsg.Attrs, cfg *nexthop.ObjectConfig, ext *nlmsg.Extack) error {
	if !tb.Has(unix.NHA_OIF) {
		return ext.Fail(unix.EINVAL, "Device attribute required for non-blackhole and non-fdb nexthops")
	}
	cfg.Link = f.Links.ByIndex(tb.U32(unix.NHA_OIF))
	switch {
	case cfg.Link == nil:
		return ext.Fail(unix.EINVAL, "Invalid device index")
	case !cfg.Link.Up():
		return ext.Fail(unix.ENETDOWN, "Nexthop device is not up")
	case !cfg.Link.Carrier:
		return ext.Fail(unix.ENETDOWN, "Carrier for nexthop device is down")
	}
	return nil
}

func nexthopGateway(tb *nlmsg.Attrs, cfg *nexthop.ObjectConfig, ext *nlmsg.Extack) error {
	gw := tb.Get(unix.NHA_GATEWAY)
	switch {
	case !gw.Present():
		if cfg.Flags&unix.RTNH_F_ONLINK != 0 {
			return ext.Fail(unix.EINVAL, "ONLINK flag can not be set for nexthop without a gateway")
		}
	case cfg.Family == unix.AF_INET && gw.Len() == 4:
		cfg.Gateway = nonzero4(gw)
	case cfg.Family == unix.AF_INET6 && gw.Len() == 16:
		if cfg.Gateway = whole6(gw); cfg.Gateway.IsUnspecified() {
			cfg.Gateway = netip.Addr{}
		}
	default:
		return ext.Fail(unix.EINVAL, "Invalid gateway")
	}
	return nil
}

// nexthopGroup reads and checks the attributes of a group.
func (f *family) nexthopGroup(tb *nlmsg.Attrs, cfg *nexthop.ObjectConfig, ext *nlmsg.Extack) error {
	if cfg.Family != unix.AF_UNSPEC {
		return ext.Fail(unix.EINVAL, "Invalid family for group")
	}
	if cfg.GroupType = tb.U16(unix.NHA_GROUP_TYPE); cfg.GroupType > nexthop.GroupTypeMax {
		return ext.Fail(unix.EINVAL, "Invalid group type")
	}
	b := tb.Get(unix.NHA_GROUP).Data
	if len(b) == 0 || len(b)%sizeofNexthopGrp != 0 {
		return ext.Fail(unix.EINVAL, "Invalid length for nexthop group attribute")
	}
	for ; len(b) > 0; b = b[sizeofNexthopGrp:] {
		cfg.Group = append(cfg.Group, nexthop.GroupEntry{
			ID: native.Uint32(b), Weight: uint16(b[5])<<8 + uint16(b[4]) + 1, Reserved: b[6] != 0 || b[7] != 0,
		})
	}
	if err := f.Routes.Nexthops().CheckGroup(cfg.Group, cfg.FDB); err != nil {
		return err
	}
	for i := unix.NHA_GROUP_TYPE + 1; i < tb.Len(); i++ {
		if !tb.Has(uint16(i)) || i == nhaFDB || i == nhaResGroup && cfg.GroupType == nexthop.GroupResilient {
			continue
		}
		return ext.Fail(unix.EINVAL, "No other attributes can be set in nexthop groups")
	}
	if cfg.GroupType != nexthop.GroupResilient {
		return nil
	}
	return resilientConfig(tb.Get(nhaResGroup), &cfg.Resilient, ext)
}

// resilientConfig is rtm_to_nh_config_grp_res.
func resilientConfig(nest nlmsg.Attr, c *nexthop.ResilientConfig, ext *nlmsg.Extack) error {
	var tb nlmsg.Attrs
	if err := tb.ParseNested(nest, &resGroupPolicy, nlmsg.Strict, ext); err != nil {
		return err
	}
	*c = nexthop.ResilientConfig{
		Buckets:            tb.U16(nhaResGroupBuckets),
		HasBuckets:         tb.Has(nhaResGroupBuckets),
		IdleTimer:          fromClock(tb.U32(nhaResGroupIdleTimer)),
		HasIdleTimer:       tb.Has(nhaResGroupIdleTimer),
		UnbalancedTimer:    fromClock(tb.U32(nhaResGroupUnbalancedTimer)),
		HasUnbalancedTimer: tb.Has(nhaResGroupUnbalancedTimer),
	}
	if c.HasBuckets && c.Buckets == 0 {
		return ext.Fail(unix.EINVAL, "Number of buckets needs to be non-0")
	}
	return nil
}

// fromClock and toClock convert clock_t, 1/100 s.
func fromClock(v uint32) time.Duration { return time.Duration(v) * 10 * time.Millisecond }
func toClock(d time.Duration) uint64   { return uint64(d / (10 * time.Millisecond)) }

// nexthopID is nh_valid_get_del_req.
func nexthopID(req *nlserver.Request, tb *nlmsg.Attrs, policy *nlmsg.Policy) (uint32, error) {
	if err := req.Parse(sizeofNhmsg, tb, policy, nlmsg.Strict); err != nil {
		return 0, err
	}
	m := req.Payload()
	switch {
	case m[1] != 0 || m[2] != 0 || m[3] != 0 || native.Uint32(m[4:]) != 0:
		return 0, req.Ext.Fail(unix.EINVAL, "Invalid values in header")
	case !tb.Has(unix.NHA_ID):
		return 0, req.Ext.Fail(unix.EINVAL, "Nexthop id is missing")
	case tb.U32(unix.NHA_ID) == 0:
		return 0, req.Ext.Fail(unix.EINVAL, "Invalid nexthop id")
	}
	return tb.U32(unix.NHA_ID), nil
}

// delNexthop is rtm_del_nexthop.
func (f *family) delNexthop(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	id, err := nexthopID(req, &tb, &getNexthopPolicy)
	if err != nil {
		return err
	}
	return f.Routes.Nexthops().DelObject(id)
}

// getNexthop is rtm_get_nexthop.
func (f *family) getNexthop(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	id, err := nexthopID(req, &tb, &getNexthopPolicy)
	if err != nil {
		return err
	}
	o := f.Routes.Nexthops().Object(id)
	if o == nil {
		return unix.ENOENT
	}
	fillNexthop(req.Reply(unix.RTM_NEWNEXTHOP, 0), o)
	req.Send()
	return nil
}

// announceNexthop fills the notifications of nexthop objects; false: msg is none.
func (f *family) announceNexthop(msg any) bool {
	switch m := msg.(type) {
	case nexthop.ObjectMsg:
		f.notify(unix.RTNLGRP_NEXTHOP, m.Origin, m.Type, m.Origin.Flags, func(e *nlmsg.Encoder) {
			fillNexthop(e, m.Object)
		})
	case nexthop.BucketMsg:
		f.notify(unix.RTNLGRP_NEXTHOP, rtnl.Origin{}, unix.RTM_NEWNEXTHOPBUCKET, unix.NLM_F_REPLACE, func(e *nlmsg.Encoder) {
			fillBucket(e, m.Group, m.Index, m.Bucket)
		})
	default:
		return false
	}
	return true
}

// fillNexthop is nh_fill_node.
func fillNexthop(e *nlmsg.Encoder, o *nexthop.Object) {
	m := e.Raw(sizeofNhmsg)
	m[0], m[2] = o.Family, o.Protocol
	native.PutUint32(m[4:], uint32(o.Flags))
	if o.Grp == nil && !o.Blackhole {
		m[1] = o.Hop.Scope
	}
	e.U32(unix.NHA_ID, o.ID)
	switch {
	case o.Grp != nil:
		if o.FDB {
			e.Flag(nhaFDB)
		}
		fillNexthopGroup(e, o.Grp)
		return
	case o.Blackhole:
		e.Flag(unix.NHA_BLACKHOLE)
		return
	case o.FDB:
		e.Flag(nhaFDB)
	case o.Hop.Link != nil:
		e.U32(unix.NHA_OIF, o.Hop.Link.Index)
	}
	if o.Hop.Gateway.IsValid() {
		addrAttr(e, unix.NHA_GATEWAY, o.Hop.Gateway)
	}
}

// fillNexthopGroup is nla_put_nh_group.
func fillNexthopGroup(e *nlmsg.Encoder, g *nexthop.ObjectGroup) {
	e.U16(unix.NHA_GROUP_TYPE, g.Type)
	b := e.Payload(unix.NHA_GROUP, len(g.Entries)*sizeofNexthopGrp)
	for n, m := range g.Entries {
		at := b[n*sizeofNexthopGrp:]
		native.PutUint32(at, m.Object.ID)
		at[4], at[5] = uint8(m.Weight-1), uint8((m.Weight-1)>>8)
	}
	if t := g.Table; t != nil {
		nest := e.Nest(nhaResGroup)
		e.U16(nhaResGroupBuckets, uint16(t.Len()))
		e.U32(nhaResGroupIdleTimer, uint32(toClock(t.IdleTimer)))
		e.U32(nhaResGroupUnbalancedTimer, uint32(toClock(t.UnbalancedTimer)))
		e.U64(nhaResGroupUnbalancedTime, toClock(t.Unbalanced()))
		e.EndNest(nest)
	}
}
