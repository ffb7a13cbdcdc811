// SPDX-License-Identifier: BSD-3-Clause

package ethtool

import (
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// portOps are of a port of DPDK: what its driver says.
var portOps = Ops{
	Drvinfo: func(d *Device) Drvinfo {
		p, err := d.t.ports.PortDriver(d.Port)
		if err != nil {
			return Drvinfo{}
		}
		return Drvinfo{Driver: p.Driver, Version: p.Version, Firmware: p.Firmware, Bus: p.Bus}
	},
	Link: carrier,
	Strings: func(d *Device, set uint32) []string {
		if set != SetStats {
			return nil
		}
		counters, err := d.t.ports.PortCounters(d.Port)
		if err != nil {
			return nil
		}
		names := make([]string, len(counters))
		for i, c := range counters {
			names[i] = c.Name
		}
		return names
	},
	Stats: func(d *Device) []uint64 {
		counters, err := d.t.ports.PortCounters(d.Port)
		if err != nil {
			return nil
		}
		values := make([]uint64, len(counters))
		for i, c := range counters {
			values[i] = c.Value
		}
		return values
	},
	MacStats:     portMacStats,
	LinkSettings: portSettings,
	Rings: func(d *Device) Rings {
		r, err := d.t.ports.PortRings(d.Port)
		if err != nil {
			return Rings{}
		}
		return Rings{RxMax: r.RxMax, TxMax: r.TxMax, Rx: r.Rx, Tx: r.Tx}
	},
	SetRings: func(d *Device, r *Rings) error {
		return errnoOf(d.t.ports.SetPortRings(d.Port, r.Rx, r.Tx))
	},
	Channels: func(d *Device) Channels {
		q, err := d.t.ports.PortQueues(d.Port)
		if err != nil {
			return Channels{}
		}
		return Channels{MaxRx: q.RxMax, MaxTx: q.TxMax, Rx: q.Rx, Tx: q.Tx}
	},
	SetChannels: func(d *Device, c *Channels) error {
		q, err := d.t.ports.PortQueues(d.Port)
		if err != nil {
			return errnoOf(err)
		}
		if c.Tx != q.Tx {
			return unix.EOPNOTSUPP // every worker has its own
		}
		return errnoOf(d.t.ports.SetPortQueues(d.Port, c.Rx))
	},
	Regs: func(d *Device) (dpif.PortRegs, error) {
		r, err := d.t.ports.PortRegs(d.Port)
		return r, errnoOf(err)
	},
	EEPROM: func(d *Device, offset, n uint32) ([]byte, uint32, error) {
		b, size, err := d.t.ports.PortEEPROM(d.Port, offset, n)
		return b, size, errnoOf(err)
	},
	Module: func(d *Device, offset, n uint32) ([]byte, uint32, uint32, error) {
		b, typ, size, err := d.t.ports.PortModule(d.Port, offset, n)
		return b, typ, size, errnoOf(err)
	},
	RSS: func(d *Device) (dpif.PortRSS, error) {
		r, err := d.t.ports.PortSpread(d.Port)
		return r, errnoOf(err)
	},
	Rules: func(d *Device) uint32 {
		q, _ := d.t.ports.PortQueues(d.Port)
		return q.Rx
	},
	FEC: func(d *Device) (FEC, error) {
		f, err := d.t.ports.PortFEC(d.Port)
		return FEC{Configured: f.Configured, Active: f.Active}, errnoOf(err)
	},
	SetFEC: func(d *Device, configured uint32) error {
		return errnoOf(d.t.ports.SetPortFEC(d.Port, configured))
	},
}

// portPauseOps is portOps for a port that has flow control.
var portPauseOps = func() Ops {
	ops := portOps
	ops.Pause = func(d *Device) Pause {
		p, _ := d.t.ports.PortPause(d.Port)
		return Pause{Autoneg: p.Autoneg, Rx: p.Rx, Tx: p.Tx}
	}
	ops.SetPause = func(d *Device, p *Pause) error {
		return errnoOf(d.t.ports.SetPortPause(d.Port, dpif.PortPause{Rx: p.Rx, Tx: p.Tx, Autoneg: p.Autoneg}))
	}
	return ops
}()

// errnoOf makes DPDK's ENOTSUP and ENOSYS the errno of a driver without the operation.
func errnoOf(err error) error {
	if err == unix.ENOTSUP || err == unix.ENOSYS {
		return unix.EOPNOTSUPP
	}
	return err
}

// portModes are the link modes of each of dpif.Speed*: DPDK knows speeds and no media.
var portModes = []int{0, 1, 2, 3, 5, 47, 48, 12, 22, 31, 24, 34, 28, 38, 66}

func portSettings(d *Device) (LinkSettings, error) {
	m, err := d.t.ports.PortMedium(d.Port)
	if err != nil {
		return LinkSettings{}, errnoOf(err)
	}
	s := LinkSettings{Speed: SpeedNone, Duplex: DuplexNone, Port: PortOther}
	if m.Up && m.Speed != 0 {
		s.Speed = m.Speed
	}
	if m.Up {
		s.Duplex = DuplexHalf
		if m.Full {
			s.Duplex = DuplexFull
		}
	}
	if m.Autoneg {
		s.Autoneg = 1
	}
	for i, mode := range portModes {
		if m.Capable&(1<<i) != 0 {
			s.Supported.Set(mode)
		}
	}
	if m.Autoneg && !s.Supported.Empty() {
		s.Supported.Set(ModeAutoneg)
		s.Advertising = s.Supported
	}
	return s, nil
}

// portMacNames are the counters that all drivers have, and what they are in StatsMacNames.
var portMacNames = []struct {
	name  string
	index uint16
}{{"tx_good_packets", 0}, {"rx_good_packets", 3}, {"tx_good_bytes", 6}, {"rx_good_bytes", 12}}

func portMacStats(d *Device) (stats []MacStat) {
	counters, err := d.t.ports.PortCounters(d.Port)
	if err != nil {
		return nil
	}
	for _, n := range portMacNames {
		for _, c := range counters {
			if c.Name == n.name {
				stats = append(stats, MacStat{n.index, c.Value})
			}
		}
	}
	return stats
}
