// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"fmt"

	"skua/dataplane/dpif"
)

// counts are the counters of ICMP or ICMPv6 (icmp_statistics, icmpmsg_statistics).
type counts struct {
	InMsgs, InErrors, InCsumErrors uint64
	OutMsgs, OutErrors             uint64
	OutRateLimitGlobal             uint64
	OutRateLimitHost               uint64
	in, out                        [256]uint64
}

// local are the counters of the protocols that have no sockets yet.
type local struct {
	UDPInErrors, UDPNoPorts, UDPInCsumErrors uint64
	TCPInSegs, TCPInErrs, TCPOutRsts         uint64
	TCPOutSegs, TCPInCsumErrors              uint64
}

type mibs struct {
	icmp, icmp6   counts
	local, local6 local
}

type named struct {
	name string
	typ  int
}

// Types that have counters of their own in /proc/net/snmp, in its order.
var icmpNames = []named{
	{"DestUnreachs", icmpDestUnreach}, {"TimeExcds", icmpTimeExceeded}, {"ParmProbs", icmpParamProb},
	{"SrcQuenchs", icmpSourceQuench}, {"Redirects", icmpRedirect}, {"Echos", icmpEcho},
	{"EchoReps", icmpEchoReply}, {"Timestamps", icmpTimestamp}, {"TimestampReps", icmpTimestampReply},
	{"AddrMasks", icmpAddress}, {"AddrMaskReps", icmpAddressReply},
}

// And in /proc/net/snmp6.
var icmp6Names = []named{
	{"DestUnreachs", 1}, {"PktTooBigs", 2}, {"TimeExcds", 3}, {"ParmProblems", 4}, {"Echos", 128},
	{"EchoReplies", 129}, {"GroupMembQueries", 130}, {"GroupMembResponses", 131},
	{"GroupMembReductions", 132}, {"RouterSolicits", 133}, {"RouterAdvertisements", 134},
	{"NeighborSolicits", 135}, {"NeighborAdvertisements", 136}, {"Redirects", 137},
	{"MLDv2Reports", 143},
}

// MIB gives the counters of ICMP with the names of /proc/net/snmp, "Icmp" before them.
func (h *Handler) MIB() []dpif.Counter {
	c := &h.mib.icmp
	out := []dpif.Counter{
		{Name: "IcmpInMsgs", Value: c.InMsgs}, {Name: "IcmpInErrors", Value: c.InErrors},
		{Name: "IcmpInCsumErrors", Value: c.InCsumErrors},
	}
	for _, n := range icmpNames {
		out = append(out, dpif.Counter{Name: "IcmpIn" + n.name, Value: c.in[n.typ]})
	}
	out = append(out, dpif.Counter{Name: "IcmpOutMsgs", Value: c.OutMsgs},
		dpif.Counter{Name: "IcmpOutErrors", Value: c.OutErrors},
		dpif.Counter{Name: "IcmpOutRateLimitGlobal", Value: c.OutRateLimitGlobal},
		dpif.Counter{Name: "IcmpOutRateLimitHost", Value: c.OutRateLimitHost})
	for _, n := range icmpNames {
		out = append(out, dpif.Counter{Name: "IcmpOut" + n.name, Value: c.out[n.typ]})
	}
	return c.types(out, "IcmpMsg")
}

// MIB6 gives those of ICMPv6 with the names of /proc/net/snmp6.
func (h *Handler) MIB6() []dpif.Counter {
	c := &h.mib.icmp6
	out := []dpif.Counter{
		{Name: "Icmp6InMsgs", Value: c.InMsgs}, {Name: "Icmp6InErrors", Value: c.InErrors},
		{Name: "Icmp6OutMsgs", Value: c.OutMsgs}, {Name: "Icmp6OutErrors", Value: c.OutErrors},
		{Name: "Icmp6InCsumErrors", Value: c.InCsumErrors},
		{Name: "Icmp6OutRateLimitHost", Value: c.OutRateLimitHost},
	}
	for _, n := range icmp6Names {
		out = append(out, dpif.Counter{Name: "Icmp6In" + n.name, Value: c.in[n.typ]})
	}
	for _, n := range icmp6Names {
		out = append(out, dpif.Counter{Name: "Icmp6Out" + n.name, Value: c.out[n.typ]})
	}
	return c.types(out, "Icmp6")
}

// types adds a counter for each type that was seen.
func (c *counts) types(out []dpif.Counter, prefix string) []dpif.Counter {
	for t, v := range c.in {
		if v != 0 {
			out = append(out, dpif.Counter{Name: fmt.Sprintf("%sInType%d", prefix, t), Value: v})
		}
	}
	for t, v := range c.out {
		if v != 0 {
			out = append(out, dpif.Counter{Name: fmt.Sprintf("%sOutType%d", prefix, t), Value: v})
		}
	}
	return out
}

// LocalMIB gives the counters of UDP and TCP that can move without sockets.
func (h *Handler) LocalMIB() []dpif.Counter {
	l, six := &h.mib.local, &h.mib.local6
	return []dpif.Counter{
		{Name: "UdpNoPorts", Value: l.UDPNoPorts}, {Name: "UdpInErrors", Value: l.UDPInErrors},
		{Name: "UdpInCsumErrors", Value: l.UDPInCsumErrors},
		{Name: "Udp6NoPorts", Value: six.UDPNoPorts}, {Name: "Udp6InErrors", Value: six.UDPInErrors},
		{Name: "Udp6InCsumErrors", Value: six.UDPInCsumErrors},
		{Name: "TcpInSegs", Value: l.TCPInSegs + six.TCPInSegs},
		{Name: "TcpOutSegs", Value: l.TCPOutSegs + six.TCPOutSegs},
		{Name: "TcpInErrs", Value: l.TCPInErrs + six.TCPInErrs},
		{Name: "TcpOutRsts", Value: l.TCPOutRsts + six.TCPOutRsts},
		{Name: "TcpInCsumErrors", Value: l.TCPInCsumErrors + six.TCPInCsumErrors},
	}
}

// CountND counts a message of Neighbor Discovery, which package neigh handles.
func (h *Handler) CountND(p *dpif.Punt) {
	if int(p.L4) < len(p.Data) {
		h.mib.icmp6.InMsgs++
		h.mib.icmp6.in[p.Data[p.L4]]++
	}
}

// CountSent6 counts a message of a type of ICMPv6 that another package has sent.
func (h *Handler) CountSent6(typ uint8) {
	h.mib.icmp6.OutMsgs++
	h.mib.icmp6.out[typ]++
}
