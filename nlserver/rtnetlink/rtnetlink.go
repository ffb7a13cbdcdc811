// SPDX-License-Identifier: BSD-3-Clause

// Package rtnetlink is NETLINK_ROUTE over the control plane: it parses requests into the config
// structs of the nouns, calls them, and fills answers and notifications. It owns no networking
// state. One file per noun; the table of what is answered is rows().
package rtnetlink

import (
	"encoding/binary"
	"errors"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/addrconf"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/route"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Tables are the nouns of one Net.
type Tables struct {
	Net    *rtnl.Net
	Links  *link.Table
	Addrs  *addr.Table
	Neighs *neigh.Table
	Rules  *rule.Table
	Routes *route.Table
	// Addrconf knows the link-layer groups that links listen to; nil: none.
	Addrconf *addrconf.Table

	// Nets are all of them; nil: this is the only one.
	Nets *Nets
}

// family is what the handlers are methods of.
type family struct {
	Tables
	nl *nlserver.Family

	// enc is where notifications are built; under RTNL, like all that uses it.
	enc nlmsg.Encoder
}

// Row is one message type of the table: a Family of AF_UNSPEC is asked when the address family of a
// request has no row of its own.
type Row struct {
	Family uint8
	Type   uint16
	nlserver.Handler
}

// rows is the whole table. What is not in it answers EOPNOTSUPP.
func (f *family) rows() []Row {
	return slices.Concat(
		f.linkRows(),
		f.statsRows(),
		f.addrRows(),
		f.addrLabelRows(),
		f.netconfRows(),
		f.nsidRows(),
		f.routeRows(),
		f.nexthopRows(),
		f.ruleRows(),
		f.neighRows(),
		f.fdbRows(),
		f.bridgeRows(),
		f.tcRows(),
	)
}

// New makes NETLINK_ROUTE for the tables of a Net and becomes the receiver of its announcements.
func New(t Tables) *nlserver.Family {
	if t.Nets == nil {
		t.Nets = &Nets{}
	}
	f := &family{Tables: t}
	t.Nets.add(f)
	table := nlserver.NewTable()
	for _, r := range f.rows() {
		table.Register(r.Family, r.Type, r.Handler)
	}
	f.nl = &nlserver.Family{
		Protocol: unix.NETLINK_ROUTE, Groups: 36, NonrootRecv: true,
		Rcv: func(req *nlserver.Request) error {
			from := req.From()
			t.Net.Origin = rtnl.Origin{PortID: from.Portid, Seq: from.Seq, Flags: from.Flags}
			err := table.Rcv(req)
			t.Net.Origin = rtnl.Origin{}
			return err
		},
		Lock: t.Net.Lock, Unlock: t.Net.Unlock,
		Ahead:   f.aheadRoutes,
		Commit:  f.commit,
		Explain: explain,
	}
	t.Net.OnAnnounce(f.announce)
	return f.nl
}

// explain puts what an rtnl.Error says into the extended ACK.
func explain(req *nlserver.Request, err error) syscall.Errno {
	var e *rtnl.Error
	if !errors.As(err, &e) {
		return 0
	}
	if e.Msg != "" {
		req.Ext.Msg = e.Msg
	}
	if e.Attr != 0 {
		req.Ext.BadAttr = attrOffset(req, e.Attr)
	}
	return e.Errno
}

// attrOffset finds a top-level attribute of a request, 0 when it is not there.
func attrOffset(req *nlserver.Request, typ uint16) (off uint32) {
	n := nlmsg.Align(headerLen(req.Type))
	body := req.Payload()
	if len(body) < n {
		return 0
	}
	_ = nlmsg.Each(body[n:], uint32(nlmsg.HdrLen+n), func(a nlmsg.Attr) error {
		if a.Type() == typ {
			off = a.Off
		}
		return nil
	})
	return off
}

// headerLen is the length of the header between that of netlink and the attributes.
func headerLen(typ uint16) int {
	switch typ &^ 3 {
	case unix.RTM_NEWLINK:
		return unix.SizeofIfInfomsg
	case unix.RTM_NEWADDR:
		return unix.SizeofIfAddrmsg
	case unix.RTM_NEWROUTE, unix.RTM_NEWRULE:
		return unix.SizeofRtMsg
	case unix.RTM_NEWNEIGH:
		return unix.SizeofNdMsg
	case unix.RTM_NEWNEXTHOP, unix.RTM_NEWNEXTHOPBUCKET:
		return sizeofNhmsg
	default:
		return unix.SizeofRtGenmsg
	}
}

// notify builds a message by fill and sends it to group; o is who is said to have asked.
func (f *family) notify(group uint32, o rtnl.Origin, typ, flags uint16, fill func(e *nlmsg.Encoder)) {
	from := nlserver.Requester{Portid: o.PortID, Seq: o.Seq, Flags: o.Flags}
	if !f.nl.Wanted(group, from) {
		return
	}
	f.enc.Reset(f.enc.Buffer()[:0], 0)
	f.enc.Begin(typ, flags, o.Seq, o.PortID)
	fill(&f.enc)
	if f.enc.End() {
		f.nl.Notify(group, from, f.enc.Buffer())
	}
}

// native is the byte order of netlink.
var native = binary.NativeEndian
