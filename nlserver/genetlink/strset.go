// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var strsetGet = getter{
	cmd: unix.ETHTOOL_MSG_STRSET_GET, reply: unix.ETHTOOL_MSG_STRSET_GET_REPLY,
	header: headerAttr, noDev: true, parse: parseStrset, fill: fillStrset,
	policy: &nlmsg.Policy{Attrs: []nlmsg.Rule{
		headerAttr:                        {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
		unix.ETHTOOL_A_STRSET_STRINGSETS:  {Kind: nlmsg.NestedAttrs},
		unix.ETHTOOL_A_STRSET_COUNTS_ONLY: {Kind: nlmsg.Flag},
	}},
}

// stringsetsPolicy is strset_stringsets_policy, stringsetPolicy get_stringset_policy.
var (
	stringsetsPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		unix.ETHTOOL_A_STRINGSETS_STRINGSET: {Kind: nlmsg.NestedAttrs},
	}}
	stringsetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		unix.ETHTOOL_A_STRINGSET_ID: {Kind: nlmsg.U32},
	}}
)

// strset is struct strset_req_info.
type strset struct {
	ids        uint32 // bits; 0: all that there are
	countsOnly bool
}

// parseStrset is strset_parse_request.
func parseStrset(q *query) error {
	s := strset{}
	q.arg = &s
	nest := q.attrs.Get(unix.ETHTOOL_A_STRSET_STRINGSETS)
	if !nest.Present() {
		return nil
	}
	if err := nlmsg.CheckAttrs(nest.Data, nest.Off+nlmsg.AttrHdrLen, &stringsetsPolicy, nlmsg.Strict, q.ext); err != nil {
		return err
	}
	s.countsOnly = q.attrs.Has(unix.ETHTOOL_A_STRSET_COUNTS_ONLY)
	return nest.Each(func(a nlmsg.Attr) error {
		var tb nlmsg.Attrs
		if err := tb.ParseNested(a, &stringsetPolicy, nlmsg.Strict, q.ext); err != nil {
			return err
		}
		if !tb.Has(unix.ETHTOOL_A_STRINGSET_ID) {
			return q.ext.Missing(a, unix.ETHTOOL_A_STRINGSET_ID)
		}
		id := tb.U32(unix.ETHTOOL_A_STRINGSET_ID)
		if id >= ethtool.SetCount {
			return q.ext.FailAttr(unix.EOPNOTSUPP, a, "unknown string set id")
		}
		s.ids |= 1 << id
		return nil
	})
}

// include is strset_include.
func (s *strset) include(id uint32, dev bool) bool {
	if s.ids != 0 {
		return s.ids&(1<<id) != 0
	}
	if ethtool.OfDevice(id) {
		return dev
	}
	return !dev && ethtool.NamesOf(id) != nil
}

func fillStrset(q *query, e *nlmsg.Encoder) error {
	s := q.arg.(*strset)
	if q.dev == nil {
		for id := range uint32(ethtool.SetCount) {
			if s.ids&(1<<id) != 0 && ethtool.OfDevice(id) {
				if q.doit {
					q.ext.Warn("requested per device strings without dev")
				}
				return unix.EINVAL
			}
		}
	}
	sets := e.Nest(unix.ETHTOOL_A_STRSET_STRINGSETS)
	for id := range uint32(ethtool.SetCount) {
		if !s.include(id, q.dev != nil) {
			continue
		}
		names := ethtool.NamesOf(id)
		switch {
		case ethtool.OfDevice(id):
			names = q.dev.StringSet(id)
		case names == nil:
			return unix.EOPNOTSUPP
		}
		if len(names) > 0 {
			s.put(e, id, names)
		}
	}
	e.EndNest(sets)
	return nil
}

// put is strset_fill_set.
func (s *strset) put(e *nlmsg.Encoder, id uint32, names []string) {
	set := e.Nest(unix.ETHTOOL_A_STRINGSETS_STRINGSET)
	e.U32(unix.ETHTOOL_A_STRINGSET_ID, id)
	e.U32(unix.ETHTOOL_A_STRINGSET_COUNT, uint32(len(names)))
	if !s.countsOnly {
		strings := e.Nest(unix.ETHTOOL_A_STRINGSET_STRINGS)
		for i, name := range names {
			str := e.Nest(unix.ETHTOOL_A_STRINGS_STRING)
			e.U32(unix.ETHTOOL_A_STRING_INDEX, uint32(i))
			e.String(unix.ETHTOOL_A_STRING_VALUE, name[:min(len(name), ethtool.NameLen)])
			e.EndNest(str)
		}
		e.EndNest(strings)
	}
	e.EndNest(set)
}
