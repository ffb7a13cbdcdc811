// SPDX-License-Identifier: BSD-3-Clause

package dpif

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"syscall"
)

// UseNeigh marks a neighbour as used by a packet.
func (f *Fake) UseNeigh(net, ifindex uint32, addr netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nets[net]; n != nil {
		n.used[fakeAddr{ifindex, addr}] = true
	}
}

// NeighUsed implements Writer.
func (f *Fake) NeighUsed(e Neigh) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.nets[e.Net]
	if n == nil {
		return false
	}
	k := fakeAddr{e.Ifindex, e.Addr}
	used := n.used[k]
	delete(n.used, k)
	return used
}

// Police implements Writer.
func (f *Fake) Police(reason PuntReason, rate, burst uint32) error {
	return f.write("Police", func() (string, error) {
		if reason >= PuntMax {
			return "", syscall.EINVAL
		}
		f.police[reason] = [2]uint32{rate, burst}
		return "", nil
	})
}

// PuntRate implements Writer: what Police set.
func (f *Fake) PuntRate(reason PuntReason) (rate, burst uint32, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reason >= PuntMax {
		return 0, 0, syscall.EINVAL
	}
	return f.police[reason][0], f.police[reason][1], nil
}

// Lookup implements Reader.
func (f *Fake) Lookup(net, table uint32, dst []netip.Addr, ids []uint32) error {
	return f.LookupTOS(net, table, 0, dst, ids)
}

// find is what packets with a TOS find at exactly a prefix.
func (n *fakeNet) find(table uint32, p netip.Prefix, tos uint8) uint32 {
	if id := n.routes[fakePrefix{table, p, tos}]; id != 0 {
		return id
	}
	return n.routes[fakePrefix{table, p, 0}]
}

// LookupTOS implements Reader: the longest prefix, found the slow way.
func (f *Fake) LookupTOS(net, table uint32, tos uint8, dst []netip.Addr, ids []uint32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.net(net)
	if err != nil {
		return err
	}
	if len(ids) < len(dst) {
		return syscall.EINVAL
	}
	for i, a := range dst {
		ids[i] = 0
		for bits := a.BitLen(); bits >= 0 && ids[i] == 0; bits-- {
			p, err := a.Prefix(bits)
			if err != nil {
				return syscall.EINVAL
			}
			ids[i] = n.find(table, p, tos)
		}
	}
	return nil
}

// DumpLinks implements Reader, by ifindex.
func (f *Fake) DumpLinks(net uint32) ([]Link, error) {
	return dump(f, net, func(n *fakeNet) []Link {
		links := slices.Collect(maps.Values(n.links))
		slices.SortFunc(links, func(a, b Link) int { return int(a.Ifindex) - int(b.Ifindex) })
		return links
	})
}

// DumpAddrs implements Reader, by ifindex and address.
func (f *Fake) DumpAddrs(net uint32) ([]Addr, error) {
	return dump(f, net, func(n *fakeNet) []Addr { return sorted(n.addrs) })
}

// DumpMcasts returns what SetMcast set, by ifindex and group.
func (f *Fake) DumpMcasts(net uint32) ([]Addr, error) {
	return dump(f, net, func(n *fakeNet) []Addr { return sorted(n.mcasts) })
}

// DumpNeighs implements Reader, by ifindex and address.
func (f *Fake) DumpNeighs(net uint32) ([]Neigh, error) {
	return dump(f, net, func(n *fakeNet) []Neigh { return sorted(n.neighs) })
}

// DumpNexthops implements Reader, by id.
func (f *Fake) DumpNexthops(net uint32) ([]Nexthop, error) {
	return dump(f, net, func(n *fakeNet) []Nexthop {
		var nhs []Nexthop
		for _, id := range slices.Sorted(maps.Keys(n.nexthops)) {
			nh := n.nexthops[id]
			nh.Members = slices.Clone(nh.Members)
			nhs = append(nhs, nh)
		}
		return nhs
	})
}

// DumpTables implements Reader: the tables that hold a route.
func (f *Fake) DumpTables(net uint32, family uint8) ([]uint32, error) {
	return dump(f, net, func(n *fakeNet) []uint32 {
		tables := make(map[uint32]bool)
		for k := range n.routes {
			if familyOf(k.prefix.Addr()) == family {
				tables[k.table] = true
			}
		}
		return slices.Sorted(maps.Keys(tables))
	})
}

// compareRoutes is the order of a dump.
func compareRoutes(a, b Route) int {
	if c := a.Prefix.Addr().Compare(b.Prefix.Addr()); c != 0 {
		return c
	}
	return a.Prefix.Bits() - b.Prefix.Bits()
}

// DumpRoutes implements Reader, by prefix and its length.
func (f *Fake) DumpRoutes(net, table uint32, family uint8, each func(Route) bool) error {
	return f.dumpRoutes(net, table, family, 0, each)
}

func (f *Fake) dumpRoutes(net, table uint32, family, tos uint8, each func(Route) bool) error {
	routes, err := dump(f, net, func(n *fakeNet) []Route {
		var routes []Route
		if tos != 0 && !n.tos[fakePrefix{table: table, tos: tos}] {
			return nil
		}
		for k := range n.routes {
			if k.table != table || familyOf(k.prefix.Addr()) != family || k.tos != 0 && k.tos != tos {
				continue
			}
			if k.tos == 0 && tos != 0 && n.routes[fakePrefix{table, k.prefix, tos}] != 0 {
				continue
			}
			routes = append(routes, Route{net, table, k.prefix, n.find(table, k.prefix, tos), tos})
		}
		slices.SortFunc(routes, compareRoutes)
		return routes
	})
	for _, r := range routes {
		if !each(r) {
			break
		}
	}
	return err
}

// NextRoutes implements Reader, slowly.
func (f *Fake) NextRoutes(family uint8, after Route, out []Route) (n int, err error) {
	err = f.dumpRoutes(after.Net, after.Table, family, after.TOS, func(r Route) bool {
		if n < len(out) && (!after.Prefix.IsValid() || compareRoutes(r, after) > 0) {
			out[n] = r
			n++
		}
		return n < len(out)
	})
	return n, err
}

// AheadRoutes implements Writer: there is nothing to do.
func (*Fake) AheadRoutes([]Route) {}

// FindRoutes implements Reader.
func (f *Fake) FindRoutes(routes []Route) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range routes {
		n, err := f.net(routes[i].Net)
		if err != nil {
			return err
		}
		routes[i].NexthopID = n.find(routes[i].Table, routes[i].Prefix, routes[i].TOS)
	}
	return nil
}

func dump[T any](f *Fake, net uint32, read func(*fakeNet) []T) ([]T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.net(net)
	if err != nil {
		return nil, err
	}
	return read(n), nil
}

func sorted[V any](m map[fakeAddr]V) []V {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b fakeAddr) int {
		if a.ifindex != b.ifindex {
			return int(a.ifindex) - int(b.ifindex)
		}
		return a.addr.Compare(b.addr)
	})
	var values []V
	for _, k := range keys {
		values = append(values, m[k])
	}
	return values
}

// SetLinkStats says what LinkStats answers.
func (f *Fake) SetLinkStats(net, ifindex uint32, s LinkStats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nets[net]; n != nil {
		n.stats[ifindex] = s
	}
}

// LinkStats implements Reader.
func (f *Fake) LinkStats(net, ifindex uint32) (LinkStats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.net(net)
	if err != nil {
		return LinkStats{}, err
	}
	if _, ok := n.links[ifindex]; !ok {
		return LinkStats{}, syscall.ENODEV
	}
	return n.stats[ifindex], nil
}

// SetMIB says what MIB answers.
func (f *Fake) SetMIB(net uint32, mib MIB, counters []Counter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.nets[net]; n != nil {
		n.mibs[mib] = slices.Clone(counters)
	}
}

// MIB implements Reader.
func (f *Fake) MIB(net uint32, mib MIB) ([]Counter, error) {
	return dump(f, net, func(n *fakeNet) []Counter { return slices.Clone(n.mibs[mib]) })
}

// SetWorkers says what Workers answers.
func (f *Fake) SetWorkers(w []WorkerStats) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workers = slices.Clone(w)
}

// Workers implements Reader.
func (f *Fake) Workers() ([]WorkerStats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.workers), nil
}

// Inject implements Packets; Injected hands back what came.
func (f *Fake) Inject(in Inject) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ordered("Inject"); err != nil {
		return err
	}
	n, err := f.net(in.Net)
	if err != nil {
		return err
	}
	if in.Kind > InjectRX || (in.Addr.IsValid() && !plain(in.Addr)) ||
		(in.Kind == InjectIP && !in.Addr.IsValid()) {
		return syscall.EINVAL
	}
	if _, ok := n.links[in.Oif]; !ok {
		return syscall.ENODEV
	}
	in.Data = slices.Clone(in.Data)
	f.injected = append(f.injected, in)
	return nil
}

// Cork implements Packets.
func (f *Fake) Cork(do func()) { do() }

// Injected returns the packets injected since the last Injected, in order.
func (f *Fake) Injected() []Inject {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := f.injected
	f.injected = nil
	return in
}

// Push puts a punt where PollPunts finds it; its data is copied. PktLen 0 becomes len(Data).
func (f *Fake) Push(p Punt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Data = slices.Clone(p.Data)
	if p.PktLen == 0 {
		p.PktLen = uint32(len(p.Data))
	}
	f.punts = append(f.punts, p)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// WaitPunts implements Packets.
func (f *Fake) WaitPunts(ctx context.Context) error {
	for {
		f.mu.Lock()
		waiting := len(f.punts) > 0
		f.mu.Unlock()
		if waiting {
			return nil
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// PollPunts implements Packets.
func (f *Fake) PollPunts(max int, h func(*Punt)) int {
	f.mu.Lock()
	n := min(max, len(f.punts))
	punts := f.punts[:n:n]
	f.punts = f.punts[n:]
	f.mu.Unlock()
	for i := range punts {
		h(&punts[i])
		clear(punts[i].Data) // valid only while the handler runs
	}
	return n
}
