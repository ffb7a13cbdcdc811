// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/dataplane/dpif"
)

// ruled is the tables as rules ask for them (rule.Routes).
type ruled struct{ t *Table }

// Unmerge implements rule.Routes.
func (r ruled) Unmerge(family uint8) error {
	f := r.t.family(family)
	if !f.merged {
		return nil
	}
	return r.t.unmerge(f)
}

// NewTable implements rule.Routes.
func (r ruled) NewTable(family uint8, id uint32) { r.t.newTable(r.t.family(family), id) }

// maxAutoTable is FIB_MAX_AUTO_TABLE_ID.
const maxAutoTable = 4096

// EmptyTable implements rule.Routes.
func (r ruled) EmptyTable() uint32 {
	for id := uint32(1); id <= maxAutoTable; id++ {
		if r.t.v4.tables[id] == nil {
			r.t.newTable(&r.t.v4, id)
			return id
		}
	}
	return 0
}

// Publish implements rule.Routes.
func (r ruled) Publish(family uint8) error { return r.t.publishRules(r.t.family(family)) }

// tableMade lets lookups see a table that is new.
func (t *Table) tableMade(f *family, id uint32) {
	var err error
	switch {
	case f.named == nil:
	case t.rules.Refers(f.id, id):
		err = t.publishRules(f)
	default:
		for l := range f.named {
			if l.L3Table() == id && err == nil {
				err = t.publishRulesOf(f, l)
			}
		}
	}
	if err != nil {
		t.net.Log.Error("data plane refuses a table", "table", id, "err", err)
	}
}

// vrf follows what links are VRFs or in one.
func (t *Table) vrf(e link.Event) {
	l := e.Link
	switch {
	case e.Type == link.Register && l.IsVRF():
		for _, f := range []*family{&t.v4, &t.v6} {
			t.newTable(f, l.L3Table())
			t.linkRules(f, l)
		}
	case e.Type == link.ChangeUpper && e.Upper.IsVRF():
		// What was routed over the link is gone (fib_netdev_event, addrconf_notify); what comes back
		// when it is up again goes to the table that is now right.
		t.disable4(l, nexthop.LinkDown, true)
		t.disable6(l)
		for _, f := range []*family{&t.v4, &t.v6} {
			t.linkRules(f, l)
		}
	}
}

// linkRules gives the data plane the rules of one link anew.
func (t *Table) linkRules(f *family, l *link.Link) {
	var err error
	switch {
	case l.Gone():
	case l.L3Master() != nil || t.rules.NamesLink(f.id, l):
		err = t.publishRulesOf(f, l)
	case f.named[l]:
		delete(f.named, l)
		err = t.net.DP.SetRules(t.net.ID, l.Index, f.id, nil)
	}
	if err != nil {
		t.net.Log.Error("data plane refuses rules", "link", l.Name, "err", err)
	}
}

// tableOf is the table of what a link brings with it: that of its VRF, or else the usual one.
func tableOf(l *link.Link, usual uint32) uint32 {
	if id := l.L3Table(); id != 0 {
		return id
	}
	return usual
}

// looked says whether lookups go to a table, apart from rules: it is there, and not in another one.
func (f *family) looked(id uint32) bool {
	return f.tables[id] != nil && !(f.merged && id == unix.RT_TABLE_LOCAL)
}

// publishRules brings what the rules of a family come to into the data plane: for the net, and for
// the links that it is something else for.
func (t *Table) publishRules(f *family) error {
	t.changed()
	if t.rules.Custom(f.id) && !f.custom {
		if err := t.net.DP.SetCustomRules(t.net.ID, f.id); err != nil {
			return err
		}
		f.custom = true
	}
	if err := t.net.DP.SetRules(t.net.ID, 0, f.id, t.PublishedRules(f.id, nil)); err != nil {
		return err
	}
	for _, l := range t.links.All() {
		if l.L3Master() == nil && !t.rules.NamesLink(f.id, l) {
			if f.named[l] {
				delete(f.named, l)
				if err := t.net.DP.SetRules(t.net.ID, l.Index, f.id, nil); err != nil {
					return err
				}
			}
			continue
		}
		if err := t.publishRulesOf(f, l); err != nil {
			return err
		}
	}
	for l := range f.named {
		if l.Gone() {
			delete(f.named, l)
		}
	}
	return nil
}

func (t *Table) publishRulesOf(f *family, l *link.Link) error {
	f.named[l] = true
	return t.net.DP.SetRules(t.net.ID, l.Index, f.id, t.PublishedRules(f.id, l))
}

// PublishedRules is what lookups for packets that a link receives go through in the data plane; nil:
// what those of the net (l nil) go through.
func (t *Table) PublishedRules(family uint8, l *link.Link) []dpif.Rule {
	f := t.family(family)
	if l != nil && !f.named[l] {
		return nil
	}
	rules := t.rules.Program(f.id, l, f.looked)
	if l != nil && len(rules) == 0 { // which would mean those of the net
		rules = []dpif.Rule{{Action: dpif.RuleUnreachable, SuppressPrefixLen: -1, SuppressGroup: -1}}
	}
	return rules
}
