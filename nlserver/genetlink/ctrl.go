// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// familyPolicy is ctrl_policy_family.
var familyPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.CTRL_ATTR_FAMILY_ID:   {Kind: nlmsg.U16},
	unix.CTRL_ATTR_FAMILY_NAME: {Kind: nlmsg.NulString, Len: unix.GENL_NAMSIZ - 1},
}}

// policyPolicy is ctrl_policy_policy.
var policyPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.CTRL_ATTR_FAMILY_ID:   {Kind: nlmsg.U16},
	unix.CTRL_ATTR_FAMILY_NAME: {Kind: nlmsg.NulString, Len: unix.GENL_NAMSIZ - 1},
	unix.CTRL_ATTR_OP:          {Kind: nlmsg.U32},
}}

// ctrlFamily is the controller. No family comes or goes while clients listen, so its group
// "notify" stays silent.
func (r *registry) ctrlFamily() *genlFamily {
	return &genlFamily{
		name: "nlctrl", version: 2, resvStart: unix.CTRL_CMD_GETPOLICY + 1,
		ops: []op{
			{
				cmd: unix.CTRL_CMD_GETFAMILY, validate: dontValidateStrict | dontValidateDump,
				policy: &familyPolicy, doit: r.getFamily, dump: r.dumpFamilies,
			},
			{cmd: unix.CTRL_CMD_GETPOLICY, policy: &policyPolicy, dump: r.dumpPolicy},
		},
		groups: []string{"notify"},
	}
}

// getFamily is ctrl_getfamily.
func (r *registry) getFamily(c *call) error {
	var f *genlFamily
	err := error(unix.EINVAL)
	if c.attrs.Has(unix.CTRL_ATTR_FAMILY_ID) {
		f, err = r.byID(c.attrs.U16(unix.CTRL_ATTR_FAMILY_ID)), unix.ENOENT
	}
	if c.attrs.Has(unix.CTRL_ATTR_FAMILY_NAME) {
		f, err = r.byName(c.attrs.String(unix.CTRL_ATTR_FAMILY_NAME)), unix.ENOENT
	}
	if f == nil {
		return err
	}
	f.fill(c.reply(unix.CTRL_CMD_NEWFAMILY))
	c.Send()
	return nil
}

// dumpFamilies is ctrl_dumpfamily.
func (r *registry) dumpFamilies(c *call) (func(*nlserver.Dump) error, error) {
	ctrl := c.fam
	return func(d *nlserver.Dump) error {
		for ; d.Args[0] < uint64(len(r.families)); d.Args[0]++ {
			e := d.Begin(ctrl.id)
			ctrl.header(e, unix.CTRL_CMD_NEWFAMILY)
			r.families[d.Args[0]].fill(e)
			if !e.End() {
				return nlmsg.ErrFull
			}
		}
		return nil
	}, nil
}

// fill is ctrl_fill_info.
func (f *genlFamily) fill(e *nlmsg.Encoder) {
	e.String(unix.CTRL_ATTR_FAMILY_NAME, f.name)
	e.U16(unix.CTRL_ATTR_FAMILY_ID, f.id)
	e.U32(unix.CTRL_ATTR_VERSION, uint32(f.version))
	e.U32(unix.CTRL_ATTR_HDRSIZE, 0)
	e.U32(unix.CTRL_ATTR_MAXATTR, f.maxattr)
	ops := e.NestPlain(unix.CTRL_ATTR_OPS)
	for i := range f.ops {
		o := e.NestPlain(uint16(i + 1))
		e.U32(unix.CTRL_ATTR_OP_ID, uint32(f.ops[i].cmd))
		e.U32(unix.CTRL_ATTR_OP_FLAGS, f.ops[i].capabilities())
		e.EndNest(o)
	}
	e.EndNest(ops)
	if len(f.groups) == 0 {
		return
	}
	groups := e.NestPlain(unix.CTRL_ATTR_MCAST_GROUPS)
	for i, name := range f.groups {
		g := e.NestPlain(uint16(i + 1))
		e.U32(unix.CTRL_ATTR_MCAST_GRP_ID, f.groupBase+uint32(i))
		e.String(unix.CTRL_ATTR_MCAST_GRP_NAME, name)
		e.EndNest(g)
	}
	e.EndNest(groups)
}

// capabilities are the flags that a client is told.
func (o *op) capabilities() uint32 {
	flags := o.flags
	if o.dump != nil {
		flags |= unix.GENL_CMD_CAP_DUMP
	}
	if o.doit != nil {
		flags |= unix.GENL_CMD_CAP_DO
	}
	if o.policy != nil {
		flags |= unix.GENL_CMD_CAP_HASPOL
	}
	return flags
}

// dumpPolicy is ctrl_dumppolicy_start: which commands follow which policy, then the policies,
// an attribute a message.
func (r *registry) dumpPolicy(c *call) (func(*nlserver.Dump) error, error) {
	var f *genlFamily
	switch {
	case c.attrs.Has(unix.CTRL_ATTR_FAMILY_ID):
		f = r.byID(c.attrs.U16(unix.CTRL_ATTR_FAMILY_ID))
	case c.attrs.Has(unix.CTRL_ATTR_FAMILY_NAME):
		f = r.byName(c.attrs.String(unix.CTRL_ATTR_FAMILY_NAME))
	default:
		return nil, unix.EINVAL
	}
	if f == nil {
		return nil, unix.ENOENT
	}
	p := &policyDump{ctrl: c.fam, about: f}
	if a := c.attrs.Get(unix.CTRL_ATTR_OP); a.Present() {
		o := f.find(a.U32())
		if o == nil {
			return nil, c.Ext.BadAttribute(unix.EOPNOTSUPP, a)
		}
		p.ops = []*op{o}
	} else {
		for i := range f.ops {
			p.ops = append(p.ops, &f.ops[i])
		}
	}
	for _, o := range p.ops {
		if o.policy != nil {
			p.list.Add(o.policy)
		}
	}
	if p.list.Len() == 0 {
		return nil, unix.ENODATA
	}
	return p.dumpit, nil
}

// policyDump is struct ctrl_dump_policy_ctx.
type policyDump struct {
	ctrl, about  *genlFamily
	ops          []*op // that are still to be said
	list         nlmsg.PolicyList
	policy, attr int
}

func (p *policyDump) begin(d *nlserver.Dump) *nlmsg.Encoder {
	e := d.Begin(p.ctrl.id)
	p.ctrl.header(e, unix.CTRL_CMD_GETPOLICY)
	e.U16(unix.CTRL_ATTR_FAMILY_ID, p.about.id)
	return e
}

// dumpit is ctrl_dumppolicy.
func (p *policyDump) dumpit(d *nlserver.Dump) error {
	for ; len(p.ops) > 0; p.ops = p.ops[1:] {
		if o := p.ops[0]; o.saysPolicy() && !p.putOp(p.begin(d), o) {
			return nlmsg.ErrFull
		}
	}
	for {
		policy, attr, ok := p.list.Next(p.policy, p.attr)
		if !ok {
			return nil
		}
		e := p.begin(d)
		nest := e.Nest(unix.CTRL_ATTR_POLICY)
		p.list.Describe(e, policy, attr)
		e.EndNest(nest)
		if !e.End() {
			return nlmsg.ErrFull
		}
		p.policy, p.attr = policy, attr+1
	}
}

// saysPolicy is false for a command whose policy is never applied.
func (o *op) saysPolicy() bool {
	return o.policy != nil && (o.doit != nil || o.dump != nil && o.validate&dontValidateDump == 0)
}

// putOp is ctrl_dumppolicy_put_op.
func (p *policyDump) putOp(e *nlmsg.Encoder, o *op) bool {
	index := uint32(p.list.Index(o.policy))
	nest := e.Nest(unix.CTRL_ATTR_OP_POLICY)
	cmd := e.Nest(uint16(o.cmd))
	if o.doit != nil {
		e.U32(unix.CTRL_ATTR_POLICY_DO, index)
	}
	if o.dump != nil && o.validate&dontValidateDump == 0 {
		e.U32(unix.CTRL_ATTR_POLICY_DUMP, index)
	}
	e.EndNest(cmd)
	e.EndNest(nest)
	return e.End()
}
