// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// Types of IGMP (RFC 1112, 2236, 3376) and of MLD (RFC 2710, 3810), and of the records of their last
// versions.
const (
	igmpReport1 = 0x12
	igmpReport2 = 0x16
	igmpLeave2  = 0x17
	igmpReport3 = 0x22
	mldReport1  = 131
	mldDone1    = 132
	mldReport2  = 143

	recordIsIn  = 1
	recordIsEx  = 2
	recordToIn  = 3
	recordToEx  = 4
	recordAllow = 5
)

// HandleReport takes a report that the host sends by the twin of a link: groups that its sockets have
// joined or left, which the link joins and leaves with them. Sources are not told apart: the host's
// kernel does that.
func (t *Table) HandleReport(p *dpif.Punt) {
	l := t.links.ByIndex(p.Oif)
	if l == nil || l.Loopback() || int(p.L3) >= len(p.Data) {
		return
	}
	for group, joined := range reported(p.Data[p.L3:]) {
		t.hostGroup(l, group, joined)
	}
}

// hostGroup counts the host as one member, and leaves it to the host to report what it is a member of.
// When the host leaves a group that is ours too, and each time that it says so again, others may think
// that nobody listens here any more: then it is reported anew.
func (t *Table) hostGroup(l *link.Link, group netip.Addr, joined bool) {
	key := hostMember{l.Index, group}
	g := t.group(l, group)
	switch was := t.host[key]; {
	case joined && !was:
		t.host[key] = true
		g, _ = t.join(l, group)
		g.host = true
		t.tell(GroupTaken, l, g)
	case joined, g == nil:
	case was && g.Users == 1:
		delete(t.host, key)
		t.drop(l, group)
	default:
		if was {
			delete(t.host, key)
			g.Users--
			g.host = false
		}
		t.tell(GroupAdded, l, g)
	}
}

// hostMember is a group that sockets of the host have joined on a link.
type hostMember struct {
	index uint32
	group netip.Addr
}

// forgetHost drops what the host joined on a link that is gone.
func (t *Table) forgetHost(l *link.Link) {
	for key := range t.host {
		if key.index == l.Index {
			delete(t.host, key)
		}
	}
}

// reported reads an IGMP or MLD packet: groups that are joined, or left.
func reported(ip []byte) map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	switch {
	case len(ip) >= 20 && ip[0]>>4 == 4 && ip[9] == unix.IPPROTO_IGMP:
		hdr := int(ip[0]&15) * 4
		if hdr >= 20 && hdr+8 <= len(ip) {
			igmpReported(out, ip[hdr:])
		}
	case len(ip) >= 56 && ip[0]>>4 == 6 && ip[6] == unix.IPPROTO_HOPOPTS && ip[40] == unix.IPPROTO_ICMPV6 && ip[41] == 0:
		mldReported(out, ip[48:])
	}
	for group := range out {
		if !group.IsMulticast() {
			delete(out, group)
		}
	}
	return out
}

func igmpReported(out map[netip.Addr]bool, m []byte) {
	switch m[0] {
	case igmpReport1, igmpReport2, igmpLeave2:
		out[netip.AddrFrom4([4]byte(m[4:8]))] = m[0] != igmpLeave2
	case igmpReport3:
		records(out, m, 4)
	}
}

func mldReported(out map[netip.Addr]bool, m []byte) {
	switch {
	case len(m) < 8:
	case m[0] == mldReport1 || m[0] == mldDone1:
		if len(m) >= 24 {
			out[netip.AddrFrom16([16]byte(m[8:24]))] = m[0] == mldReport1
		}
	case m[0] == mldReport2:
		records(out, m, 16)
	}
}

// records reads the group records of IGMPv3 and MLDv2, which differ in the size of addresses.
func records(out map[netip.Addr]bool, m []byte, size int) {
	n, rest := int(binary.BigEndian.Uint16(m[6:])), m[8:]
	for ; n > 0 && len(rest) >= 4+size; n-- {
		sources := int(binary.BigEndian.Uint16(rest[2:]))
		group, _ := netip.AddrFromSlice(rest[4 : 4+size])
		switch rest[0] {
		case recordIsEx, recordToEx, recordAllow:
			out[group] = true
		case recordIsIn, recordToIn:
			out[group] = sources > 0
		}
		skip := 4 + size + sources*size + int(rest[1])*4
		if skip > len(rest) {
			return
		}
		rest = rest[skip:]
	}
}
