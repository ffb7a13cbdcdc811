// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"syscall"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// dummyOps is the kind "dummy" (drivers/net/dummy.c): a device that takes every packet and sends
// none.
var dummyOps = Ops{
	Kind: "dummy", Type: dpif.LinkDummy,
	Setup: func(c *Config) {
		c.Flags = unix.IFF_BROADCAST | unix.IFF_NOARP
		c.MinMTU, c.MaxMTU = 0, NoMaxMTU
	},
	Validate: func(_ *Config, ch *Change) error { return validEtherAddr(ch.HardAddr) },
	New:      newEther,
}

// validEtherAddr is what the drivers' validate asks of IFLA_ADDRESS.
func validEtherAddr(addr []byte) error {
	switch {
	case addr == nil:
		return nil
	case len(addr) != 6:
		return syscall.EINVAL
	case !HardAddr(addr).IsValid():
		return syscall.EADDRNOTAVAIL
	}
	return nil
}

// newEther registers a device that is an Ethernet one by its looks, with an address of its own.
func newEther(t *Table, c Config, ch *Change) (*Link, error) {
	if c.HardAddr.IsZero() {
		c.HardAddr = t.randomAddr()
	}
	return t.register(c, func(l *Link) error { l.apply(ch); return nil })
}

// randomAddr is eth_hw_addr_random: unicast, locally administered.
func (t *Table) randomAddr() (a HardAddr) {
	for i := range a {
		a[i] = byte(t.net.Rand.Uint32())
	}
	a[0] = a[0]&^1 | 2
	return a
}
