// SPDX-License-Identifier: BSD-3-Clause

// Package genetlink is NETLINK_GENERIC: a registry of families, of which each has a file of its
// own, and their dispatch. nlctrl tells clients what families there are; "ethtool" asks the drivers
// of links. Like rtnetlink it parses, calls and fills, and owns no networking state.
package genetlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Tables are the nouns of one Net.
type Tables struct {
	Net     *rtnl.Net
	Links   *link.Table
	Devices *ethtool.Table
}

// hdrLen is GENL_HDRLEN, the bytes of struct genlmsghdr.
const hdrLen = unix.GENL_HDRLEN

// genlValidate says what of a request is checked (enum genl_validate_flags).
type genlValidate uint8

const (
	dontValidateStrict     genlValidate = 1 << iota // liberally
	dontValidateDump                                // a dump not at all
	dontValidateDumpStrict                          // a dump liberally
)

// op is one command of a family (struct genl_ops). dump makes the Dumpit of a request; its error is
// the answer to the request.
type op struct {
	cmd      uint8
	flags    uint32 // GENL_ADMIN_PERM, GENL_UNS_ADMIN_PERM
	validate genlValidate
	policy   *nlmsg.Policy // nil: no attributes are looked at
	doit     func(*call) error
	dump     func(*call) (func(*nlserver.Dump) error, error)
}

// genlFamily is struct genl_family.
type genlFamily struct {
	name      string
	id        uint16
	version   uint8
	maxattr   uint32
	resvStart uint8 // from this command on the header is checked strictly (resv_start_op)
	ops       []op
	groups    []string
	groupBase uint32 // the number of the first of groups
}

// call is a request under way (struct genl_info).
type call struct {
	*nlserver.Request
	fam   *genlFamily
	op    *op
	attrs nlmsg.Attrs
}

// registry is the families of one Net.
type registry struct {
	Tables
	nl       *nlserver.Family
	families []*genlFamily // by id
	enc      nlmsg.Encoder // of notifications; under RTNL
	seq      uint32        // of notifications of ethtool
}

// New makes NETLINK_GENERIC for the tables of a Net and subscribes to what package ethtool tells.
func New(t Tables) *nlserver.Family {
	r := &registry{Tables: t}
	r.register(r.ctrlFamily())
	r.register(r.ethtoolFamily())
	r.nl = &nlserver.Family{
		Protocol: unix.NETLINK_GENERIC, NonrootRecv: true,
		Rcv:  r.rcv,
		Lock: t.Net.Lock, Unlock: t.Net.Unlock,
	}
	t.Net.Subscribe(r.event)
	return r.nl
}

// register gives a family its id and the numbers of its groups, as genl_register_family does.
func (r *registry) register(f *genlFamily) {
	f.id, f.groupBase = unix.GENL_ID_CTRL, unix.GENL_ID_CTRL
	if f.name != "nlctrl" {
		f.id, f.groupBase = unix.GENL_START_ALLOC, 2
		for _, o := range r.families[1:] {
			f.id, f.groupBase = o.id+1, o.groupBase+uint32(len(o.groups))
		}
	}
	r.families = append(r.families, f)
}

func (r *registry) byID(id uint16) *genlFamily {
	for _, f := range r.families {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (r *registry) byName(name string) *genlFamily {
	for _, f := range r.families {
		if f.name == name {
			return f
		}
	}
	return nil
}

func (f *genlFamily) find(cmd uint32) *op {
	for i := range f.ops {
		if uint32(f.ops[i].cmd) == cmd {
			return &f.ops[i]
		}
	}
	return nil
}

// rcv is genl_rcv_msg.
func (r *registry) rcv(req *nlserver.Request) error {
	f := r.byID(req.Type)
	if f == nil {
		return unix.ENOENT
	}
	if len(req.Payload()) < hdrLen {
		return unix.EINVAL
	}
	cmd := req.Payload()[0]
	if err := f.checkHeader(req, cmd); err != nil {
		return err
	}
	o := f.find(uint32(cmd))
	if o == nil {
		return unix.EOPNOTSUPP
	}
	if o.flags&(unix.GENL_ADMIN_PERM|unix.GENL_UNS_ADMIN_PERM) != 0 && !req.Admin() {
		return unix.EPERM
	}
	c := &call{Request: req, fam: f, op: o}
	if req.Has(unix.NLM_F_DUMP) {
		return c.startDump()
	}
	if o.doit == nil {
		return unix.EOPNOTSUPP
	}
	if err := c.parse(o.validate&dontValidateStrict != 0); err != nil {
		return err
	}
	return o.doit(c)
}

// checkHeader is genl_header_check.
func (f *genlFamily) checkHeader(req *nlserver.Request, cmd uint8) error {
	if cmd < f.resvStart {
		return nil
	}
	if binary.NativeEndian.Uint16(req.Payload()[2:]) != 0 {
		return req.Ext.Fail(unix.EINVAL, "genlmsghdr.reserved field is not 0")
	}
	flags := req.Flags
	if flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP {
		flags &^= unix.NLM_F_DUMP
	}
	if flags&^(unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_ECHO) != 0 {
		return req.Ext.Fail(unix.EINVAL, "ambiguous or reserved bits set in nlmsg_flags")
	}
	return nil
}

// parse is genl_family_rcv_msg_attrs_parse.
func (c *call) parse(liberal bool) error {
	if c.op.policy == nil {
		return nil
	}
	how := nlmsg.Strict
	if liberal {
		how = nlmsg.Liberal
	}
	return c.Parse(hdrLen, &c.attrs, c.op.policy, how)
}

// startDump is genl_family_rcv_msg_dumpit with genl_start.
func (c *call) startDump() error {
	if c.op.dump == nil {
		return unix.EOPNOTSUPP
	}
	if c.op.validate&dontValidateDump == 0 {
		if err := c.parse(c.op.validate&dontValidateDumpStrict != 0); err != nil {
			return err
		}
	}
	dumpit, err := c.op.dump(c)
	if err != nil {
		return err
	}
	return c.Dump(&nlserver.Handler{Dumpit: dumpit})
}

// header is what genlmsg_put adds behind the netlink header.
func (f *genlFamily) header(e *nlmsg.Encoder, cmd uint8) {
	b := e.Raw(hdrLen)
	b[0], b[1] = cmd, f.version
}

// reply begins an answer.
func (c *call) reply(cmd uint8) *nlmsg.Encoder {
	e := c.Reply(c.fam.id, 0)
	c.fam.header(e, cmd)
	return e
}
