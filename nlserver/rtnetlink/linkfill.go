// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// ifinfoHeader writes struct ifinfomsg.
func ifinfoHeader(e *nlmsg.Encoder, family uint8, l *link.Link, change uint32) {
	h := e.Raw(unix.SizeofIfInfomsg)
	h[0] = family
	native.PutUint16(h[2:], l.Type)
	native.PutUint32(h[4:], l.Index)
	native.PutUint32(h[8:], l.Flags)
	native.PutUint32(h[12:], change)
}

// fillLink is rtnl_fill_ifinfo: the attributes and their order are those of Linux 6.18.
func (f *family) fillLink(e *nlmsg.Encoder, l *link.Link, change, event, mask uint32) {
	ifinfoHeader(e, unix.AF_UNSPEC, l, change)
	e.String(unix.IFLA_IFNAME, l.Name)
	e.U32(unix.IFLA_TXQLEN, l.TxQLen)
	e.U8(unix.IFLA_OPERSTATE, l.ShownOperState())
	e.U8(unix.IFLA_LINKMODE, l.LinkMode)
	e.U8(iflaNetnsImmutable, boolean(l.Loopback()))
	e.U32(unix.IFLA_MTU, l.MTU)
	e.U32(unix.IFLA_MIN_MTU, l.MinMTU)
	e.U32(unix.IFLA_MAX_MTU, l.MaxMTU)
	e.U32(unix.IFLA_GROUP, l.Group)
	e.U32(unix.IFLA_PROMISCUITY, l.Promiscuity)
	e.U32(unix.IFLA_ALLMULTI, l.AllMulti)
	e.U32(unix.IFLA_NUM_TX_QUEUES, l.NumTxQueues)
	e.U32(unix.IFLA_GSO_MAX_SEGS, l.GSOMaxSegs)
	e.U32(unix.IFLA_GSO_MAX_SIZE, l.GSOMaxSize)
	e.U32(unix.IFLA_GRO_MAX_SIZE, l.GROMaxSize)
	e.U32(unix.IFLA_GSO_IPV4_MAX_SIZE, l.GSOIPv4)
	e.U32(unix.IFLA_GRO_IPV4_MAX_SIZE, l.GROIPv4)
	e.U32(unix.IFLA_TSO_MAX_SIZE, l.TSOMaxSize)
	e.U32(unix.IFLA_TSO_MAX_SEGS, l.TSOMaxSegs)
	e.U32(iflaMaxPacing, 0)
	e.U32(unix.IFLA_NUM_RX_QUEUES, l.NumRxQueues)
	if l.Master != nil {
		e.U32(unix.IFLA_MASTER, l.Master.Index)
	}
	e.U8(unix.IFLA_CARRIER, boolean(l.Carrier))
	if l.Alias != "" {
		e.String(unix.IFLA_IFALIAS, l.Alias)
	}
	e.U32(unix.IFLA_CARRIER_CHANGES, l.CarrierUpCount+l.CarrierDownCount)
	e.U32(unix.IFLA_CARRIER_UP_COUNT, l.CarrierUpCount)
	e.U32(unix.IFLA_CARRIER_DOWN_COUNT, l.CarrierDownCount)
	e.U16(iflaHeadroom, 0)
	e.U16(iflaTailroom, 0)
	e.U8(unix.IFLA_PROTO_DOWN, boolean(l.ProtoDown))
	if l.ProtoDownReason != 0 {
		reason := e.NestPlain(unix.IFLA_PROTO_DOWN_REASON)
		e.U32(iflaProtoDownReasonValue, l.ProtoDownReason)
		e.EndNest(reason)
	}
	if event != 0 {
		e.U32(unix.IFLA_EVENT, event)
	}
	e.Bytes(unix.IFLA_ADDRESS, l.HardAddr[:])
	e.Bytes(unix.IFLA_BROADCAST, l.Broadcast[:])
	if l.PhysName != "" {
		e.String(unix.IFLA_PHYS_PORT_NAME, l.PhysName)
	}
	if mask&rtextFilterSkipStat == 0 {
		f.fillStats(e, l)
	}
	if l.ParentDev != "" && mask&rtextFilterVF != 0 {
		e.U32(unix.IFLA_NUM_VF, 0)
	}
	xdp := e.NestPlain(unix.IFLA_XDP)
	e.U8(unix.IFLA_XDP_ATTACHED, 0)
	e.EndNest(xdp)
	fillLinkInfo(e, l)
	if !l.PermAddr.IsZero() {
		e.Bytes(unix.IFLA_PERM_ADDRESS, l.PermAddr[:])
	}
	nsid, elsewhere := f.linkNSID(l)
	if elsewhere {
		e.U32(unix.IFLA_LINK_NETNSID, uint32(nsid))
	}
	if far := l.Iflink(); elsewhere || far != l.Index {
		e.U32(unix.IFLA_LINK, far)
	}
	e.String(unix.IFLA_QDISC, l.QDisc)
	f.fillAF(e, l, mask)
	e.Payload(unix.IFLA_MAP, 32) // struct rtnl_link_ifmap: no memory, no interrupt
	fillProps(e, l)
	if l.ParentDev != "" {
		e.String(unix.IFLA_PARENT_DEV_NAME, l.ParentDev)
		if l.ParentBus != "" {
			e.String(unix.IFLA_PARENT_DEV_BUS_NAME, l.ParentBus)
		}
	}
	e.EndNest(e.Nest(unix.IFLA_DEVLINK_PORT))
	e.EndNest(e.Nest(unix.IFLA_DPLL_PIN))
}

// linkNSID is what the net calls the one that the other end of a link is in; elsewhere is false when
// that is the same one (rtnl_fill_link_netnsid).
func (f *family) linkNSID(l *link.Link) (nsid int32, elsewhere bool) {
	far := l.Far()
	if far == nil || far.Net() == l.Net() {
		return 0, false
	}
	return f.Net.EnsureNSID(far.Net()), true
}

func boolean(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

// linkStats is dev_get_stats: the words of struct rtnl_link_stats64.
func (f *family) linkStats(l *link.Link) [25]uint64 {
	s, err := f.Net.DP.LinkStats(f.Net.ID, l.Index)
	if err != nil {
		f.Net.Log.Warn("no counters", "link", l.Name, "err", err)
	}
	return [25]uint64{
		0: s.RxPackets, 1: s.TxPackets, 2: s.RxBytes, 3: s.TxBytes, 4: s.RxErrors, 5: s.TxErrors,
		6: s.RxDropped, 7: s.TxDropped, 8: s.Multicast, 10: s.RxLengthError, 15: s.RxMissed,
		23: s.RxNohandler,
	}
}

// fillStats is rtnl_fill_stats: struct rtnl_link_stats64, then struct rtnl_link_stats.
func (f *family) fillStats(e *nlmsg.Encoder, l *link.Link) {
	v := f.linkStats(l)
	b := e.Payload(unix.IFLA_STATS64, len(v)*8)
	for i, n := range v {
		native.PutUint64(b[i*8:], n)
	}
	b = e.Payload(unix.IFLA_STATS, 24*4)
	for i, n := range v[:24] {
		native.PutUint32(b[i*4:], uint32(n))
	}
}

// fillProps is rtnl_fill_prop_list.
func fillProps(e *nlmsg.Encoder, l *link.Link) {
	if len(l.AltNames) == 0 {
		return
	}
	list := e.Nest(unix.IFLA_PROP_LIST)
	for _, n := range l.AltNames {
		e.String(unix.IFLA_ALT_IFNAME, n)
	}
	e.EndNest(list)
}

// fillAF is rtnl_fill_link_af.
func (f *family) fillAF(e *nlmsg.Encoder, l *link.Link, mask uint32) {
	spec := e.NestPlain(unix.IFLA_AF_SPEC)
	if l.InDev {
		af := e.NestPlain(unix.AF_INET)
		putWords(e, unix.IFLA_INET_CONF, l.Conf4.Array())
		e.EndNest(af)
	}
	if l.In6Dev {
		af := e.NestPlain(unix.AF_INET6)
		f.fillInet6(e, l, mask)
		e.EndNest(af)
	}
	e.EndNest(spec)
}

func putWords(e *nlmsg.Encoder, typ uint16, v []uint32) {
	b := e.Payload(typ, len(v)*4)
	for i, n := range v {
		native.PutUint32(b[i*4:], n)
	}
}

// Sizes of the MIBs that IFLA_INET6_STATS and _ICMP6STATS carry (IPSTATS_MIB_MAX, ICMP6_MIB_MAX).
// Skua counts per Net and not per link: all but the size is 0.
const (
	ip6MIB   = 38
	icmp6MIB = 7
)

// fillInet6 is inet6_fill_ifla6_attrs.
func (f *family) fillInet6(e *nlmsg.Encoder, l *link.Link, mask uint32) {
	e.U32(unix.IFLA_INET6_FLAGS, l.Flags6)
	ci := e.Payload(unix.IFLA_INET6_CACHEINFO, 16)
	native.PutUint32(ci, 65535) // IPV6_MAXPLEN
	native.PutUint32(ci[4:], f.Links.Stamp(l.TStamp6))
	native.PutUint32(ci[8:], uint32(l.Neigh6.ReachableTime.Milliseconds()))
	native.PutUint32(ci[12:], uint32(l.Neigh6.RetransTime.Milliseconds()))
	putWords(e, unix.IFLA_INET6_CONF, l.Conf6.Array())
	if mask&rtextFilterSkipStat == 0 {
		native.PutUint64(e.Payload(unix.IFLA_INET6_STATS, ip6MIB*8), ip6MIB)
		native.PutUint64(e.Payload(unix.IFLA_INET6_ICMP6STATS, icmp6MIB*8), icmp6MIB)
	}
	e.Bytes(unix.IFLA_INET6_TOKEN, l.Token[:])
	e.U8(unix.IFLA_INET6_ADDR_GEN_MODE, uint8(l.Conf6.AddrGenMode))
}

// dumpInfo6 is inet6_dump_ifinfo: RTM_GETLINK of AF_INET6.
func (f *family) dumpInfo6(d *nlserver.Dump) error {
	if d.Strict() && d.Calls == 0 {
		if len(d.Payload()) < unix.SizeofIfInfomsg {
			return d.Ext.Fail(unix.EINVAL, "ipv6: Invalid header for link dump request")
		}
		if len(d.Payload()) > unix.SizeofIfInfomsg {
			return d.Ext.Fail(unix.EINVAL, "ipv6: Invalid data after header")
		}
		if ifm := parseIfinfo(d.Payload()); ifm != (ifinfo{}) {
			return d.Ext.Fail(unix.EINVAL, "ipv6: Invalid values in header for dump request")
		}
	}
	d.Gen = f.Links.Gen()
	for _, l := range f.Links.All() {
		if uint64(l.Index) < d.Args[0] || !l.In6Dev {
			continue
		}
		d.Args[0] = uint64(l.Index)
		e := d.Begin(unix.RTM_NEWLINK)
		f.fillInfo6(e, l)
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// fillInfo6 is inet6_fill_ifinfo.
func (f *family) fillInfo6(e *nlmsg.Encoder, l *link.Link) {
	ifinfoHeader(e, unix.AF_INET6, l, 0)
	e.String(unix.IFLA_IFNAME, l.Name)
	e.Bytes(unix.IFLA_ADDRESS, l.HardAddr[:])
	e.U32(unix.IFLA_MTU, l.MTU)
	e.U8(unix.IFLA_OPERSTATE, l.ShownOperState())
	info := e.NestPlain(unix.IFLA_PROTINFO)
	f.fillInet6(e, l, 0)
	e.EndNest(info)
}

// announceInfo6 is inet6_ifinfo_notify.
func (f *family) announceInfo6(m link.Info6Msg) {
	if !m.Link.In6Dev {
		return
	}
	f.notify(unix.RTNLGRP_IPV6_IFINFO, zero, unix.RTM_NEWLINK, 0, func(e *nlmsg.Encoder) { f.fillInfo6(e, m.Link) })
}
