// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// env is a stack without routes:
//
//	eth0 (2) 02:00:00:00:00:a0  10.0.0.1/24  fe80::1/64  2001:db8::1/64
//	eth1 (3) 02:00:00:00:00:a1  10.1.0.1/24
type env struct {
	*testing.T
	dp         *dpif.Fake
	clock      *rtnl.ManualClock
	net        *rtnl.Net
	links      *link.Table
	addrs      *addr.Table
	table      *Table
	eth0, eth1 *link.Link
	msgs       []string // announcements of neighbours since the last call of told
}

func newEnv(t *testing.T) *env {
	e := &env{T: t, dp: dpif.NewFake(), clock: rtnl.NewManualClock()}
	e.must(e.dp.AddNet(0))
	e.net = rtnl.NewNet(0, e.dp, e.clock, nil)
	var err error
	e.links, err = link.New(e.net)
	e.must(err)
	e.addrs = addr.New(e.net, e.links)
	e.table = New(e.net, e.links, e.addrs)
	e.net.OnAnnounce(func(msg any) {
		if m, ok := msg.(Msg); ok {
			e.msgs = append(e.msgs, describe(&m))
		}
	})
	e.eth0 = e.addLink("eth0", 0xa0)
	e.eth1 = e.addLink("eth1", 0xa1)
	e.addAddr(e.eth0, "10.0.0.1/24")
	e.addAddr(e.eth1, "10.1.0.1/24")
	e.addAddr(e.eth0, "fe80::1/64")
	e.addAddr(e.eth0, "2001:db8::1/64")
	e.sent()
	t.Cleanup(e.table.Close)
	return e
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) addLink(name string, last byte) *link.Link {
	e.Helper()
	l, err := e.links.Add(link.Config{Name: name, HardAddr: link.HardAddr{2, 0, 0, 0, 0, last}, Carrier: true})
	e.must(err)
	e.setUp(l, true)
	return l
}

func (e *env) setUp(l *link.Link, up bool) {
	e.Helper()
	c := link.Change{FlagsMask: unix.IFF_UP}
	if up {
		c.Flags = unix.IFF_UP
	}
	e.must(e.links.Change(l, c))
}

func (e *env) addAddr(l *link.Link, prefix string) *addr.Addr {
	e.Helper()
	a, err := e.addrs.Add(addr.Config{
		Link: l, Prefix: netip.MustParsePrefix(prefix), Flags: unix.IFA_F_NODAD,
	}, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	e.must(err)
	e.must(e.addrs.SetFlags(a, 0, unix.IFA_F_TENTATIVE))
	return a
}

func (e *env) sysctl(name, value string) {
	e.Helper()
	e.must(e.links.SetSysctl(name, value))
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(last byte) link.HardAddr { return link.HardAddr{2, 0, 0, 0, 0, last} }

var stateNames = map[uint16]string{
	unix.NUD_NONE: "NONE", unix.NUD_INCOMPLETE: "INCOMPLETE", unix.NUD_REACHABLE: "REACHABLE",
	unix.NUD_STALE: "STALE", unix.NUD_DELAY: "DELAY", unix.NUD_PROBE: "PROBE",
	unix.NUD_FAILED: "FAILED", unix.NUD_NOARP: "NOARP", unix.NUD_PERMANENT: "PERMANENT",
}

func describe(m *Msg) string {
	typ := map[uint16]string{unix.RTM_NEWNEIGH: "new", unix.RTM_DELNEIGH: "del", unix.RTM_GETNEIGH: "get"}[m.Type]
	return fmt.Sprintf("%s %s %s", typ, m.Entry.Addr, stateNames[m.Entry.NUD])
}

// told gives the announcements since the last call.
func (e *env) told() string {
	s := strings.Join(e.msgs, ", ")
	e.msgs = nil
	return s
}

// sent describes the packets sent since the last call.
func (e *env) sent() string {
	var all []string
	for _, in := range e.dp.Injected() {
		all = append(all, e.describePacket(&in))
	}
	return strings.Join(all, ", ")
}

func (e *env) describePacket(in *dpif.Inject) string {
	name := e.links.ByIndex(in.Oif).Name
	if in.Kind == dpif.InjectXmit {
		a, err := ParseARP(in.Data[14:])
		e.must(err)
		dst := link.HardAddr(in.Data[:6])
		if src := link.HardAddr(in.Data[6:]); src != a.SenderHA {
			e.Errorf("frame from %v, packet from %v", src, a.SenderHA)
		}
		if a.Op == ARPRequest {
			return fmt.Sprintf("%s: who-has %s tell %s to %s", name, a.TargetIP, a.SenderIP, short(dst))
		}
		return fmt.Sprintf("%s: %s is-at %s to %s %s", name, a.SenderIP, short(a.SenderHA), a.TargetIP, short(dst))
	}
	m, err := parseSent(in)
	e.must(err)
	var flags []string
	for _, f := range []struct {
		on   bool
		name string
	}{{m.Router, "router"}, {m.Solicited, "solicited"}, {m.Override, "override"},
		{m.Options.SrcLLAddr != nil, "sllao"}, {m.Options.TgtLLAddr != nil, "tllao"},
		{m.Options.Nonce != nil, "nonce"}} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	typ := map[uint8]string{133: "RS", 134: "RA", 135: "NS", 136: "NA", 137: "redirect"}[m.Type]
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s from %s to %s %s", name, typ, m.Target, m.Src, m.Dst, strings.Join(flags, " ")))
}

// parseSent reads back a packet of ND, checksum and lengths included.
func parseSent(in *dpif.Inject) (ND, error) {
	p := dpif.Punt{Data: in.Data, L3: 0, L4: 40}
	src, dst, hop, msg, _, err := ndPayload(&p)
	if err != nil {
		return ND{}, err
	}
	if dst != in.Addr {
		return ND{}, fmt.Errorf("packet to %v, injected to %v", dst, in.Addr)
	}
	if len(msg) != len(in.Data)-40 || ChecksumND(src, dst, msg) != 0 {
		return ND{}, fmt.Errorf("bad length or checksum in %x", in.Data)
	}
	return ParseND(src, dst, hop, msg)
}

func short(a link.HardAddr) string {
	if a == (link.HardAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) {
		return "all"
	}
	return fmt.Sprintf("%02x", a[5])
}

// miss is a packet from src that found no neighbour a on l.
func (e *env) miss(l *link.Link, a, src string) {
	p := &dpif.Punt{Reason: dpif.PuntNeighMiss, Oif: l.Index, Addr: ip(a), L3: 14}
	if src != "" && ip(src).Is4() {
		p.Data = make([]byte, 34)
		p.Data[14] = 0x45
		copy(p.Data[26:], ip(src).AsSlice())
	} else if src != "" {
		p.Data = make([]byte, 54)
		p.Data[14] = 0x60
		copy(p.Data[22:], ip(src).AsSlice())
	}
	e.table.HandleMiss(p)
}

// use is a packet that went to a stale neighbour.
func (e *env) use(l *link.Link, a string) {
	e.table.HandleUsed(&dpif.Punt{Reason: dpif.PuntNeighUsed, Oif: l.Index, Addr: ip(a)})
}

type arpOpt func(*ARP, *dpif.Punt)

// arp is an ARP packet that comes in on l; requests come by broadcast, replies by unicast.
func (e *env) arp(l *link.Link, op uint16, sha link.HardAddr, sip, tip string, opts ...arpOpt) {
	a := ARP{Op: op, SenderHA: sha, SenderIP: ip(sip), TargetIP: ip(tip)}
	p := dpif.Punt{Reason: dpif.PuntARP, Iif: l.Index, L3: 14, Protocol: 0x0806, PktType: unix.PACKET_BROADCAST}
	if op == ARPReply {
		p.PktType, a.TargetHA = unix.PACKET_HOST, l.HardAddr
	}
	for _, o := range opts {
		o(&a, &p)
	}
	p.Data = append(a.Frame(l.HardAddr, sha), make([]byte, 18)...)
	e.table.HandleARP(&p)
}

// nd is a message of ND that comes in on l.
func (e *env) nd(l *link.Link, m ND) { e.ndType(l, m, 255, unix.PACKET_HOST) }

func (e *env) ndType(l *link.Link, m ND, hopLimit, pktType uint8) {
	ip := m.Packet()
	ip[7] = hopLimit
	e.table.HandleND(&dpif.Punt{
		Reason: dpif.PuntND, Iif: l.Index, L3: 14, L4: 54, Protocol: 0x86dd, PktType: pktType,
		Data: append(make([]byte, 14), ip...),
	})
}

// state is the state of a neighbour of l, with its address when it is valid.
func (e *env) state(l *link.Link, a string) string {
	n := e.table.Lookup(l, ip(a))
	if n == nil {
		return "none"
	}
	s := stateNames[n.NUD]
	if n.NUD&Valid != 0 {
		s += " " + short(n.HardAddr)
	}
	return s
}

// dpState is what the data plane has.
func (e *env) dpState(l *link.Link, a string) string {
	all, err := e.dp.DumpNeighs(0)
	e.must(err)
	for _, n := range all {
		if n.Ifindex == l.Index && n.Addr == ip(a) {
			s := stateNames[n.NUD]
			if n.NUD&Valid != 0 {
				s += " " + short(n.HardAddr)
			}
			return s
		}
	}
	return "none"
}

// want checks a state in the table and in the data plane.
func (e *env) want(l *link.Link, a, state string) {
	e.Helper()
	if got := e.state(l, a); got != state {
		e.Errorf("%s is %s, want %s", a, got, state)
	}
	dp := state
	if state == "NONE" {
		dp = "none"
	}
	if got := e.dpState(l, a); got != dp {
		e.Errorf("data plane: %s is %s, want %s", a, got, dp)
	}
}

func (e *env) same(what, got, want string) {
	e.Helper()
	if got != want {
		e.Errorf("%s: %q, want %q", what, got, want)
	}
}

// fixedReach makes the reachable time of all links exactly 30 s.
func (e *env) fixedReach(l *link.Link) {
	for _, f := range []*family{&e.table.arp, &e.table.nd} {
		f.reach[l.Index] = reach{30 * time.Second, 30 * time.Second}
	}
}
