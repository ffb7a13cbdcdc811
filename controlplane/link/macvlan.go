// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Modes of a macvlan (MACVLAN_MODE_*): whether those on one device see each other.
const (
	MACVLANPrivate  = 1
	MACVLANVEPA     = 2
	MACVLANBridge   = 4
	MACVLANPassthru = 8
	MACVLANSource   = 16
)

// macvlanFlags is MACVLAN_FLAG_NOPROMISC and MACVLAN_FLAG_NODST.
const macvlanFlags = 1 | 2

// macvlanQueueLen is MACVLAN_DEFAULT_BC_QUEUE_LEN, packets.
const macvlanQueueLen = 1000

// MACVLANConfig is Config.Data of the kind "macvlan"; nil fields were not said.
type MACVLANConfig struct {
	Mode     *uint32
	Flags    *uint16
	QueueLen *uint32 // shown, and of no effect: what is for several is never queued
	Sources  bool    // attributes of the mode "source"
}

// MACVLAN is Link.Data of a macvlan.
type MACVLAN struct {
	Mode     uint32
	Flags    uint16
	QueueLen uint32
}

// macvlanOps is the kind "macvlan" (drivers/net/macvlan.c): a device with a MAC address of its own
// on another one.
var macvlanOps = Ops{
	Kind: "macvlan", Type: dpif.LinkMACVLAN, ProtoDown: true,
	Setup:    func(c *Config) { c.MinMTU, c.MaxMTU = 0, 65535 },
	Validate: validateMACVLAN,
	New:      newMACVLAN,
	Change: func(t *Table, l *Link, data any) error {
		cfg, _ := data.(*MACVLANConfig)
		if cfg == nil {
			return nil
		}
		old := *l.Data.(*MACVLAN)
		if err := unsupportedMACVLAN(cfg); err != nil {
			return err
		}
		m := old.changed(cfg)
		l.Data = &m
		return t.publish(l, func() { l.Data = &old })
	},
	Delete: func(_ *Table, l *Link) error { return deleteMACVLANs([]*Link{l}) },
	Open: func(_ *Table, l *Link) error {
		return macvlanAddrFree(l, l.HardAddr)
	},
	ChangeMTU: func(l *Link, mtu uint32) error {
		if mtu > l.Lower.MTU {
			return syscall.EINVAL
		}
		return nil
	},
	ChangeAddr: func(l *Link, addr HardAddr) error {
		if addr == l.HardAddr {
			return nil
		}
		return macvlanAddrFree(l, addr)
	},
	DP: func(l *Link, d *dpif.Link) {
		d.PeerNet, d.Lower = l.Lower.t.net.ID, l.Lower.Index
		d.MACVLANMode = uint8(l.Data.(*MACVLAN).Mode)
	},
}

// MACVLANQueueLen is the longest queue that one of the macvlans on l's device wants, packets
// (bc_queue_len_used).
func (l *Link) MACVLANQueueLen() (n uint32) {
	for _, x := range l.Lower.macvlans {
		n = max(n, x.Data.(*MACVLAN).QueueLen)
	}
	return n
}

// validateMACVLAN is macvlan_validate.
func validateMACVLAN(c *Config, ch *Change) error {
	if err := validEtherAddr(ch.HardAddr); err != nil {
		return err
	}
	cfg, _ := c.Data.(*MACVLANConfig)
	switch {
	case cfg == nil:
		return nil
	case cfg.Flags != nil && *cfg.Flags&^macvlanFlags != 0:
		return syscall.EINVAL
	case cfg.Mode == nil:
		return nil
	}
	switch *cfg.Mode {
	case MACVLANPrivate, MACVLANVEPA, MACVLANBridge, MACVLANPassthru, MACVLANSource:
		return nil
	}
	return syscall.EINVAL
}

// unsupportedMACVLAN refuses what the kernel can do here and Skua cannot.
func unsupportedMACVLAN(cfg *MACVLANConfig) error {
	if cfg.Mode == nil && !cfg.Sources {
		return nil
	}
	switch {
	case cfg.Sources, *cfg.Mode == MACVLANSource:
		return rtnl.Errorf(syscall.EOPNOTSUPP, "macvlan mode source is not supported")
	case *cfg.Mode == MACVLANPassthru:
		return rtnl.Errorf(syscall.EOPNOTSUPP, "macvlan mode passthru is not supported")
	}
	return nil
}

func (m MACVLAN) changed(cfg *MACVLANConfig) MACVLAN {
	if cfg.Mode != nil {
		m.Mode = *cfg.Mode
	}
	if cfg.Flags != nil {
		m.Flags = *cfg.Flags
	}
	if cfg.QueueLen != nil {
		m.QueueLen = *cfg.QueueLen
	}
	return m
}

// newMACVLAN is macvlan_common_newlink.
func newMACVLAN(t *Table, c Config, ch *Change) (*Link, error) {
	if c.Lower == 0 {
		return nil, syscall.EINVAL
	}
	in := t
	if c.LowerIn != nil {
		in = c.LowerIn
	}
	real := in.ByIndex(c.Lower)
	if real == nil {
		return nil, syscall.ENODEV
	}
	if real.Kind == "macvlan" {
		real = real.Lower
	}
	switch {
	case ch.MTU == nil:
		c.MTU = real.MTU
	case *ch.MTU > real.MTU:
		return nil, syscall.EINVAL
	}
	c.MinMTU, c.MaxMTU = MinMTU4, real.MaxMTU
	if c.HardAddr.IsZero() {
		c.HardAddr = t.randomAddr()
	}
	if real.Type != unix.ARPHRD_ETHER || real.Loopback() {
		return nil, syscall.EINVAL
	}
	m := MACVLAN{Mode: MACVLANVEPA, QueueLen: macvlanQueueLen}
	if cfg, _ := c.Data.(*MACVLANConfig); cfg != nil {
		if err := unsupportedMACVLAN(cfg); err != nil {
			return nil, err
		}
		m = m.changed(cfg)
	}
	return t.registerMACVLAN(c, ch, real, &m)
}

func (t *Table) registerMACVLAN(c Config, ch *Change, real *Link, m *MACVLAN) (*Link, error) {
	c.Carrier, c.TSOMaxSize = real.Carrier, real.TSOMaxSize
	l, err := t.register(c, func(l *Link) error {
		l.Data, l.Lower, l.Broadcast = m, real, real.Broadcast
		l.apply(ch)
		if !l.Carrier {
			l.operPolicy()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := real.t.upperLink(real, l, false); err != nil {
		if rerr := t.Remove(l); rerr != nil {
			t.net.Log.Error("a macvlan on nothing stays", "link", l.Name, "err", rerr)
		}
		return nil, err
	}
	real.macvlans = append(real.macvlans, l)
	real.receiveAll(1)
	t.carrierOf(l, real.Carrier)
	t.fire(l)
	return l, nil
}

// deleteMACVLANs is macvlan_dellink of each, and the end of all.
func deleteMACVLANs(links []*Link) error {
	for _, l := range links {
		l.Lower.macvlans = without(l.Lower.macvlans, l)
		l.Lower.receiveAll(-1)
		l.Lower.t.upperUnlink(l.Lower, l)
	}
	return removeAll(links)
}

// receiveAll makes the port below take, or take no more, frames for other addresses than its own:
// dev_uc_add of an address, without a filter of the hardware.
func (l *Link) receiveAll(n int) {
	for ; l.Lower != nil; l = l.Lower {
	}
	l.otherAddrs += n
	if l.gone {
		return
	}
	if err := l.t.publish(l, func() {}); err != nil {
		l.t.net.Log.Error("a port does not receive for other addresses", "link", l.Name, "err", err)
	}
}

// macvlanAddrFree is macvlan_addr_busy. EADDRINUSE: the device has the address, or another on it.
func macvlanAddrFree(l *Link, addr HardAddr) error {
	if l.Lower.HardAddr == addr || slices.ContainsFunc(l.Lower.macvlans, func(x *Link) bool {
		return x != l && x.Up() && x.HardAddr == addr
	}) {
		return syscall.EADDRINUSE
	}
	return nil
}

// macvlanDeviceEvent is macvlan_device_event: what happens to a device happens to those on it.
func (t *Table) macvlanDeviceEvent(e Event) {
	on := slices.Clone(e.Link.macvlans)
	switch e.Type {
	case Up, Down, Changed:
		for _, l := range on {
			t.carrierOf(l, e.Link.Carrier)
		}
	case ChangeMTU:
		for _, l := range on {
			if mtu := e.Link.MTU; l.MTU > mtu {
				t.follow(l, l.t.setMTU, &Change{MTU: &mtu})
			}
		}
	case Unregister:
		if err := deleteMACVLANs(on); err != nil {
			t.net.Log.Error("macvlans of a device that is gone stay", "link", e.Link.Name, "err", err)
		}
	}
}
