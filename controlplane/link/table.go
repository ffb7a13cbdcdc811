// SPDX-License-Identifier: BSD-3-Clause

package link

import (
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

	vrfStrict bool // net.vrf.strict_mode

	// IndexTaken says that an index is not to be given out though no link has it; nil: none is.
	IndexTaken func(index uint32) bool

	net   *rtnl.Net
	links []*Link          // by index, as far as there are any
	all   []*Link          // those that there are; nil: to be collected
	names map[string]*Link // names and alternative names
	next  uint32           // the last index given out
	gen   uint32           // dev_base_seq
	start time.Time
	watch []*Link // of linkwatch
	knobs map[string]Knob

	knobDirs map[string]map[string]bool // directories of sysctls by dotted name, and what is in them
}

// New makes a table with the loopback link, index 1, which is down.
func New(net *rtnl.Net) (*Table, error) {
	t := &Table{
		net: net, names: map[string]*Link{}, knobs: map[string]Knob{}, gen: 1, start: net.Clock.Now(),
		knobDirs:      map[string]map[string]bool{},
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
	if index >= uint32(len(t.links)) { // also of negative numbers
		return nil
	}
	return t.links[index]
}

// ByName finds a link by its name or one of its alternative names; nil: there is none.
func (t *Table) ByName(name string) *Link { return t.names[name] }

// Loopback is the link "lo" (net->loopback_dev).
func (t *Table) Loopback() *Link { return t.ByIndex(1) }

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
	Data        any    // of the Kind, what its Ops take; nil: nothing was said
	Lower       uint32 // IFLA_LINK: ifindex of the device that it is to stand on; 0: none
	LowerIn     *Table // where Lower is looked up; nil: here
	Flags       uint32 // IFF_* that it has; 0: IFF_BROADCAST | IFF_MULTICAST
	HardAddr    HardAddr
	PermAddr    HardAddr
	MTU         uint32 // 0: 1500
	MinMTU      uint32
	MaxMTU      uint32 // 0: 65535 for Ethernet; NoMaxMTU: none
	TxQLen      uint32 // 0: 1000
	Carrier     bool   // state of the carrier now
	NumTxQueues uint32
	NumRxQueues uint32
	TSOMaxSize  uint32
	ParentDev   string // "0000:00:03.0"
	ParentBus   string // "pci"

	ops  *Ops        // of Create
	peer *VETHConfig // of the kind veth
}

// NoMaxMTU is Config.MaxMTU of a driver that says max_mtu = 0.
const NoMaxMTU = ^uint32(0)

// ValidName is dev_valid_name: not empty, shorter than IFNAMSIZ, not "." or "..", no slash, colon or
// white space.
func ValidName(name string) bool {
	if name == "" || len(name) >= unix.IFNAMSIZ || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsAny(name, "/: \t\n\v\f\r\x00\xa0")
}

// Add registers a link (register_netdevice) and announces it. EEXIST: the name is taken; EBUSY: the
// index is; EINVAL: a bad name; ENFILE: no index left; else what the data plane says.
func (t *Table) Add(c Config) (*Link, error) {
	l, err := t.register(c, nil)
	if err == nil {
		t.announce(l, unix.RTM_NEWLINK, ^uint32(0), 0)
	}
	return l, err
}

// register is Add for a link that is not yet initialised (RTNL_LINK_INITIALIZING): nobody is told
// but the protocols. prepare, when there is one, sees the link before it is registered.
func (t *Table) register(c Config, prepare func(*Link) error) (*Link, error) {
	name, err := t.allocName(c.Name)
	if err != nil {
		return nil, err
	}
	index, err := t.allocIndex(c.Index)
	if err != nil {
		return nil, err
	}
	l := &Link{
		Index: index, Name: name, Type: c.Type, Kind: c.Kind, Port: c.Port, devFlags: c.Flags,
		HardAddr: c.HardAddr, PermAddr: c.PermAddr,
		MTU: c.MTU, MinMTU: c.MinMTU, MaxMTU: c.MaxMTU, TxQLen: c.TxQLen,
		Carrier: c.Carrier, QDisc: "noop",
		NumTxQueues: max(c.NumTxQueues, 1), NumRxQueues: max(c.NumRxQueues, 1),
		GSOMaxSize: 65536, GSOMaxSegs: 65535, GROMaxSize: 65536, GSOIPv4: 65536, GROIPv4: 65536,
		TSOMaxSize: c.TSOMaxSize, TSOMaxSegs: 65535,
		ParentDev: c.ParentDev, ParentBus: c.ParentBus, t: t,
	}
	l.ops = c.ops
	l.setDefaults()
	if prepare != nil {
		if err := prepare(l); err != nil {
			return nil, err
		}
		l.refreshFlags()
	}
	if err := t.net.DP.SetLink(l.dp()); err != nil {
		return nil, err
	}
	t.put(l)
	t.netconfMoved(l, false, false)
	t.notify(Event{Type: Register, Link: l})
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
		if l.devFlags == 0 {
			l.devFlags = unix.IFF_BROADCAST | unix.IFF_MULTICAST
		}
		l.Broadcast = HardAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		if l.ops == nil {
			l.MinMTU = max(l.MinMTU, MinMTU4)
		}
		switch l.MaxMTU {
		case 0:
			l.MaxMTU = 65535
		case NoMaxMTU:
			l.MaxMTU = 0
		}
	}
	l.Neigh4, l.Neigh6 = l.t.NeighDefault4, l.t.NeighDefault6
	l.addInDev()
	if l.MTU >= MinMTU6 {
		l.addIn6Dev()
	}
	switch {
	case !l.Carrier: // linkwatch_init_dev
		l.operPolicy()
	case l.Loopback(), l.Kind == "tun", l.ops != nil:
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
	case want != 0 && t.ByIndex(want) != nil:
		return 0, syscall.EBUSY
	case want != 0:
		return want, nil
	}
	for range dpif.MaxLinks {
		if t.next++; t.next >= dpif.MaxLinks {
			t.next = 1
		}
		i := t.next
		if i == 2 && t.ByIndex(1) == nil {
			i, t.next = 1, 1 // the first link of a net is lo
		}
		if t.ByIndex(i) == nil && (t.IndexTaken == nil || !t.IndexTaken(i)) {
			return i, nil
		}
	}
	return 0, syscall.ENFILE
}

// notify runs the notifier chain, at the end of which are those that stand on the link.
func (t *Table) notify(e Event) {
	t.net.Notify(e)
	if e.Type == ChangeAddr && e.Link.isVLAN() {
		t.syncAddr(e.Link, e.Link.Up())
	}
	if len(e.Link.vlans) > 0 {
		t.vlanDeviceEvent(e)
	}
	if len(e.Link.macvlans) > 0 {
		t.macvlanDeviceEvent(e)
	}
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
