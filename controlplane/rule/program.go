// SPDX-License-Identifier: BSD-3-Clause

package rule

import (
	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// NamesLink says whether a rule of a family asks for the link that packets come in by, so that it
// needs a program of its own.
func (t *Table) NamesLink(family uint8, l *link.Link) bool {
	for _, r := range t.family(family).list {
		if r.iif == l.Index {
			return true
		}
	}
	return false
}

// Program is what the rules of a family come to for packets received by a link (nil: one that no
// rule names and that is in no VRF): the tables in their order, and of the selectors those that
// depend on the packet. exists says whether a table is there.
func (t *Table) Program(family uint8, in *link.Link, exists func(table uint32) bool) []dpif.Rule {
	list := t.family(family).list
	s := static{}
	if in != nil {
		s.iif = in.Index
		if master := in.L3Master(); master != nil {
			s.l3table = master.L3Table()
		}
	}
	out := make([]dpif.Rule, 0, len(list))
	at := make(map[*Rule]int, len(list)) // where what follows a rule, or the rule itself, begins
	jumps := map[int]*Rule{}
	for _, r := range list {
		at[r] = len(out)
		d, ok := s.reduce(r)
		if !ok {
			continue
		}
		switch r.Action {
		case ActionGoto:
			if r.target == nil {
				continue
			}
			d.Action = dpif.RuleGoto
			jumps[len(out)] = r.target
		case ActionNop:
			continue
		case ActionToTable:
			if r.L3mdev {
				d.Table = s.l3table
			}
			if d.Action = dpif.RuleTable; !exists(d.Table) {
				continue
			}
		case ActionUnreachable:
			d.Action = dpif.RuleUnreachable
		case ActionProhibit:
			d.Action = dpif.RuleProhibit
		default:
			d.Action = dpif.RuleBlackhole
		}
		out = append(out, d)
	}
	for i, target := range jumps {
		out[i].Target = uint32(at[target])
	}
	return out
}

// static is what all packets received by a link have alike.
type static struct {
	iif, l3table uint32
}

// reduce decides what does not depend on the packet; false: the rule never matches.
func (s *static) reduce(r *Rule) (dpif.Rule, bool) {
	never := r.iif != 0 && r.iif != s.iif || r.oif != 0 || r.TunID != 0 ||
		r.L3mdev && s.l3table == 0 || r.UID.Start != 0
	d := dpif.Rule{Table: r.Table, SuppressPrefixLen: r.SuppressPrefixLen, SuppressGroup: r.SuppressIfGroup}
	invert := r.Flags&FlagInvert != 0
	if never {
		return d, invert
	}
	d.Src, d.Dst, d.TOS, d.Proto = r.Src.Masked(), r.Dst.Masked(), r.TOS, r.IPProto
	d.Mark, d.MarkMask = r.Mark&r.MarkMask, r.MarkMask
	d.Sport, d.Dport = dpif.PortRange(r.Sport), dpif.PortRange(r.Dport)
	if !r.Sport.set() {
		d.Sport = dpif.PortRange{}
	}
	if !r.Dport.set() {
		d.Dport = dpif.PortRange{}
	}
	d.Invert = invert
	if d.Unconditional() {
		d.Invert = false
		return d, !invert
	}
	return d, true
}
