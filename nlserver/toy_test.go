// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// toy is a family that speaks enough rtnetlink for ip: two links, an address, and routes that can
// be added and deleted. It keeps no order of its own and knows nothing of forwarding.
type toy struct {
	sync.Mutex
	family *Family

	links  []toyLink
	routes [][]byte // payloads of RTM_NEWROUTE
	gen    uint32
	scale  int // dump every route so many times

	commits int
}

type toyLink struct {
	index int32
	name  string
	flags uint32
	typ   uint16
	mac   []byte
	addr  [4]byte
}

func newToy() *toy {
	t := &toy{
		gen:   1,
		scale: 1,
		links: []toyLink{
			{1, "lo", unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING | 1<<16, unix.ARPHRD_LOOPBACK,
				make([]byte, 6), [4]byte{127, 0, 0, 1}},
			{2, "toy0", unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_RUNNING | 1<<16, unix.ARPHRD_ETHER,
				[]byte{2, 0, 0, 0, 0, 7}, [4]byte{192, 0, 2, 1}},
		},
	}
	table := NewTable()
	table.Register(unix.AF_UNSPEC, unix.RTM_GETLINK, Handler{
		Doit: t.getLink, Dumpit: t.dumpLinks, Policy: &toyLinkPolicy, HdrLen: unix.SizeofIfInfomsg,
		GetStrict: nlmsg.DeprecatedStrict,
	})
	table.Register(unix.AF_UNSPEC, unix.RTM_GETADDR, Handler{Dumpit: t.dumpAddrs})
	table.Register(unix.AF_INET, unix.RTM_GETROUTE, Handler{Dumpit: t.dumpRoutes})
	table.Register(unix.AF_INET, unix.RTM_NEWROUTE, Handler{
		Doit: t.newRoute, Policy: &toyRoutePolicy, HdrLen: unix.SizeofRtMsg,
	})
	table.Register(unix.AF_INET, unix.RTM_DELROUTE, Handler{
		Doit: t.delRoute, Policy: &toyRoutePolicy, HdrLen: unix.SizeofRtMsg,
	})
	t.family = &Family{
		Protocol:    unix.NETLINK_ROUTE,
		Groups:      36,
		NonrootRecv: true,
		Rcv:         table.Rcv,
		Lock:        t.Lock,
		Unlock:      t.Unlock,
		Commit:      func() { t.commits++ },
		Ioctl:       t.ioctl,
	}
	return t
}

var toyLinkPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.IFLA_IFNAME:   {Kind: nlmsg.String, Len: unix.IFNAMSIZ - 1},
	unix.IFLA_MTU:      {Kind: nlmsg.U32},
	unix.IFLA_EXT_MASK: {Kind: nlmsg.U32},
	unix.IFLA_MASTER:   {Kind: nlmsg.U32},
	unix.IFLA_LINKINFO: {Kind: nlmsg.NestedAttrs},
	unix.IFLA_ALT_IFNAME: {Kind: nlmsg.String,
		Len: 127},
}}

var toyRoutePolicy = nlmsg.Policy{
	StrictStart: 32, // RTA_SPORT+2
	Attrs: []nlmsg.Rule{
		unix.RTA_DST:      {Kind: nlmsg.U32},
		unix.RTA_OIF:      {Kind: nlmsg.U32},
		unix.RTA_GATEWAY:  {Kind: nlmsg.U32},
		unix.RTA_PRIORITY: {Kind: nlmsg.U32},
		unix.RTA_PREFSRC:  {Kind: nlmsg.U32},
		unix.RTA_TABLE:    {Kind: nlmsg.U32},
		unix.RTA_METRICS:  {Kind: nlmsg.NestedAttrs},
	},
}

func (t *toy) fillLink(e *nlmsg.Encoder, l toyLink) {
	ifi := e.Raw(unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint16(ifi[2:], l.typ)
	binary.NativeEndian.PutUint32(ifi[4:], uint32(l.index))
	binary.NativeEndian.PutUint32(ifi[8:], l.flags)
	e.String(unix.IFLA_IFNAME, l.name)
	e.U32(unix.IFLA_TXQLEN, 1000)
	e.U8(unix.IFLA_OPERSTATE, 6)
	e.U32(unix.IFLA_MTU, 1500)
	e.String(unix.IFLA_QDISC, "noqueue")
	e.Bytes(unix.IFLA_ADDRESS, l.mac)
	e.Bytes(unix.IFLA_BROADCAST, bytes.Repeat([]byte{0xff}, 6))
}

func (t *toy) getLink(req *Request) error {
	hdr, _ := req.FamilyHeader(unix.SizeofIfInfomsg)
	index := int32(binary.NativeEndian.Uint32(hdr[4:]))
	name := req.Attrs.String(unix.IFLA_IFNAME)
	for _, l := range t.links {
		if l.index == index || index == 0 && l.name == name {
			t.fillLink(req.Reply(unix.RTM_NEWLINK, 0), l)
			req.Send()
			return nil
		}
	}
	return unix.ENODEV
}

func (t *toy) dumpLinks(d *Dump) error {
	for ; d.Args[0] < uint64(len(t.links)); d.Args[0]++ {
		e := d.Begin(unix.RTM_NEWLINK)
		t.fillLink(e, t.links[d.Args[0]])
		if !e.End() {
			return nlmsg.ErrFull
		}
	}
	return nil
}

func (t *toy) dumpAddrs(d *Dump) error {
	for ; d.Args[0] < uint64(len(t.links)); d.Args[0]++ {
		l := t.links[d.Args[0]]
		e := d.Begin(unix.RTM_NEWADDR)
		ifa := e.Raw(unix.SizeofIfAddrmsg)
		ifa[0], ifa[1] = unix.AF_INET, 24
		binary.NativeEndian.PutUint32(ifa[4:], uint32(l.index))
		e.Bytes(unix.IFA_ADDRESS, l.addr[:])
		e.Bytes(unix.IFA_LOCAL, l.addr[:])
		e.String(unix.IFA_LABEL, l.name)
		if !e.End() {
			return nlmsg.ErrFull
		}
	}
	return nil
}

func (t *toy) dumpRoutes(d *Dump) error {
	d.Gen = t.gen
	for ; d.Args[0] < uint64(len(t.routes)*t.scale); d.Args[0]++ {
		e := d.Begin(unix.RTM_NEWROUTE)
		r := t.routes[d.Args[0]/uint64(t.scale)]
		copy(e.Raw(len(r)), r)
		if !e.End() {
			return nlmsg.ErrFull
		}
	}
	return nil
}

// sameRoute compares header and destination.
func sameRoute(a, b []byte) bool {
	dst := func(r []byte) []byte {
		var found []byte
		nlmsg.Each(r[unix.SizeofRtMsg:], 0, func(at nlmsg.Attr) error {
			if at.Type() == unix.RTA_DST {
				found = at.Data
			}
			return nil
		})
		return found
	}
	return a[1] == b[1] && bytes.Equal(dst(a), dst(b))
}

func (t *toy) find(payload []byte) int {
	return slices.IndexFunc(t.routes, func(r []byte) bool { return sameRoute(r, payload) })
}

func (t *toy) newRoute(req *Request) error {
	if !req.Attrs.Has(unix.RTA_OIF) && !req.Attrs.Has(unix.RTA_GATEWAY) {
		return req.Ext.Fail(unix.ENODEV, "A route of the toy needs a device or a gateway")
	}
	if oif := req.Attrs.Get(unix.RTA_OIF); oif.Present() && oif.U32() > 2 {
		return req.Ext.FailAttr(unix.ENODEV, oif, "No such device of the toy")
	}
	if t.find(req.Payload()) >= 0 {
		if req.Has(unix.NLM_F_EXCL) {
			return unix.EEXIST
		}
		return fmt.Errorf("the toy replaces nothing: %w", unix.EOPNOTSUPP)
	}
	t.routes = append(t.routes, slices.Clone(req.Payload()))
	t.gen++
	t.announce(req, unix.RTM_NEWROUTE, req.Payload())
	return nil
}

func (t *toy) delRoute(req *Request) error {
	i := t.find(req.Payload())
	if i < 0 {
		return unix.ESRCH
	}
	route := t.routes[i]
	t.routes = slices.Delete(t.routes, i, i+1)
	t.gen++
	t.announce(req, unix.RTM_DELROUTE, route)
	return nil
}

func (t *toy) announce(req *Request, typ uint16, route []byte) {
	if !t.family.Wanted(unix.RTNLGRP_IPV4_ROUTE, req.From()) {
		return
	}
	e := nlmsg.NewEncoder(nil, 0)
	e.Begin(typ, 0, req.Seq, req.Portid())
	copy(e.Raw(len(route)), route)
	e.End()
	t.family.Notify(unix.RTNLGRP_IPV4_ROUTE, req.From(), e.Buffer())
}

// count is how many routes there are.
func (t *toy) count() int {
	t.Lock()
	defer t.Unlock()
	return len(t.routes)
}

// repeat makes route the only one, and dumps it n times.
func (t *toy) repeat(route []byte, n int) {
	t.Lock()
	defer t.Unlock()
	t.routes, t.scale = [][]byte{route}, n
}

// dispatch replaces the toy's table.
func (t *toy) dispatch(table *Table) {
	t.Lock()
	defer t.Unlock()
	t.family.Rcv = table.Rcv
}
