// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
)

// hopConfig6 is the configuration of one nexthop of a multipath request.
func (c *Config) hopConfig6(h *HopConfig) Config {
	one := *c
	one.Hops = nil
	if h.Oif != 0 {
		one.Oif = h.Oif
	}
	if h.Gateway.IsValid() {
		one.Gateway = h.Gateway
	}
	one.Flags |= uint32(h.Flags) & unix.RTNH_F_ONLINK
	return one
}

// multipathAdd6 is ip6_route_multipath_add: all nexthops are checked, then each is added like a
// route, and all are announced as one.
func (t *Table) multipathAdd6(tab *fibTable, cfg *Config) error {
	var infos []*nexthop.Info
	var cfgs []Config
	release := func(from int) {
		for _, i := range infos[from:] {
			t.nexthops.Release(i)
		}
	}
	for h := range cfg.Hops {
		one := cfg.hopConfig6(&cfg.Hops[h])
		info, err := t.info6(&one, uint16(cfg.Hops[h].Hops)+1)
		if err != nil {
			release(0)
			return err
		}
		for _, i := range infos {
			if sameHop6(i, info) {
				infos = append(infos, info)
				release(0)
				return unix.EEXIST
			}
		}
		infos, cfgs = append(infos, info), append(cfgs, one)
	}
	replace := cfg.NLFlags&unix.NLM_F_REPLACE != 0
	nlflags := uint16(unix.NLM_F_CREATE)
	if replace {
		nlflags = unix.NLM_F_REPLACE
	}
	nlflags |= cfg.NLFlags & unix.NLM_F_APPEND
	var first inserted6
	for n := range cfgs {
		r, err := t.insert6(tab, &cfgs[n], infos[n])
		if err != nil {
			release(n)
			if replace && n > 0 {
				err = rtnl.Errorf(rtnl.Errno(err),
					"IPv6: multipath route replace failed (check consistency of installed routes)")
			}
			return t.multipathUndo6(tab, cfg, cfgs[:n], first, nlflags, err)
		}
		if n == 0 {
			first = r
		}
		// A collision has been found at the first; when it replaced, the rest join it.
		for m := n + 1; m < len(cfgs); m++ {
			cfgs[m].NLFlags = cfgs[m].NLFlags&^(unix.NLM_F_EXCL|unix.NLM_F_REPLACE) | unix.NLM_F_CREATE
		}
	}
	t.announceMultipath6(tab, cfg, first, nlflags)
	return nil
}

// announceMultipath6 is ip6_route_mpath_notify: an appended route is shown from its first sibling.
func (t *Table) announceMultipath6(tab *fibTable, cfg *Config, first inserted6, nlflags uint16) {
	a := first.alias
	if nlflags&unix.NLM_F_APPEND != 0 {
		node := tab.trie.find(first.key, first.plen)
		for s := tab.trie.at(node).head; s != 0; s = t.alias.at(s).next {
			if multipath6(t.info(s)) && t.info(s).Priority == t.info(a).Priority {
				a = s
				break
			}
		}
	}
	t.announce(unix.RTM_NEWROUTE, nlflags, cfg.internal, t.route6(tab, first.key, first.plen, a))
}

// multipathUndo6 deletes the nexthops that were added before one that could not be; user space is
// told of both.
func (t *Table) multipathUndo6(tab *fibTable, cfg *Config, done []Config, first inserted6, nlflags uint16, err error) error {
	if len(done) == 0 {
		return err
	}
	t.announceMultipath6(tab, cfg, first, nlflags)
	for n := range done {
		if e := t.delOne6(&done[n], false); e != nil {
			t.net.Log.Warn("part of a multipath route stays", "dst", cfg.Dst, "err", e)
		}
	}
	return err
}

// del6 is ip6_route_multipath_del and ip6_route_del.
func (t *Table) del6(cfg *Config) (err error) {
	if cfg.Hops == nil {
		return t.delOne6(cfg, true)
	}
	for h := range cfg.Hops {
		one := cfg.hopConfig6(&cfg.Hops[h])
		if e := t.delOne6(&one, false); e != nil {
			err = e
		}
	}
	return err
}

// delOne6 is ip6_route_del: the first route that matches goes, with allHops and without a gateway in
// the request all its siblings too.
func (t *Table) delOne6(cfg *Config, allHops bool) error {
	tab := t.v6.tables[cfg.table()]
	if tab == nil {
		return rtnl.Errorf(unix.ESRCH, "FIB table does not exist")
	}
	k, plen := cfg.prefix()
	node := tab.trie.find(k, plen)
	if node == 0 {
		if plen == 0 && t.matchesNull6(cfg) {
			return unix.ENOENT
		}
		return unix.ESRCH
	}
	only, some := t.over6(tab, node, k, plen, cfg)
	for a := tab.trie.at(node).head; a != 0; a = t.alias.at(a).next {
		if some && !slices.Contains(only, t.alias.at(a).info) {
			continue
		}
		info := t.info(a)
		if cfg.Priority != 0 && cfg.Priority != info.Priority ||
			cfg.Protocol != 0 && cfg.Protocol != info.Protocol {
			continue
		}
		if o := info.Object; o != nil || cfg.NHID != 0 {
			if o == nil || cfg.NHID != 0 && cfg.NHID != o.ID {
				continue
			}
			return t.unlink6(tab, k, plen, a, false, cfg.internal)
		}
		if cfg.Oif != 0 && cfg.Oif != info.Hops[0].Oif() ||
			cfg.Gateway.IsValid() && cfg.Gateway != info.Hops[0].Gateway {
			continue
		}
		all := allHops && !cfg.Gateway.IsValid() && multipath6(info)
		return t.unlink6(tab, k, plen, a, all, cfg.internal)
	}
	return unix.ESRCH
}

// matchesNull6 says whether a request to delete means what stands for the missing default route in
// every table (fib6_null_entry), which cannot be deleted.
func (t *Table) matchesNull6(cfg *Config) bool {
	return (cfg.Priority == 0 || cfg.Priority == ^uint32(0)) &&
		(cfg.Protocol == 0 || cfg.Protocol == unix.RTPROT_KERNEL) &&
		(cfg.Oif == 0 || cfg.Oif == t.links.Loopback().Index) &&
		(!cfg.Gateway.IsValid() || cfg.Gateway.IsUnspecified())
}

// unlink6 deletes an alias of a prefix, or with all the multipath route that it is part of.
func (t *Table) unlink6(tab *fibTable, k key, plen uint8, a uint32, all, internal bool) error {
	info := t.info(a)
	if alone6(info) {
		return t.unlinkAlone6(tab, tab.trie.find(k, plen), k, plen, a, internal)
	}
	e := t.begin6(tab, k, plen)
	r := t.route(tab, k, plen, a)
	if all {
		r = t.route6(tab, k, plen, a)
	}
	var gone []uint32
	for p := &tab.trie.at(e.node).head; *p != 0; {
		s := *p
		if of := t.info(s); s == a || all && of.Priority == info.Priority && multipath6(of) {
			gone = append(gone, s)
			*p = t.alias.at(s).next
			continue
		}
		p = &t.alias.at(s).next
	}
	if err := t.finish6(e); err != nil {
		return err
	}
	t.announce(unix.RTM_DELROUTE, 0, internal, r)
	for _, a := range gone {
		t.drop(t.info(a))
		t.forgetExpiry(a)
		t.alias.release(a)
	}
	t.finish()
	return nil
}
