// SPDX-License-Identifier: BSD-3-Clause

package mld

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Options of a hop-by-hop header.
const (
	optPad1        = 0
	optPadN        = 1
	optRouterAlert = 5
)

const (
	v1MsgLen   = 24 // of everything in version 1, exactly
	queryLen   = 28 // of a query of version 2, without sources
	floatCode  = 1 << 15
	maxV1Delay = floatCode - 1
)

// Query is a query of a router.
type Query struct {
	Version  int
	Group    netip.Addr    // ::, of all groups
	Code     uint16        // Maximum Response Code
	Response time.Duration // what it means in version 2
	QRV      int           // the querier's Robustness Variable, 0: not said
	QI       time.Duration // the querier's Query Interval
	Sources  int
}

// HandleMLD takes a query, or a report of version 1 (icmp.Handler.MLD).
func (t *Table) HandleMLD(in *link.Link, ip []byte, at int, pktType uint8) {
	i := t.ifs[in]
	if i == nil || at < ip6HdrLen || at >= len(ip) {
		return
	}
	switch ip[at] {
	case typeQuery:
		if q, ok := ParseQuery(ip, at); ok {
			t.query(i, &q)
		}
	case typeReport:
		if pktType == unix.PACKET_MULTICAST || pktType == unix.PACKET_BROADCAST {
			i.heard(ip, at)
		}
	}
}

// ParseQuery reads the query at an offset of an IPv6 packet; ok false: it is none that is answered
// (RFC 3810 6.2, and the first half of __mld_query_work).
func ParseQuery(ip []byte, at int) (q Query, ok bool) {
	if at < ip6HdrLen || len(ip) < at+v1MsgLen || ip[at] != typeQuery {
		return q, false
	}
	src := netip.AddrFrom16([16]byte(ip[8:24]))
	if !src.IsLinkLocalUnicast() || ip[7] != 1 || !hasAlert(ip[:at]) {
		return q, false
	}
	msg := ip[at:]
	q = Query{
		Version: 1, Group: netip.AddrFrom16([16]byte(msg[8:24])), Code: binary.BigEndian.Uint16(msg[4:]),
	}
	if !q.Group.IsUnspecified() && !q.Group.IsMulticast() {
		return q, false
	}
	if len(msg) == v1MsgLen {
		return q, true
	}
	q.Version = 2
	if len(msg) < queryLen {
		return q, false
	}
	q.Response = time.Duration(float(uint(q.Code), 12)) * time.Millisecond
	q.QRV = int(msg[24] & 7)
	q.QI = time.Duration(float(uint(msg[25]), 4)) * time.Second
	q.Sources = int(binary.BigEndian.Uint16(msg[26:]))
	if q.Group.IsUnspecified() {
		return q, true // what else it says depends on the version that is spoken
	}
	return q, len(msg) >= queryLen+16*q.Sources
}

// float reads a code whose top bit says that it is a floating-point number with a mantissa of so many
// bits, and three of exponent (RFC 3810 5.1.3, 5.1.9).
func float(code, mantissa uint) uint {
	if code < 1<<(mantissa+3) {
		return code
	}
	return (code&(1<<mantissa-1) | 1<<mantissa) << (code>>mantissa&7 + 3)
}

// hasAlert says whether a packet, up to its message, has the router alert of MLD (RFC 2711).
func hasAlert(ip []byte) bool {
	if ip[6] != unix.IPPROTO_HOPOPTS || len(ip) < ip6HdrLen+8 {
		return false
	}
	opts := ip[ip6HdrLen:]
	opts = opts[2:min(len(opts), 8*(int(opts[1])+1))]
	found := false
	for len(opts) >= 2 {
		if opts[0] == optPad1 {
			opts = opts[1:]
			continue
		}
		n := 2 + int(opts[1])
		if n > len(opts) {
			break
		}
		if opts[0] == optRouterAlert {
			found = n == 4 && opts[2] == 0 && opts[3] == 0
		}
		opts = opts[n:]
	}
	return found
}

// v1 is mld_in_v1_mode.
func (t *Table) v1(i *iface) bool {
	switch t.forced(i) {
	case 2:
		return false
	case 1:
		return true
	}
	return t.net.Clock.Now().Before(i.v1Until)
}

// forced is mld_force_mld_version: that of "all" goes before the link's.
func (t *Table) forced(i *iface) int32 {
	if v := t.links.All6.ForceMLDVersion; v != 0 {
		return v
	}
	return i.link.Conf6.ForceMLDVersion
}

// query is the rest of __mld_query_work.
func (t *Table) query(i *iface, q *Query) {
	delay := max(q.Response, jiffy)
	if q.Version == 1 || t.v1(i) {
		if t.forced(i) == 2 {
			return
		}
		delay = t.queryV1(i, q)
	} else {
		i.maxDelay, i.qi, i.qri = delay, q.QI, q.Response
		if q.QRV > 0 {
			i.qrv = q.QRV
		}
		i.qrv = max(i.qrv, min(defaultQRV, t.QRV))
		if q.Group.IsUnspecified() {
			if q.Sources == 0 {
				t.set(&i.general, t.below(i.maxDelay)+2*jiffy, func() { t.sendState(i, i.groups) })
			}
			return
		}
	}
	for _, g := range i.groups {
		// Sources that are asked for are all listened to, so that a query of some is one of the group.
		if q.Group.IsUnspecified() || q.Group == g.addr {
			t.queried(i, g, delay)
		}
	}
}

// queryV1 is mld_process_v1: version 1 is spoken from now on, if the querier does. It returns the
// response delay.
func (t *Table) queryV1(i *iface, q *Query) time.Duration {
	ms := q.Code
	if q.Version == 1 {
		i.v1Until = t.net.Clock.Now().Add(time.Duration(i.qrv)*i.qi + i.qri) // RFC 3810 9.12
	} else {
		ms = min(ms, maxV1Delay)
	}
	i.general.stop()
	i.changesLeft = 0
	i.changes.stop()
	i.left = nil
	return max(time.Duration(ms)*time.Millisecond, jiffy)
}

// heard is __mld_report_work: another has reported a group, and once is enough.
func (i *iface) heard(ip []byte, at int) {
	src := netip.AddrFrom16([16]byte(ip[8:24]))
	if len(ip) < at+v1MsgLen || !src.IsUnspecified() && !src.IsLinkLocalUnicast() {
		return
	}
	if g := i.find(netip.AddrFrom16([16]byte(ip[at+8 : at+24]))); g != nil {
		g.timer.stop()
		g.last = false
	}
}
