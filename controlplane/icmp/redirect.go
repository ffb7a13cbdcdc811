// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/route"
)

// redirect4 is ip_rt_send_redirect: a host on our own link is told of a better gateway, k.Addr. One
// that does not listen is told less and less often, and after redirect_number times no more until
// it has been silent for redirect_silence.
func (h *Handler) redirect4(k *packet) {
	l := h.links.ByIndex(k.Oif)
	if l == nil || !l.SendRedirects() || !k.Addr.Is4() {
		return
	}
	if !l.SharedMedia() && !h.addrs.OnLink(l, k.src, k.Addr) {
		return
	}
	p, now := h.peer(k.src), h.now()
	if now > p.last+fromMS(h.Sysctl.RedirectSilence) {
		p.tokens, p.redirects = 0, 0
	}
	if p.redirects >= h.Sysctl.RedirectNumber {
		p.last = now
		return
	}
	if p.redirects == 0 || now > p.last+fromMS(h.Sysctl.RedirectLoad)<<p.redirects {
		gw := k.Addr.As4()
		h.send4(k, icmpRedirect, icmpRedirectHost, binary.BigEndian.Uint32(gw[:]))
		p.last = now
		p.redirects++
		if l.LogMartians() && p.redirects == h.Sysctl.RedirectNumber {
			h.net.Log.Warn("host ignores redirects", "host", k.src, "link", l.Name, "destination", k.dst,
				"gateway", k.Addr)
		}
	}
}

// redirect6 is what ip6_forward does about a packet that leaves by the link it came from, and
// ndisc_send_redirect. At most one a second, by destination and by source.
func (h *Handler) redirect6(k *packet) {
	l := h.links.ByIndex(k.Oif)
	if l == nil || h.neighs == nil || !k.Addr.Is6() {
		return
	}
	if !h.allow(h.peer(k.dst), hz) || !h.hasLinkLocal(l) {
		return
	}
	if k.dst != k.Addr && !k.Addr.IsLinkLocalUnicast() {
		return // nobody believes another target (RFC 4861 8.1)
	}
	r, err := h.routes.Lookup(route.Query{
		Family: unix.AF_INET6, Dst: k.src, Oif: l.Index, Proto: unix.IPPROTO_ICMPV6,
	})
	if err != nil || r.Gateway.IsValid() {
		return // the source is no neighbour
	}
	if !h.allow(h.peer(k.src), hz) {
		return
	}
	h.mib.icmp6.OutMsgs++
	h.mib.icmp6.out[neigh.NDRedirect]++
	h.neighs.SendRedirect(l, k.src, k.Addr, k.dst, k.ip)
}

func (h *Handler) hasLinkLocal(l *link.Link) bool {
	for _, a := range h.addrs.OfLink(l, unix.AF_INET6) {
		if a.Local().IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
			return true
		}
	}
	return false
}
