// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// stats are the counters of a link; zeros when the data plane has none.
func (t *Tree) stats(l *link.Link) dpif.LinkStats {
	s, err := t.st.Net.DP.LinkStats(t.st.Net.ID, l.Index)
	if err != nil {
		return dpif.LinkStats{}
	}
	return s
}

// dev is /proc/net/dev (dev_seq_printf_stats).
func (t *Tree) dev(b *bytes.Buffer) {
	b.WriteString("Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n")
	for _, l := range t.st.Links.All() {
		s := t.stats(l)
		fmt.Fprintf(b, "%6s: %7d %7d %4d %4d %4d %5d %10d %9d %8d %7d %4d %4d %4d %5d %7d %10d\n", l.Name,
			s.RxBytes, s.RxPackets, s.RxErrors, s.RxDropped+s.RxMissed, 0, s.RxLengthError, 0, s.Multicast,
			s.TxBytes, s.TxPackets, s.TxErrors, s.TxDropped, 0, 0, 0, 0)
	}
}

// devMcast is /proc/net/dev_mcast: the link-layer groups that a link listens to.
func (t *Tree) devMcast(b *bytes.Buffer) {
	for _, l := range t.st.Links.All() {
		for _, g := range t.st.Addrconf.LinkGroups(l) {
			fmt.Fprintf(b, "%-4d %-15s %-5d %-5d %x\n", l.Index, l.Name, g.Users, g.Global, g.Addr[:])
		}
	}
}

// ptype is /proc/net/ptype: the functions by which packets come in.
func (t *Tree) ptype(b *bytes.Buffer) {
	b.WriteString("Type Device      Function\n")
	for _, p := range []struct {
		typ  uint16
		name string
	}{{unix.ETH_P_IP, "ip_rcv"}, {unix.ETH_P_ARP, "arp_rcv"}, {unix.ETH_P_IPV6, "ipv6_rcv"}} {
		fmt.Fprintf(b, "%04x %-8s %s\n", p.typ, "", p.name)
	}
}

// softnetStat is /proc/net/softnet_stat: a line a worker. Processed are the packets that it took,
// dropped those that found its ring full; received_rps those that others handed to it.
func (t *Tree) softnetStat(b *bytes.Buffer) {
	workers, err := t.st.Net.DP.Workers()
	if err != nil {
		return
	}
	for _, w := range workers {
		fmt.Fprintf(b, "%08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x %08x\n",
			uint32(w.Packets), uint32(w.RPSDropped), 0, 0, 0, 0, 0, 0, 0, uint32(w.RPSIn), 0, 0, w.Lcore)
	}
}

// rtCache is /proc/net/stat/rt_cache: there is no cache of routes to count.
func (t *Tree) rtCache(b *bytes.Buffer) {
	b.WriteString("entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src out_hit  out_slow_tot out_slow_mc gc_total gc_ignored gc_goal_miss gc_dst_overflow in_hlist_search out_hlist_search\n")
	fmt.Fprintf(b, "%08x %08x %08x    %08x   %08x    %08x %08x       %08x       %08x %08x     %08x    %08x %08x   %08x     %08x        %08x        %08x\n",
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}
