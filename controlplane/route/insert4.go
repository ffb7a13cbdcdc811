// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
)

// find4 is fib_find_alias: the link to the first alias of a prefix with this TOS and a priority of
// prio or more, or to where one of that kind belongs.
func (t *Table) find4(head *uint32, tos uint8, prio uint32) *uint32 {
	p := head
	for *p != 0 {
		a := t.alias.at(*p)
		if a.tos < tos || a.tos == tos && t.nexthops.At(a.info).Priority >= prio {
			break
		}
		p = &a.next
	}
	return p
}

// add4 is fib_table_insert.
func (t *Table) add4(cfg *Config) error {
	tab := t.newTable(&t.v4, cfg.table())
	info, err := t.info4(cfg)
	if err != nil {
		return err
	}
	err = t.insert4(tab, cfg, info)
	if err != nil {
		t.nexthops.Release(info)
	}
	return err
}

// insert4 takes over the reference to info when it succeeds.
func (t *Table) insert4(tab *fibTable, cfg *Config, info *nexthop.Info) error {
	k, plen := cfg.prefix()
	nlflags := uint16(unix.NLM_F_EXCL)
	node := tab.trie.insert(k, plen)
	p := t.find4(&tab.trie.at(node).head, cfg.TOS, info.Priority) // where the alias goes
	if *p != 0 && t.same4(*p, cfg.TOS, info.Priority) {
		if cfg.NLFlags&unix.NLM_F_EXCL != 0 {
			return unix.EEXIST
		}
		nlflags &^= unix.NLM_F_EXCL
		first, after, match := p, p, false
		for *after != 0 && t.same4(*after, cfg.TOS, info.Priority) {
			if t.alias.at(*after).info == info.Index() {
				match = true
				break
			}
			after = &t.alias.at(*after).next
		}
		if cfg.NLFlags&unix.NLM_F_REPLACE != 0 {
			if match && after == first {
				t.nexthops.Release(info)
				return nil
			}
			if match {
				return unix.EEXIST
			}
			return t.replace4(tab, node, cfg, *first, info, nlflags|unix.NLM_F_REPLACE)
		}
		if match {
			return unix.EEXIST
		}
		if cfg.NLFlags&unix.NLM_F_APPEND != 0 {
			nlflags |= unix.NLM_F_APPEND
			p = after
		}
	}
	isNew := tab.trie.at(node).head == 0
	if cfg.NLFlags&unix.NLM_F_CREATE == 0 {
		if isNew {
			tab.trie.trim(k, plen)
		}
		return unix.ENOENT
	}
	before := t.bestAt(tab, node, k, plen)
	if isNew {
		if tab.trie.entries++; tab.trie.entries == jumpFrom && tab.trie.jump == nil {
			tab.trie.grow()
		}
	}
	a := t.insertAt(p, alias{info: info.Index(), tos: cfg.TOS})
	info.PutAt(placeOf(k, plen))
	if err := t.pushAt(tab, node, k, plen, before); err != nil {
		t.removeAt(p)
		t.emptied(tab, k, plen)
		return err
	}
	t.direct4(info)
	t.announce(unix.RTM_NEWROUTE, nlflags|unix.NLM_F_CREATE, cfg.internal, t.route(tab, k, plen, a))
	return nil
}

func (t *Table) same4(a uint32, tos uint8, prio uint32) bool {
	return t.alias.at(a).tos == tos && t.info(a).Priority == prio
}

// replace4 gives alias a of a node another Info.
func (t *Table) replace4(tab *fibTable, node uint32, cfg *Config, a uint32, info *nexthop.Info, nlflags uint16) error {
	k, plen := cfg.prefix()
	before := t.bestAt(tab, node, k, plen)
	old := t.info(a)
	t.alias.at(a).info = info.Index()
	info.PutAt(placeOf(k, plen))
	if err := t.pushAt(tab, node, k, plen, before); err != nil {
		t.alias.at(a).info = old.Index()
		return err
	}
	t.direct4(info)
	t.direct4(old)
	t.announce(unix.RTM_NEWROUTE, nlflags, cfg.internal, t.route(tab, k, plen, a))
	t.nexthops.Release(old)
	return nil
}

// direct4 notes a change of a route that gateways may be reached by.
func (t *Table) direct4(i *nexthop.Info) {
	if i.Scope >= unix.RT_SCOPE_LINK {
		t.checks.forget()
	}
}

// emptied takes the node of a prefix out when it has lost its last alias.
func (t *Table) emptied(tab *fibTable, k key, plen uint8) {
	// find gives only nodes with aliases.
	if tab.trie.find(k, plen) == 0 {
		tab.forget(k, plen)
	}
}

// forget is emptied where it is known that the node has no alias.
func (tab *fibTable) forget(k key, plen uint8) {
	tab.trie.trim(k, plen)
	tab.trie.entries--
}

// del4 is fib_table_delete: of the aliases of a prefix with the TOS the first that matches.
func (t *Table) del4(cfg *Config) error {
	tab := t.v4.tables[cfg.table()]
	if tab == nil {
		return rtnl.Errorf(unix.ESRCH, "FIB table does not exist")
	}
	k, plen := cfg.prefix()
	node := tab.trie.find(k, plen)
	if node == 0 {
		return unix.ESRCH
	}
	for p := t.find4(&tab.trie.at(node).head, cfg.TOS, 0); *p != 0; p = &t.alias.at(*p).next {
		if t.alias.at(*p).tos != cfg.TOS {
			break
		}
		if t.matches4(cfg, t.info(*p)) {
			return t.unlink4(tab, node, k, plen, p, cfg.internal)
		}
	}
	return unix.ESRCH
}

// unlink4 deletes the alias *p of a prefix, whose node is known.
func (t *Table) unlink4(tab *fibTable, node uint32, k key, plen uint8, p *uint32, internal bool) error {
	info := t.info(*p)
	before := t.bestAt(tab, node, k, plen)
	r := t.route(tab, k, plen, *p)
	was := *t.alias.at(*p)
	t.removeAt(p)
	if tab.trie.at(node).head == 0 {
		node = 0
	}
	if err := t.pushAt(tab, node, k, plen, before); err != nil {
		t.insertAt(p, was)
		return err
	}
	t.announce(unix.RTM_DELROUTE, 0, internal, r)
	if node == 0 {
		tab.forget(k, plen)
	}
	t.direct4(info)
	t.nexthops.Release(info)
	return nil
}

// matches4 says whether a request to delete means a route with info.
func (t *Table) matches4(cfg *Config, i *nexthop.Info) bool {
	return (cfg.Type == 0 || i.Type == cfg.Type) &&
		(cfg.Scope == unix.RT_SCOPE_NOWHERE || i.Scope == cfg.Scope) &&
		(!cfg.PrefSrc.IsValid() || i.PrefSrc == cfg.PrefSrc) &&
		(cfg.Protocol == 0 || i.Protocol == cfg.Protocol) &&
		hopsMatch4(cfg, i) && metricsMatch(cfg.Metrics, i)
}

// hopsMatch4 is fib_nh_match.
func hopsMatch4(cfg *Config, i *nexthop.Info) bool {
	if cfg.Priority != 0 && cfg.Priority != i.Priority {
		return false
	}
	if cfg.NHID != 0 {
		return i.Object != nil && i.Object.ID == cfg.NHID
	}
	if i.Object != nil {
		return cfg.Oif == 0 && !cfg.Gateway.IsValid() && cfg.Hops == nil
	}
	if cfg.Oif != 0 || cfg.Gateway.IsValid() {
		var h nexthop.Hop // of a reject type: nothing
		if len(i.Hops) > 0 {
			h = i.Hops[0]
		}
		return (cfg.Realm == 0 || cfg.Realm == h.Realm) &&
			(cfg.Oif == 0 || cfg.Oif == h.Oif()) &&
			(!cfg.Gateway.IsValid() || cfg.Gateway == h.Gateway)
	}
	if cfg.Hops == nil {
		return true
	}
	for n := range i.Hops {
		if n >= len(cfg.Hops) {
			return false
		}
		c, h := &cfg.Hops[n], &i.Hops[n]
		if c.Oif != 0 && c.Oif != h.Oif() || c.Gateway.IsValid() && c.Gateway != h.Gateway ||
			c.Realm != 0 && c.Realm != h.Realm {
			return false
		}
	}
	return len(i.Hops) > 0
}

// metricsMatch is fib_metrics_match: what the request names must be as it says.
func metricsMatch(want *nexthop.Metrics, i *nexthop.Info) bool {
	if want == nil {
		return true
	}
	var has nexthop.Metrics
	if i.Metrics != nil {
		has = *i.Metrics
	}
	for n, v := range want.Value {
		if v != 0 && v != has.Value[n] {
			return false
		}
	}
	return want.CCAlgo == "" || want.CCAlgo == has.CCAlgo
}
