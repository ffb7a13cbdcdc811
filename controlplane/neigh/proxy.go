// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Proxy is an address that is answered for though it is another's (pneigh_entry).
type Proxy struct {
	Addr      netip.Addr
	Link      *link.Link // nil: all links (IPv4 only)
	Flags     uint32     // Flag*: FlagProxy and what the operator gave
	Protocol  uint8
	Permanent bool // survives the loss of the carrier
}

// LookupProxy finds the proxy entry that acts for a on l (pneigh_lookup); nil: none does.
func (t *Table) LookupProxy(l *link.Link, a netip.Addr) *Proxy {
	for _, p := range t.of(familyOf(a)).proxies {
		if p.Addr == a && (p.Link == nil || p.Link == l) {
			return p
		}
	}
	return nil
}

// Proxies gives the proxy entries of a family.
func (t *Table) Proxies(af uint8) []*Proxy { return slices.Clone(t.of(af).proxies) }

// AddProxy makes a proxy entry or changes the one that acts already (pneigh_create). ENOBUFS: an IPv6
// address needs a link with IPv6.
func (t *Table) AddProxy(p Proxy) error {
	f := t.of(familyOf(p.Addr))
	old := t.lookupProxyOf(f, p.Link, p.Addr)
	if old == nil {
		if f.af == unix.AF_INET6 {
			if p.Link == nil || !p.Link.In6Dev {
				return unix.ENOBUFS
			}
			t.membership(p.Link, p.Addr, true)
		}
		old = &Proxy{Addr: p.Addr, Link: p.Link}
		f.proxies = append(f.proxies, old)
	}
	old.Flags, old.Permanent = p.Flags, p.Permanent
	if p.Protocol != 0 {
		old.Protocol = p.Protocol
	}
	return nil
}

// lookupProxyOf is pneigh_lookup with a link that may be nil.
func (t *Table) lookupProxyOf(f *family, l *link.Link, a netip.Addr) *Proxy {
	for _, p := range f.proxies {
		if p.Addr == a && (p.Link == nil || p.Link == l) {
			return p
		}
	}
	return nil
}

// DeleteProxy deletes the entry of exactly that link (pneigh_delete). ENOENT: there is none.
func (t *Table) DeleteProxy(l *link.Link, a netip.Addr) error {
	f := t.of(familyOf(a))
	for i, p := range f.proxies {
		if p.Addr == a && p.Link == l {
			f.proxies = slices.Delete(f.proxies, i, i+1)
			t.destroyProxy(p)
			return nil
		}
	}
	return unix.ENOENT
}

func (t *Table) destroyProxy(p *Proxy) {
	if !p.Addr.Is4() && p.Link != nil {
		t.membership(p.Link, p.Addr, false)
	}
}

func (t *Table) membership(l *link.Link, a netip.Addr, join bool) {
	if t.Membership != nil {
		t.Membership(l, SolicitedNode(a), join)
	}
}

// proxyIfdown is pneigh_ifdown: the entries of l go, with keepPermanent only those that are not
// permanent; entries without a link stay.
func (f *family) proxyIfdown(l *link.Link, keepPermanent bool) {
	f.proxies = slices.DeleteFunc(f.proxies, func(p *Proxy) bool {
		gone := p.Link == l && !(keepPermanent && p.Permanent)
		if gone {
			f.t.destroyProxy(p)
		}
		return gone
	})
	f.delayed.drop(l)
}

// proxyQueue holds solicitations that are answered for someone else a little later, so that the
// owner, if he is there, comes first (neigh_table.proxy_queue).
type proxyQueue struct {
	waiting []delayedAnswer
	timer   rtnl.Timer
	at      int64
}

type delayedAnswer struct {
	link *link.Link
	at   int64
	redo func()
}

// enqueue is pneigh_enqueue: redo runs after a random part of proxy_delay, unless proxy_qlen others
// wait already.
func (f *family) enqueue(l *link.Link, redo func()) {
	p := params(l, f.af)
	q := &f.delayed
	if len(q.waiting) > int(p.ProxyQLen) {
		f.t.drop(DropProxyQueue)
		return
	}
	var wait int64
	if ms := p.ProxyDelay.Milliseconds(); ms > 0 {
		wait = f.t.net.Rand.Int64N(ms) * int64(time.Millisecond)
	}
	q.waiting = append(q.waiting, delayedAnswer{l, f.t.now() + wait, redo})
	f.armProxy()
}

func (f *family) armProxy() {
	q := &f.delayed
	if len(q.waiting) == 0 || f.t.closed {
		return
	}
	at := q.waiting[0].at
	for _, w := range q.waiting {
		at = min(at, w.at)
	}
	if q.timer != nil {
		if q.at <= at {
			return
		}
		q.timer.Stop()
	}
	q.at = at
	q.timer = f.t.net.AfterFunc(time.Duration(max(at-f.t.now(), 0)), f.proxyProcess)
}

// proxyProcess is neigh_proxy_process.
func (f *family) proxyProcess() {
	q := &f.delayed
	q.timer = nil
	now := f.t.now()
	due := slices.Clone(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(w delayedAnswer) bool { return w.at <= now })
	for _, w := range due {
		if w.at <= now && w.link.Up() {
			w.redo()
		}
	}
	f.armProxy()
}

func (q *proxyQueue) drop(l *link.Link) {
	q.waiting = slices.DeleteFunc(q.waiting, func(w delayedAnswer) bool { return w.link == l })
}
