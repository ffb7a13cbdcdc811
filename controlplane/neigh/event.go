// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// HandleMiss takes notice that a packet waits for a neighbour that is not resolved, or not known
// (neigh_resolve_output). The packet's source is what the solicitation comes from when it may.
func (t *Table) HandleMiss(p *dpif.Punt) {
	l := t.links.ByIndex(p.Oif)
	a := p.Addr.Unmap()
	if l == nil || !l.Up() || !a.IsValid() {
		t.drop(DropUnknownLink) // what is held went with the link
		return
	}
	n := t.Lookup(l, a)
	if n == nil {
		var err error
		if n, err = t.create(l, a, 0, false); err != nil {
			t.drop(DropTableFull)
			t.letGo(l, a)
			return
		}
	}
	if n.NUD&Valid != 0 {
		t.publish(n) // the data plane must have missed it
	}
	if src := packetSource(p); src.IsValid() {
		n.hint = src
	}
	t.eventSend(n)
}

// letGo has the data plane drop what it holds for a neighbour that is not in the table: deleting one
// that is being resolved does that.
func (t *Table) letGo(l *link.Link, a netip.Addr) {
	_ = t.net.DP.SetNeigh(dpif.Neigh{Net: t.net.ID, Ifindex: l.Index, Addr: a, NUD: unix.NUD_INCOMPLETE})
	t.unpublish(l.Index, a)
}

// packetSource is the source address of the IP packet in p; invalid: there is none of a's family.
func packetSource(p *dpif.Punt) netip.Addr {
	if int(p.L3) > len(p.Data) {
		return netip.Addr{}
	}
	ip := p.Data[p.L3:]
	switch {
	case p.Addr.Is4() && len(ip) >= 20 && ip[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(ip[12:16]))
	case !p.Addr.Is4() && len(ip) >= ipv6HdrLen && ip[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(ip[8:24]))
	}
	return netip.Addr{}
}

// HandleUsed takes notice that a packet used a stale neighbour.
func (t *Table) HandleUsed(p *dpif.Punt) {
	if l := t.links.ByIndex(p.Oif); l != nil {
		if n := t.Lookup(l, p.Addr.Unmap()); n != nil {
			t.eventSend(n)
		}
	}
}

// event is the subscriber of the notifier chain (arp_netdev_event, ndisc_netdev_event,
// inetdev_event, fib_disable_ip).
func (t *Table) event(event any) {
	switch e := event.(type) {
	case link.Event:
		t.local = nil
		t.linkEvent(&e)
	case addr.Event:
		t.local = nil
		// With its last address a link loses IPv4 (fib_disable_ip).
		if e.Type == addr.Added && e.Addr.Is4() {
			t.invalidateBroadcast(e.Addr)
		}
		if e.Type == addr.Deleted && e.Addr.Is4() && len(t.addrs.OfLink(e.Addr.Link, unix.AF_INET)) == 0 {
			t.ifdown(&t.arp, e.Addr.Link, false)
		}
	}
}

// invalidateBroadcast forgets neighbours that could not be resolved and turn out to be broadcast
// addresses (arp_invalidate in fib_add_ifaddr).
func (t *Table) invalidateBroadcast(a *addr.Addr) {
	broadcast := []netip.Addr{a.Broadcast}
	if !a.Secondary() && a.Bits() < 31 {
		last := a.Net().Addr().As4()
		for i := a.Bits(); i < 32; i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		broadcast = append(broadcast, netip.AddrFrom4(last))
	}
	for _, b := range broadcast {
		if !b.IsValid() || b == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			continue
		}
		if n := t.Lookup(a.Link, b); n != nil && n.NUD&Valid == 0 {
			t.remove(n)
		}
	}
}

func (t *Table) linkEvent(e *link.Event) {
	l := e.Link
	switch e.Type {
	case link.Up:
		if l.ArpNotify() {
			t.SendGratuitousARP(l)
		}
		if l.Conf6.NDISCNotify != 0 || t.links.All6.NDISCNotify != 0 {
			t.SendUnsolNA(l)
		}
	case link.Down, link.Unregister:
		t.ifdown(&t.arp, l, false)
		t.ifdown(&t.nd, l, false)
	case link.ChangeAddr:
		t.flush(&t.arp, l, false)
		t.flush(&t.nd, l, false)
		if l.ArpNotify() {
			t.SendGratuitousARP(l)
		}
		if l.Conf6.NDISCNotify != 0 || t.links.All6.NDISCNotify != 0 {
			t.SendUnsolNA(l)
		}
	case link.Changed:
		if e.Flags&unix.IFF_NOARP != 0 {
			t.flush(&t.arp, l, false)
			t.flush(&t.nd, l, false)
		}
		if !l.Carrier {
			if l.ArpEvictNocarrier() {
				t.ifdown(&t.arp, l, true)
			}
			if l.Conf6.NDISCEvictNocarrier != 0 && t.links.All6.NDISCEvictNocarrier != 0 {
				t.ifdown(&t.nd, l, true)
			}
		}
	case link.ChangeMTU:
		if !l.InDev {
			t.ifdown(&t.arp, l, false)
		}
		if !l.In6Dev {
			t.ifdown(&t.nd, l, false)
		}
	case link.ConfChanged:
		if e.Conf == "ipv6.conf.disable_ipv6" && l.Conf6.DisableIPv6 != 0 {
			t.ifdown(&t.nd, l, false)
		}
	}
}

// NotifyPeers announces the addresses of l without being asked (NETDEV_NOTIFY_PEERS).
func (t *Table) NotifyPeers(l *link.Link) {
	t.SendGratuitousARP(l)
	t.SendUnsolNA(l)
}

// ifdown is neigh_ifdown and, with keepPermanent, neigh_carrier_down.
func (t *Table) ifdown(f *family, l *link.Link, keepPermanent bool) {
	t.flush(f, l, keepPermanent)
	f.proxyIfdown(l, keepPermanent)
	if !keepPermanent && l.Gone() {
		delete(f.reach, l.Index)
	}
}

// flush is neigh_flush_dev.
func (t *Table) flush(f *family, l *link.Link, keepPermanent bool) {
	var next *Entry
	for n := f.all.head; n != nil; n = next {
		next = n.next
		if n.Link != l || keepPermanent && (n.NUD&unix.NUD_PERMANENT != 0 || n.Flags&FlagExtValidated != 0) {
			continue
		}
		t.remove(n)
	}
}
