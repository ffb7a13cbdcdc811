// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of addresses that x/sys lacks.
const (
	ifaTargetNetnsid = 10
	ifaProto         = 11
)

// addrPolicy4 and addrPolicy6 are ifa_ipv4_policy and ifa_ipv6_policy.
var (
	addrPolicy4 = nlmsg.Policy{Attrs: []nlmsg.Rule{
		unix.IFA_LOCAL:       {Kind: nlmsg.U32},
		unix.IFA_ADDRESS:     {Kind: nlmsg.U32},
		unix.IFA_BROADCAST:   {Kind: nlmsg.U32},
		unix.IFA_LABEL:       {Kind: nlmsg.String, Len: unix.IFNAMSIZ - 1},
		unix.IFA_CACHEINFO:   {Len: unix.SizeofIfaCacheinfo},
		unix.IFA_FLAGS:       {Kind: nlmsg.U32},
		unix.IFA_RT_PRIORITY: {Kind: nlmsg.U32},
		ifaTargetNetnsid:     {Kind: nlmsg.S32},
		ifaProto:             {Kind: nlmsg.U8},
	}}
	addrPolicy6 = nlmsg.Policy{Attrs: []nlmsg.Rule{
		unix.IFA_ADDRESS:     {Len: 16},
		unix.IFA_LOCAL:       {Len: 16},
		unix.IFA_CACHEINFO:   {Len: unix.SizeofIfaCacheinfo},
		unix.IFA_FLAGS:       {Len: 4},
		unix.IFA_RT_PRIORITY: {Len: 4},
		ifaTargetNetnsid:     {Kind: nlmsg.S32},
		ifaProto:             {Kind: nlmsg.U8},
	}}
)

// addrRows are the messages about addresses.
func (f *family) addrRows() []Row {
	return []Row{
		{unix.AF_INET, unix.RTM_NEWADDR, nlserver.Handler{Doit: f.newAddr4}},
		{unix.AF_INET, unix.RTM_DELADDR, nlserver.Handler{Doit: f.delAddr4}},
		{unix.AF_INET, unix.RTM_GETADDR, nlserver.Handler{Dumpit: f.dumpAddrs(unix.AF_INET)}},
		{unix.AF_INET6, unix.RTM_NEWADDR, nlserver.Handler{Doit: f.newAddr6}},
		{unix.AF_INET6, unix.RTM_DELADDR, nlserver.Handler{Doit: f.delAddr6}},
		{unix.AF_INET6, unix.RTM_GETADDR, nlserver.Handler{Doit: f.getAddr6, Dumpit: f.dumpAddrs(unix.AF_INET6)}},
		{unix.AF_UNSPEC, unix.RTM_GETADDR, nlserver.Handler{Dumpit: f.dumpAddrs(unix.AF_INET, unix.AF_INET6)}},
	}
}

// ifaddr is struct ifaddrmsg.
type ifaddr struct {
	family, plen, flags, scope uint8
	index                      uint32
}

func parseIfaddr(b []byte) ifaddr {
	return ifaddr{family: b[0], plen: b[1], flags: b[2], scope: b[3], index: native.Uint32(b[4:])}
}

// ip4 reads an IPv4 address; invalid when it is absent.
func ip4(tb *nlmsg.Attrs, typ uint16) netip.Addr {
	if b := tb.BytesN(typ, 4); b != nil {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.Addr{}
}

// ip6 reads an IPv6 address; invalid when it is absent.
func ip6(tb *nlmsg.Attrs, typ uint16) netip.Addr {
	if b := tb.BytesN(typ, 16); b != nil {
		return netip.AddrFrom16([16]byte(b))
	}
	return netip.Addr{}
}

// addrRequest parses a request that changes addresses.
func addrRequest(req *nlserver.Request, tb *nlmsg.Attrs, policy *nlmsg.Policy) (ifm ifaddr, err error) {
	if err = req.Parse(unix.SizeofIfAddrmsg, tb, policy, nlmsg.Liberal); err != nil {
		return ifm, err
	}
	return parseIfaddr(req.Payload()), nil
}

// addrConfig reads what both families have in common.
func addrConfig(ifm ifaddr, tb *nlmsg.Attrs) addr.Config {
	c := addr.Config{Flags: uint32(ifm.flags), Metric: tb.U32(unix.IFA_RT_PRIORITY), Proto: tb.U8(ifaProto)}
	if tb.Has(unix.IFA_FLAGS) {
		c.Flags = tb.U32(unix.IFA_FLAGS)
	}
	if ci := tb.BytesN(unix.IFA_CACHEINFO, unix.SizeofIfaCacheinfo); ci != nil {
		c.Lifetimes = &addr.Lifetimes{Preferred: native.Uint32(ci), Valid: native.Uint32(ci[4:])}
	}
	return c
}

// newAddr4 is inet_rtm_newaddr.
func (f *family) newAddr4(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	ifm, err := addrRequest(req, &tb, &addrPolicy4)
	if err != nil {
		return err
	}
	if ifm.plen > 32 {
		return req.Ext.Fail(unix.EINVAL, "ipv4: Invalid prefix length")
	}
	local := ip4(&tb, unix.IFA_LOCAL)
	if !local.IsValid() {
		return req.Ext.Fail(unix.EINVAL, "ipv4: Local address is not supplied")
	}
	c := addrConfig(ifm, &tb)
	if err := c.Lifetimes.Check(unix.AF_INET); err != nil {
		return err
	}
	if local.IsUnspecified() {
		return nil
	}
	if c.Link = f.Links.ByIndex(ifm.index); c.Link == nil {
		return req.Ext.Fail(unix.ENODEV, "ipv4: Device not found")
	}
	c.Prefix, c.Scope, c.Label = netip.PrefixFrom(local, int(ifm.plen)), ifm.scope, tb.String(unix.IFA_LABEL)
	if peer := ip4(&tb, unix.IFA_ADDRESS); peer.IsValid() && peer != local {
		c.Peer = peer
	}
	if b := ip4(&tb, unix.IFA_BROADCAST); b.IsValid() && !b.IsUnspecified() {
		c.Broadcast = b
	}
	_, err = f.Addrs.Add(c, req.Flags)
	return err
}

// delAddr4 is inet_rtm_deladdr.
func (f *family) delAddr4(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	ifm, err := addrRequest(req, &tb, &addrPolicy4)
	if err != nil {
		return err
	}
	l := f.Links.ByIndex(ifm.index)
	if l == nil || !l.InDev {
		return req.Ext.Fail(unix.ENODEV, "ipv4: Device not found")
	}
	return f.Addrs.Delete(addr.Match{
		Link: l, Family: unix.AF_INET, Local: ip4(&tb, unix.IFA_LOCAL), Address: ip4(&tb, unix.IFA_ADDRESS),
		Bits: int(ifm.plen), Label: tb.String(unix.IFA_LABEL),
	})
}

// localPeer is extract_addr: IFA_LOCAL counts before IFA_ADDRESS, which is then the peer.
func localPeer(tb *nlmsg.Attrs) (local, peer netip.Addr) {
	local = ip6(tb, unix.IFA_ADDRESS)
	if l := ip6(tb, unix.IFA_LOCAL); l.IsValid() {
		if local.IsValid() && local != l {
			peer = local
		}
		local = l
	}
	return local, peer
}

// newAddr6 is inet6_rtm_newaddr.
func (f *family) newAddr6(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	ifm, err := addrRequest(req, &tb, &addrPolicy6)
	if err != nil {
		return err
	}
	local, peer := localPeer(&tb)
	if !local.IsValid() {
		return unix.EINVAL
	}
	c := addrConfig(ifm, &tb)
	if err := c.Lifetimes.Check(unix.AF_INET6); err != nil {
		return err
	}
	if c.Link = f.Links.ByIndex(ifm.index); c.Link == nil {
		return req.Ext.Fail(unix.ENODEV, "ipv6: Unable to find the interface")
	}
	if ifm.plen > 128 {
		return req.Ext.Fail(unix.EINVAL, "ipv6: Invalid prefix length")
	}
	c.Prefix, c.Peer = netip.PrefixFrom(local, int(ifm.plen)), peer
	_, err = f.Addrs.Add(c, req.Flags)
	return err
}

// delAddr6 is inet6_rtm_deladdr.
func (f *family) delAddr6(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	ifm, err := addrRequest(req, &tb, &addrPolicy6)
	if err != nil {
		return err
	}
	local, _ := localPeer(&tb)
	if !local.IsValid() {
		return unix.EINVAL
	}
	if ifm.plen > 128 {
		return req.Ext.Fail(unix.EINVAL, "ipv6: Invalid prefix length")
	}
	l := f.Links.ByIndex(ifm.index)
	if l == nil {
		return req.Ext.Fail(unix.ENODEV, "ipv6: Unable to find the interface")
	}
	return f.Addrs.Delete(addr.Match{Link: l, Family: unix.AF_INET6, Local: local, Bits: int(ifm.plen)})
}

// getAddr6 is inet6_rtm_getaddr; there is none for IPv4.
func (f *family) getAddr6(req *nlserver.Request) error {
	if len(req.Payload()) < unix.SizeofIfAddrmsg {
		return req.Ext.Fail(unix.EINVAL, "ipv6: Invalid header for get address request")
	}
	ifm, how := parseIfaddr(req.Payload()), nlmsg.Liberal
	if req.Strict() {
		if ifm.plen != 0 || ifm.flags != 0 || ifm.scope != 0 {
			return req.Ext.Fail(unix.EINVAL, "ipv6: Invalid values in header for get address request")
		}
		how = nlmsg.DeprecatedStrict
	}
	var tb nlmsg.Attrs
	if err := req.Parse(unix.SizeofIfAddrmsg, &tb, &addrPolicy6, how); err != nil {
		return err
	}
	if req.Strict() {
		err := onlyAttrs(req, &tb, "ipv6: Unsupported attribute in get address request",
			ifaTargetNetnsid, unix.IFA_ADDRESS, unix.IFA_LOCAL)
		if err != nil {
			return err
		}
	}
	if tb.Has(ifaTargetNetnsid) {
		return unix.EINVAL
	}
	local, _ := localPeer(&tb)
	if !local.IsValid() {
		return unix.EINVAL
	}
	var l *link.Link
	if ifm.index != 0 {
		l = f.Links.ByIndex(ifm.index)
	}
	a := f.Addrs.Find(l, local)
	if a == nil {
		return unix.EADDRNOTAVAIL
	}
	f.fillAddr(req.Reply(unix.RTM_NEWADDR, 0), a)
	req.Send()
	return nil
}

// announceAddr is rtmsg_ifa and inet6_ifa_notify.
func (f *family) announceAddr(m addr.Msg) {
	group, origin := uint32(unix.RTNLGRP_IPV4_IFADDR), m.Origin
	if !m.Addr.Is4() {
		group, origin = unix.RTNLGRP_IPV6_IFADDR, rtnl.Origin{}
	}
	f.notify(group, origin, m.Type, 0, func(e *nlmsg.Encoder) { f.fillAddr(e, m.Addr) })
}
