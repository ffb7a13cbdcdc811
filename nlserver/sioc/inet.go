// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"errors"
	"math/bits"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/nlserver"
)

// offAddr is where struct sockaddr_in has its address.
const offAddr = 4

func (r *ifreq) addr() netip.Addr { return netip.AddrFrom4([4]byte(r.union[offAddr:])) }

// setAddr makes the union a struct sockaddr_in.
func (r *ifreq) setAddr(a netip.Addr) {
	clear(r.union[:16])
	native.PutUint16(r.union, unix.AF_INET)
	if a.Is4() {
		v := a.As4()
		copy(r.union[offAddr:], v[:])
	}
}

// inetIoctl is devinet_ioctl.
func (t *Tables) inetIoctl(c *nlserver.Ioctl) error {
	get := false
	switch c.Request {
	case unix.SIOCGIFADDR, unix.SIOCGIFDSTADDR, unix.SIOCGIFBRDADDR, unix.SIOCGIFNETMASK:
		get = true
	}
	if !get && !c.Admin {
		return unix.EPERM
	}
	r, err := t.readIfreq(c)
	if err != nil {
		return err
	}
	if !get && c.Request != unix.SIOCSIFFLAGS && r.family() != unix.AF_INET {
		return unix.EINVAL
	}
	l := t.Links.ByName(r.name)
	if l == nil {
		return unix.ENODEV
	}
	a := t.labelled(l, r, get)
	switch {
	case c.Request == unix.SIOCSIFFLAGS:
		return t.setFlags(l, r, a)
	case c.Request == unix.SIOCSIFADDR:
		return t.setAddr(l, r, a)
	case a == nil:
		return unix.EADDRNOTAVAIL
	case !get:
		return t.modifyAddr(c.Request, l, r, a)
	}
	switch c.Request {
	case unix.SIOCGIFADDR:
		r.setAddr(a.Prefix.Addr())
	case unix.SIOCGIFBRDADDR:
		r.setAddr(a.Broadcast)
	case unix.SIOCGIFDSTADDR:
		r.setAddr(peerOf(a))
	case unix.SIOCGIFNETMASK:
		r.setAddr(maskOf(a.Prefix.Bits()))
	}
	return r.write(c)
}

func peerOf(a *addr.Addr) netip.Addr {
	if a.Peer.IsValid() {
		return a.Peer
	}
	return a.Prefix.Addr()
}

func maskOf(n int) netip.Addr {
	var b [4]byte
	v := ^uint32(0) << (32 - n)
	b[0], b[1], b[2], b[3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
	return netip.AddrFrom4(b)
}

// labelled finds the address of a label; one that the caller names too comes first.
func (t *Tables) labelled(l *link.Link, r *ifreq, match bool) *addr.Addr {
	var found *addr.Addr
	for _, a := range t.Addrs.OfLink(l, unix.AF_INET) {
		if a.Label != r.label {
			continue
		}
		if match && r.family() == unix.AF_INET && a.Prefix.Addr() == r.addr() {
			return a
		}
		if found == nil {
			found = a
		}
	}
	return found
}

// setFlags is SIOCSIFFLAGS: of a label that is no link, taking it down deletes it.
func (t *Tables) setFlags(l *link.Link, r *ifreq, a *addr.Addr) error {
	flags := native.Uint16(r.union)
	if r.label != r.name {
		if a == nil {
			return unix.EADDRNOTAVAIL
		}
		if flags&unix.IFF_UP == 0 {
			t.Addrs.Remove(a)
		}
		return nil
	}
	return t.Links.Change(l, link.Change{Flags: uint32(flags), FlagsMask: ^uint32(0)})
}

// classBits is inet_abc_len: the prefix length that RFC 791 gave an address; -1: it is a group.
func classBits(a netip.Addr) int {
	b := a.As4()
	switch {
	case b[0] == 0 || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return 0
	case b[0] < 128:
		return 8
	case b[0] < 192:
		return 16
	case b[0] < 224:
		return 24
	case b[0] < 240:
		return -1
	}
	return 32
}

// broadcastOf is the last address of a prefix; invalid: the link or the prefix has none.
func broadcastOf(l *link.Link, a netip.Addr, n int) netip.Addr {
	if l.Flags&unix.IFF_BROADCAST == 0 || n >= 31 {
		return netip.Addr{}
	}
	b, m := a.As4(), maskOf(n).As4()
	for i := range b {
		b[i] |= ^m[i]
	}
	return netip.AddrFrom4(b)
}

// setAddr is SIOCSIFADDR.
func (t *Tables) setAddr(l *link.Link, r *ifreq, old *addr.Addr) error {
	a := r.addr()
	n := classBits(a)
	switch {
	case n < 0:
		return unix.EINVAL
	case old == nil && !l.InDev:
		return unix.ENOBUFS
	case old != nil && old.Prefix.Addr() == a:
		return nil
	}
	if old != nil {
		t.Addrs.Remove(old)
	}
	if a.IsUnspecified() {
		return nil
	}
	cfg := addr.Config{Link: l, Label: r.label, Broadcast: broadcastOf(l, a, n)}
	if l.Flags&unix.IFF_POINTOPOINT != 0 {
		n, cfg.Broadcast = 32, netip.Addr{}
	}
	cfg.Prefix = netip.PrefixFrom(a, n)
	if a.IsLoopback() {
		cfg.Scope = unix.RT_SCOPE_HOST
	}
	_, err := t.Addrs.Add(cfg, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	return err
}

// modifyAddr is SIOCSIFBRDADDR, SIOCSIFDSTADDR and SIOCSIFNETMASK: the address goes and comes back; when
// it is there a second time by then it does not, and no one is told.
func (t *Tables) modifyAddr(req uint32, l *link.Link, r *ifreq, a *addr.Addr) error {
	to := r.addr()
	cfg := addr.Config{
		Link: l, Prefix: a.Prefix, Peer: a.Peer, Broadcast: a.Broadcast, Label: a.Label, Scope: a.Scope,
		Flags: a.Flags &^ unix.IFA_F_SECONDARY,
	}
	switch req {
	case unix.SIOCSIFBRDADDR:
		if a.Broadcast == to {
			return nil
		}
		cfg.Broadcast = to
	case unix.SIOCSIFDSTADDR:
		switch {
		case peerOf(a) == to:
			return nil
		case classBits(to) < 0:
			return unix.EINVAL
		}
		cfg.Peer = to
	case unix.SIOCSIFNETMASK:
		n, ok := maskBits(to)
		switch {
		case !ok:
			return unix.EINVAL
		case n == a.Prefix.Bits():
			return nil
		}
		cfg.Prefix = netip.PrefixFrom(a.Prefix.Addr(), n)
		if n < 31 && a.Broadcast.IsValid() && a.Broadcast == broadcastOf(l, a.Prefix.Addr(), a.Prefix.Bits()) {
			cfg.Broadcast = broadcastOf(l, a.Prefix.Addr(), n)
		}
	}
	t.Addrs.Remove(a)
	_, err := t.Addrs.Add(cfg, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// maskBits is the prefix length of a netmask; false: it has holes.
func maskBits(m netip.Addr) (int, bool) {
	b := m.As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := bits.LeadingZeros32(^v)
	return n, n == 32 || v<<n == 0
}

// ifconf is dev_ifconf with inet_gifconf: every IPv4 address by its label.
func (t *Tables) ifconf(c *nlserver.Ioctl) error {
	b, err := c.Read(c.Arg, 16)
	if err != nil {
		return err
	}
	room, buf := int(int32(native.Uint32(b))), native.Uint64(b[8:])
	var out []byte
	size := 0
	for _, l := range t.Links.All() {
		for _, a := range t.Addrs.OfLink(l, unix.AF_INET) {
			if buf != 0 && size+sizeofIfreq > room {
				break
			}
			size += sizeofIfreq
			if buf == 0 {
				continue
			}
			r := ifreq{union: make([]byte, sizeofUnion)}
			r.setAddr(a.Prefix.Addr())
			name := make([]byte, unix.IFNAMSIZ)
			copy(name, a.Label)
			out = append(append(out, name...), r.union...)
		}
	}
	if len(out) > 0 {
		c.Write(buf, out)
	}
	c.Write(c.Arg, native.AppendUint32(nil, uint32(size)))
	return nil
}
