// SPDX-License-Identifier: BSD-3-Clause

package dpif

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
)

// The kernel's numbers that the fake tells apart.
const (
	afInet  = 2
	afInet6 = 10

	rtnUnicast = 1
)

// Fake is a Dataplane over maps, for tests of the control plane. It holds what was set and hands it
// back by the methods of Reader, and it is stricter than the real one about order, so that a test
// notices a message that names something not there yet or no longer:
//
//   - ENODEV: the net or the link is not known
//   - ENOENT: the nexthop, the member of a group, or what is to be deleted is not known
//   - EBUSY: a link that addresses, groups, neighbours or nexthops still name, or a nexthop that
//     routes or groups still name, is to be deleted
//   - EINVAL: a value is out of range, a prefix has host bits, families differ, or an IPv4 address
//     came mapped into IPv6
//
// All methods may be called from any goroutine.
type Fake struct {
	mu   sync.Mutex
	nets map[uint32]*fakeNet

	fail  map[string]error
	calls []string

	police   [PuntMax][2]uint32
	injected []Inject
	punts    []Punt
	wake     chan struct{} // holds a token when punts may wait
	workers  []WorkerStats
}

type fakeNet struct {
	rules  map[fakeRules][]Rule // what a lookup goes through
	custom [2]bool
	policy [2]uint32

	links    map[uint32]Link
	addrs    map[fakeAddr]Addr
	mcasts   map[fakeAddr]Addr
	nexthops map[uint32]Nexthop
	buckets  map[uint32][]BucketUse
	routes   map[fakePrefix]uint32
	tos      map[fakePrefix]bool // tables that have had a route for a TOS, without prefix
	neighs   map[fakeAddr]Neigh

	used  map[fakeAddr]bool
	stats map[uint32]LinkStats
	mibs  map[MIB][]Counter
}

type fakeAddr struct {
	ifindex uint32
	addr    netip.Addr
}

type fakePrefix struct {
	table  uint32
	prefix netip.Prefix
	tos    uint8
}

// NewFake returns a Fake without any net; AddNet comes first.
func NewFake() *Fake {
	return &Fake{
		nets: make(map[uint32]*fakeNet),
		fail: make(map[string]error),
		wake: make(chan struct{}, 1),
	}
}

var _ Dataplane = (*Fake)(nil)

// Fail makes the next call of a method of Writer, or of Inject, return err.
func (f *Fake) Fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[method] = err
}

// Calls returns a line for each successful call of Writer since the last Calls, in order:
// "SetLink 0 eth0 2", "SetRoute 0 254 10.0.0.0/8 7", "DelNexthop 0 7", ...
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// write runs one call of Writer: an error that Fail ordered, else do, and the record of it.
func (f *Fake) write(method string, do func() (string, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ordered(method); err != nil {
		return err
	}
	line, err := do()
	if err == nil && line != "" {
		f.calls = append(f.calls, line)
	}
	return err
}

func (f *Fake) ordered(method string) error {
	err, ok := f.fail[method]
	if ok {
		delete(f.fail, method)
	}
	return err
}

func (f *Fake) net(id uint32) (*fakeNet, error) {
	if n := f.nets[id]; n != nil {
		return n, nil
	}
	return nil, syscall.ENODEV
}

// onLink is the net of what names a link and an address, checked.
func (f *Fake) onLink(net, ifindex uint32, addr netip.Addr) (*fakeNet, error) {
	n, err := f.net(net)
	if err != nil {
		return nil, err
	}
	if !plain(addr) {
		return nil, syscall.EINVAL
	}
	if _, ok := n.links[ifindex]; !ok {
		return nil, syscall.ENODEV
	}
	return n, nil
}

func plain(a netip.Addr) bool { return a.IsValid() && !a.Is4In6() && a.Zone() == "" }

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return afInet
	}
	return afInet6
}

func familyIndex(family uint8) (int, error) {
	switch family {
	case afInet:
		return 0, nil
	case afInet6:
		return 1, nil
	}
	return 0, syscall.EAFNOSUPPORT
}

// AddNet implements Writer.
func (f *Fake) AddNet(net uint32) error {
	return f.write("AddNet", func() (string, error) {
		if f.nets[net] == nil {
			f.nets[net] = &fakeNet{
				links:    make(map[uint32]Link),
				addrs:    make(map[fakeAddr]Addr),
				mcasts:   make(map[fakeAddr]Addr),
				nexthops: make(map[uint32]Nexthop), buckets: make(map[uint32][]BucketUse),
				routes: make(map[fakePrefix]uint32), tos: make(map[fakePrefix]bool),
				neighs: make(map[fakeAddr]Neigh),
				used:   make(map[fakeAddr]bool),
				stats:  make(map[uint32]LinkStats),
				mibs:   make(map[MIB][]Counter),
			}
		}
		return fmt.Sprint("AddNet ", net), nil
	})
}

// DelNet implements Writer; what the net still holds goes with it.
func (f *Fake) DelNet(net uint32) error {
	return f.write("DelNet", func() (string, error) {
		if _, err := f.net(net); err != nil {
			return "", err
		}
		delete(f.nets, net)
		return fmt.Sprint("DelNet ", net), nil
	})
}

// SetMultipathHashPolicy implements Writer.
func (f *Fake) SetMultipathHashPolicy(net uint32, family uint8, policy uint32) error {
	return f.write("SetMultipathHashPolicy", func() (string, error) {
		n, err := f.net(net)
		if err != nil {
			return "", err
		}
		i, err := familyIndex(family)
		if err != nil {
			return "", err
		}
		if policy > 1 {
			return "", syscall.EINVAL
		}
		n.policy[i] = policy
		return fmt.Sprint("SetMultipathHashPolicy ", net, " ", family, " ", policy), nil
	})
}

// SetLink implements Writer.
func (f *Fake) SetLink(l Link) error {
	return f.write("SetLink", func() (string, error) {
		n, err := f.net(l.Net)
		if err != nil {
			return "", err
		}
		if l.Ifindex == 0 || l.Ifindex >= MaxLinks || l.Name == "" || len(l.Name) > 15 ||
			l.Type > LinkMACVLAN || l.MTU > 65535 || l.MTU6 > 65535 {
			return "", syscall.EINVAL
		}
		n.links[l.Ifindex] = l
		return fmt.Sprint("SetLink ", l.Net, " ", l.Name, " ", l.Ifindex), nil
	})
}

// DelLink implements Writer.
func (f *Fake) DelLink(net, ifindex uint32) error {
	return f.write("DelLink", func() (string, error) {
		n, err := f.net(net)
		if err != nil {
			return "", err
		}
		if _, ok := n.links[ifindex]; !ok {
			return "", syscall.ENODEV
		}
		if n.named(ifindex) {
			return "", syscall.EBUSY
		}
		delete(n.links, ifindex)
		delete(n.stats, ifindex)
		return fmt.Sprint("DelLink ", net, " ", ifindex), nil
	})
}

// named tells whether something still names the link.
func (n *fakeNet) named(ifindex uint32) bool {
	for k := range n.addrs {
		if k.ifindex == ifindex {
			return true
		}
	}
	for k := range n.mcasts {
		if k.ifindex == ifindex {
			return true
		}
	}
	for k := range n.neighs {
		if k.ifindex == ifindex {
			return true
		}
	}
	for _, nh := range n.nexthops {
		if nh.Ifindex == ifindex {
			return true
		}
	}
	return false
}

// SetAddr implements Writer.
func (f *Fake) SetAddr(a Addr) error {
	return f.write("SetAddr", func() (string, error) {
		n, err := f.onLink(a.Net, a.Ifindex, a.Addr)
		if err != nil {
			return "", err
		}
		n.addrs[fakeAddr{a.Ifindex, a.Addr}] = a
		return fmt.Sprint("SetAddr ", a.Net, " ", a.Ifindex, " ", a.Addr), nil
	})
}

// DelAddr implements Writer.
func (f *Fake) DelAddr(a Addr) error {
	return f.write("DelAddr", func() (string, error) {
		n, err := f.onLink(a.Net, a.Ifindex, a.Addr)
		if err != nil {
			return "", err
		}
		return fmt.Sprint("DelAddr ", a.Net, " ", a.Ifindex, " ", a.Addr),
			remove(n.addrs, fakeAddr{a.Ifindex, a.Addr})
	})
}

// SetMcast implements Writer.
func (f *Fake) SetMcast(a Addr) error {
	return f.write("SetMcast", func() (string, error) {
		n, err := f.onLink(a.Net, a.Ifindex, a.Addr)
		if err != nil {
			return "", err
		}
		if !a.Addr.IsMulticast() {
			return "", syscall.EINVAL
		}
		n.mcasts[fakeAddr{a.Ifindex, a.Addr}] = a
		return fmt.Sprint("SetMcast ", a.Net, " ", a.Ifindex, " ", a.Addr), nil
	})
}

// DelMcast implements Writer.
func (f *Fake) DelMcast(a Addr) error {
	return f.write("DelMcast", func() (string, error) {
		n, err := f.onLink(a.Net, a.Ifindex, a.Addr)
		if err != nil {
			return "", err
		}
		return fmt.Sprint("DelMcast ", a.Net, " ", a.Ifindex, " ", a.Addr),
			remove(n.mcasts, fakeAddr{a.Ifindex, a.Addr})
	})
}

func remove[K comparable, V any](m map[K]V, k K) error {
	if _, ok := m[k]; !ok {
		return syscall.ENOENT
	}
	delete(m, k)
	return nil
}

// SetNexthop implements Writer.
func (f *Fake) SetNexthop(nh Nexthop) error {
	return f.write("SetNexthop", func() (string, error) {
		n, err := f.net(nh.Net)
		if err != nil {
			return "", err
		}
		if _, err := familyIndex(nh.Family); err != nil {
			return "", err
		}
		if nh.ID == 0 || nh.ID >= MaxNexthops || len(nh.Members) > MaxGroup ||
			(nh.Gateway.IsValid() && !plain(nh.Gateway)) {
			return "", syscall.EINVAL
		}
		if len(nh.Members) > 0 {
			err = n.group(nh)
		} else if nh.Ifindex != 0 {
			if _, ok := n.links[nh.Ifindex]; !ok {
				err = syscall.ENODEV
			}
		} else if nh.Type == rtnUnicast {
			err = syscall.EINVAL
		}
		if err != nil {
			return "", err
		}
		nh.Members = slices.Clone(nh.Members)
		n.nexthops[nh.ID] = nh
		n.makeBuckets(nh)
		return fmt.Sprint("SetNexthop ", nh.Net, " ", nh.ID), nil
	})
}

func (n *fakeNet) group(nh Nexthop) error {
	if nh.Ifindex != 0 || nh.Gateway.IsValid() || nh.Type != rtnUnicast {
		return syscall.EINVAL
	}
	for _, m := range nh.Members {
		member, ok := n.nexthops[m.ID]
		if !ok {
			return syscall.ENOENT
		}
		if m.ID == nh.ID || len(member.Members) > 0 || m.Weight < 1 || m.Weight > 65535 {
			return syscall.EINVAL
		}
	}
	return nil
}

// DelNexthop implements Writer.
func (f *Fake) DelNexthop(net, id uint32) error {
	return f.write("DelNexthop", func() (string, error) {
		n, err := f.net(net)
		if err != nil {
			return "", err
		}
		for _, to := range n.routes {
			if to == id {
				return "", syscall.EBUSY
			}
		}
		for _, nh := range n.nexthops {
			for _, m := range nh.Members {
				if m.ID == id {
					return "", syscall.EBUSY
				}
			}
		}
		return fmt.Sprint("DelNexthop ", net, " ", id), remove(n.nexthops, id)
	})
}

// SetRoutes implements Writer.
func (f *Fake) SetRoutes(routes []Route) (int, error) {
	for i, r := range routes {
		if err := f.write("SetRoutes", func() (string, error) { return f.route(r) }); err != nil {
			return i, err
		}
	}
	return len(routes), nil
}

func (f *Fake) route(r Route) (string, error) {
	n, err := f.net(r.Net)
	if err != nil {
		return "", err
	}
	if !r.Prefix.IsValid() || !plain(r.Prefix.Addr()) || r.Prefix != r.Prefix.Masked() ||
		r.Table == 0 || r.TOS&^0x1c != 0 || r.TOS != 0 && !r.Prefix.Addr().Is4() {
		return "", syscall.EINVAL
	}
	k := fakePrefix{r.Table, r.Prefix, r.TOS}
	if r.TOS != 0 {
		n.tos[fakePrefix{table: r.Table, tos: r.TOS}] = true
	}
	if r.NexthopID == 0 {
		return fmt.Sprint("DelRoute ", r.Net, " ", r.Table, " ", r.Prefix), remove(n.routes, k)
	}
	nh, ok := n.nexthops[r.NexthopID]
	if !ok {
		return "", syscall.ENOENT
	}
	if nh.Family != familyOf(r.Prefix.Addr()) {
		return "", syscall.EINVAL
	}
	n.routes[k] = r.NexthopID
	return fmt.Sprint("SetRoute ", r.Net, " ", r.Table, " ", r.Prefix, " ", r.NexthopID), nil
}

// SetNeigh implements Writer.
func (f *Fake) SetNeigh(e Neigh) error {
	return f.write("SetNeigh", func() (string, error) {
		n, err := f.onLink(e.Net, e.Ifindex, e.Addr)
		if err != nil {
			return "", err
		}
		if e.NUD == 0 || e.NUD&(e.NUD-1) != 0 {
			return "", syscall.EINVAL
		}
		n.neighs[fakeAddr{e.Ifindex, e.Addr}] = e
		return fmt.Sprintf("SetNeigh %d %d %s %#x", e.Net, e.Ifindex, e.Addr, e.NUD), nil
	})
}

// DelNeigh implements Writer.
func (f *Fake) DelNeigh(e Neigh) error {
	return f.write("DelNeigh", func() (string, error) {
		n, err := f.onLink(e.Net, e.Ifindex, e.Addr)
		if err != nil {
			return "", err
		}
		k := fakeAddr{e.Ifindex, e.Addr}
		delete(n.used, k)
		return fmt.Sprint("DelNeigh ", e.Net, " ", e.Ifindex, " ", e.Addr), remove(n.neighs, k)
	})
}
