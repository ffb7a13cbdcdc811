// SPDX-License-Identifier: BSD-3-Clause

// Package sioc answers the ioctls about interfaces, addresses, routes, neighbours and drivers that
// clients make on sockets of any kind (dev_ioctl, devinet_ioctl, ip_rt_ioctl, arp_ioctl,
// dev_ethtool). It knows the structs of the ABI of 64-bit Linux, calls the control plane and owns no
// state. All runs under RTNL.
package sioc

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/ethtool"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/route"
	"skua/nlserver"
)

// Tables are the nouns of one Net.
type Tables struct {
	Links   *link.Table
	Addrs   *addr.Table
	Neighs  *neigh.Table
	Routes  *route.Table
	Devices *ethtool.Table
}

// Requests that x/sys lacks.
const (
	siocGIFSlave = 0x8929
	siocGIFPfl   = 0x8935
)

var native = binary.NativeEndian

// New answers what nlserver.Family.Ioctl is asked.
func New(t Tables) func(*nlserver.Ioctl) (int, error) {
	return func(c *nlserver.Ioctl) (int, error) {
		switch c.Request {
		case unix.SIOCADDRT, unix.SIOCDELRT:
			return 0, t.routeIoctl(c)
		case unix.SIOCDARP, unix.SIOCGARP, unix.SIOCSARP:
			return 0, t.arpIoctl(c)
		case unix.SIOCGIFCONF:
			return 0, t.ifconf(c)
		case unix.SIOCETHTOOL:
			return t.ethtoolIoctl(c)
		case unix.SIOCGIFVLAN, unix.SIOCSIFVLAN:
			return 0, t.vlanIoctl(c)
		}
		return 0, t.ifIoctl(c)
	}
}

// sizeofIfreq is that of struct ifreq, sizeofUnion of what is behind the name.
const (
	sizeofIfreq = 40
	sizeofUnion = sizeofIfreq - unix.IFNAMSIZ
)

// ifreq is struct ifreq.
type ifreq struct {
	label string // as it was given, with a colon perhaps
	name  string // of the link
	union []byte // ifr_ifru
}

// cString is b up to its first NUL.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

func (t *Tables) readIfreq(c *nlserver.Ioctl) (*ifreq, error) {
	b, err := c.Read(c.Arg, sizeofIfreq)
	if err != nil {
		return nil, err
	}
	label := cString(b[:unix.IFNAMSIZ-1])
	name, _, _ := bytes.Cut([]byte(label), []byte(":"))
	return &ifreq{label, string(name), bytes.Clone(b[unix.IFNAMSIZ:])}, nil
}

// write gives the union back to the client.
func (r *ifreq) write(c *nlserver.Ioctl) error {
	c.Write(c.Arg+unix.IFNAMSIZ, r.union)
	return nil
}

func (r *ifreq) u32(v uint32)     { native.PutUint32(r.union, v) }
func (r *ifreq) i32() int32       { return int32(native.Uint32(r.union)) }
func (r *ifreq) family() uint16   { return native.Uint16(r.union) }
func (r *ifreq) pointer() uint64  { return native.Uint64(r.union) }
func (r *ifreq) sockdata() []byte { return r.union[2:16] }
