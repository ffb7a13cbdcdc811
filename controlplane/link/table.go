// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Table holds the links of a Net and the "all" and "default" configuration.
type Table struct {
	All4, Default4 DevConf4 // net.ipv4.conf.all, .default
	All6, Default6 DevConf6
	NeighDefault4  NeighParams // net.ipv4.neigh.default
	NeighDefault6  NeighParams
	DefaultSecret6 *[16]byte // net.ipv6.conf.default.stable_secret

	// Of IPv4 and IPv6: net.ipv4.fib_multipath_hash_policy (0: addresses, 1: also ports) and
	// net.ipv4.ip_nonlocal_bind.
	MultipathHashPolicy [2]uint32
	IPNonlocalBind      [2]bool

	net   *rtnl.Net
	links [dpif.MaxLinks]*Link
	all   []*Link          // those that there are; nil: to be collected
	names map[string]*Link // names and alternative names
	next  uint32           // the last index given out
	gen   uint32           // dev_base_seq
	start time.Time
	knobs map[string]Knob
}

// New makes a table with the loopback link, index 1, which is down.
func New(net *rtnl.Net) (*Table, error) {
	t := &Table{
		net: net, names: map[string]*Link{}, knobs: map[string]Knob{}, gen: 1, start: net.Clock.Now(),
		NeighDefault4: defaultNeigh4(), NeighDefault6: defaultNeigh6(),
	}
	t.All4, t.Default4 = defaultConf4()
	t.All6, t.Default6 = defaultConf6()
	t.addNetKnobs()
	_, err := t.Add(Config{
		Name: "lo", Port: dpif.PortNone, Type: unix.ARPHRD_LOOPBACK, MTU: 65536, TSOMaxSize: 524280,
		Carrier: true,
	})
	return t, err
}

// ByIndex finds a link; nil: there is none.
func (t *Table) ByIndex(index uint32) *Link {
	if index >= dpif.MaxLinks { // also of negative numbers
		return nil
	}
	return t.links[index]
}

// ByName finds a link by its name or one of its alternative names; nil: there is none.
func (t *Table) ByName(name string) *Link { return t.names[name] }

// Loopback is the link "lo" (net->loopback_dev).
func (t *Table) Loopback() *Link { return t.links[1] }

// All gives the links by index. It is to be read only.
func (t *Table) All() []*Link {
	if t.all == nil {
		for _, l := range t.links {
			if l != nil {
				t.all = append(t.all, l)
			}
		}
	}
	return t.all[:len(t.all):len(t.all)]
}

// Gen changes whenever a link comes, goes or changes its name (dev_base_seq); never 0.
func (t *Table) Gen() uint32 { return t.gen }

// Config is a new link as its driver sees it.
type Config struct {
	Index       uint32 // 0: the next free one
	Name        string // "%d" in it is replaced by the first free number
	Port        uint16
	Type        uint16 // ARPHRD_*; 0: ARPHRD_ETHER
	Kind        string
	HardAddr    HardAddr
	PermAddr    HardAddr
	MTU         uint32 // 0: 1500
	MinMTU      uint32
	MaxMTU      uint32 // 0: 65535 for Ethernet
	TxQLen      uint32 // 0: 1000
	Carrier     bool   // state of the carrier now
	NumTxQueues uint32
	NumRxQueues uint32
	TSOMaxSize  uint32
	ParentDev   string // "0000:00:03.0"
	ParentBus   string // "pci"
}

// ValidName is dev_valid_name: not empty, shorter than IFNAMSIZ, not "." or "..", no slash, colon or
// white space.
func ValidName(name string) bool {
	if name == "" || len(name) >= unix.IFNAMSIZ || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsAny(name, "/: \t\n\v\f\r\x00\xa0")
}

// Add registers a link (register_netdevice). EEXIST: name or index taken; EINVAL: a bad name;
// ENFILE: no index left; else what the data plane says.
func (t *Table) Add(c Config) (*Link, error) {
	name, err := t.allocName(c.Name)
	if err != nil {
		return nil, err
	}
	index, err := t.allocIndex(c.Index)
	if err != nil {
		return nil, err
	}
	l := &Link{
		Index: index, Name: name, Type: c.Type, Kind: c.Kind, Port: c.Port,
		HardAddr: c.HardAddr, PermAddr: c.PermAddr,
		MTU: c.MTU, MinMTU: c.MinMTU, MaxMTU: c.MaxMTU, TxQLen: c.TxQLen,
		Carrier: c.Carrier, QDisc: "noop",
		NumTxQueues: max(c.NumTxQueues, 1), NumRxQueues: max(c.NumRxQueues, 1),
		GSOMaxSize: 65536, GSOMaxSegs: 65535, GROMaxSize: 65536, GSOIPv4: 65536, GROIPv4: 65536,
		TSOMaxSize: c.TSOMaxSize, TSOMaxSegs: 65535,
		ParentDev: c.ParentDev, ParentBus: c.ParentBus, t: t,
	}
	l.setDefaults()
	if err := t.net.DP.SetLink(l.dp()); err != nil {
		return nil, err
	}
	t.links[index], t.names[name] = l, l
	t.all = nil
	t.gen++
	t.netconfMoved(l, false, false)
	t.net.Notify(Event{Type: Register, Link: l})
	t.announce(l, unix.RTM_NEWLINK, ^uint32(0), 0)
	return l, nil
}

func (l *Link) setDefaults() {
	if l.Type == 0 {
		l.Type = unix.ARPHRD_ETHER
	}
	if l.MTU == 0 {
		l.MTU = 1500
	}
	if l.TxQLen == 0 {
		l.TxQLen = 1000
	}
	if l.TSOMaxSize == 0 {
		l.TSOMaxSize = 65536
	}
	if l.Type == unix.ARPHRD_LOOPBACK {
		l.devFlags = unix.IFF_LOOPBACK
	} else {
		l.devFlags = unix.IFF_BROADCAST | unix.IFF_MULTICAST
		l.Broadcast = HardAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		l.MinMTU = max(l.MinMTU, MinMTU4)
		if l.MaxMTU == 0 {
			l.MaxMTU = 65535
		}
	}
	l.Neigh4, l.Neigh6 = l.t.NeighDefault4, l.t.NeighDefault6
	l.addInDev()
	if l.MTU >= MinMTU6 {
		l.addIn6Dev()
	}
	switch {
	case !l.Carrier: // linkwatch_init_dev
		l.OperState = OperDown
	case l.Loopback(), l.Kind == "tun":
		// Their carrier was there before they were: nobody asked linkwatch.
	default: // a driver that found its carrier after it had registered
		l.OperState = OperUp
		l.CarrierUpCount = 1
	}
	l.refreshFlags()
}

func (t *Table) allocName(name string) (string, error) {
	if !ValidName(name) {
		return "", syscall.EINVAL
	}
	pre, post, pattern := strings.Cut(name, "%d")
	if !pattern {
		if strings.Contains(name, "%") {
			return "", syscall.EINVAL
		}
		if t.names[name] != nil {
			return "", syscall.EEXIST
		}
		return name, nil
	}
	for i := 0; i < dpif.MaxLinks; i++ {
		if n := pre + itoa(i) + post; t.names[n] == nil && ValidName(n) {
			return n, nil
		}
	}
	return "", syscall.ENFILE
}

func (t *Table) allocIndex(want uint32) (uint32, error) {
	switch {
	case want >= dpif.MaxLinks:
		return 0, syscall.EINVAL
	case want != 0 && t.links[want] != nil:
		return 0, syscall.EEXIST
	case want != 0:
		t.next = max(t.next, want)
		return want, nil
	}
	for range dpif.MaxLinks {
		if t.next++; t.next >= dpif.MaxLinks {
			t.next = 1
		}
		i := t.next
		if i == 2 && t.links[1] == nil {
			i, t.next = 1, 1 // the first link of a net is lo
		}
		if t.links[i] == nil {
			return i, nil
		}
	}
	return 0, syscall.ENFILE
}

// Remove unregisters a link (unregister_netdevice): it goes down first, then everything that hangs
// on it goes.
func (t *Table) Remove(l *Link) error {
	if l.gone {
		return syscall.ENODEV
	}
	if l.Up() {
		if err := t.close(l); err != nil {
			return err
		}
	}
	l.gone = true
	t.links[l.Index] = nil
	t.all = nil
	t.gen++
	for _, n := range append(slices.Clone(l.AltNames), l.Name) {
		delete(t.names, n)
	}
	t.net.Notify(Event{Type: Unregister, Link: l})
	had4, had6 := l.InDev, l.In6Dev
	l.InDev, l.In6Dev = false, false
	t.netconfMoved(l, had4, had6)
	t.announce(l, unix.RTM_DELLINK, ^uint32(0), 0)
	return t.net.DP.DelLink(t.net.ID, l.Index)
}

func (t *Table) announce(l *Link, typ uint16, change, event uint32) {
	t.net.Announce(Msg{Type: typ, Link: l, Change: change, Event: event})
}

// publish brings the data plane up to date; on an error undo is run and the error returned.
func (t *Table) publish(l *Link, undo func()) error {
	l.refreshFlags()
	err := t.net.DP.SetLink(l.dp())
	if err != nil {
		undo()
		l.refreshFlags()
	}
	return err
}
