// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/route"
)

// Flags of /proc/net/route and ipv6_route (RTF_*).
const (
	rtfUp      = 0x0001
	rtfGateway = 0x0002
	rtfHost    = 0x0004
	rtfReject  = 0x0200
	rtfExpires = 0x00400000
)

// line is what seq_setwidth and seq_pad make of a line: 127 characters and a newline.
func line(b *bytes.Buffer, format string, args ...any) {
	fmt.Fprintf(b, "%-127s\n", fmt.Sprintf(format, args...))
}

// mask4 is inet_make_mask as %08X.
func mask4(bits int) string {
	m := net.CIDRMask(bits, 32)
	return fmt.Sprintf("%02X%02X%02X%02X", m[3], m[2], m[1], m[0])
}

// route is /proc/net/route: the main table (fib_route_seq_show).
func (t *Tree) route(b *bytes.Buffer) {
	if !t.st.Routes.Exists(unix.AF_INET, unix.RT_TABLE_MAIN) && !t.st.Routes.Exists(unix.AF_INET, unix.RT_TABLE_LOCAL) {
		return
	}
	line(b, "%s", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT")
	var c route.Cursor
	t.st.Routes.Dump(unix.AF_INET, &route.Filter{Table: unix.RT_TABLE_MAIN}, &c, func(r *route.Route) bool {
		if r.Type() == unix.RTN_BROADCAST || r.Type() == unix.RTN_MULTICAST {
			return true
		}
		flags := rtfUp
		if r.Type() == unix.RTN_UNREACHABLE || r.Type() == unix.RTN_PROHIBIT {
			flags |= rtfReject
		}
		if r.Dst.Bits() == 32 {
			flags |= rtfHost
		}
		dev, gw := "*", netip.Addr{}
		if hops := r.Info.Hops; len(hops) > 0 {
			if hops[0].Link != nil {
				dev = hops[0].Link.Name
			}
			if hops[0].Gateway.IsValid() {
				flags |= rtfGateway
			}
			gw = hops[0].Gateway
		}
		var mss, window, rtt uint32
		if m := r.Info.Metrics; m != nil {
			if mss = m.Value[unix.RTAX_ADVMSS]; mss != 0 {
				mss += 40
			}
			window, rtt = m.Value[unix.RTAX_WINDOW], m.Value[unix.RTAX_RTT]
		}
		line(b, "%s\t%s\t%s\t%04X\t%d\t%d\t%d\t%s\t%d\t%d\t%d", dev, hex4(r.Dst.Masked().Addr()), hex4(gw), flags, 0, 0,
			r.Info.Priority, mask4(r.Dst.Bits()), mss, window, rtt>>3)
		return true
	})
}

// ipv6Route is /proc/net/ipv6_route: all tables (ipv6_route_native_seq_show). Where a table has no
// default route, its root holds the null entry.
func (t *Tree) ipv6Route(b *bytes.Buffer) {
	text := map[uint32]*bytes.Buffer{unix.RT_TABLE_MAIN: {}, unix.RT_TABLE_LOCAL: {}}
	full := map[uint32]bool{}
	var c route.Cursor
	t.st.Routes.Dump(unix.AF_INET6, &route.Filter{}, &c, func(r *route.Route) bool {
		to := text[r.Table]
		if to == nil {
			to = &bytes.Buffer{}
			text[r.Table] = to
		}
		full[r.Table] = full[r.Table] || r.Dst.Bits() == 0
		for _, info := range append([]*nexthop.Info{r.Info}, r.Siblings...) {
			route6Line(to, r, info)
		}
		return true
	})
	for _, id := range slices.SortedFunc(maps.Keys(text), byHash) {
		b.Write(text[id].Bytes())
		if !full[id] {
			fmt.Fprintf(b, "%032x 00 %032x 00 %032x %08x %08x %08x %08x %8s\n", 0, 0, 0, ^uint32(0), 1, 0,
				route.FlagNoNexthop|rtfReject, "lo")
		}
	}
}

// byHash is the order of the kernel's hashes of tables.
func byHash(a, b uint32) int { return cmp.Or(cmp.Compare(a&255, b&255), cmp.Compare(a, b)) }

func route6Line(b *bytes.Buffer, r *route.Route, info *nexthop.Info) {
	flags := info.Flags&^uint32(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) | rtfUp
	if r.HasExpires {
		flags |= rtfExpires
	}
	dev, gw := "", netip.IPv6Unspecified()
	if len(info.Hops) > 0 {
		if info.Hops[0].Link != nil {
			dev = info.Hops[0].Link.Name
		}
		if g := info.Hops[0].Gateway; g.IsValid() {
			flags |= rtfGateway
			gw = g
		}
	}
	fmt.Fprintf(b, "%s %02x %032x 00 %s %08x %08x %08x %08x %8s\n", hex6(r.Dst.Masked().Addr()), r.Dst.Bits(), 0,
		hex6(gw), info.Priority, 1, 0, flags, dev)
}

// rt6Stats is /proc/net/rt6_stats: nodes, nodes with routes, allocated, routes, cached, dst entries,
// discarded.
func (t *Tree) rt6Stats(b *bytes.Buffer) {
	n := 1 // the null entry
	var c route.Cursor
	t.st.Routes.Dump(unix.AF_INET6, &route.Filter{}, &c, func(*route.Route) bool { n++; return true })
	fmt.Fprintf(b, "%04x %04x %04x %04x %04x %04x %04x\n", n, n, n, n, 0, 0, 0)
}
