// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
)

// ifIoctl is dev_ioctl, with devinet_ioctl for what is about IPv4 addresses.
func (t *Tables) ifIoctl(c *nlserver.Ioctl) error {
	switch c.Request {
	case unix.SIOCGIFNAME:
		return t.ifname(c)
	case unix.SIOCGIFADDR, unix.SIOCGIFDSTADDR, unix.SIOCGIFBRDADDR, unix.SIOCGIFNETMASK,
		unix.SIOCSIFADDR, unix.SIOCSIFDSTADDR, unix.SIOCSIFBRDADDR, unix.SIOCSIFNETMASK,
		unix.SIOCSIFFLAGS:
		return t.inetIoctl(c)
	case unix.SIOCGIFFLAGS, unix.SIOCGIFMETRIC, unix.SIOCGIFMTU, siocGIFSlave, unix.SIOCGIFMAP,
		unix.SIOCGIFINDEX, unix.SIOCGIFTXQLEN, unix.SIOCGIFHWADDR:
		return t.getIoctl(c)
	case unix.SIOCSIFMETRIC, unix.SIOCSIFMTU, unix.SIOCSIFHWADDR, unix.SIOCSIFHWBROADCAST,
		unix.SIOCSIFMAP, unix.SIOCSIFTXQLEN, unix.SIOCSIFNAME, unix.SIOCADDMULTI, unix.SIOCDELMULTI:
		return t.setIoctl(c)
	case unix.SIOCGIFMEM, unix.SIOCSIFMEM, unix.SIOCSIFLINK:
		return unix.ENOTTY
	}
	return unix.EOPNOTSUPP
}

// ifname is dev_ifname.
func (t *Tables) ifname(c *nlserver.Ioctl) error {
	r, err := t.readIfreq(c)
	if err != nil {
		return err
	}
	l := t.Links.ByIndex(uint32(r.i32()))
	if l == nil {
		return unix.ENODEV
	}
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, l.Name)
	c.Write(c.Arg, name)
	return nil
}

// getIoctl is dev_ifsioc_locked and dev_get_mac_address.
func (t *Tables) getIoctl(c *nlserver.Ioctl) error {
	r, err := t.readIfreq(c)
	if err != nil {
		return err
	}
	l := t.Links.ByName(r.name)
	if l == nil {
		return unix.ENODEV
	}
	switch c.Request {
	case unix.SIOCGIFFLAGS:
		native.PutUint16(r.union, uint16(l.Flags))
	case unix.SIOCGIFMETRIC:
		r.u32(0)
	case unix.SIOCGIFMTU:
		r.u32(l.MTU)
	case siocGIFSlave:
		return unix.EINVAL
	case unix.SIOCGIFMAP:
		clear(r.union)
	case unix.SIOCGIFINDEX:
		r.u32(l.Index)
	case unix.SIOCGIFTXQLEN:
		r.u32(l.TxQLen)
	case unix.SIOCGIFHWADDR:
		clear(r.union[:16])
		native.PutUint16(r.union, l.Type)
		copy(r.sockdata(), l.HardAddr[:])
	}
	return r.write(c)
}

// setIoctl is dev_ifsioc.
func (t *Tables) setIoctl(c *nlserver.Ioctl) error {
	if !c.Admin {
		return unix.EPERM
	}
	r, err := t.readIfreq(c)
	if err != nil {
		return err
	}
	l := t.Links.ByName(r.name)
	if l == nil {
		return unix.ENODEV
	}
	v := r.i32()
	switch c.Request {
	case unix.SIOCSIFMTU:
		if v < 0 {
			return unix.EINVAL
		}
		mtu := uint32(v)
		return t.Links.Change(l, link.Change{MTU: &mtu})
	case unix.SIOCSIFHWADDR:
		if r.family() != l.Type {
			return unix.EINVAL
		}
		return t.Links.Change(l, link.Change{HardAddr: r.sockdata()[:6]})
	case unix.SIOCSIFHWBROADCAST:
		if r.family() != l.Type {
			return unix.EINVAL
		}
		return t.Links.Change(l, link.Change{Broadcast: r.sockdata()[:6]})
	case unix.SIOCSIFTXQLEN:
		if v < 0 {
			return unix.EINVAL
		}
		qlen := uint32(v)
		return t.Links.Change(l, link.Change{TxQLen: &qlen})
	case unix.SIOCSIFNAME:
		name := cString(r.union[:unix.IFNAMSIZ])
		return t.Links.Change(l, link.Change{Name: &name})
	}
	return unix.EOPNOTSUPP // a metric, a map of memory, a filter in a card
}

// Commands of SIOCGIFVLAN and SIOCSIFVLAN, and struct vlan_ioctl_args.
const (
	vlanRealdevName    = 8
	vlanVID            = 9
	sizeofVlanArgs     = 56
	offVlanDevice1     = 4
	offVlanDevice2     = 28
	vlanAddCmd         = 0
	vlanSetNameTypeCmd = 6
)

// vlanIoctl is vlan_ioctl_handler; links are made over netlink.
func (t *Tables) vlanIoctl(c *nlserver.Ioctl) error {
	b, err := c.Read(c.Arg, sizeofVlanArgs)
	if err != nil {
		return err
	}
	cmd := int32(native.Uint32(b))
	if cmd != vlanRealdevName && cmd != vlanVID {
		if cmd >= vlanAddCmd && cmd <= vlanSetNameTypeCmd {
			return unix.EOPNOTSUPP
		}
		return unix.EINVAL
	}
	l := t.Links.ByName(cString(b[offVlanDevice1:offVlanDevice2]))
	switch {
	case l == nil:
		return unix.ENODEV
	case l.Kind != "vlan" || l.Lower == nil:
		return unix.EINVAL
	case cmd == vlanVID:
		return unix.EOPNOTSUPP
	}
	name := make([]byte, 24)
	copy(name, l.Lower.Name)
	c.Write(c.Arg+offVlanDevice2, name)
	return nil
}
