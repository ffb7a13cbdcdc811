// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/route"
	"skua/nlserver"
)

// struct arpreq, and bits of its arp_flags.
const (
	sizeofArpreq = 68
	offArpHA     = 16
	offArpFlags  = 32
	offArpMask   = 36
	offArpDev    = 52

	atfCom     = 0x02
	atfPerm    = 0x04
	atfPubl    = 0x08
	atfNetmask = 0x20
	atfDontPub = 0x40
)

// arpIoctl is arp_ioctl.
func (t *Tables) arpIoctl(c *nlserver.Ioctl) error {
	if c.Request != unix.SIOCGARP && !c.Admin {
		return unix.EPERM
	}
	b, err := c.Read(c.Arg, sizeofArpreq)
	if err != nil {
		return err
	}
	family, ip := sockaddr4(b)
	flags := native.Uint32(b[offArpFlags:])
	switch {
	case family != unix.AF_INET:
		return unix.EPFNOSUPPORT
	case flags&atfPubl == 0 && flags&(atfNetmask|atfDontPub) != 0:
		return unix.EINVAL
	}
	ha := native.Uint16(b[offArpHA:])
	var l *link.Link
	if name := cString(b[offArpDev : offArpDev+unix.IFNAMSIZ-1]); name != "" {
		if l = t.Links.ByName(name); l == nil {
			return unix.ENODEV
		}
		if ha == 0 {
			ha = l.Type
		}
		if flags&atfCom != 0 && ha != l.Type {
			return unix.EINVAL
		}
	} else if c.Request == unix.SIOCGARP {
		return unix.ENODEV
	}
	if c.Request == unix.SIOCGARP {
		return t.getARP(c, l, ip)
	}
	if flags&atfPubl != 0 {
		return t.publicARP(c.Request, l, ip, flags, b)
	}
	if l == nil {
		r, err := t.Routes.Lookup(route.Query{Family: unix.AF_INET, Dst: ip, Scope: unix.RT_SCOPE_LINK})
		if err != nil {
			return err
		}
		l = r.Link
	}
	if c.Request == unix.SIOCDARP {
		return t.deleteARP(l, ip)
	}
	if ha != l.Type {
		return unix.EINVAL
	}
	cfg := neigh.Config{Link: l, Addr: ip, NUD: unix.NUD_STALE}
	if flags&atfPerm != 0 {
		flags |= atfCom
		cfg.NUD = unix.NUD_PERMANENT
	}
	if cfg.HasAddr = flags&atfCom != 0; cfg.HasAddr {
		cfg.HardAddr = link.HardAddr(b[offArpHA+2:])
	}
	return t.Neighs.Add(cfg, unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
}

// getARP is arp_req_get.
func (t *Tables) getARP(c *nlserver.Ioctl, l *link.Link, ip netip.Addr) error {
	n := t.Neighs.Lookup(l, ip)
	if n == nil || n.NUD&unix.NUD_NOARP != 0 {
		return unix.ENXIO
	}
	ha := make([]byte, 16)
	native.PutUint16(ha, l.Type)
	copy(ha[2:], n.HardAddr[:])
	var flags uint32
	if n.NUD&unix.NUD_PERMANENT != 0 {
		flags = atfPerm | atfCom
	} else if n.NUD&neigh.Valid != 0 {
		flags = atfCom
	}
	name := make([]byte, unix.IFNAMSIZ)
	copy(name, l.Name)
	c.Write(c.Arg+offArpHA, ha)
	c.Write(c.Arg+offArpFlags, native.AppendUint32(nil, flags))
	c.Write(c.Arg+offArpDev, name)
	return nil
}

// deleteARP is arp_invalidate.
func (t *Tables) deleteARP(l *link.Link, ip netip.Addr) error {
	n := t.Neighs.Lookup(l, ip)
	switch {
	case n == nil:
		return unix.ENXIO
	case n.NUD&^unix.NUD_NOARP == 0:
		return nil
	}
	return t.Neighs.Delete(neigh.Config{Link: l, Addr: ip})
}

// publicARP is arp_req_set_public and arp_req_delete_public: entries that we answer for.
func (t *Tables) publicARP(req uint32, l *link.Link, ip netip.Addr, flags uint32, b []byte) error {
	mask := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if flags&atfNetmask != 0 {
		_, mask = sockaddr4(b[offArpMask:])
	}
	n, ok := maskBits(mask)
	switch {
	case !ok || n != 0 && n != 32:
		return unix.EINVAL
	case n == 0:
		return unix.EOPNOTSUPP // proxy_arp is a sysctl
	case req == unix.SIOCDARP:
		return t.Neighs.DeleteProxy(l, ip)
	case l == nil && flags&atfCom != 0:
		if l = t.byHardAddr(native.Uint16(b[offArpHA:]), link.HardAddr(b[offArpHA+2:])); l == nil {
			return unix.ENODEV
		}
	}
	return t.Neighs.AddProxy(neigh.Proxy{Addr: ip, Link: l, Permanent: true})
}

// byHardAddr is dev_getbyhwaddr; nil: no link has this address.
func (t *Tables) byHardAddr(typ uint16, a link.HardAddr) *link.Link {
	for _, l := range t.Links.All() {
		if l.Type == typ && l.HardAddr == a {
			return l
		}
	}
	return nil
}
