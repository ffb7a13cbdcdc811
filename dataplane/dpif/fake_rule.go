// SPDX-License-Identifier: BSD-3-Clause

package dpif

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// fakeRules names a list of rules: ifindex 0 is the net's.
type fakeRules struct {
	ifindex uint32
	family  int
}

// SetTables is SetRules for the net, with rules that ask tables in their order.
func (f *Fake) SetTables(net uint32, family uint8, tables []uint32) error {
	return f.SetRules(net, 0, family, TableRules(tables...))
}

// SetRules implements Writer.
func (f *Fake) SetRules(net, ifindex uint32, family uint8, rules []Rule) error {
	return f.write("SetRules", func() (string, error) {
		n, err := f.net(net)
		if err != nil {
			return "", err
		}
		i, err := familyIndex(family)
		if err != nil {
			return "", err
		}
		if _, ok := n.links[ifindex]; ifindex != 0 && !ok {
			return "", syscall.ENODEV
		}
		for at := range rules {
			if err := rules[at].check(family, at, len(rules)); err != nil {
				return "", err
			}
		}
		if n.rules == nil {
			n.rules = map[fakeRules][]Rule{}
		}
		n.rules[fakeRules{ifindex, i}] = slices.Clone(rules)
		if ifindex != 0 && len(rules) == 0 {
			delete(n.rules, fakeRules{ifindex, i})
		}
		return fmt.Sprint("SetRules ", net, " ", ifindex, " ", family, " ", len(rules)), nil
	})
}

// check says whether a rule, one of n, could be said to the data plane.
func (r *Rule) check(family uint8, at, n int) error {
	of := func(p netip.Prefix) bool {
		return !p.IsValid() || p.Addr().Is4() == (family == afInet) && p == p.Masked()
	}
	switch {
	case r.Action > RuleBlackhole, r.Action == RuleTable && r.Table == 0, !of(r.Src), !of(r.Dst),
		r.Action == RuleGoto && (int(r.Target) <= at || int(r.Target) > n),
		r.Mark&^r.MarkMask != 0, r.Sport.Start > r.Sport.End, r.Dport.Start > r.Dport.End:
		return syscall.EINVAL
	}
	return nil
}

// Rules returns what SetRules set.
func (f *Fake) Rules(net, ifindex uint32, family uint8) []Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := familyIndex(family)
	if n := f.nets[net]; n != nil && err == nil {
		return slices.Clone(n.rules[fakeRules{ifindex, i}])
	}
	return nil
}

// DumpRules implements Reader.
func (f *Fake) DumpRules(net, ifindex uint32, family uint8) ([]Rule, error) {
	return f.Rules(net, ifindex, family), nil
}

// Tables returns the tables that the net's rules name, in their order.
func (f *Fake) Tables(net uint32, family uint8) []uint32 {
	var tables []uint32
	for _, r := range f.Rules(net, 0, family) {
		tables = append(tables, r.Table)
	}
	return tables
}

// SetCustomRules implements Writer.
func (f *Fake) SetCustomRules(net uint32, family uint8) error {
	return f.write("SetCustomRules", func() (string, error) {
		n, err := f.net(net)
		if err != nil {
			return "", err
		}
		i, err := familyIndex(family)
		if err != nil {
			return "", err
		}
		n.custom[i] = true
		return fmt.Sprint("SetCustomRules ", net, " ", family), nil
	})
}
