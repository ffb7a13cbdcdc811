// SPDX-License-Identifier: BSD-3-Clause

// Package ethtool holds what a link's driver can say and change (struct ethtool_ops): of the ports
// of DPDK what their drivers say, of the others what the kernel's driver of the same kind does. The
// netlink family "ethtool" and SIOCETHTOOL are two ways to it. Everything runs under RTNL.
package ethtool

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// Drvinfo is struct ethtool_drvinfo; what is too long for it is cut.
type Drvinfo struct {
	Driver, Version, Firmware, Bus string
}

// Ports, duplexes, speeds and so on of LinkSettings (PORT_TP ...).
const (
	PortTP      = 0x00
	PortFibre   = 0x03
	PortNone    = 0xef
	PortOther   = 0xff
	DuplexHalf  = 0
	DuplexFull  = 1
	DuplexNone  = 0xff
	SpeedNone   = ^uint32(0) // SPEED_UNKNOWN
	MaxLanes    = 8
	MdixInvalid = 0
)

// LinkSettings is struct ethtool_link_ksettings.
type LinkSettings struct {
	Speed       uint32 // Mbit/s, SpeedNone
	Duplex      uint8
	Port        uint8
	PhyAddress  uint8
	Autoneg     uint8
	Mdix        uint8
	MdixCtrl    uint8
	Transceiver uint8
	Lanes       uint32
	MasterSlave uint8 // master_slave_cfg; 0: unsupported

	Supported, Advertising, Peer Bits
}

// Coalesce is struct ethtool_coalesce with what came later, indexed by ETHTOOL_A_COALESCE_*.
type Coalesce [unix.ETHTOOL_A_COALESCE_USE_CQE_MODE_RX + 1]uint32

// Pause is struct ethtool_pauseparam.
type Pause struct{ Autoneg, Rx, Tx bool }

// Channels is struct ethtool_channels.
type Channels struct {
	MaxRx, MaxTx, MaxOther, MaxCombined uint32
	Rx, Tx, Other, Combined             uint32
}

// Rings is struct ethtool_ringparam.
type Rings struct {
	RxMax, RxMiniMax, RxJumboMax, TxMax uint32
	Rx, RxMini, RxJumbo, Tx             uint32
}

// FEC is struct ethtool_fecparam: bits dpif.FEC*.
type FEC struct{ Configured, Active uint32 }

// TSInfo is struct ethtool_ts_info.
type TSInfo struct {
	Timestamping      uint32 // SOF_TIMESTAMPING_*
	PHC               int32  // -1: none
	TxTypes, RxFilter uint32
}

// MacStat is a count of IEEE 802.3 clause 30; Index is into StatsMacNames.
type MacStat struct {
	Index uint16
	Value uint64
}

// Ops is what a driver can (struct ethtool_ops). A nil function is an operation that it lacks:
// EOPNOTSUPP to those who ask.
type Ops struct {
	Drvinfo     func(*Device) Drvinfo
	Link        func(*Device) bool
	MsgLevel    func(*Device) uint32
	SetMsgLevel func(*Device, uint32)

	// Strings gives the names of a set (ETH_SS_*), with Stats in the order of SetStats.
	Strings func(*Device, uint32) []string
	Stats   func(*Device) []uint64
	// MacStats gives those of StatsMacNames that the driver counts.
	MacStats func(*Device) []MacStat

	LinkSettings    func(*Device) (LinkSettings, error)
	SetLinkSettings func(*Device, *LinkSettings) error
	Coalesce        func(*Device) (Coalesce, error)
	SetCoalesce     func(*Device, *Coalesce) error
	CoalesceParams  uint32 // bit n: ETHTOOL_A_COALESCE_RX_USECS+n is supported
	Channels        func(*Device) Channels
	SetChannels     func(*Device, *Channels) error
	Rings           func(*Device) Rings
	SetRings        func(*Device, *Rings) error
	Pause           func(*Device) Pause
	SetPause        func(*Device, *Pause) error
	FEC             func(*Device) (FEC, error)
	SetFEC          func(*Device, uint32) error
	TSInfo          func(*Device) (TSInfo, error)

	Regs   func(*Device) (dpif.PortRegs, error)
	EEPROM func(d *Device, offset, n uint32) ([]byte, uint32, error)
	Module func(d *Device, offset, n uint32) (data []byte, typ, size uint32, err error)
	RSS    func(*Device) (dpif.PortRSS, error)
	Rules  func(*Device) uint32 // receive queues (ETHTOOL_GRXRINGS)
}

// Device is a link with what its driver can.
type Device struct {
	*link.Link
	*Ops
	t *Table
	s *state
}

// state is what drivers remember of a link.
type state struct {
	msglevel uint32
	settings *LinkSettings // of a tun
	batched  uint32        // of a tun: rx_max_coalesced_frames
}

// Event tells by rtnl.Net.Notify that something was changed (ethtool_notify).
type Event struct {
	Cmd  uint8 // ETHTOOL_MSG_*_NTF
	Link *link.Link
}

// Table finds the Device of a link.
type Table struct {
	net    *rtnl.Net
	links  *link.Table
	ports  dpif.Ports // nil: the data plane says nothing
	states map[*link.Link]*state
	of     func(*link.Link) *Device // Of, for drivers that ask another device
}

// New subscribes to the events of the links.
func New(net *rtnl.Net, links *link.Table) *Table {
	t := &Table{net: net, links: links, states: map[*link.Link]*state{}}
	t.ports, _ = net.DP.(dpif.Ports)
	t.of = t.Of
	net.Subscribe(t.event)
	return t
}

func (t *Table) event(e any) {
	if e, ok := e.(link.Event); ok && e.Type == link.Unregister {
		delete(t.states, e.Link)
	}
}

// Of is the device of a link.
func (t *Table) Of(l *link.Link) *Device {
	s := t.states[l]
	if s == nil {
		s = &state{}
		t.states[l] = s
	}
	return &Device{Link: l, Ops: t.opsOf(l), t: t, s: s}
}

// opsOf chooses by kind: what is named like a kind of the kernel's answers like it.
func (t *Table) opsOf(l *link.Link) *Ops {
	switch {
	case l.Loopback():
		return &loopbackOps
	case l.Kind == "tun":
		return &tunOps
	case l.Port != dpif.PortNone && t.ports != nil:
		if _, err := t.ports.PortPause(l.Port); err == nil {
			return &portPauseOps
		}
		return &portOps
	}
	switch l.Kind {
	case "veth":
		return &vethOps
	case "dummy":
		return &dummyOps
	case "vlan":
		return &vlanOps
	case "vrf":
		return &vrfOps
	}
	return &noOps
}

// Notify tells of a change of d.
func (d *Device) Notify(cmd uint8) { d.t.net.Notify(Event{Cmd: cmd, Link: d.Link}) }

// HasLink is __ethtool_get_link: -EOPNOTSUPP is false for ok.
func (d *Device) HasLink() (up, ok bool) {
	if d.Ops.Link == nil {
		return false, false
	}
	return d.Up() && d.Ops.Link(d), true
}

// StringSet gives the names of a set that belongs to the device; nil when it has none.
func (d *Device) StringSet(set uint32) []string {
	if d.Strings == nil {
		return nil
	}
	return d.Strings(d, set)
}

// Settings is __ethtool_get_link_ksettings.
func (d *Device) Settings() (LinkSettings, error) {
	if d.LinkSettings == nil {
		return LinkSettings{}, unix.EOPNOTSUPP
	}
	return d.LinkSettings(d)
}

// Timestamps is __ethtool_get_ts_info.
func (d *Device) Timestamps() (TSInfo, error) {
	if d.TSInfo != nil {
		return d.TSInfo(d)
	}
	return TSInfo{Timestamping: softRx | softClock, PHC: -1}, nil
}

// Info is ethtool_get_drvinfo; ok is false when nobody knows.
func (d *Device) Info() (Drvinfo, bool) {
	switch {
	case d.Drvinfo != nil:
		return d.Drvinfo(d), true
	case d.Kind != "":
		return Drvinfo{Driver: d.Kind, Version: kernelRelease}, true
	}
	return Drvinfo{}, false
}

// CheckCoalesce refuses what the driver does not support (ethtool_set_coalesce_supported): the
// number of the first such parameter that is not zero, 0 when there is none.
func (d *Device) CheckCoalesce(c *Coalesce) int {
	for i := unix.ETHTOOL_A_COALESCE_RX_USECS; i < len(c); i++ {
		if c[i] != 0 && d.CoalesceParams&CoalesceBit(i) == 0 {
			return i
		}
	}
	return 0
}

// CoalesceBit is the bit of an attribute in Ops.CoalesceParams.
func CoalesceBit(attr int) uint32 { return 1 << (attr - unix.ETHTOOL_A_COALESCE_RX_USECS) }
