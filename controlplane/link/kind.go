// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Ops is a kind of link that is made and deleted on request (rtnl_link_ops, and what differs of
// net_device_ops). A kind is a file of its own: its Ops, and a row of kinds. All functions run under
// RTNL; those that are nil do what their comment says.
type Ops struct {
	Kind string
	Type dpif.LinkType // what it is in the data plane
	// Local links stay in their net (NETIF_F_NETNS_LOCAL).
	Local bool

	// Setup is ops->setup: what a device of the kind has when nobody says. nil: Ethernet.
	Setup func(*Config)
	// Validate is ops->validate, of a request to make or to change. c.Data is nil when the request
	// said nothing of the kind. nil: anything goes.
	Validate func(c *Config, ch *Change) error
	// New is ops->newlink: registers the link by Table.register. What it leaves in l.Data is the
	// kind's own. nil: newEther without an address of its own.
	New func(t *Table, c Config, ch *Change) (*Link, error)
	// Change is ops->changelink; it changes all or nothing. nil: EOPNOTSUPP.
	Change func(t *Table, l *Link, data any) error
	// Delete is ops->dellink. nil: Table.Remove.
	Delete func(t *Table, l *Link) error

	// AddSlave and DelSlave are ndo_add_slave and ndo_del_slave; they call SetMaster when they agree.
	// nil: the kind enslaves nobody.
	AddSlave func(t *Table, master, l *Link) error
	DelSlave func(t *Table, master, l *Link) error

	// NumQueues is get_num_tx_queues and get_num_rx_queues. nil: one.
	NumQueues func() uint32
	// Open is ndo_open, before the link is up; Stop is ndo_stop, while it still is. nil: nothing.
	Open func(t *Table, l *Link) error
	Stop func(t *Table, l *Link)
	// ChangeMTU is what ndo_change_mtu refuses, ChangeAddr what ndo_set_mac_address does. nil: nothing.
	ChangeMTU  func(l *Link, mtu uint32) error
	ChangeAddr func(l *Link, addr HardAddr) error
	// ProtoDown says that user space may hold the link back (IFF_CHANGE_PROTO_DOWN).
	ProtoDown bool
	// Far is the link at the other end, of the same net or another: what IFLA_LINK and
	// IFLA_LINK_NETNSID say; it may return nil. nil: Link.Lower.
	Far func(l *Link) *Link

	// DP completes what the data plane is told of a link. nil: nothing to add.
	DP func(l *Link, d *dpif.Link)
}

// kinds is every kind that there is (link_ops).
var kinds = []*Ops{
	&dummyOps,
	&vrfOps,
	&macvlanOps,
	&vethOps,
	&vlanOps,
}

// OpsOf finds a kind by its name (rtnl_link_ops_get); nil: it cannot be made.
func OpsOf(kind string) *Ops {
	for _, o := range kinds {
		if o.Kind == kind {
			return o
		}
	}
	return nil
}

// Deletable says whether Delete would try: links of the configuration stay.
func (l *Link) Deletable() bool { return l.ops != nil }

// Validate is what rtnl_newlink asks the kind about a request before it looks whether the link is
// there. A kind that does not exist is no error here.
func Validate(c *Config, ch *Change) error {
	if o := OpsOf(c.Kind); o != nil && o.Validate != nil {
		return o.Validate(c, ch)
	}
	return nil
}

// Create makes a link of a kind (rtnl_newlink_create). c.Name empty: the kind and the first free
// number. Of ch only what rtnl_create_link takes counts: addresses, MTU, queue length, states, group,
// offload limits, flags, master. EOPNOTSUPP: the kind is not known.
func (t *Table) Create(c Config, ch Change) (*Link, error) {
	defer t.linkwatch()
	o := OpsOf(c.Kind)
	if o == nil {
		return nil, rtnl.Errorf(syscall.EOPNOTSUPP, "Unknown device type")
	}
	if err := Validate(&c, &ch); err != nil {
		return nil, err
	}
	if err := t.prepare(o, &c, &ch); err != nil {
		return nil, err
	}
	l, err := t.newlink(o, c, &ch)
	if err != nil {
		return nil, err
	}
	if err := t.configure(l, &ch); err != nil {
		return nil, t.undoCreate(l, err)
	}
	if ch.Master != nil && *ch.Master != 0 {
		if err := t.setMaster(l, *ch.Master); err != nil {
			return nil, t.undoCreate(l, err)
		}
	}
	return l, nil
}

func (t *Table) newlink(o *Ops, c Config, ch *Change) (*Link, error) {
	if o.New != nil {
		return o.New(t, c, ch)
	}
	return t.register(c, func(l *Link) error { l.apply(ch); return nil })
}

func (t *Table) undoCreate(l *Link, err error) error {
	if derr := t.Delete(l); derr != nil {
		t.net.Log.Error("a link that could not be made stays", "link", l.Name, "err", derr)
	}
	return err
}

// prepare is rtnl_create_link: the device as the request wants it, before it is registered.
func (t *Table) prepare(o *Ops, c *Config, ch *Change) error {
	const maxQueues = 4096
	c.NumTxQueues, c.NumRxQueues = ch.queues(o, c)
	if c.NumTxQueues < 1 || c.NumTxQueues > maxQueues {
		return rtnl.Errorf(syscall.EINVAL, "Invalid number of transmit queues")
	}
	if c.NumRxQueues < 1 || c.NumRxQueues > maxQueues {
		return rtnl.Errorf(syscall.EINVAL, "Invalid number of receive queues")
	}
	if c.Name == "" {
		c.Name = o.Kind + "%d"
	}
	c.ops, c.Port, c.Carrier = o, dpif.PortNone, true
	if o.Setup != nil {
		o.Setup(c)
	}
	if ch.Conf4 != nil || ch.AddrGenMode != nil || ch.Token != nil {
		return syscall.EAFNOSUPPORT // the device has no address family yet
	}
	d := Link{MinMTU: c.MinMTU, MaxMTU: c.MaxMTU, TSOMaxSize: 65536, TSOMaxSegs: 65535}
	if err := checkOffload(&d, ch); err != nil {
		return err
	}
	if d.MaxMTU == NoMaxMTU {
		d.MaxMTU = 0
	} else if d.MaxMTU == 0 {
		d.MaxMTU = 65535
	}
	if err := checkMTU(&d, ch.MTU); err != nil {
		return err
	}
	if len(ch.HardAddr) > 0 && len(ch.HardAddr) < 6 || len(ch.Broadcast) > 0 && len(ch.Broadcast) < 6 {
		return syscall.EINVAL
	}
	if ch.MTU != nil {
		c.MTU = *ch.MTU
	}
	if ch.HardAddr != nil {
		c.HardAddr = HardAddr(ch.HardAddr[:6])
	}
	return nil
}

// queues is how many queues the device gets: as many as asked for, else those of the kind, else one.
func (ch *Change) queues(o *Ops, c *Config) (tx, rx uint32) {
	n := uint32(1)
	if o.NumQueues != nil {
		n = o.NumQueues()
	}
	tx, rx = c.NumTxQueues, c.NumRxQueues
	if !ch.NumQueuesSaid[0] {
		tx = max(tx, n)
	}
	if !ch.NumQueuesSaid[1] {
		rx = max(rx, n)
	}
	return tx, rx
}

// apply gives a new link what rtnl_create_link takes of a request, before anybody sees it.
func (l *Link) apply(ch *Change) {
	if ch.Broadcast != nil {
		copy(l.Broadcast[:], ch.Broadcast)
	}
	set := func(to *uint32, v *uint32) {
		if v != nil {
			*to = *v
		}
	}
	set(&l.TxQLen, ch.TxQLen)
	set(&l.Group, ch.Group)
	if ch.LinkMode != nil {
		l.LinkMode = *ch.LinkMode
	}
	l.setOffload(ch)
}

// configure is rtnl_configure_link: the flags of the request, and the link is there for all to see.
func (t *Table) configure(l *Link, ch *Change) error {
	old := *l
	if ch.Flags != 0 || ch.FlagsMask != 0 {
		if err := t.combineFlags(l, ch); err != nil {
			return err
		}
	}
	t.announce(l, unix.RTM_NEWLINK, ^uint32(0), 0)
	t.notifyChanges(l, old.devFlags)
	return nil
}

// Delete is rtnl_delete_link. EOPNOTSUPP: the link is the configuration's.
func (t *Table) Delete(l *Link) error {
	defer t.linkwatch()
	switch {
	case l.ops == nil:
		return syscall.EOPNOTSUPP
	case l.ops.Delete != nil:
		return l.ops.Delete(t, l)
	}
	return t.Remove(l)
}

// DeleteGroup is rtnl_group_dellink. EPERM: group 0, which all are in; EOPNOTSUPP: one of the group
// is the configuration's, and none goes; ENODEV: it has no links.
func (t *Table) DeleteGroup(group uint32) error {
	if group == 0 {
		return syscall.EPERM
	}
	var links []*Link
	for _, l := range t.All() {
		if l.Group != group {
			continue
		}
		if l.ops == nil {
			return syscall.EOPNOTSUPP
		}
		links = append(links, l)
	}
	if links == nil {
		return syscall.ENODEV
	}
	for _, l := range links {
		if l.gone { // another of them took it along
			continue
		}
		if err := t.Delete(l); err != nil {
			return err
		}
	}
	return nil
}

// ChangeKind is ops->changelink. EOPNOTSUPP: data is of another kind, or the kind changes nothing.
func (t *Table) ChangeKind(l *Link, kind string, data any) error {
	if l.ops == nil || l.ops.Kind != kind || l.ops.Change == nil {
		return syscall.EOPNOTSUPP
	}
	return l.ops.Change(t, l, data)
}
