// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// VRFConfig is Config.Data of the kind "vrf".
type VRFConfig struct {
	Table *uint32 // IFLA_VRF_TABLE
}

// attrVRFTable is IFLA_VRF_TABLE.
const attrVRFTable = 1

// maxMTU6 is IP6_MAX_MTU.
const maxMTU6 = 65575

// vrfOps is the kind "vrf" (drivers/net/vrf.c): what its slaves receive is looked up in its table.
var vrfOps = Ops{
	Kind: "vrf", Type: dpif.LinkVRF,
	Setup: func(c *Config) {
		c.Flags = unix.IFF_MASTER | unix.IFF_NOARP
		c.MTU, c.MinMTU, c.MaxMTU = maxMTU6, MinMTU6, maxMTU6
	},
	Validate: func(_ *Config, ch *Change) error {
		if err := validEtherAddr(ch.HardAddr); err != nil {
			return rtnl.Errorf(rtnl.Errno(err), "Invalid hardware address")
		}
		return nil
	},
	New:      newVRF,
	Delete:   deleteVRF,
	AddSlave: vrfAddSlave,
	DelSlave: vrfDelSlave,
}

// newVRF is vrf_newlink. EBUSY: another VRF has the table, in strict mode.
func newVRF(t *Table, c Config, ch *Change) (*Link, error) {
	cfg, ok := c.Data.(*VRFConfig)
	switch {
	case !ok || cfg == nil || cfg.Table == nil:
		return nil, rtnl.Errorf(syscall.EINVAL, "VRF table id is missing")
	case *cfg.Table == unix.RT_TABLE_UNSPEC:
		return nil, rtnl.AttrErrorf(syscall.EINVAL, attrVRFTable, "Invalid VRF table id")
	case t.vrfStrict && t.vrfsOf(*cfg.Table) > 0:
		return nil, rtnl.Errorf(syscall.EBUSY, "Table is used by another VRF")
	}
	if c.HardAddr.IsZero() {
		c.HardAddr = t.randomAddr()
	}
	return t.register(c, func(l *Link) error {
		l.Data = &vrf{table: *cfg.Table}
		l.OperState = OperUp
		l.apply(ch)
		return nil
	})
}

// vrfsOf counts the VRFs of a table.
func (t *Table) vrfsOf(table uint32) (n int) {
	for _, l := range t.All() {
		if l.IsVRF() && l.L3Table() == table {
			n++
		}
	}
	return n
}

// deleteVRF is vrf_dellink.
func deleteVRF(t *Table, l *Link) error {
	for _, slave := range l.Slaves() {
		if err := vrfDelSlave(t, l, slave); err != nil {
			return err
		}
	}
	return t.Remove(l)
}

// vrfAddSlave is vrf_add_slave.
func vrfAddSlave(t *Table, master, l *Link) error {
	switch {
	case l == t.Loopback():
		return rtnl.Errorf(syscall.EOPNOTSUPP, "Can not enslave loopback device to a VRF")
	case l.IsVRF():
		return rtnl.Errorf(syscall.EINVAL, "Can not enslave an L3 master device to a VRF")
	case l.L3Master() != nil:
		return syscall.EINVAL
	}
	if err := t.SetMaster(l, master); err != nil {
		return err
	}
	return t.cycle(l)
}

// vrfDelSlave is do_vrf_del_slave.
func vrfDelSlave(t *Table, _, l *Link) error {
	if err := t.SetMaster(l, nil); err != nil {
		return err
	}
	if l.gone {
		return nil
	}
	return t.cycle(l)
}

// cycle takes a link down and up again, so that its routes move to the table that is now right for
// them (cycle_netdev).
func (t *Table) cycle(l *Link) error {
	if !l.Up() {
		return nil
	}
	if _, err := t.setFlags(l, &Change{FlagsMask: unix.IFF_UP}); err != nil {
		return err
	}
	_, err := t.setFlags(l, &Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
	return err
}

// addVRFKnob adds net.vrf.strict_mode: each table has at most one VRF. EBUSY: some share one.
func (t *Table) addVRFKnob() {
	t.AddSysctl("net.vrf.strict_mode", Knob{
		Get: func() string {
			if t.vrfStrict {
				return "1"
			}
			return "0"
		},
		Set: func(value string) error {
			v, err := parseInt(value)
			if err != nil || v < 0 || v > 1 {
				return syscall.EINVAL
			}
			for _, l := range t.All() {
				if v == 1 && !t.vrfStrict && l.IsVRF() && t.vrfsOf(l.L3Table()) > 1 {
					return syscall.EBUSY
				}
			}
			t.vrfStrict = v == 1
			return nil
		},
	})
}
