// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// check refuses what do_setlink and validate_linkmsg refuse.
func (t *Table) check(l *Link, c *Change) error {
	if c.HardAddr != nil && len(c.HardAddr) < len(l.HardAddr) ||
		c.Broadcast != nil && len(c.Broadcast) < len(l.Broadcast) {
		return syscall.EINVAL
	}
	if err := checkOffload(l, c); err != nil {
		return err
	}
	if err := t.checkAF(l, c); err != nil {
		return err
	}
	if c.HardAddr != nil && !HardAddr(c.HardAddr[:6]).IsValid() {
		return syscall.EADDRNOTAVAIL
	}
	if c.HardAddr != nil && l.ops != nil && l.ops.ChangeAddr != nil {
		if err := l.ops.ChangeAddr(l, HardAddr(c.HardAddr[:6])); err != nil {
			return err
		}
	}
	if err := checkMTU(l, c.MTU); err != nil {
		return err
	}
	if c.Name != nil && *c.Name != l.Name {
		if _, err := t.allocName(*c.Name); err != nil {
			return err
		}
	}
	if c.Alias != nil && len(*c.Alias) >= 256 {
		return syscall.EINVAL
	}
	if up := c.flags(l)&unix.IFF_UP != 0; up && !l.Up() && !l.canOpen(c.HardAddr) {
		return syscall.EADDRNOTAVAIL
	}
	if c.Master != nil {
		if err := t.enslavable(l, *c.Master); err != nil {
			return err
		}
	}
	if err := t.checkProtoDown(l, c.ProtoDown); err != nil {
		return err
	}
	if c.Carrier != nil && !l.carrierSettable() {
		return syscall.EOPNOTSUPP
	}
	return nil
}

// checkMTU is dev_validate_mtu.
func checkMTU(l *Link, mtu *uint32) error {
	switch {
	case mtu == nil || *mtu == l.MTU:
		return nil
	case int32(*mtu) < 0 || *mtu < l.MinMTU:
		return rtnl.Errorf(syscall.EINVAL, "mtu less than device minimum")
	case l.MaxMTU > 0 && *mtu > l.MaxMTU:
		return rtnl.Errorf(syscall.EINVAL, "mtu greater than device maximum")
	case l.ops != nil && l.ops.ChangeMTU != nil:
		return l.ops.ChangeMTU(l, *mtu)
	}
	return nil
}

func checkOffload(l *Link, c *Change) error {
	const groMax = 8 * 65535 // GRO_MAX_SIZE
	for _, x := range []struct {
		v   *uint32
		max uint32
		msg string
	}{
		{c.GSOMaxSize, l.TSOMaxSize, "too big gso_max_size"},
		{c.GSOMaxSegs, min(65535, l.TSOMaxSegs), "too big gso_max_segs"},
		{c.GROMaxSize, groMax, "too big gro_max_size"},
		{c.GSOIPv4, l.TSOMaxSize, "too big gso_ipv4_max_size"},
		{c.GROIPv4, groMax, "too big gro_ipv4_max_size"},
	} {
		if x.v != nil && *x.v > x.max {
			return rtnl.Errorf(syscall.EINVAL, "%s", x.msg)
		}
	}
	return nil
}

// checkAF is inet_validate_link_af, inet6_validate_link_af and the refusals of inet6_set_iftoken.
func (t *Table) checkAF(l *Link, c *Change) error {
	if c.Conf4 != nil && !l.InDev || (c.AddrGenMode != nil || c.Token != nil) && !l.In6Dev {
		return syscall.EAFNOSUPPORT
	}
	for id := range c.Conf4 {
		if id == 0 || int(id) > len(conf4Keys) {
			return syscall.EINVAL
		}
	}
	if c.AddrGenMode != nil {
		if err := t.checkAddrGenMode(l, int32(*c.AddrGenMode)); err != nil {
			return err
		}
	}
	if c.Token == nil {
		return nil
	}
	switch {
	case l.Loopback():
		return rtnl.Errorf(syscall.EINVAL, "ipv6: Device is loopback")
	case l.NoARP():
		return rtnl.Errorf(syscall.EINVAL, "ipv6: Device does not do neighbour discovery")
	case !l.AcceptRA():
		return rtnl.Errorf(syscall.EINVAL, "ipv6: Router advertisement is disabled on device")
	case l.Conf6.RouterSolicitations == 0:
		return rtnl.Errorf(syscall.EINVAL, "Router solicitation is disabled on device")
	}
	return nil
}

// checkAddrGenMode is check_addr_gen_mode and check_stable_privacy; l nil: of "all" or "default".
func (t *Table) checkAddrGenMode(l *Link, mode int32) error {
	if mode < AddrGenEUI64 || mode > AddrGenRandom {
		return syscall.EINVAL
	}
	if mode == AddrGenStablePrivacy && l != nil && l.Secret6 == nil && t.DefaultSecret6 == nil {
		return syscall.EINVAL
	}
	return nil
}

// carrierSettable says whether the driver has ndo_change_carrier.
func (l *Link) carrierSettable() bool { return l.Kind == "tun" || l.Kind == "dummy" }

func (l *Link) canOpen(addr []byte) bool {
	return l.Loopback() || addr != nil || l.HardAddr.IsValid()
}
