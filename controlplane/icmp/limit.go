// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"container/list"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Time is counted as the kernel counts it, so that what fits into a tick is one here as well.
type jiffies int64

// It begins a minute before the Handler, so that all buckets begin full, and does not follow the
// time of day when that is set.
func (h *Handler) now() jiffies {
	return 60*hz + jiffies(h.net.Clock.Now().Sub(h.start)/(time.Second/hz))
}

func fromMS(ms int32) jiffies { return jiffies(ms) * hz / 1000 }

// bucket is icmp_global: how many limited messages the whole Net may send.
type bucket struct {
	credit int32
	stamp  jiffies
}

// allowGlobal is icmp_global_allow: is there credit? It is taken by consumeGlobal when the message
// is really sent.
func (h *Handler) allowGlobal() bool {
	b := &h.global
	if b.credit > 0 {
		return true
	}
	now := h.now()
	delta := min(now-b.stamp, hz)
	if delta < hz/50 {
		return false
	}
	incr := int32(int64(h.Sysctl.MsgsPerSec) * int64(delta) / hz)
	if incr == 0 {
		return false
	}
	b.stamp = now
	b.credit = min(b.credit+incr, h.Sysctl.MsgsBurst)
	return true
}

// consumeGlobal is icmp_global_consume: one on average, at random, so that nobody can count the
// messages to others by what is left for him.
func (h *Handler) consumeGlobal() { h.global.credit -= int32(h.net.Rand.IntN(3)) }

// peer is an inet_peer: what is remembered of a destination of errors. The bucket is shared by all
// kinds of errors to it.
type peer struct {
	addr      netip.Addr
	tokens    jiffies
	last      jiffies
	redirects int32
	place     *list.Element
}

const (
	maxPeers    = 65536 + 128 // inet_peer_threshold
	burstFactor = 6           // XRLIM_BURST_FACTOR
)

// peers are the most recently used destinations.
type peers struct {
	byAddr map[netip.Addr]*peer
	recent *list.List // front: used last
}

func (p *peers) init() {
	p.byAddr = map[netip.Addr]*peer{}
	p.recent = list.New()
}

// peer finds or makes the entry of a (inet_getpeer). A new one has a full bucket.
func (h *Handler) peer(a netip.Addr) *peer {
	if e := h.peers.byAddr[a]; e != nil {
		h.peers.recent.MoveToFront(e.place)
		return e
	}
	if len(h.peers.byAddr) >= maxPeers {
		oldest := h.peers.recent.Back()
		delete(h.peers.byAddr, h.peers.recent.Remove(oldest).(*peer).addr)
	}
	e := &peer{addr: a, last: h.now() - 60*hz}
	e.place = h.peers.recent.PushFront(e)
	h.peers.byAddr[a] = e
	return e
}

// allow is inet_peer_xrlim_allow: a token every timeout, six at most.
func (h *Handler) allow(p *peer, timeout jiffies) bool {
	now := h.now()
	if delta := now - p.last; delta != 0 {
		p.last = now
		p.tokens = min(p.tokens+delta, burstFactor*timeout)
	}
	if p.tokens < timeout {
		return false
	}
	p.tokens -= timeout
	return true
}

// limited4 says whether a type of message is subject to the limits (icmpv4_mask_allow, inverted).
func (h *Handler) limited4(typ, code uint8) bool {
	if typ > nrICMPTypes || typ == icmpDestUnreach && code == icmpFragNeeded {
		return false
	}
	return h.Sysctl.RateMask>>typ&1 != 0
}

// allowPeer4 is icmpv4_xrlim_allow.
func (h *Handler) allowPeer4(dst netip.Addr) bool {
	if !h.allow(h.peer(dst), fromMS(h.Sysctl.RateLimit)) {
		h.mib.icmp.OutRateLimitHost++
		return false
	}
	h.consumeGlobal()
	return true
}

// limited6 is icmpv6_mask_allow, inverted: informational messages never are.
func (h *Handler) limited6(typ uint8) bool { return typ < 128 && h.Sysctl.rateMask6[typ] }

// allowPeer6 is icmpv6_xrlim_allow after its look at the route.
func (h *Handler) allowPeer6(dst netip.Addr) bool {
	if !h.allow(h.peer(dst), fromMS(h.Sysctl.RateLimit6)) {
		h.mib.icmp6.OutRateLimitHost++
		return false
	}
	h.consumeGlobal()
	return true
}

// routeError says whether C asks because a lookup had no way (ip_error), which has a limit before
// all others.
func (h *Handler) routeError(k *packet) bool {
	if k.ICMPType != icmpDestUnreach {
		return false
	}
	switch k.ICMPCode {
	case icmpNetUnreach, icmpPktFiltered:
		return true
	case icmpHostUnreach:
		return k.RtType == unix.RTN_UNREACHABLE
	}
	return false
}

// allowRouteError is the bucket of ip_error: error_burst at once, then one each error_cost.
func (h *Handler) allowRouteError(k *packet) bool {
	p, now := h.peer(k.src), h.now()
	p.tokens = min(p.tokens+now-p.last, fromMS(h.Sysctl.ErrorBurst))
	p.last = now
	if cost := fromMS(h.Sysctl.ErrorCost); p.tokens >= cost {
		p.tokens -= cost
		return true
	}
	return false
}
