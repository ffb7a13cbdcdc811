// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// fillAddr is inet_fill_ifaddr and inet6_fill_ifaddr, whose attributes come in different orders.
func (f *family) fillAddr(e *nlmsg.Encoder, a *addr.Addr) {
	h := e.Raw(unix.SizeofIfAddrmsg)
	h[0], h[1], h[2], h[3] = a.Family(), uint8(a.Bits()), uint8(a.Flags), a.Scope
	native.PutUint32(h[4:], a.Link.Index)
	if !a.Is4() {
		f.fillAddr6(e, a)
		return
	}
	e.Bytes(unix.IFA_ADDRESS, a.Address().AsSlice())
	e.Bytes(unix.IFA_LOCAL, a.Local().AsSlice())
	if a.Broadcast.IsValid() {
		e.Bytes(unix.IFA_BROADCAST, a.Broadcast.AsSlice())
	}
	if a.Label != "" {
		e.String(unix.IFA_LABEL, a.Label)
	}
	if a.Proto != 0 {
		e.U8(ifaProto, a.Proto)
	}
	e.U32(unix.IFA_FLAGS, a.Flags)
	if a.Metric != 0 {
		e.U32(unix.IFA_RT_PRIORITY, a.Metric)
	}
	f.fillCacheinfo(e, a)
}

func (f *family) fillAddr6(e *nlmsg.Encoder, a *addr.Addr) {
	if a.Peer.IsValid() {
		e.Bytes(unix.IFA_LOCAL, a.Local().AsSlice())
	}
	e.Bytes(unix.IFA_ADDRESS, a.Address().AsSlice())
	if a.Metric != 0 {
		e.U32(unix.IFA_RT_PRIORITY, a.Metric)
	}
	f.fillCacheinfo(e, a)
	e.U32(unix.IFA_FLAGS, a.Flags)
	if a.Proto != 0 {
		e.U8(ifaProto, a.Proto)
	}
}

// fillCacheinfo is put_cacheinfo.
func (f *family) fillCacheinfo(e *nlmsg.Encoder, a *addr.Addr) {
	preferred, valid := f.Addrs.Remaining(a)
	ci := e.Payload(unix.IFA_CACHEINFO, unix.SizeofIfaCacheinfo)
	native.PutUint32(ci, preferred)
	native.PutUint32(ci[4:], valid)
	native.PutUint32(ci[8:], f.Links.Stamp(a.Created))
	native.PutUint32(ci[12:], f.Links.Stamp(a.Updated))
}

// dumpAddrs is inet_dump_ifaddr, inet6_dump_ifaddr, and rtnl_dump_all over both. Args are the number
// of the family, the index of the link and the number of the address on it.
func (f *family) dumpAddrs(families ...uint8) func(*nlserver.Dump) error {
	return func(d *nlserver.Dump) error {
		for ; d.Args[0] < uint64(len(families)); d.Args[0]++ {
			if err := f.dumpFamily(d, families[d.Args[0]]); err != nil {
				return err
			}
			d.Args[1], d.Args[2] = 0, 0
		}
		return nil
	}
}

func (f *family) dumpFamily(d *nlserver.Dump, family uint8) error {
	index, err := f.addrDumpRequest(d, family)
	if err != nil {
		return err
	}
	if index != 0 && f.Links.ByIndex(index) == nil {
		return unix.ENODEV
	}
	d.Gen = f.Addrs.Gen() + f.Links.Gen()
	for _, l := range f.Links.All() {
		if uint64(l.Index) < d.Args[1] || index != 0 && l.Index != index {
			continue
		}
		if uint64(l.Index) > d.Args[1] {
			d.Args[1], d.Args[2] = uint64(l.Index), 0
		}
		of := f.Addrs.OfLink(l, family)
		for ; d.Args[2] < uint64(len(of)); d.Args[2]++ {
			e := d.Begin(unix.RTM_NEWADDR)
			f.fillAddr(e, of[d.Args[2]])
			if !e.End() {
				return nlmsg.ErrFull
			}
		}
	}
	return nil
}

// addrDumpRequest is inet_valid_dump_ifaddr_req and inet6_valid_dump_ifaddr_req: the link to which a
// strict request restricts the dump, 0: none.
func (f *family) addrDumpRequest(d *nlserver.Dump, family uint8) (uint32, error) {
	if !d.Strict() {
		return 0, nil
	}
	text, policy := "ipv4: ", &addrPolicy4
	if family == unix.AF_INET6 {
		text, policy = "ipv6: ", &addrPolicy6
	}
	if len(d.Payload()) < unix.SizeofIfAddrmsg {
		return 0, d.Ext.Fail(unix.EINVAL, text+"Invalid header for address dump request")
	}
	ifm := parseIfaddr(d.Payload())
	if ifm.plen != 0 || ifm.flags != 0 || ifm.scope != 0 {
		return 0, d.Ext.Fail(unix.EINVAL, text+"Invalid values in header for address dump request")
	}
	var tb nlmsg.Attrs
	if err := d.Parse(unix.SizeofIfAddrmsg, &tb, policy, nlmsg.DeprecatedStrict); err != nil {
		return 0, err
	}
	if tb.Has(ifaTargetNetnsid) {
		return 0, d.Ext.Fail(unix.EINVAL, text+"Invalid target network namespace id")
	}
	if err := onlyAttrs(d.Request, &tb, text+"Unsupported attribute in dump request"); err != nil {
		return 0, err
	}
	if ifm.index != 0 {
		d.AnswerFlags |= nlmsg.DumpFiltered
	}
	return ifm.index, nil
}
