// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// ndSolicit is ndisc_solicit: asks for n, by unicast first when its address was known.
func (t *Table) ndSolicit(n *Entry) {
	l, target := n.Link, n.Addr
	var src netip.Addr
	if n.NUD == unix.NUD_INCOMPLETE && n.hint.Is6() {
		if a := t.own6(l, n.hint); a != nil && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC) == 0 {
			src = n.hint
		}
	}
	p := n.params()
	switch {
	case n.Probes < p.UnicastProbes:
		t.SendNS(l, target, target, src, 0)
	case n.Probes < p.UnicastProbes+p.AppProbes:
		t.announce(n, unix.RTM_GETNEIGH, 0)
	default:
		t.SendNS(l, target, SolicitedNode(target), src, 0)
	}
}

// SendNS sends a neighbour solicitation for target to dst (ndisc_send_ns). src invalid: from the
// link-local address of l; without one nothing is sent. src "::" is DAD's: no source link-layer
// address. nonce 0: no nonce option.
func (t *Table) SendNS(l *link.Link, target, dst, src netip.Addr, nonce uint64) {
	if !src.IsValid() {
		if src = t.linkLocal(l, unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC); !src.IsValid() {
			return
		}
	}
	m := ND{Type: NDNeighborSolicit, Src: src, Dst: dst, Target: target}
	if !src.IsUnspecified() {
		m.Options.SrcLLAddr = l.HardAddr[:]
	}
	if nonce != 0 {
		m.Options.Nonce = NonceOption(nonce)
	}
	t.SendND(l, &m)
}

// SendNA sends a neighbour advertisement of target to dst (ndisc_send_na), from target itself, or for
// an address that is not ours (proxy, anycast) from one of l. withAddr: with the target link-layer
// address option.
func (t *Table) SendNA(l *link.Link, dst, target netip.Addr, router, solicited, override, withAddr bool) {
	src := target
	if own := t.own6(l, target); own != nil {
		if own.Flags&unix.IFA_F_OPTIMISTIC != 0 {
			override = false
		}
		withAddr = withAddr || l.Conf6.ForceTLLAO != 0
	} else if src = t.addrs.Select(l, dst, unix.RT_SCOPE_UNIVERSE); !src.IsValid() {
		return
	}
	m := ND{
		Type: NDNeighborAdvert, Src: src, Dst: dst, Target: target,
		Router: router, Solicited: solicited, Override: override,
	}
	if withAddr {
		m.Options.TgtLLAddr = l.HardAddr[:]
	}
	t.SendND(l, &m)
}

// SendUnsolNA advertises the addresses of l to all nodes (ndisc_send_unsol_na).
func (t *Table) SendUnsolNA(l *link.Link) {
	for _, a := range t.addrs.OfLink(l, unix.AF_INET6) {
		if a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC) == unix.IFA_F_TENTATIVE {
			continue
		}
		t.SendNA(l, AllNodes, a.Local(), l.Forwarding6(), false, true, true)
	}
}

// SendRS sends a router solicitation from src, which may be "::", to dst (ndisc_send_rs).
func (t *Table) SendRS(l *link.Link, src, dst netip.Addr) {
	m := ND{Type: NDRouterSolicit, Src: src, Dst: dst}
	a := t.own6(l, src)
	if !src.IsUnspecified() && a != nil && a.Flags&unix.IFA_F_OPTIMISTIC == 0 {
		m.Options.SrcLLAddr = l.HardAddr[:]
	}
	t.SendND(l, &m)
}

// SendRedirect tells the sender of packet, an IPv6 packet received on l, that target is a better first
// hop to dst (ndisc_send_redirect, without its checks and its rate limit). Nothing is sent without a
// link-local address.
func (t *Table) SendRedirect(l *link.Link, to, target, dst netip.Addr, packet []byte) {
	src := t.linkLocal(l, unix.IFA_F_TENTATIVE)
	if !src.IsValid() {
		return
	}
	m := ND{Type: NDRedirect, Src: src, Dst: to, Target: target, Dest: dst}
	if n := t.Lookup(l, target); n != nil && n.NUD&Valid != 0 {
		m.Options.TgtLLAddr = n.HardAddr[:]
	}
	room := ndRedirectedMaxLen
	if m.Options.TgtLLAddr != nil {
		room -= ndLLAddrOptionLen
	}
	m.Options.HasHeader, m.Options.Redirected = true, packet[:min(len(packet), room)&^7]
	t.SendND(l, &m)
}

// SendND sends a message that is made already (ndisc_send_skb). Its destination is its neighbour.
func (t *Table) SendND(l *link.Link, m *ND) {
	t.inject(dpif.Inject{Net: t.net.ID, Oif: l.Index, Kind: dpif.InjectIP, Addr: m.Dst, Data: m.Packet()})
}
