// SPDX-License-Identifier: BSD-3-Clause

package mld

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/neigh"
	"skua/dataplane/dpif"
)

// Types of ICMPv6, and of the records of a report of version 2 (RFC 3810 5.2.12).
const (
	typeQuery   = 130
	typeReport  = 131
	typeDone    = 132
	typeReport2 = 143

	modeIsExclude   = 2
	changeToInclude = 3
	changeToExclude = 4
)

const (
	ip6HdrLen    = 40
	alertLen     = 8 // the hop-by-hop header with the router alert
	icmp6HdrLen  = 8
	recordLen    = 20   // without sources
	reportMaxLen = 2048 // of packets, whatever the MTU: half a page, as in the kernel
)

var (
	allRouters  = netip.MustParseAddr("ff02::2")
	allMLDv2    = netip.MustParseAddr("ff02::16")
	routerAlert = [alertLen]byte{unix.IPPROTO_ICMPV6, 0, optRouterAlert, 2, 0, 0, optPadN, 0}
)

// report is a report of version 2 that is being filled.
type report struct {
	t   *Table
	i   *iface
	msg []byte // from the ICMPv6 header on; nil: nothing yet
}

// add is add_grec of a group without sources. A report that is full is sent.
func (r *report) add(typ uint8, a netip.Addr) {
	room := min(int(r.i.link.MTU), reportMaxLen) - ip6HdrLen - alertLen
	if len(r.msg)+recordLen > room {
		r.send()
	}
	if r.msg == nil {
		r.msg = append(make([]byte, 0, room), typeReport2, 0, 0, 0, 0, 0, 0, 0)
	}
	r.msg = append(append(r.msg, typ, 0, 0, 0), a.AsSlice()...)
	binary.BigEndian.PutUint16(r.msg[6:], binary.BigEndian.Uint16(r.msg[6:])+1)
}

func (r *report) send() {
	if r.msg != nil {
		r.t.send(r.i, allMLDv2, r.msg)
		r.msg = nil
	}
}

// sendState is mld_send_report: the answer to a query.
func (t *Table) sendState(i *iface, groups []*group) {
	r := report{t: t, i: i}
	for _, g := range groups {
		r.add(modeIsExclude, g.addr)
	}
	r.send()
}

// sendChanges is mld_send_cr.
func (t *Table) sendChanges(i *iface) {
	r := report{t: t, i: i}
	for _, g := range i.left {
		r.add(changeToInclude, g.addr)
		g.changes--
	}
	i.left = slices.DeleteFunc(i.left, func(g *group) bool { return g.changes <= 0 })
	for _, g := range i.groups {
		if g.changes > 0 {
			r.add(changeToExclude, g.addr)
			g.changes--
		}
	}
	r.send()
}

// sendInitial is mld_send_initial_cr.
func (t *Table) sendInitial(i *iface) {
	if t.v1(i) {
		return
	}
	r := report{t: t, i: i}
	for _, g := range i.groups {
		r.add(changeToExclude, g.addr)
	}
	r.send()
}

// sendV1 is igmp6_send: a report, or a done, of version 1.
func (t *Table) sendV1(i *iface, a netip.Addr, typ uint8) {
	to := a
	if typ == typeDone {
		to = allRouters
	}
	t.send(i, to, append([]byte{typ, 0, 0, 0, 0, 0, 0, 0}, a.AsSlice()...))
}

// send gives a message its headers and its checksum (ip6_mc_hdr, mld_sendpack).
func (t *Table) send(i *iface, to netip.Addr, msg []byte) {
	if !i.link.Up() {
		return
	}
	src := t.source(i)
	p := make([]byte, ip6HdrLen, ip6HdrLen+alertLen+len(msg))
	p[0], p[6], p[7] = 6<<4, unix.IPPROTO_HOPOPTS, 1
	binary.BigEndian.PutUint16(p[4:], uint16(alertLen+len(msg)))
	copy(p[8:], src.AsSlice())
	copy(p[24:], to.AsSlice())
	binary.BigEndian.PutUint16(msg[2:], neigh.ChecksumND(src, to, msg))
	p = append(append(p, routerAlert[:]...), msg...)
	if err := t.net.DP.Inject(dpif.Inject{Net: t.net.ID, Oif: i.link.Index, Kind: dpif.InjectIP, Addr: to, Data: p}); err != nil {
		t.net.Log.Debug("mld: not sent", "err", err, "link", i.link.Name)
		return
	}
	t.count.CountSent6(msg[0])
}

// source is the link-local address that is not tentative (ipv6_get_lladdr), or ::.
func (t *Table) source(i *iface) netip.Addr {
	for _, a := range slices.Backward(t.addrs.OfLink(i.link, unix.AF_INET6)) {
		if a.Local().IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
			return a.Local()
		}
	}
	return netip.IPv6Unspecified()
}
