// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Values of RTA_PREF (ICMPV6_ROUTER_PREF_*).
const (
	prefMedium = 0
	prefHigh   = 1
	prefLow    = 3
)

// maxExpires is what addrconf_timeout_fixup makes of longer lifetimes, in seconds.
const maxExpires = 0x7fffffff / 1000

// newRoute6 is inet6_rtm_newroute.
func (r *routes) newRoute6(req *nlserver.Request) error {
	if err := r.config6(req); err != nil {
		return err
	}
	return r.Routes.Add(&r.cfg)
}

// delRoute6 is inet6_rtm_delroute. A request to delete a cached route (RTM_F_CLONED) has done so:
// there are none.
func (r *routes) delRoute6(req *nlserver.Request) error {
	if err := r.config6(req); err != nil {
		return err
	}
	if native.Uint32(req.Payload()[8:])&unix.RTM_F_CLONED != 0 && r.Routes.Exists(unix.AF_INET6, r.cfg.Table) {
		return nil
	}
	return r.Routes.Delete(&r.cfg)
}

// config6 is rtm_to_fib6_config and fib6_config_validate: the request as r.cfg.
func (r *routes) config6(req *nlserver.Request) error {
	tb, ext := &r.tb, req.Ext
	if err := req.Parse(unix.SizeofRtMsg, tb, &route6Policy, nlmsg.Liberal); err != nil {
		return err
	}
	m := parseRtmsg(req.Payload())
	adding := req.Type == unix.RTM_NEWROUTE
	if m.tos != 0 {
		return ext.Fail(unix.EINVAL, "Invalid dsfield (tos): option not available for IPv6")
	}
	if a := tb.Get(rtaFlowlabel); a.Present() {
		return ext.FailAttr(unix.EINVAL, a, "Flow label cannot be specified for this operation")
	}
	r.cfg = route.Config{
		Family: unix.AF_INET6, Type: m.typ_, Protocol: m.protocol, Table: uint32(m.table),
		Flags: flags6(&m), NLFlags: req.Flags, NHID: tb.U32(rtaNHID),
		Gateway: whole6(tb.Get(unix.RTA_GATEWAY)), PrefSrc: whole6(tb.Get(unix.RTA_PREFSRC)),
		Oif: tb.U32(unix.RTA_OIF), Priority: tb.U32(unix.RTA_PRIORITY),
		Pref: pref(tb), Expires: expires(tb),
	}
	if tb.Has(rtaNHID) && (tb.Has(unix.RTA_GATEWAY) || tb.Has(unix.RTA_OIF) ||
		tb.Has(unix.RTA_MULTIPATH) || tb.Has(unix.RTA_ENCAP)) {
		return ext.Fail(unix.EINVAL, "Nexthop specification and nexthop id are mutually exclusive")
	}
	if tb.Has(unix.RTA_VIA) {
		return ext.Fail(unix.EINVAL, "IPv6 does not support RTA_VIA attribute")
	}
	if err := r.dst6(&m, ext); err != nil {
		return err
	}
	if tb.Has(unix.RTA_TABLE) {
		r.cfg.Table = tb.U32(unix.RTA_TABLE)
	}
	if mp := tb.Get(unix.RTA_MULTIPATH); mp.Present() {
		if err := r.multipath(mp.Data, unix.AF_INET6, ext); err != nil {
			return err
		}
		for i := range r.hops {
			if adding && !r.hops[i].Gateway.IsValid() && !r.cfg.Gateway.IsValid() {
				return ext.Fail(unix.EINVAL,
					"Device only routes can not be added for IPv6 using the multipath API.")
			}
		}
	}
	if err := r.encap(tb, ext); err != nil {
		return err
	}
	if adding {
		if err := validate6(&m, ext); err != nil {
			return err
		}
	}
	return r.metricsOf(req, tb.Get(unix.RTA_METRICS))
}

// dst6 reads the destination: as many octets of it as its length in bits needs.
func (r *routes) dst6(m *rtmsg, ext *nlmsg.Extack) error {
	for _, is := range [...]struct {
		typ uint16
		len uint8
	}{{unix.RTA_DST, m.dstLen}, {unix.RTA_SRC, m.srcLen}} {
		a, n := r.tb.Get(is.typ), int(is.len+7)>>3
		if !a.Present() {
			continue
		}
		if a.Len() < n {
			return unix.EINVAL
		}
		if is.typ == unix.RTA_DST && n <= 16 {
			var b [16]byte
			copy(b[:], a.Data[:n])
			r.cfg.Dst = netip.PrefixFrom(netip.AddrFrom16(b), int(m.dstLen))
		}
	}
	if !r.cfg.Dst.IsValid() && m.dstLen <= 128 {
		r.cfg.Dst = netip.PrefixFrom(netip.IPv6Unspecified(), int(m.dstLen))
	}
	if m.dstLen > 128 && r.tb.Get(unix.RTA_DST).Present() {
		return ext.Fail(unix.EINVAL, "Invalid prefix length")
	}
	return nil
}

// validate6 is fib6_config_validate.
func validate6(m *rtmsg, ext *nlmsg.Extack) error {
	switch {
	case m.flags&unix.RTM_F_CLONED != 0:
		return ext.Fail(unix.EINVAL, "Userspace can not set RTF_CACHE")
	case m.typ_ > rtnMax:
		return ext.Fail(unix.EINVAL, "Invalid route type")
	case m.dstLen > 128:
		return ext.Fail(unix.EINVAL, "Invalid prefix length")
	case m.srcLen != 0:
		return ext.Fail(unix.EINVAL,
			"Specifying source address requires IPV6_SUBTREES to be enabled")
	}
	return nil
}

func flags6(m *rtmsg) uint32 {
	flags := m.flags & unix.RTNH_F_ONLINK
	switch m.typ_ {
	case unix.RTN_UNREACHABLE, unix.RTN_BLACKHOLE, unix.RTN_PROHIBIT, unix.RTN_THROW:
		flags |= route.FlagReject
	case unix.RTN_LOCAL:
		flags |= route.FlagLocal
	}
	return flags
}

func pref(tb *nlmsg.Attrs) uint8 {
	switch p := tb.U8(unix.RTA_PREF); p {
	case prefLow, prefHigh:
		return p
	default:
		return prefMedium
	}
}

// expires is RTA_EXPIRES in seconds, 0: never.
func expires(tb *nlmsg.Attrs) uint32 {
	switch e := tb.U32(unix.RTA_EXPIRES); {
	case !tb.Has(unix.RTA_EXPIRES) || e == 0xffffffff:
		return 0
	default:
		return max(min(e, maxExpires), 1)
	}
}
