// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// HandleARP takes a punted ARP packet (arp_rcv).
func (t *Table) HandleARP(p *dpif.Punt) {
	l := t.links.ByIndex(p.Iif)
	if l == nil || !l.Up() {
		t.drop(DropUnknownLink)
		return
	}
	if l.NoARP() || l.Loopback() || !l.InDev {
		t.drop(DropNoARP)
		return
	}
	if p.PktType == unix.PACKET_OTHERHOST || p.PktType == unix.PACKET_LOOPBACK {
		t.drop(DropNotForUs)
		return
	}
	if int(p.L3) > len(p.Data) {
		t.drop(DropTooSmall)
		return
	}
	a, err := ParseARP(p.Data[p.L3:])
	if err != nil {
		t.drop(err.(Drop))
		return
	}
	t.arpProcess(l, &a, p.PktType, false)
}

// arpProcess decides what an ARP packet means (arp_process). redo: it comes from the queue of delayed
// proxy answers.
func (t *Table) arpProcess(l *link.Link, a *ARP, pktType uint8, redo bool) {
	sip, tip, sha := a.SenderIP, a.TargetIP, a.SenderHA
	switch {
	case tip.IsMulticast(), tip.IsLoopback() && !l.RouteLocalnet():
		t.drop(DropARPTarget)
		return
	case sip == tip && l.DropGratuitousARP():
		t.drop(DropGratuitous)
		return
	}

	// Duplicate address detection (RFC 2131, RFC 5227) is answered and not learned from.
	if sip.IsUnspecified() {
		if a.Op == ARPRequest && t.addrType(tip) == unix.RTN_LOCAL && !t.arpIgnore(l, sip, tip) {
			t.arpSend(l, ARPReply, sip, tip, sha, l.HardAddr, sha)
		}
		return
	}

	if a.Op == ARPRequest {
		if typ, out, ok := t.routeInput(l, tip, sip); ok && t.arpAnswer(l, a, typ, out, pktType, redo) {
			return
		}
	}
	t.arpLearn(l, a, pktType)
}

// arpAnswer answers a request for tip, to which there is a route of type typ by link out. True: the
// packet has been dealt with.
func (t *Table) arpAnswer(l *link.Link, a *ARP, typ uint8, out *link.Link, pktType uint8, redo bool) bool {
	sip, tip, sha := a.SenderIP, a.TargetIP, a.SenderHA
	switch {
	case typ == unix.RTN_LOCAL:
		if t.arpIgnore(l, sip, tip) || l.ArpFilter() && t.arpFilter(l, sip, tip) {
			return true
		}
		if t.eventNS(l, sip, sha) != nil {
			t.arpSend(l, ARPReply, sip, tip, sha, l.HardAddr, sha)
		}
		return true

	case typ == unix.RTN_UNICAST && l.Forwarding4() && t.arpProxied(l, out, sip, tip):
		t.eventNS(l, sip, sha)
		if redo || pktType == unix.PACKET_HOST || l.Neigh4.ProxyDelay == 0 {
			t.arpSend(l, ARPReply, sip, tip, sha, l.HardAddr, sha)
		} else {
			packet := *a
			t.arp.enqueue(l, func() { t.arpProcess(l, &packet, pktType, true) })
		}
		return true
	}
	return false
}

// eventNS is neigh_event_ns: who asks tells his own address.
func (t *Table) eventNS(l *link.Link, sip netip.Addr, sha link.HardAddr) *Entry {
	n := t.lookupOrCreate(l, sip)
	if n != nil {
		_ = t.Update(n, sha, true, unix.NUD_STALE, Override, 0)
	}
	return n
}

// arpLearn updates an entry that is there, or with arp_accept makes one.
func (t *Table) arpLearn(l *link.Link, a *ARP, pktType uint8) {
	sip, sha := a.SenderIP, a.SenderHA
	accept := t.arpAccept(l, sip)
	n := t.Lookup(l, sip)
	garp := (n != nil || accept) && t.arpIsGratuitous(a)
	if accept && n == nil &&
		(garp || a.Op == ARPReply && t.addrType(sip) == unix.RTN_UNICAST) {
		n = t.lookupOrCreate(l, sip)
	}
	if n == nil {
		return
	}
	// Of several answers in a row the first counts, unless the owner announces himself.
	var flags UpdateFlags
	if garp || t.now() > n.updated+int64(n.params().LockTime) {
		flags = Override
	}
	// A broadcast answer and a request do not show that the neighbour hears us.
	state := uint16(unix.NUD_REACHABLE)
	if a.Op != ARPReply || pktType != unix.PACKET_HOST {
		state = unix.NUD_STALE
	}
	_ = t.Update(n, sha, true, state, flags, 0)
}

// arpIsGratuitous is arp_is_garp: in a reply both link-layer addresses must be the sender's too.
func (t *Table) arpIsGratuitous(a *ARP) bool {
	return a.SenderIP == a.TargetIP &&
		(a.Op != ARPReply || a.SenderHA == a.TargetHA) &&
		t.addrType(a.SenderIP) == unix.RTN_UNICAST
}

func (t *Table) arpAccept(l *link.Link, sip netip.Addr) bool {
	switch l.ArpAccept() {
	case 1:
		return true
	case 2:
		return t.addrs.OnLink(l, sip, netip.Addr{})
	}
	return false
}

// arpIgnore says whether arp_ignore forbids to answer for tip.
func (t *Table) arpIgnore(l *link.Link, sip, tip netip.Addr) bool {
	scope := uint8(unix.RT_SCOPE_HOST)
	switch l.ArpIgnore() {
	case 1: // only addresses of the link itself
		sip = netip.Addr{}
	case 2: // and only askers of their subnet
	case 3: // no addresses of scope host, of any link
		sip, scope, l = netip.Addr{}, unix.RT_SCOPE_LINK, nil
	case 8:
		return true
	default:
		return false
	}
	if sip.IsUnspecified() {
		sip = netip.Addr{}
	}
	return !t.addrs.Confirm(l, sip, tip, scope).IsValid()
}

// arpFilter says whether arp_filter forbids to answer: the way back to sip is by another link.
func (t *Table) arpFilter(l *link.Link, sip, tip netip.Addr) bool {
	return t.RouteOutput != nil && t.RouteOutput(sip, tip) != l
}

// arpProxied is arp_fwd_proxy, arp_fwd_pvlan and the proxy entries: whether to answer for tip, which
// is reached by out, as if it were ours.
func (t *Table) arpProxied(l, out *link.Link, sip, tip netip.Addr) bool {
	if out == l {
		return sip != tip && l.ProxyARPPvlan()
	}
	if out == nil {
		return false
	}
	if l.ProxyARP() && !sameMedium(l.Conf4.MediumID, out) {
		return true
	}
	return t.LookupProxy(l, tip) != nil
}

// sameMedium says whether two links with a medium_id are known to be on one wire.
func sameMedium(id int32, out *link.Link) bool {
	switch id {
	case 0:
		return false
	case -1:
		return true
	}
	return out.InDev && (out.Conf4.MediumID == id || out.Conf4.MediumID == -1)
}

// arpSolicit is arp_solicit: asks for n, by unicast first when its address was known, and from a
// source that arp_announce allows.
func (t *Table) arpSolicit(n *Entry) {
	l, target := n.Link, n.Addr
	if !l.InDev {
		return
	}
	var src netip.Addr
	hint := n.NUD == unix.NUD_INCOMPLETE && n.hint.Is4() // else no packet waits
	switch l.ArpAnnounce() {
	case 0:
		if hint && t.isLocal4(n.hint) {
			src = n.hint
		}
	case 1: // an address that the target can know as one of its subnet
		if hint && t.isLocal4(n.hint) && t.addrs.OnLink(l, target, n.hint) {
			src = n.hint
		}
	}
	if !src.IsValid() {
		src = t.addrs.Select(l, target, unix.RT_SCOPE_LINK)
	}
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
	}
	p := n.params()
	switch {
	case n.Probes < p.UnicastProbes:
		t.arpSend(l, ARPRequest, target, src, n.HardAddr, l.HardAddr, link.HardAddr{})
	case n.Probes < p.UnicastProbes+p.AppProbes:
		t.announce(n, unix.RTM_GETNEIGH, 0)
	default:
		t.arpSend(l, ARPRequest, target, src, l.Broadcast, l.HardAddr, link.HardAddr{})
	}
}

// arpSend is arp_send: target and source are the protocol addresses, dst is where the frame goes, tha
// what the packet says of the target.
func (t *Table) arpSend(l *link.Link, op uint16, target, source netip.Addr, dst, sha, tha link.HardAddr) {
	if l.NoARP() || !l.Up() {
		return
	}
	a := ARP{Op: op, SenderHA: sha, SenderIP: source, TargetHA: tha, TargetIP: target}
	t.inject(dpif.Inject{Net: t.net.ID, Oif: l.Index, Kind: dpif.InjectXmit, Data: a.Frame(dst, sha)})
}

func (t *Table) inject(in dpif.Inject) {
	if err := t.net.DP.Inject(in); err != nil {
		t.net.Log.Debug("not sent", "oif", in.Oif, "err", err)
	}
}

// SendGratuitousARP announces the IPv4 addresses of l (inetdev_send_gratuitous_arp).
func (t *Table) SendGratuitousARP(l *link.Link) {
	for _, a := range t.addrs.OfLink(l, unix.AF_INET) {
		t.arpSend(l, ARPRequest, a.Local(), a.Local(), l.Broadcast, l.HardAddr, link.HardAddr{})
	}
}
