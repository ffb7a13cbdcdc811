// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/route"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// What x/sys lacks of routes.
const (
	rtaDport     = unix.RTA_DPORT
	rtaNHID      = 30 // RTA_NH_ID
	rtaFlowlabel = 31 // RTA_FLOWLABEL

	rtnMax          = unix.RTN_XRESOLVE
	lwtMax          = 10 // LWTUNNEL_ENCAP_MAX
	sizeofRtnh      = unix.SizeofRtNexthop
	sizeofCacheinfo = 32 // struct rta_cacheinfo

	rtmNotify      = 0x100  // RTM_F_NOTIFY
	rtmLookupTable = 0x1000 // RTM_F_LOOKUP_TABLE
)

// route4Policy is rtm_ipv4_policy.
var route4Policy = nlmsg.Policy{
	StrictStart: rtaDport + 1,
	Attrs: []nlmsg.Rule{
		unix.RTA_DST:        {Kind: nlmsg.U32},
		unix.RTA_SRC:        {Kind: nlmsg.U32},
		unix.RTA_IIF:        {Kind: nlmsg.U32},
		unix.RTA_OIF:        {Kind: nlmsg.U32},
		unix.RTA_GATEWAY:    {Kind: nlmsg.U32},
		unix.RTA_PRIORITY:   {Kind: nlmsg.U32},
		unix.RTA_PREFSRC:    {Kind: nlmsg.U32},
		unix.RTA_METRICS:    {Kind: nlmsg.NestedAttrs},
		unix.RTA_MULTIPATH:  {Len: sizeofRtnh},
		unix.RTA_FLOW:       {Kind: nlmsg.U32},
		unix.RTA_ENCAP_TYPE: {Kind: nlmsg.U16},
		unix.RTA_ENCAP:      {Kind: nlmsg.NestedAttrs},
		unix.RTA_UID:        {Kind: nlmsg.U32},
		unix.RTA_MARK:       {Kind: nlmsg.U32},
		unix.RTA_TABLE:      {Kind: nlmsg.U32},
		unix.RTA_IP_PROTO:   {Kind: nlmsg.U8},
		unix.RTA_SPORT:      {Kind: nlmsg.U16},
		rtaDport:            {Kind: nlmsg.U16},
		rtaNHID:             {Kind: nlmsg.U32},
		rtaFlowlabel:        {},
	},
}

// route6Policy is rtm_ipv6_policy.
var route6Policy = nlmsg.Policy{
	StrictStart: rtaDport + 1,
	Attrs: []nlmsg.Rule{
		unix.RTA_GATEWAY:    {Len: 16},
		unix.RTA_PREFSRC:    {Len: 16},
		unix.RTA_OIF:        {Kind: nlmsg.U32},
		unix.RTA_IIF:        {Kind: nlmsg.U32},
		unix.RTA_PRIORITY:   {Kind: nlmsg.U32},
		unix.RTA_METRICS:    {Kind: nlmsg.NestedAttrs},
		unix.RTA_MULTIPATH:  {Len: sizeofRtnh},
		unix.RTA_PREF:       {Kind: nlmsg.U8},
		unix.RTA_ENCAP_TYPE: {Kind: nlmsg.U16},
		unix.RTA_ENCAP:      {Kind: nlmsg.NestedAttrs},
		unix.RTA_EXPIRES:    {Kind: nlmsg.U32},
		unix.RTA_UID:        {Kind: nlmsg.U32},
		unix.RTA_MARK:       {Kind: nlmsg.U32},
		unix.RTA_TABLE:      {Kind: nlmsg.U32},
		unix.RTA_IP_PROTO:   {Kind: nlmsg.U8},
		unix.RTA_SPORT:      {Kind: nlmsg.U16},
		rtaDport:            {Kind: nlmsg.U16},
		rtaNHID:             {Kind: nlmsg.U32},
		rtaFlowlabel:        {Kind: nlmsg.BE32},
	},
}

// routes is what the handlers of routes reuse from message to message, so that a route is added
// without garbage. All of it is used under RTNL.
type routes struct {
	*family
	tb      nlmsg.Attrs
	cfg     route.Config
	hops    []route.HopConfig
	metrics nexthop.Metrics
}

// routeRows are the messages about routes.
func (f *family) routeRows() []Row {
	r := &routes{family: f}
	return []Row{
		{unix.AF_INET, unix.RTM_NEWROUTE, nlserver.Handler{Doit: r.newRoute4}},
		{unix.AF_INET, unix.RTM_DELROUTE, nlserver.Handler{Doit: r.delRoute4}},
		{unix.AF_INET, unix.RTM_GETROUTE, nlserver.Handler{Doit: r.getRoute4, Dumpit: r.dump(unix.AF_INET)}},
		{unix.AF_INET6, unix.RTM_NEWROUTE, nlserver.Handler{Doit: r.newRoute6}},
		{unix.AF_INET6, unix.RTM_DELROUTE, nlserver.Handler{Doit: r.delRoute6}},
		{unix.AF_INET6, unix.RTM_GETROUTE, nlserver.Handler{Doit: r.getRoute6, Dumpit: r.dump(unix.AF_INET6)}},
		{unix.AF_UNSPEC, unix.RTM_GETROUTE, nlserver.Handler{Dumpit: r.dump(unix.AF_INET, unix.AF_INET6)}},
	}
}

// rtmsg is struct rtmsg.
type rtmsg struct {
	family, dstLen, srcLen, tos  uint8
	table, protocol, scope, typ_ uint8
	flags                        uint32
}

func parseRtmsg(b []byte) rtmsg {
	return rtmsg{
		family: b[0], dstLen: b[1], srcLen: b[2], tos: b[3],
		table: b[4], protocol: b[5], scope: b[6], typ_: b[7], flags: native.Uint32(b[8:]),
	}
}

func (m *rtmsg) put(b []byte) {
	b[0], b[1], b[2], b[3] = m.family, m.dstLen, m.srcLen, m.tos
	b[4], b[5], b[6], b[7] = m.table, m.protocol, m.scope, m.typ_
	native.PutUint32(b[8:], m.flags)
}

// nonzero4 is the address in an attribute; invalid: it is absent or 0.0.0.0, which mean the same.
func nonzero4(a nlmsg.Attr) netip.Addr {
	if len(a.Data) < 4 || a.U32() == 0 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(a.Data[:4]))
}

// whole6 is the address in an attribute; invalid: it is absent.
func whole6(a nlmsg.Attr) netip.Addr {
	if len(a.Data) < 16 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(a.Data[:16]))
}

// newRoute4 is inet_rtm_newroute.
func (r *routes) newRoute4(req *nlserver.Request) error {
	if err := r.config4(req); err != nil {
		return err
	}
	return r.Routes.Add(&r.cfg)
}

// delRoute4 is inet_rtm_delroute.
func (r *routes) delRoute4(req *nlserver.Request) error {
	if err := r.config4(req); err != nil {
		return err
	}
	return r.Routes.Delete(&r.cfg)
}

// config4 is rtm_to_fib_config: the request as r.cfg.
func (r *routes) config4(req *nlserver.Request) error {
	tb, ext := &r.tb, req.Ext
	if len(req.Payload()) < unix.SizeofRtMsg {
		return unix.EINVAL
	}
	if err := req.Parse(unix.SizeofRtMsg, tb, &route4Policy, nlmsg.Liberal); err != nil {
		return err
	}
	m := parseRtmsg(req.Payload())
	if m.tos&3 != 0 {
		return ext.Fail(unix.EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
	}
	if m.typ_ > rtnMax {
		return ext.Fail(unix.EINVAL, "Invalid route type")
	}
	r.cfg = route.Config{
		Family: unix.AF_INET, Type: m.typ_, Scope: m.scope, Protocol: m.protocol, TOS: m.tos,
		Table: uint32(m.table), Flags: m.flags, NLFlags: req.Flags,
		Oif: tb.U32(unix.RTA_OIF), Priority: tb.U32(unix.RTA_PRIORITY), NHID: tb.U32(rtaNHID),
		Realm: tb.U32(unix.RTA_FLOW), Gateway: nonzero4(tb.Get(unix.RTA_GATEWAY)),
		PrefSrc: nonzero4(tb.Get(unix.RTA_PREFSRC)),
	}
	if tb.Has(unix.RTA_TABLE) {
		r.cfg.Table = tb.U32(unix.RTA_TABLE)
	}
	if via := tb.Get(unix.RTA_VIA); via.Present() {
		if err := viaGateway(via.Data, &r.cfg.Gateway, ext); err != nil {
			return err
		}
	}
	if err := r.encap(tb, ext); err != nil {
		return err
	}
	if m.dstLen > 32 {
		return ext.Fail(unix.EINVAL, "Invalid prefix length")
	}
	dst := tb.Get(unix.RTA_DST).U32BE()
	if m.dstLen < 32 && dst<<m.dstLen != 0 {
		return ext.Fail(unix.EINVAL, "Invalid prefix for given prefix length")
	}
	r.cfg.Dst = netip.PrefixFrom(be4(dst), int(m.dstLen))
	if r.cfg.NHID != 0 && (r.cfg.Oif != 0 || r.cfg.Gateway.IsValid() || tb.Has(unix.RTA_ENCAP) ||
		tb.Has(unix.RTA_MULTIPATH)) {
		return ext.Fail(unix.EINVAL, "Nexthop specification and nexthop id are mutually exclusive")
	}
	if tb.Has(unix.RTA_GATEWAY) && tb.Has(unix.RTA_VIA) {
		return ext.Fail(unix.EINVAL, "Nexthop configuration can not contain both GATEWAY and VIA")
	}
	if mp := tb.Get(unix.RTA_MULTIPATH); mp.Present() {
		if err := r.multipath(mp.Data, unix.AF_INET, ext); err != nil {
			return err
		}
	}
	return r.metricsOf(req, tb.Get(unix.RTA_METRICS))
}

func be4(v uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// viaGateway is fib_gw_from_via: a gateway of either family.
func viaGateway(b []byte, gw *netip.Addr, ext *nlmsg.Extack) error {
	if len(b) < 2 {
		return ext.Fail(unix.EINVAL, "Invalid attribute length for RTA_VIA")
	}
	switch a := b[2:]; native.Uint16(b) {
	case unix.AF_INET:
		if len(a) != 4 {
			return ext.Fail(unix.EINVAL, "Invalid IPv4 address in RTA_VIA")
		}
		*gw = netip.AddrFrom4([4]byte(a))
	case unix.AF_INET6:
		if len(a) != 16 {
			return ext.Fail(unix.EINVAL, "Invalid IPv6 address in RTA_VIA")
		}
		*gw = netip.AddrFrom16([16]byte(a))
	default:
		return ext.Fail(unix.EINVAL, "Unsupported address family in RTA_VIA")
	}
	return nil
}

// encap refuses lightweight tunnels (lwtunnel_valid_encap_type).
func (r *routes) encap(tb *nlmsg.Attrs, ext *nlmsg.Extack) error {
	if tb.Has(unix.RTA_ENCAP_TYPE) {
		return validEncap(tb.U16(unix.RTA_ENCAP_TYPE), ext)
	}
	if tb.Has(unix.RTA_ENCAP) {
		return ext.Fail(unix.EINVAL, "LWT encap type not specified")
	}
	return nil
}

func validEncap(typ uint16, ext *nlmsg.Extack) error {
	if typ == 0 || typ > lwtMax {
		return ext.Fail(unix.EINVAL, "Unknown lwt encapsulation type")
	}
	return ext.Fail(unix.EOPNOTSUPP, "lwt encapsulation type not supported")
}

// multipath reads struct rtnexthop after struct rtnexthop into r.cfg.Hops (fib_get_nhs,
// rtm_to_fib6_multipath_config).
func (r *routes) multipath(b []byte, family uint8, ext *nlmsg.Extack) error {
	r.hops = r.hops[:0]
	for len(b) >= sizeofRtnh {
		n := int(native.Uint16(b))
		if n < sizeofRtnh || n > len(b) {
			break
		}
		h := route.HopConfig{Flags: b[2], Hops: b[3], Oif: native.Uint32(b[4:])}
		if err := r.hop(b[sizeofRtnh:n], family, &h, ext); err != nil {
			return err
		}
		r.hops = append(r.hops, h)
		b = b[min(nlmsg.Align(n), len(b)):]
	}
	if len(b) > 0 && family == unix.AF_INET {
		return ext.Fail(unix.EINVAL, "Invalid nexthop configuration - extra data after nexthops")
	}
	if len(r.hops) == 0 && family == unix.AF_INET6 {
		return ext.Fail(unix.EINVAL, "Invalid nexthop configuration - no valid nexthops")
	}
	r.cfg.Hops = r.hops
	return nil
}

// hop reads the attributes of one struct rtnexthop.
func (r *routes) hop(b []byte, family uint8, h *route.HopConfig, ext *nlmsg.Extack) error {
	var gw, via, flow, typ nlmsg.Attr
	for a, rest, off, ok := nlmsg.NextAttr(b, 0); ok; a, rest, off, ok = nlmsg.NextAttr(rest, off) {
		switch a.Type() {
		case unix.RTA_GATEWAY:
			gw = a
		case unix.RTA_VIA:
			via = a
		case unix.RTA_FLOW:
			flow = a
		case unix.RTA_ENCAP_TYPE:
			typ = a
		}
	}
	if typ.Present() {
		if typ.Len() < 2 {
			return ext.FailAttr(unix.EINVAL, typ, "Invalid RTA_ENCAP_TYPE")
		}
		return validEncap(typ.U16(), ext)
	}
	if family == unix.AF_INET6 {
		if gw.Present() && gw.Len() < 16 {
			return ext.Fail(unix.EINVAL, "Invalid IPv6 address in RTA_GATEWAY")
		}
		h.Gateway = whole6(gw)
		return nil
	}
	switch {
	case gw.Present() && via.Present():
		return ext.Fail(unix.EINVAL, "Nexthop configuration can not contain both GATEWAY and VIA")
	case gw.Present() && gw.Len() < 4:
		return ext.Fail(unix.EINVAL, "Invalid IPv4 address in RTA_GATEWAY")
	case gw.Present():
		h.Gateway = nonzero4(gw)
	case via.Present():
		if err := viaGateway(via.Data, &h.Gateway, ext); err != nil {
			return err
		}
	}
	if flow.Present() && flow.Len() < 4 {
		return ext.Fail(unix.EINVAL, "Invalid RTA_FLOW")
	}
	h.Realm = flow.U32()
	return nil
}

// What a metric may be at most (ip_metrics_convert), and the feature bits that exist.
const (
	maxAdvMSS   = 65535 - 40
	maxMTU      = 65535 - 15
	maxHoplimit = 255
	featureMask = 0x1f // RTAX_FEATURE_MASK
)

// metricsOf reads RTA_METRICS into r.cfg.Metrics (ip_metrics_convert). In a request to delete they
// are only compared.
func (r *routes) metricsOf(req *nlserver.Request, nest nlmsg.Attr) error {
	if !nest.Present() {
		return nil
	}
	ext, adding := req.Ext, req.Type == unix.RTM_NEWROUTE
	r.metrics = nexthop.Metrics{}
	m := &r.metrics
	err := nest.Each(func(a nlmsg.Attr) error {
		typ, v := a.Type(), a.U32()
		switch {
		case typ == 0:
			return nil
		case typ > unix.RTAX_MAX:
			if adding {
				return ext.Fail(unix.EINVAL, "Invalid metric type")
			}
			return unix.ESRCH
		case typ == unix.RTAX_CC_ALGO:
			if m.CCAlgo = a.String(); m.CCAlgo != "reno" && m.CCAlgo != "cubic" && adding {
				return ext.Fail(unix.EINVAL, "Unknown tcp congestion algorithm")
			}
			return nil
		case a.Len() != 4:
			if adding {
				return ext.FailAttr(unix.EINVAL, a, "Invalid attribute in metrics")
			}
			return unix.ESRCH
		}
		if adding {
			switch typ {
			case unix.RTAX_ADVMSS:
				v = min(v, maxAdvMSS)
			case unix.RTAX_MTU:
				v = min(v, maxMTU)
			case unix.RTAX_HOPLIMIT:
				v = min(v, maxHoplimit)
			case unix.RTAX_FEATURES:
				if v&^featureMask != 0 {
					return ext.Fail(unix.EINVAL, "Unknown flag set in feature mask in metrics attribute")
				}
			}
		}
		m.Value[typ] = v
		return nil
	})
	r.cfg.Metrics = m
	return err
}
