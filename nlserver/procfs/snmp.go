// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// The counters of RFC 4293 in the order of the kernel's files.
const (
	ipNames = `InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers
		OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails
		FragCreates OutTransmits`
	ipExtNames = `InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets
		OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts
		InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps`
	icmpTypes = `DestUnreachs TimeExcds ParmProbs SrcQuenchs Redirects Echos EchoReps Timestamps
		TimestampReps AddrMasks AddrMaskReps`
	tcpNames = `RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets
		CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors`
	udpNames = `InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
		IgnoredMulti MemErrors`
	ip6Names = `InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos
		InTruncatedPkts InDiscards InDelivers OutForwDatagrams OutRequests OutDiscards OutNoRoutes
		ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates InMcastPkts OutMcastPkts
		InOctets OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InNoECTPkts
		InECT1Pkts InECT0Pkts InCEPkts OutTransmits`
	icmp6Names = `InMsgs InErrors OutMsgs OutErrors InCsumErrors`
	icmp6Types = `DestUnreachs PktTooBigs TimeExcds ParmProblems Echos EchoReplies GroupMembQueries
		GroupMembResponses GroupMembReductions RouterSolicits RouterAdvertisements NeighborSolicits
		NeighborAdvertisements Redirects MLDv2Reports`
	udplite6Names = `InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors MemErrors`
)

// counts are counters by name.
type counts map[string]uint64

func (c counts) add(list []dpif.Counter, prefix string) {
	for _, x := range list {
		c[prefix+x.Name] += x.Value
	}
}

// mib gathers what the data plane and the control plane counted: IpInReceives, IcmpInMsgs, ...
func (t *Tree) mib() counts {
	c, dp, id := counts{}, t.st.Net.DP, t.st.Net.ID
	for _, m := range []struct {
		mib    dpif.MIB
		prefix string
	}{{dpif.MIBIP, "Ip"}, {dpif.MIBIPExt, "IpExt"}, {dpif.MIBIP6, ""}} {
		if list, err := dp.MIB(id, m.mib); err == nil {
			c.add(list, m.prefix)
		}
	}
	c.add(t.st.ICMP.MIB(), "")
	c.add(t.st.ICMP.MIB6(), "")
	c.add(t.st.ICMP.LocalMIB(), "")
	return c
}

// withHost is a file to which the host's counters of sockets are added: what Skua answers for
// sockets that are not there it counts itself.
func (t *Tree) withHost(name string, f func(t *Tree, b *bytes.Buffer, host string, c counts)) *Node {
	of := hostNet(name)
	return &Node{Mode: unix.S_IFREG | 0o444, Read: func(c Caller) ([]byte, error) {
		host, err := of.Read(c)
		if err != nil {
			host = nil // the caller is gone, or there is no /proc
		}
		var b bytes.Buffer
		t.lock(func() { f(t, &b, string(host), t.mib()) })
		return b.Bytes(), nil
	}}
}

// hostLines finds the two lines of a protocol in the host's snmp or netstat: names and values.
func hostLines(host, proto string) (names []string, values counts, text string) {
	values = counts{}
	for l := range strings.Lines(host) {
		rest, ok := strings.CutPrefix(l, proto+": ")
		if !ok {
			continue
		}
		text += l
		if names == nil {
			names = strings.Fields(rest)
			continue
		}
		for i, v := range strings.Fields(rest) {
			if n, err := strconv.ParseUint(v, 10, 64); err == nil && i < len(names) {
				values[names[i]] = n
			}
		}
		break
	}
	return names, values, text
}

// pair writes the names of a protocol and below them their values.
func pair(b *bytes.Buffer, proto string, names []string, value func(name string) string) {
	fmt.Fprintf(b, "%s: %s\n%s:", proto, strings.Join(names, " "), proto)
	for _, n := range names {
		b.WriteByte(' ')
		b.WriteString(value(n))
	}
	b.WriteByte('\n')
}

// snmp is /proc/net/snmp.
func (t *Tree) snmp(b *bytes.Buffer, host string, c counts) {
	forwarding := uint64(2)
	if t.st.Links.All4.Forwarding != 0 {
		forwarding = 1
	}
	c["IpForwarding"], c["IpDefaultTTL"] = forwarding, uint64(t.st.ICMP.Sysctl.IPDefaultTTL)
	of := func(proto string) func(string) string {
		return func(n string) string { return strconv.FormatUint(c[proto+n], 10) }
	}
	pair(b, "Ip", append([]string{"Forwarding", "DefaultTTL"}, strings.Fields(ipNames)...), of("Ip"))
	icmp := strings.Fields("InMsgs InErrors InCsumErrors")
	for _, n := range strings.Fields(icmpTypes) {
		icmp = append(icmp, "In"+n)
	}
	icmp = append(icmp, strings.Fields("OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost")...)
	for _, n := range strings.Fields(icmpTypes) {
		icmp = append(icmp, "Out"+n)
	}
	pair(b, "Icmp", icmp, of("Icmp"))
	t.icmpMsg(b, c)
	_, tcp, _ := hostLines(host, "Tcp")
	pair(b, "Tcp", strings.Fields(tcpNames), func(n string) string {
		switch n {
		case "RtoAlgorithm":
			return "1"
		case "RtoMin":
			return "200"
		case "RtoMax":
			return "120000"
		case "MaxConn":
			return "-1"
		}
		return strconv.FormatUint(tcp[n]+c["Tcp"+n], 10)
	})
	_, udp, _ := hostLines(host, "Udp")
	pair(b, "Udp", strings.Fields(udpNames), func(n string) string { return strconv.FormatUint(udp[n]+c["Udp"+n], 10) })
	_, lite, _ := hostLines(host, "UdpLite")
	pair(b, "UdpLite", strings.Fields(udpNames), func(n string) string { return strconv.FormatUint(lite[n], 10) })
}

// icmpMsg writes the types that were seen, sixteen to a line (icmpmsg_put).
func (t *Tree) icmpMsg(b *bytes.Buffer, c counts) {
	var names []string
	for _, way := range []string{"In", "Out"} {
		for typ := range 256 {
			if n := fmt.Sprintf("%sType%d", way, typ); c["IcmpMsg"+n] != 0 {
				names = append(names, n)
			}
		}
	}
	for part := range slices.Chunk(names, 16) {
		pair(b, "IcmpMsg", part, func(n string) string { return strconv.FormatUint(c["IcmpMsg"+n], 10) })
	}
}

// netstat is /proc/net/netstat: TcpExt and MPTcpExt are the host's.
func (t *Tree) netstat(b *bytes.Buffer, host string, c counts) {
	_, _, tcp := hostLines(host, "TcpExt")
	b.WriteString(tcp)
	pair(b, "IpExt", strings.Fields(ipExtNames), func(n string) string { return strconv.FormatUint(c["IpExt"+n], 10) })
	_, _, mptcp := hostLines(host, "MPTcpExt")
	b.WriteString(mptcp)
}

// snmp6 is /proc/net/snmp6.
func (t *Tree) snmp6(b *bytes.Buffer, host string, c counts) {
	for l := range strings.Lines(host) {
		if name, v, ok := strings.Cut(l, "\t"); ok && strings.HasPrefix(name, "Udp") {
			if n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 64); err == nil {
				c[strings.TrimSpace(name)] += n
			}
		}
	}
	t.mib6(b, c, icmp6Names+" OutRateLimitHost")
	for _, n := range strings.Fields(udpNames) {
		fmt.Fprintf(b, "%-32s\t%d\n", "Udp6"+n, c["Udp6"+n])
	}
	for _, n := range strings.Fields(udplite6Names) {
		fmt.Fprintf(b, "%-32s\t%d\n", "UdpLite6"+n, c["UdpLite6"+n])
	}
}

// mib6 is what snmp6 and dev_snmp6 have in common.
func (t *Tree) mib6(b *bytes.Buffer, c counts, icmp6 string) {
	var names []string
	for _, n := range strings.Fields(ip6Names) {
		names = append(names, "Ip6"+n)
	}
	for _, n := range strings.Fields(icmp6) {
		names = append(names, "Icmp6"+n)
	}
	for _, way := range []string{"In", "Out"} {
		for _, n := range strings.Fields(icmp6Types) {
			names = append(names, "Icmp6"+way+n)
		}
	}
	for _, way := range []string{"In", "Out"} {
		for typ := range 256 {
			if n := fmt.Sprintf("Icmp6%sType%d", way, typ); c[n] != 0 {
				names = append(names, n)
			}
		}
	}
	for _, n := range names {
		fmt.Fprintf(b, "%-32s\t%d\n", n, c[n])
	}
}

// devSnmp6 is /proc/net/dev_snmp6/NAME. Skua counts per net and not per link: all are zero.
func (t *Tree) devSnmp6(b *bytes.Buffer, l *link.Link) {
	fmt.Fprintf(b, "%-32s\t%d\n", "ifIndex", l.Index)
	t.mib6(b, counts{}, icmp6Names)
}
