// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"errors"

	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

const altIfnamsiz = 128

// headerPolicy is ethnl_header_policy, headerStatsPolicy ethnl_header_policy_stats.
var (
	headerPolicy      = nlmsg.Policy{Attrs: headerRules(unix.ETHTOOL_FLAG_COMPACT_BITSETS | unix.ETHTOOL_FLAG_OMIT_REPLY)}
	headerStatsPolicy = nlmsg.Policy{Attrs: headerRules(unix.ETHTOOL_FLAG_COMPACT_BITSETS | unix.ETHTOOL_FLAG_OMIT_REPLY | unix.ETHTOOL_FLAG_STATS)}
)

func headerRules(flags uint64) []nlmsg.Rule {
	return []nlmsg.Rule{
		unix.ETHTOOL_A_HEADER_DEV_INDEX: {Kind: nlmsg.U32},
		unix.ETHTOOL_A_HEADER_DEV_NAME:  {Kind: nlmsg.NulString, Len: altIfnamsiz - 1},
		unix.ETHTOOL_A_HEADER_FLAGS:     {Kind: nlmsg.U32, Check: nlmsg.CheckMask, Mask: flags},
	}
}

// headerOnly is the policy of a request that has nothing but its header.
func headerOnly(header *nlmsg.Policy) *nlmsg.Policy {
	return &nlmsg.Policy{Attrs: []nlmsg.Rule{headerAttr: {Kind: nlmsg.NestedAttrs, Nested: header}}}
}

// headerAttr is the type of the header in all requests but those for statistics.
const headerAttr = 1

// query is a request of the family (struct ethnl_req_info).
type query struct {
	dev   *ethtool.Device
	flags uint32
	attrs *nlmsg.Attrs  // nil in a notification
	ext   *nlmsg.Extack // nil in a dump and in a notification
	doit  bool          // it has a struct genl_info
	arg   any           // what getter.parse found
}

func (q *query) compact() bool { return q.flags&unix.ETHTOOL_FLAG_COMPACT_BITSETS != 0 }

// getter is a GET request of the family (struct ethnl_request_ops). fill appends the answer; an
// error takes it back.
type getter struct {
	cmd, reply uint8
	flags      uint32
	policy     *nlmsg.Policy
	header     uint16 // headerAttr, or another
	noDev      bool   // it may be asked without a device (allow_nodev_do)
	parse      func(*query) error
	fill       func(*query, *nlmsg.Encoder) error
}

// setter is a SET or ACT request.
type setter struct {
	cmd    uint8
	policy *nlmsg.Policy
	set    func(*call, *query) error
}

// getters and setters are ethtool_genl_ops: each file of this family adds what is its.
func (r *registry) getters() []*getter {
	return []*getter{
		&strsetGet, &linkinfoGet, &linkmodesGet, &linkstateGet, &debugGet, &wolGet, &featuresGet,
		&privflagsGet, &ringsGet, &channelsGet, &coalesceGet, &pauseGet, &eeeGet, &tsinfoGet,
		&tunnelsGet, &fecGet, &eepromGet, &statsGet, &vclocksGet, &moduleGet, &pseGet,
	}
}

func (r *registry) setters() []*setter {
	return []*setter{
		{unix.ETHTOOL_MSG_LINKINFO_SET, &linkinfoSetPolicy, r.setLinkinfo},
		{unix.ETHTOOL_MSG_LINKMODES_SET, &linkmodesSetPolicy, r.setLinkmodes},
		{unix.ETHTOOL_MSG_DEBUG_SET, &debugSetPolicy, r.setDebug},
		{unix.ETHTOOL_MSG_WOL_SET, &wolSetPolicy, r.setWol},
		{unix.ETHTOOL_MSG_FEATURES_SET, &featuresSetPolicy, r.setFeatures},
		{unix.ETHTOOL_MSG_PRIVFLAGS_SET, &privflagsSetPolicy, r.setPrivflags},
		{unix.ETHTOOL_MSG_RINGS_SET, &ringsSetPolicy, r.setRings},
		{unix.ETHTOOL_MSG_CHANNELS_SET, &channelsSetPolicy, r.setChannels},
		{unix.ETHTOOL_MSG_COALESCE_SET, &coalesceSetPolicy, r.setCoalesce},
		{unix.ETHTOOL_MSG_PAUSE_SET, &pauseSetPolicy, r.setPause},
		{unix.ETHTOOL_MSG_EEE_SET, &eeeSetPolicy, unsupported},
		{unix.ETHTOOL_MSG_CABLE_TEST_ACT, headerOnly(&headerPolicy), unsupported},
		{unix.ETHTOOL_MSG_CABLE_TEST_TDR_ACT, &cableTestTDRPolicy, unsupported},
		{unix.ETHTOOL_MSG_FEC_SET, &fecSetPolicy, r.setFEC},
		{unix.ETHTOOL_MSG_MODULE_SET, &moduleSetPolicy, setModule},
		{unix.ETHTOOL_MSG_PSE_SET, &pseSetPolicy, setPSE},
	}
}

// ethtoolFamily assembles the commands in the order of their numbers, which is the kernel's.
func (r *registry) ethtoolFamily() *genlFamily {
	ops := make([]op, unix.ETHTOOL_MSG_PSE_SET+1)
	for _, g := range r.getters() {
		ops[g.cmd] = op{cmd: g.cmd, flags: g.flags, policy: g.policy,
			doit: func(c *call) error { return r.get(c, g) },
			dump: func(c *call) (func(*nlserver.Dump) error, error) { return r.dump(c, g) },
		}
	}
	for _, s := range r.setters() {
		ops[s.cmd] = op{cmd: s.cmd, flags: unix.GENL_UNS_ADMIN_PERM, policy: s.policy,
			doit: func(c *call) error {
				q, err := r.query(&c.attrs, headerAttr, c.Ext, true)
				if err != nil {
					return err
				}
				q.doit = true
				return s.set(c, q)
			},
		}
	}
	return &genlFamily{
		name: unix.ETHTOOL_GENL_NAME, version: unix.ETHTOOL_GENL_VERSION,
		resvStart: unix.ETHTOOL_MSG_MODULE_GET + 1,
		ops:       ops[1:], groups: []string{"monitor"},
	}
}

// query is ethnl_parse_header_dev_get.
func (r *registry) query(attrs *nlmsg.Attrs, header uint16, ext *nlmsg.Extack, needDev bool) (*query, error) {
	q := &query{attrs: attrs, ext: ext}
	h := attrs.Get(header)
	if !h.Present() {
		return nil, ext.Fail(unix.EINVAL, "request header missing")
	}
	var tb nlmsg.Attrs // the policy of the command has checked it
	if err := tb.ParseNested(h, &headerStatsPolicy, nlmsg.Liberal, ext); err != nil {
		return nil, err
	}
	q.flags = tb.U32(unix.ETHTOOL_A_HEADER_FLAGS)
	index, name := tb.Get(unix.ETHTOOL_A_HEADER_DEV_INDEX), tb.Get(unix.ETHTOOL_A_HEADER_DEV_NAME)
	var l *link.Link
	switch {
	case index.Present():
		if l = r.Links.ByIndex(index.U32()); l == nil {
			return nil, ext.FailAttr(unix.ENODEV, index, "no device matches ifindex")
		}
		if name.Present() && name.String() != l.Name {
			return nil, ext.FailAttr(unix.ENODEV, h, "ifindex and name do not match")
		}
	case name.Present():
		if l = r.Links.ByName(name.String()); l == nil {
			return nil, ext.FailAttr(unix.ENODEV, name, "no device matches name")
		}
	case needDev:
		return nil, ext.FailAttr(unix.EINVAL, h, "neither ifindex nor name specified")
	}
	if l != nil {
		q.dev = r.Devices.Of(l)
	}
	return q, nil
}

// get is ethnl_default_doit.
func (r *registry) get(c *call, g *getter) error {
	if !c.attrs.Has(g.header) {
		return c.Ext.Missing(nlmsg.Attr{}, g.header)
	}
	q, err := r.query(&c.attrs, g.header, c.Ext, !g.noDev)
	if err != nil {
		return err
	}
	q.doit = true
	if g.parse != nil {
		if err := g.parse(q); err != nil {
			return err
		}
	}
	e := c.reply(g.reply)
	putHeader(e, g.header, q.dev)
	if err := g.fill(q, e); err != nil {
		return err
	}
	c.Send()
	return nil
}

// dump is ethnl_default_start.
func (r *registry) dump(c *call, g *getter) (func(*nlserver.Dump) error, error) {
	q, err := r.query(&c.attrs, g.header, c.Ext, false)
	if err != nil {
		return nil, err
	}
	if g.parse != nil {
		if err := g.parse(q); err != nil {
			return nil, err
		}
	}
	q.attrs, q.ext = nil, nil
	fam := c.fam
	return func(d *nlserver.Dump) error { return r.dumpit(d, fam, g, q) }, nil
}

// dumpit is ethnl_default_dumpit: devices without the operation are left out.
func (r *registry) dumpit(d *nlserver.Dump, fam *genlFamily, g *getter, q *query) error {
	d.Gen = r.Links.Gen()
	for _, l := range r.Links.All() {
		if uint64(l.Index) < d.Args[0] {
			continue
		}
		d.Args[0] = uint64(l.Index)
		q.dev = r.Devices.Of(l)
		e := d.Begin(fam.id)
		fam.header(e, g.reply)
		putHeader(e, g.header, q.dev)
		err := g.fill(q, e)
		switch {
		case errors.Is(err, unix.EOPNOTSUPP):
			e.Cancel()
		case err != nil:
			return err
		case !e.End():
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// putHeader is ethnl_fill_reply_header.
func putHeader(e *nlmsg.Encoder, typ uint16, d *ethtool.Device) {
	if d == nil {
		return
	}
	nest := e.Nest(typ)
	e.U32(unix.ETHTOOL_A_HEADER_DEV_INDEX, d.Index)
	e.String(unix.ETHTOOL_A_HEADER_DEV_NAME, d.Name)
	e.EndNest(nest)
}

// event is ethtool_notify: what the device says now goes to the group "monitor".
func (r *registry) event(e any) {
	m, ok := e.(ethtool.Event)
	if !ok {
		return
	}
	fam := r.byName(unix.ETHTOOL_GENL_NAME)
	g := r.notifier(m.Cmd)
	if g == nil || !r.nl.HasListeners(fam.groupBase) {
		return
	}
	r.seq++
	q := &query{dev: r.Devices.Of(m.Link), flags: unix.ETHTOOL_FLAG_COMPACT_BITSETS}
	r.enc.Reset(r.enc.Buffer()[:0], 0)
	r.enc.Begin(fam.id, 0, r.seq, 0)
	fam.header(&r.enc, m.Cmd)
	putHeader(&r.enc, g.header, q.dev)
	if g.fill(q, &r.enc) == nil && r.enc.End() {
		r.nl.Notify(fam.groupBase, nlserver.Requester{}, r.enc.Buffer())
	}
}

// notifier is the GET whose answer a notification is (ethnl_default_notify_ops): its number is the
// reply's and one, but where a SET has a reply of its own.
func (r *registry) notifier(cmd uint8) *getter {
	for _, g := range r.getters() {
		if g.reply+1 == cmd || g == &featuresGet && cmd == unix.ETHTOOL_MSG_FEATURES_NTF {
			return g
		}
	}
	return nil
}

// Updates of a value by an attribute, when that is there (ethnl_update_u32 and so on).

func updateU32(v *uint32, a nlmsg.Attr, changed *bool) {
	if a.Present() && *v != a.U32() {
		*v, *changed = a.U32(), true
	}
}

func updateU8(v *uint8, a nlmsg.Attr, changed *bool) {
	if a.Present() && *v != a.U8() {
		*v, *changed = a.U8(), true
	}
}

func updateBool(v *bool, a nlmsg.Attr, changed *bool) {
	if a.Present() && *v != (a.U8() != 0) {
		*v, *changed = !*v, true
	}
}

func boolU8(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}
