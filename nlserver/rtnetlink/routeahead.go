// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/nlserver/nlmsg"
)

// aheadRoutes tells the tables of the prefixes that the messages are about: a hint, which looks at
// the first attributes only and checks nothing.
func (f *family) aheadRoutes(msgs []byte) {
	var dst [route.AheadMax]netip.Prefix
	var family, table uint8
	n := 0
	for n < len(dst) {
		h, msg, rest, ok := nlmsg.Next(msgs)
		if !ok {
			break
		}
		msgs = rest
		if h.Type != unix.RTM_NEWROUTE && h.Type != unix.RTM_DELROUTE || len(msg) < nlmsg.HdrLen+unix.SizeofRtMsg {
			break
		}
		b := msg[nlmsg.HdrLen:]
		m := parseRtmsg(b)
		if n == 0 {
			family, table = m.family, m.table
		} else if m.family != family || m.table != table {
			break
		}
		if p, ok := aheadPrefix(&m, b[unix.SizeofRtMsg:]); ok {
			dst[n] = p
			n++
		}
	}
	if table == unix.RT_TABLE_UNSPEC {
		table = unix.RT_TABLE_MAIN
	}
	f.Routes.Ahead(family, uint32(table), dst[:n])
}

func aheadPrefix(m *rtmsg, attrs []byte) (p netip.Prefix, ok bool) {
	for a, rest, off, more := nlmsg.NextAttr(attrs, 0); more; a, rest, off, more = nlmsg.NextAttr(rest, off) {
		if a.Type() != unix.RTA_DST {
			continue
		}
		switch {
		case m.family == unix.AF_INET && a.Len() == 4 && m.dstLen <= 32:
			return netip.PrefixFrom(netip.AddrFrom4([4]byte(a.Data)), int(m.dstLen)), true
		case m.family == unix.AF_INET6 && a.Len() == 16 && m.dstLen <= 128:
			return netip.PrefixFrom(netip.AddrFrom16([16]byte(a.Data)), int(m.dstLen)), true
		}
		return p, false
	}
	return p, false
}
