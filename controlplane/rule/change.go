// SPDX-License-Identifier: BSD-3-Clause

package rule

import (
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// Config is a rule as a request describes it.
type Config struct {
	Rule
	HasPriority bool // Priority was given
	HasRealm    bool // Realm was given
	Exclusive   bool // NLM_F_EXCL: an equal rule is an error
}

// defaultPriority is one less than that of the second rule (fib_default_rule_pref).
func (f *rules) defaultPriority() uint32 {
	if len(f.list) > 1 && f.list[1].Priority != 0 {
		return f.list[1].Priority - 1
	}
	return 0
}

// validate is what fib_nl2rule asks of a rule beyond the form of its attributes, in its order. It
// finds the links and chooses the priority.
func (t *Table) validate(c *Config) error {
	if !c.HasPriority {
		c.Priority = t.family(c.Family).defaultPriority()
	}
	c.iif, c.oif = t.named(c.Iif), t.named(c.Oif)
	if c.Action == ActionGoto && c.Goto <= c.Priority {
		return rtnl.Errorf(unix.EINVAL, "Backward goto not supported")
	}
	if c.L3mdev && c.Table != 0 {
		return rtnl.Errorf(unix.EINVAL, "l3mdev and table are mutually exclusive")
	}
	return nil
}

func (t *Table) named(name string) uint32 {
	if name == "" {
		return 0
	}
	if l := t.links.ByName(name); l != nil {
		return l.Index
	}
	return Detached
}

// Add makes a rule (fib_nl_newrule). EEXIST: there is an equal one and Exclusive; ENOBUFS: no table
// is left for a rule without one; else the kernel's EINVALs, or what the data plane says: then
// nothing has changed.
func (t *Table) Add(c Config) error {
	if err := t.validate(&c); err != nil {
		return err
	}
	f := t.family(c.Family)
	if c.Exclusive && slices.ContainsFunc(f.list, c.equals) {
		return unix.EEXIST
	}
	if err := t.configure(&c); err != nil {
		return err
	}
	r := new(Rule)
	*r = c.Rule
	before := f.list
	f.insert(r)
	f.resolve()
	f.custom = true
	if err := t.Routes.Publish(c.Family); err != nil {
		f.list = before
		f.resolve()
		return err
	}
	t.announce(unix.RTM_NEWRULE, r)
	return nil
}

// configure is fib4_rule_configure and fib6_rule_configure.
func (t *Table) configure(c *Config) error {
	if c.TOS&3 != 0 {
		return rtnl.Errorf(unix.EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
	}
	if c.Family == unix.AF_INET6 {
		if c.Action == ActionToTable && !c.L3mdev {
			if c.Table == unix.RT_TABLE_UNSPEC {
				return rtnl.Errorf(unix.EINVAL, "Invalid table")
			}
			t.Routes.NewTable(c.Family, c.Table)
		}
		return t.Routes.Unmerge(c.Family)
	}
	if c.TOS&^tosMask4 != 0 {
		return rtnl.Errorf(unix.EINVAL, "Invalid tos")
	}
	if err := t.Routes.Unmerge(c.Family); err != nil {
		return err
	}
	if c.Table == unix.RT_TABLE_UNSPEC && !c.L3mdev && c.Action == ActionToTable {
		if c.Table = t.Routes.EmptyTable(); c.Table == 0 {
			return unix.ENOBUFS
		}
	}
	return nil
}

// insert puts r behind the rules of its priority.
func (f *rules) insert(r *Rule) {
	at := 0
	for at < len(f.list) && f.list[at].Priority <= r.Priority {
		at++
	}
	list := make([]*Rule, 0, len(f.list)+1)
	list = append(list, f.list[:at]...)
	list = append(list, r)
	f.list = append(list, f.list[at:]...)
}

// resolve finds the targets of all that goes to others: the first rule of the priority asked for
// when there is none yet, and the next of that priority when it is gone.
func (f *rules) resolve() {
	there := make(map[*Rule]bool, len(f.list))
	first := map[uint32]*Rule{}
	for _, r := range f.list {
		there[r] = true
		if first[r.Priority] == nil {
			first[r.Priority] = r
		}
	}
	for _, r := range f.list {
		if r.Action == ActionGoto && !there[r.target] {
			r.target = first[r.Goto]
		}
	}
}

// Delete takes out the first rule that has all that c asks for (fib_nl_delrule). ENOENT: none has;
// EPERM: it is there for ever.
func (t *Table) Delete(c Config) error {
	if err := t.validate(&c); err != nil {
		return err
	}
	f := t.family(c.Family)
	at := slices.IndexFunc(f.list, c.found)
	if at < 0 {
		return unix.ENOENT
	}
	r := f.list[at]
	if r.Flags&FlagPermanent != 0 {
		return unix.EPERM
	}
	if err := t.Routes.Unmerge(c.Family); err != nil {
		return err
	}
	before, custom := f.list, f.custom
	f.list = slices.Delete(slices.Clone(f.list), at, at+1)
	f.custom = f.custom || c.Family == unix.AF_INET // fib6_rule_delete does not say so
	f.moveTargets(before, at)
	if err := t.Routes.Publish(c.Family); err != nil {
		f.list, f.custom = before, custom
		f.resolve()
		return err
	}
	t.announce(unix.RTM_DELRULE, r)
	return nil
}

// moveTargets gives what went to the rule that was at a place the next one of its priority.
func (f *rules) moveTargets(before []*Rule, at int) {
	var next *Rule
	if at+1 < len(before) && before[at+1].Priority == before[at].Priority {
		next = before[at+1]
	}
	for _, r := range f.list {
		if r.target == before[at] {
			r.target = next
		}
	}
}

// same compares what rule_exists and rule_find compare alike.
func (c *Config) sameSelectors(r *Rule) bool {
	return (!c.Src.IsValid() || c.Src == r.Src) && (!c.Dst.IsValid() || c.Dst == r.Dst) &&
		(c.TOS == 0 || c.TOS == r.TOS) &&
		(!c.HasRealm || c.Family != unix.AF_INET || c.Realm == r.Realm)
}

// equals is rule_exists for one rule.
func (c *Config) equals(r *Rule) bool {
	return r.Action == c.Action && r.Table == c.Table && r.Priority == c.Priority &&
		r.Iif == c.Iif && r.Oif == c.Oif && r.Mark == c.Mark && r.MarkMask == c.MarkMask &&
		r.SuppressIfGroup == c.SuppressIfGroup && r.SuppressPrefixLen == c.SuppressPrefixLen &&
		r.TunID == c.TunID && r.L3mdev == c.L3mdev && r.UID == c.UID && r.IPProto == c.IPProto &&
		r.Protocol == c.Protocol && r.Sport == c.Sport && r.Dport == c.Dport && c.sameSelectors(r)
}

// found is rule_find for one rule: what is not asked for does not count.
func (c *Config) found(r *Rule) bool {
	return (c.Action == 0 || r.Action == c.Action) && (c.Table == 0 || r.Table == c.Table) &&
		(!c.HasPriority || r.Priority == c.Priority) &&
		(c.Iif == "" || r.Iif == c.Iif) && (c.Oif == "" || r.Oif == c.Oif) &&
		(c.Mark == 0 || r.Mark == c.Mark) && (c.MarkMask == 0 || r.MarkMask == c.MarkMask) &&
		(c.SuppressIfGroup == -1 || r.SuppressIfGroup == c.SuppressIfGroup) &&
		(c.SuppressPrefixLen == -1 || r.SuppressPrefixLen == c.SuppressPrefixLen) &&
		(c.TunID == 0 || r.TunID == c.TunID) && (!c.L3mdev || r.L3mdev) &&
		(c.UID == AnyUID || r.UID == c.UID) && (c.IPProto == 0 || r.IPProto == c.IPProto) &&
		(c.Protocol == 0 || r.Protocol == c.Protocol) &&
		(!c.Sport.set() || r.Sport == c.Sport) && (!c.Dport.set() || r.Dport == c.Dport) &&
		c.sameSelectors(r)
}

func (t *Table) announce(typ uint16, r *Rule) {
	t.net.Announce(Msg{Type: typ, Rule: r, Origin: t.net.Origin})
}
