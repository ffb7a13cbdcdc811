// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"bytes"
	"syscall"

	"golang.org/x/sys/unix"
)

// Change is what one RTM_NEWLINK or RTM_SETLINK asks for; nil and zero fields are left alone.
type Change struct {
	Name        *string
	HardAddr    []byte // longer than 6 bytes: the rest is ignored
	Broadcast   []byte
	MTU         *uint32
	TxQLen      *uint32
	Group       *uint32
	Alias       *string // empty: none
	Carrier     *bool
	OperState   *uint8
	LinkMode    *uint8
	Master      *uint32 // 0: none
	ProtoDown   *ProtoDown
	Flags       uint32 // ifi_flags
	FlagsMask   uint32 // ifi_change; 0 with Flags set: all
	GSOMaxSize  *uint32
	GSOMaxSegs  *uint32
	GROMaxSize  *uint32
	GSOIPv4     *uint32
	GROIPv4     *uint32
	AddrGenMode *uint8
	Token       *[16]byte
	Conf4       map[uint16]int32 // IFLA_INET_CONF: IPV4_DEVCONF_* to value

	// NotifyAnyway: something has been changed already that all are to hear of.
	NotifyAnyway bool
	// Of Create: whether Config.NumTxQueues and NumRxQueues were asked for.
	NumQueuesSaid [2]bool
}

// IFF_* bits that only the kernel sets (IFF_VOLATILE), and those that user space may.
const (
	volatileFlags = unix.IFF_LOOPBACK | unix.IFF_POINTOPOINT | unix.IFF_BROADCAST | unix.IFF_ECHO |
		unix.IFF_MASTER | unix.IFF_SLAVE | unix.IFF_RUNNING | unix.IFF_LOWER_UP | unix.IFF_DORMANT
	settableFlags = unix.IFF_DEBUG | unix.IFF_NOTRAILERS | unix.IFF_NOARP | unix.IFF_DYNAMIC |
		unix.IFF_MULTICAST | unix.IFF_PORTSEL | unix.IFF_AUTOMEDIA
)

// Change makes all of c or nothing of it (do_setlink). The errors and their order are the kernel's;
// other than there, a request whose later part is wrong has not changed its earlier part.
func (t *Table) Change(l *Link, c Change) error {
	if l.gone {
		return syscall.ENODEV
	}
	if err := t.check(l, &c); err != nil {
		return err
	}
	defer t.linkwatch()
	notify := c.NotifyAnyway // DO_SETLINK_NOTIFY
	for _, step := range []func(*Link, *Change) (bool, error){
		t.setAddress, t.setMTU, t.setGroup, t.setName, t.setAlias, t.setBroadcast, t.setFlags, t.setMasterOf,
		t.setCarrier, t.setTxQLen, t.setOffload, t.setOperState, t.setLinkMode, t.setAF, t.setProtoDown,
	} {
		n, err := step(l, &c)
		notify = notify || n
		if err != nil {
			return err
		}
	}
	if notify {
		t.stateChange(l, 0)
	}
	return nil
}

// setAddress is netif_set_mac_address.
func (t *Table) setAddress(l *Link, c *Change) (bool, error) {
	if c.HardAddr == nil {
		return false, nil
	}
	old := *l
	l.HardAddr, l.stolen = HardAddr(c.HardAddr[:6]), false
	if err := t.publish(l, func() { *l = old }); err != nil {
		return false, err
	}
	t.changed(l, Event{Type: ChangeAddr, OldAddr: old.HardAddr})
	return false, nil
}

// setMTU is netif_set_mtu_ext with what inetdev_event and addrconf_notify do to the link's
// configuration: IPv4 goes below 68, IPv6 below 1280, and comes back with default settings.
func (t *Table) setMTU(l *Link, c *Change) (bool, error) {
	if c.MTU == nil || *c.MTU == l.MTU {
		return false, nil
	}
	old := *l
	l.MTU = *c.MTU
	switch {
	case l.MTU < MinMTU4:
		l.InDev = false
	case !l.InDev:
		l.addInDev()
	}
	switch {
	case l.MTU < MinMTU6:
		l.In6Dev = l.In6Dev && l == t.Loopback() // that of lo only goes down
	case !l.In6Dev:
		l.addIn6Dev()
	default:
		l.Conf6.MTU6 = int32(l.MTU)
	}
	if err := t.publish(l, func() { *l = old }); err != nil {
		return false, err
	}
	t.changed(l, Event{Type: ChangeMTU, OldMTU: old.MTU})
	t.netconfMoved(l, old.InDev, old.In6Dev)
	return false, nil
}

func (t *Table) setGroup(l *Link, c *Change) (bool, error) {
	if c.Group == nil {
		return false, nil
	}
	old := *l
	l.Group = *c.Group
	if err := t.publish(l, func() { *l = old }); err != nil { // rules ask for it
		return false, err
	}
	return true, nil
}

// setName is netif_change_name: also of a link that is up.
func (t *Table) setName(l *Link, c *Change) (bool, error) {
	if c.Name == nil || *c.Name == l.Name {
		return false, nil
	}
	name, err := t.allocName(*c.Name)
	if err != nil {
		return false, err
	}
	old := *l
	l.Name = name
	if err := t.publish(l, func() { *l = old }); err != nil {
		return false, err
	}
	delete(t.names, old.Name)
	t.names[name] = l
	t.gen++
	t.changed(l, Event{Type: ChangeName, OldName: old.Name})
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} { // the settings move to another path
		if family == unix.AF_INET && l.InDev || family == unix.AF_INET6 && l.In6Dev {
			t.netconfDel(family, l)
			t.netconfNew(family, l)
		}
	}
	return false, nil
}

func (t *Table) setAlias(l *Link, c *Change) (bool, error) {
	if c.Alias == nil {
		return false, nil
	}
	l.Alias = *c.Alias
	return true, nil
}

func (t *Table) setBroadcast(l *Link, c *Change) (bool, error) {
	if c.Broadcast == nil {
		return false, nil
	}
	copy(l.Broadcast[:], c.Broadcast)
	t.changed(l, Event{Type: ChangeAddr, OldAddr: l.HardAddr})
	return false, nil
}

// flags is rtnl_dev_combine_flags.
func (c *Change) flags(l *Link) uint32 {
	const asked = unix.IFF_PROMISC | unix.IFF_ALLMULTI
	now := l.devFlags&^asked | l.gflags&asked
	switch {
	case c.Flags == 0 && c.FlagsMask == 0:
		return now
	case c.FlagsMask == 0:
		return c.Flags
	default:
		return c.Flags&c.FlagsMask | now&^c.FlagsMask
	}
}

// setFlags is netif_change_flags.
func (t *Table) setFlags(l *Link, c *Change) (bool, error) {
	if c.Flags == 0 && c.FlagsMask == 0 {
		return false, nil
	}
	old := *l
	if err := t.combineFlags(l, c); err != nil {
		return false, err
	}
	if all := (old.devFlags ^ l.devFlags) | (old.gflags ^ l.gflags); all != 0 {
		t.announce(l, unix.RTM_NEWLINK, all, 0)
	}
	t.notifyChanges(l, old.devFlags)
	return false, nil
}

// combineFlags is __dev_change_flags with what rtnl_dev_combine_flags makes of the request.
func (t *Table) combineFlags(l *Link, c *Change) error {
	flags := c.flags(l)
	old := *l
	keep := l.devFlags & (unix.IFF_UP | volatileFlags | unix.IFF_PROMISC | unix.IFF_ALLMULTI)
	l.devFlags = flags&settableFlags | keep
	var err error
	switch {
	case flags&unix.IFF_UP != 0 && !l.Up():
		err = t.open(l)
	case flags&unix.IFF_UP == 0 && l.Up():
		err = t.close(l)
	}
	if err != nil {
		*l = old
		return err
	}
	count(l, flags, unix.IFF_PROMISC, &l.Promiscuity)
	count(l, flags, unix.IFF_ALLMULTI, &l.AllMulti)
	return t.publish(l, func() { *l = old })
}

// count follows what user space asked of IFF_PROMISC or IFF_ALLMULTI in its counter
// (__dev_set_promiscuity): the flag of the device is on while the counter is not zero.
func count(l *Link, flags, bit uint32, counter *uint32) {
	if (flags^l.gflags)&bit == 0 {
		return
	}
	l.gflags ^= bit
	if flags&bit != 0 {
		*counter++
		l.devFlags |= bit
	} else if *counter--; *counter == 0 {
		l.devFlags &^= bit
	}
}

// notifyChanges is the second half of __dev_notify_flags: the events, after the message.
func (t *Table) notifyChanges(l *Link, oldFlags uint32) {
	changes := oldFlags ^ l.devFlags
	if changes&unix.IFF_UP != 0 {
		if l.Up() {
			t.notify(Event{Type: Up, Link: l})
		} else {
			t.notify(Event{Type: Down, Link: l})
		}
	}
	rest := changes &^ (unix.IFF_UP | unix.IFF_PROMISC | unix.IFF_ALLMULTI | volatileFlags)
	if l.Up() && rest != 0 {
		t.notify(Event{Type: Changed, Link: l, Flags: changes})
	}
}

// setCarrier is netif_change_carrier.
func (t *Table) setCarrier(l *Link, c *Change) (bool, error) {
	if c.Carrier == nil {
		return false, nil
	}
	return false, t.carrier(l, *c.Carrier)
}

// setTxQLen is netif_change_tx_queue_len.
func (t *Table) setTxQLen(l *Link, c *Change) (bool, error) {
	if c.TxQLen == nil || *c.TxQLen == l.TxQLen {
		return false, nil
	}
	l.TxQLen = *c.TxQLen
	t.announce(l, unix.RTM_NEWLINK, 0, 0)
	return false, nil
}

func (t *Table) setOffload(l *Link, c *Change) (bool, error) {
	l.setOffload(c)
	return false, nil
}

func (l *Link) setOffload(c *Change) {
	set := func(to *uint32, v *uint32) {
		if v != nil {
			*to = *v
		}
	}
	if c.GSOMaxSize != nil {
		l.GSOMaxSize = *c.GSOMaxSize
		if *c.GSOMaxSize <= 65536 { // GSO_LEGACY_MAX_SIZE
			l.GSOIPv4 = *c.GSOMaxSize
		}
	}
	set(&l.GSOMaxSegs, c.GSOMaxSegs)
	if c.GROMaxSize != nil {
		l.GROMaxSize = *c.GROMaxSize
		if *c.GROMaxSize <= 65536 {
			l.GROIPv4 = *c.GROMaxSize
		}
	}
	set(&l.GSOIPv4, c.GSOIPv4)
	set(&l.GROIPv4, c.GROIPv4)
}

// setOperState is set_operstate: user space may only say up, dormant or testing.
func (t *Table) setOperState(l *Link, c *Change) (bool, error) {
	if c.OperState == nil {
		return false, nil
	}
	state := l.OperState
	switch *c.OperState {
	case OperUp:
		if (state == OperDormant || state == OperTesting || state == OperUnknown) && l.Carrier {
			state = OperUp
		}
	case OperTesting, OperDormant:
		if l.OperUp() {
			state = *c.OperState
		}
	}
	if state == l.OperState {
		return false, nil
	}
	l.OperState = state
	l.refreshFlags()
	t.stateChange(l, 0)
	return false, nil
}

func (t *Table) setLinkMode(l *Link, c *Change) (bool, error) {
	if c.LinkMode == nil || *c.LinkMode == l.LinkMode {
		return false, nil
	}
	l.LinkMode = *c.LinkMode
	return true, nil
}

// setAF is inet_set_link_af and inet6_set_link_af.
func (t *Table) setAF(l *Link, c *Change) (bool, error) {
	if c.Conf4 == nil && c.AddrGenMode == nil && c.Token == nil {
		return false, nil
	}
	for id, v := range c.Conf4 {
		*conf4Keys[id-1].field(&l.Conf4) = v
		l.set4 |= 1 << (id - 1)
	}
	if c.AddrGenMode != nil {
		l.Conf6.AddrGenMode = int32(*c.AddrGenMode)
	}
	if c.Token != nil && !bytes.Equal(l.Token[8:], c.Token[8:]) {
		copy(l.Token[8:], c.Token[8:])
		t.AnnounceInfo6(l)
	}
	return true, t.net.DP.SetLink(l.dp())
}

// changed announces and notifies of an event that rtnetlink answers with RTM_NEWLINK before the
// protocols hear of it (rtnetlink_event is first in the chain).
func (t *Table) changed(l *Link, e Event) {
	e.Link = l
	t.announce(l, unix.RTM_NEWLINK, 0, 0)
	t.notify(e)
}
