// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of address labels (IFAL_*), and struct ifaddrlblmsg.
const (
	ifalAddress       = 1
	ifalLabel         = 2
	sizeofIfaddrlbl   = 12
	labelNone         = ^uint32(0) // IPV6_ADDR_LABEL_DEFAULT
	ifaddrlblIndexOff = 4
	ifaddrlblSeqOff   = 8
)

// addrLabelPolicy is ifal_policy.
var addrLabelPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	ifalAddress: {Len: 16},
	ifalLabel:   {Len: 4},
}}

// addrLabelRows are the messages about address labels.
func (f *family) addrLabelRows() []Row {
	return []Row{
		{unix.AF_INET6, unix.RTM_NEWADDRLABEL, nlserver.Handler{Doit: f.changeAddrLabel}},
		{unix.AF_INET6, unix.RTM_DELADDRLABEL, nlserver.Handler{Doit: f.changeAddrLabel}},
		{unix.AF_INET6, unix.RTM_GETADDRLABEL, nlserver.Handler{Doit: f.getAddrLabel, Dumpit: f.dumpAddrLabels}},
	}
}

// changeAddrLabel is ip6addrlbl_newdel.
func (f *family) changeAddrLabel(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	if err := req.Parse(sizeofIfaddrlbl, &tb, &addrLabelPolicy, nlmsg.Liberal); err != nil {
		return err
	}
	h := req.Payload()
	if h[0] != unix.AF_INET6 || h[2] > 128 || !tb.Has(ifalAddress) || !tb.Has(ifalLabel) {
		return unix.EINVAL
	}
	l := addr.AddrLabel{
		Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte(tb.BytesN(ifalAddress, 16))), int(h[2])),
		Index:  native.Uint32(h[ifaddrlblIndexOff:]), Label: tb.U32(ifalLabel),
	}
	if l.Label == labelNone {
		return unix.EINVAL
	}
	if req.Type == unix.RTM_DELADDRLABEL {
		return f.Addrs.DelLabel(l.Prefix, l.Index)
	}
	if l.Index != 0 && f.Links.ByIndex(l.Index) == nil {
		return unix.EINVAL
	}
	return f.Addrs.AddLabel(l, req.Has(unix.NLM_F_REPLACE))
}

// getAddrLabel is ip6addrlbl_get: the label of one address.
func (f *family) getAddrLabel(req *nlserver.Request) error {
	const mod = "IPv6: "
	h := req.Payload()
	if len(h) < sizeofIfaddrlbl {
		return req.Ext.Fail(unix.EINVAL, mod+"Invalid header for addrlabel get request")
	}
	how := nlmsg.Liberal
	if req.Strict() {
		if h[1] != 0 || h[3] != 0 || native.Uint32(h[ifaddrlblSeqOff:]) != 0 {
			return req.Ext.Fail(unix.EINVAL, mod+"Invalid values in header for addrlabel get request")
		}
		how = nlmsg.DeprecatedStrict
	}
	var tb nlmsg.Attrs
	if err := req.Parse(sizeofIfaddrlbl, &tb, &addrLabelPolicy, how); err != nil {
		return err
	}
	if req.Strict() {
		if err := onlyAttrs(req, &tb, mod+"Unsupported attribute in addrlabel get request", ifalAddress); err != nil {
			return err
		}
	}
	index := native.Uint32(h[ifaddrlblIndexOff:])
	if h[0] != unix.AF_INET6 || h[2] != 128 || index != 0 && f.Links.ByIndex(index) == nil ||
		!tb.Has(ifalAddress) {
		return unix.EINVAL
	}
	ip := netip.AddrFrom16([16]byte(tb.BytesN(ifalAddress, 16)))
	l, ok := f.Addrs.LabelOf(ip, index)
	if !ok {
		return unix.ESRCH
	}
	f.fillAddrLabel(req.Reply(unix.RTM_NEWADDRLABEL, 0), l)
	req.Send()
	return nil
}

// dumpAddrLabels is ip6addrlbl_dump.
func (f *family) dumpAddrLabels(d *nlserver.Dump) error {
	const mod = "IPv6: "
	if h := d.Payload(); d.Strict() && d.Calls == 0 {
		switch {
		case len(h) < sizeofIfaddrlbl:
			return d.Ext.Fail(unix.EINVAL, mod+"Invalid header for address label dump request")
		case h[1] != 0 || h[2] != 0 || h[3] != 0 || native.Uint64(h[ifaddrlblIndexOff:]) != 0:
			return d.Ext.Fail(unix.EINVAL, mod+"Invalid values in header for address label dump request")
		case len(h) > sizeofIfaddrlbl:
			return d.Ext.Fail(unix.EINVAL, mod+"Invalid data after header for address label dump request")
		}
	}
	for i, l := range f.Addrs.Labels() {
		if uint64(i) < d.Args[0] {
			continue
		}
		d.Args[0] = uint64(i)
		e := d.Begin(unix.RTM_NEWADDRLABEL)
		f.fillAddrLabel(e, l)
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// fillAddrLabel is ip6addrlbl_fill.
func (f *family) fillAddrLabel(e *nlmsg.Encoder, l addr.AddrLabel) {
	h := e.Raw(sizeofIfaddrlbl)
	h[0] = unix.AF_INET6
	h[2] = uint8(l.Prefix.Bits())
	native.PutUint32(h[ifaddrlblIndexOff:], l.Index)
	native.PutUint32(h[ifaddrlblSeqOff:], f.Addrs.LabelSeq())
	ip := l.Prefix.Addr().As16()
	e.Bytes(ifalAddress, ip[:])
	e.U32(ifalLabel, l.Label)
}
