// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"errors"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// linkKind is how a kind of link reads and writes IFLA_LINKINFO. A kind is a file of its own and a
// row of linkKinds.
type linkKind struct {
	// policy is that of IFLA_INFO_DATA; nil: the kind has none (maxtype 0).
	policy *nlmsg.Policy
	// parse makes of IFLA_INFO_DATA what link.Config.Data of the kind is.
	parse func(f *family, req *nlserver.Request, data *nlmsg.Attrs) (any, error)
	// fill writes what stands in IFLA_INFO_DATA; nil: nothing.
	fill func(e *nlmsg.Encoder, l *link.Link)
	// fillSlave writes what stands in IFLA_INFO_SLAVE_DATA of those enslaved to the kind; nil: nothing.
	fillSlave func(e *nlmsg.Encoder, master, l *link.Link)
}

// linkKinds is every kind that says more than its name.
var linkKinds = map[string]*linkKind{
	"macvlan": &macvlanKind,
	"tun":     &tunKind,
	"veth":    &vethKind,
	"vlan":    &vlanKind,
	"vrf":     &vrfKind,
}

// newLinkRequest is a request that makes a link, or changes one and says of what kind it is.
type newLinkRequest struct {
	*nlserver.Request
	ifm      ifinfo
	tb, info nlmsg.Attrs
	kind     string
	data     any
}

// newLink is rtnl_newlink.
func (f *family) newLink(req *nlserver.Request) error {
	r := newLinkRequest{Request: req}
	var err error
	if r.ifm, err = linkRequest(req, &r.tb); err != nil {
		return err
	}
	if err := uniqueNetns(req, &r.tb, false); err != nil {
		return err
	}
	if r.ifm.index < 0 {
		return req.Ext.Fail(unix.EINVAL, "ifindex can't be negative")
	}
	l, named := f.linkOf(r.ifm, &r.tb)
	if err := f.parseKind(&r); err != nil {
		return err
	}
	if l != nil {
		return f.changeLink(&r, l)
	}
	if !req.Has(unix.NLM_F_CREATE) {
		if named || !r.tb.Has(unix.IFLA_GROUP) {
			return unix.ENODEV
		}
		return f.changeGroup(req, r.tb.U32(unix.IFLA_GROUP), r.ifm, &r.tb)
	}
	if r.tb.Has(unix.IFLA_MAP) || r.tb.Has(unix.IFLA_PROTINFO) {
		return unix.EOPNOTSUPP
	}
	return f.createLink(&r)
}

// parseKind reads IFLA_LINKINFO and asks the kind what it thinks of the request.
func (f *family) parseKind(r *newLinkRequest) error {
	err := r.info.ParseNested(r.tb.Get(unix.IFLA_LINKINFO), &infoPolicy, nlmsg.Liberal, nil)
	if err != nil {
		return err
	}
	r.kind = r.info.String(unix.IFLA_INFO_KIND)
	if link.OpsOf(r.kind) == nil {
		return nil
	}
	if k := linkKinds[r.kind]; k != nil && k.policy != nil && r.info.Has(unix.IFLA_INFO_DATA) {
		var data nlmsg.Attrs
		err := data.ParseNested(r.info.Get(unix.IFLA_INFO_DATA), k.policy, nlmsg.Liberal, r.Ext)
		if err != nil {
			return err
		}
		if r.data, err = k.parse(f, r.Request, &data); err != nil {
			return err
		}
	}
	return link.Validate(&link.Config{Kind: r.kind, Data: r.data, Lower: r.tb.U32(unix.IFLA_LINK)},
		&link.Change{HardAddr: r.tb.Bytes(unix.IFLA_ADDRESS), MTU: word(&r.tb, unix.IFLA_MTU)})
}

// changeLink is what rtnl_newlink does of a link that is there.
func (f *family) changeLink(r *newLinkRequest, l *link.Link) error {
	switch {
	case r.Has(unix.NLM_F_EXCL):
		return unix.EEXIST
	case r.Has(unix.NLM_F_REPLACE):
		return unix.EOPNOTSUPP
	}
	notify := false
	if r.info.Has(unix.IFLA_INFO_DATA) {
		if err := f.Links.ChangeKind(l, r.kind, r.data); err != nil {
			return err
		}
		notify = true
	}
	if r.info.Has(unix.IFLA_INFO_SLAVE_DATA) {
		return unix.EOPNOTSUPP
	}
	return f.doSetLink(r.Request, l, r.ifm, &r.tb, notify)
}

// createLink is rtnl_newlink_create.
func (f *family) createLink(r *newLinkRequest) error {
	if link.OpsOf(r.kind) == nil {
		return r.Ext.Fail(unix.EOPNOTSUPP, "Unknown device type")
	}
	in, to, err := f.newLinkNets(r)
	if err != nil {
		return err
	}
	source := f
	if in != to {
		source = in
	}
	ch, err := f.linkChange(r.Request, r.ifm, &r.tb)
	if err != nil {
		return err
	}
	l, err := in.Links.Create(link.Config{
		LowerIn: source.Links,
		Kind:    r.kind, Data: r.data, Lower: r.tb.U32(unix.IFLA_LINK), Index: uint32(r.ifm.index),
		Name:        r.tb.String(unix.IFLA_IFNAME),
		NumTxQueues: r.tb.U32(unix.IFLA_NUM_TX_QUEUES), NumRxQueues: r.tb.U32(unix.IFLA_NUM_RX_QUEUES),
	}, ch)
	if err != nil || in == to {
		return err
	}
	if err := in.Links.Move(l, to.Links, r.tb.String(unix.IFLA_IFNAME), 0); err != nil {
		return errors.Join(err, in.Links.Delete(l))
	}
	return nil
}

// changeGroup is rtnl_group_changelink.
func (f *family) changeGroup(req *nlserver.Request, group uint32, ifm ifinfo, tb *nlmsg.Attrs) error {
	for _, l := range f.Links.All() {
		if l.Group != group {
			continue
		}
		if err := f.doSetLink(req, l, ifm, tb, false); err != nil {
			return err
		}
	}
	return nil
}

// delLink is rtnl_dellink.
func (f *family) delLink(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	ifm, err := linkRequest(req, &tb)
	if err != nil {
		return err
	}
	if err := uniqueNetns(req, &tb, true); err != nil {
		return err
	}
	if f, err = f.targetNet(&tb, unix.IFLA_TARGET_NETNSID); err != nil {
		return err
	}
	l, named := f.linkOf(ifm, &tb)
	switch {
	case l != nil:
		return f.Links.Delete(l)
	case named:
		return unix.ENODEV
	case !tb.Has(unix.IFLA_GROUP):
		return unix.EINVAL
	}
	return f.Links.DeleteGroup(tb.U32(unix.IFLA_GROUP))
}
