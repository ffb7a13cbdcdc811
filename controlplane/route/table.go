// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
	"skua/dataplane/dpif"
)

// alias is a route of a prefix (fib_alias, fib6_info).
type alias struct {
	next    uint32
	info    uint32 // nexthop.Info.Index
	tos     uint8
	expires bool // Table.expires has when
}

// fibTable is one routing table of one family.
type fibTable struct {
	*family
	id   uint32
	trie trie
	// byObject: there has been an IPv6 route that names an Object.
	byObject bool
	// groups are the ECMP groups of IPv6 prefixes in the data plane, by node.
	groups map[uint32]*nexthop.Group
}

// family is the tables of AF_INET or AF_INET6.
type family struct {
	id     uint8
	bits   uint8
	tables map[uint32]*fibTable
	// local and main are two of them, nil until they are made.
	local, main *fibTable
	// hash holds the tables in the order of a dump: by the low byte of the id, the newest first.
	hash [256][]*fibTable
	// merged: the data plane has the local table in the main one.
	merged bool
	// named are the links that the data plane has rules of their own for.
	named  map[*link.Link]bool
	custom bool // the data plane knows that the rules were changed
}

// Table is the table of tables of both families.
type Table struct {
	net      *rtnl.Net
	links    *link.Table
	addrs    *addr.Table
	nexthops *nexthop.Table
	rules    *rule.Table

	v4, v6 family
	alias  aliases

	// Reachable, when set, says whether an IPv6 gateway is not known to be unreachable
	// (rt6_check_neigh); package route must not depend on when it asks.
	Reachable func(l *link.Link, gw netip.Addr) bool

	// Joined, when set, says whether a link has joined an IPv4 multicast group (ip_check_mc_rcu).
	Joined func(l *link.Link, group netip.Addr) bool

	// Changed, when set, is called with every change of a table, perhaps before it is made. Quick.
	Changed func()

	tosRoutes int                        // that have a TOS
	tosSent   map[tosPrefix]*tosNexthops // what the data plane has for them

	expires map[uint32]*expiry // by alias
	gcTimer rtnl.Timer
	gcAt    time.Time
	gcNext  time.Time // when gcTimer fires
	set6    settings6
	anycast map[*link.Link]map[netip.Addr]int // addresses of a router (ifacaddr6), and what they are for
	router  map[*link.Link]bool               // IPv6 forwarding as the routes have it
	gen     uint32                            // changes with every change of a table
	// highPref6: there has been a route of high preference.
	highPref6 bool

	// Scratch, all of it used under RTNL and never across a call that uses it again.
	msg      Msg
	spec     nexthop.Spec
	hops     []nexthop.Hop
	m1, m2   match
	pending  []dpif.Route
	hints    []dpif.Route
	releases []*nexthop.Info
	groups   []*nexthop.Group
	siblings []*nexthop.Info
	checks   checks
}

// New makes the tables, empty, and tells the data plane which a lookup goes through.
func New(net *rtnl.Net, links *link.Table, addrs *addr.Table, nexthops *nexthop.Table, rules *rule.Table) (*Table, error) {
	t := &Table{
		net: net, links: links, addrs: addrs, nexthops: nexthops, rules: rules,
		v4:      family{id: familyIPv4, bits: 32, tables: map[uint32]*fibTable{}, merged: true},
		v6:      family{id: familyIPv6, bits: 128, tables: map[uint32]*fibTable{}, merged: true},
		tosSent: map[tosPrefix]*tosNexthops{},
		expires: map[uint32]*expiry{}, anycast: map[*link.Link]map[netip.Addr]int{},
		router: map[*link.Link]bool{},
		checks: checks{infos: map[checkKey]*nexthop.Info{}},
	}
	nexthops.CheckHop = t.checkObject
	rules.Routes = ruled{t}
	t.addSysctls()
	for _, f := range []*family{&t.v4, &t.v6} {
		f.named = map[*link.Link]bool{}
	}
	t.newTable(&t.v6, unix.RT_TABLE_MAIN)
	t.newTable(&t.v6, unix.RT_TABLE_LOCAL)
	for _, f := range []*family{&t.v4, &t.v6} {
		if err := t.publishRules(f); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Nexthops is the table of what routes point at.
func (t *Table) Nexthops() *nexthop.Table { return t.nexthops }

func (t *Table) family(id uint8) *family {
	if id == familyIPv6 {
		return &t.v6
	}
	return &t.v4
}

// newTable finds or makes a table (fib_new_table, fib6_new_table).
func (t *Table) newTable(f *family, id uint32) *fibTable {
	if tab := f.tables[id]; tab != nil {
		return tab
	}
	if f.id == familyIPv4 && id == unix.RT_TABLE_LOCAL {
		t.newTable(f, unix.RT_TABLE_MAIN) // whose trie it shares there
	}
	tab := &fibTable{family: f, id: id, groups: map[uint32]*nexthop.Group{}}
	f.tables[id] = tab
	switch id {
	case unix.RT_TABLE_LOCAL:
		f.local = tab
	case unix.RT_TABLE_MAIN:
		f.main = tab
	}
	f.hash[id&0xff] = slices.Insert(f.hash[id&0xff], 0, tab)
	t.tableMade(f, id)
	return tab
}

// Exists says whether a table has ever been used.
func (t *Table) Exists(family uint8, id uint32) bool { return t.family(family).tables[id] != nil }

// Gen changes with every change of a table of either family.
func (t *Table) Gen() uint32 { return t.gen }

// Len is the number of prefixes in a table.
func (t *Table) Len(family uint8, id uint32) int {
	if tab := t.family(family).tables[id]; tab != nil {
		return tab.trie.entries
	}
	return 0
}

// Add makes a route as NLFlags say: fib_table_insert, ip6_route_add, ip6_route_multipath_add. Its
// errors are the kernel's, or those of the data plane, and then nothing has changed.
func (t *Table) Add(cfg *Config) error {
	if cfg.Family == familyIPv6 {
		return t.add6(cfg)
	}
	return t.add4(cfg)
}

// Delete removes the first route that matches (fib_table_delete, ip6_route_del). ESRCH: none does.
func (t *Table) Delete(cfg *Config) error {
	if cfg.NHID != 0 {
		if _, err := t.nexthops.ForRoute(cfg.NHID); err != nil {
			return err
		}
	}
	if cfg.Family == familyIPv6 {
		return t.del6(cfg)
	}
	return t.del4(cfg)
}

// prefix is cfg's destination as a key, without host bits.
func (c *Config) prefix() (k key, plen uint8) {
	if !c.Dst.IsValid() {
		return key{}, 0
	}
	plen = uint8(c.Dst.Bits())
	return keyOf(c.Dst.Addr()).masked(plen), plen
}

func (c *Config) table() uint32 {
	if c.Table == 0 {
		return unix.RT_TABLE_MAIN
	}
	return c.Table
}

// announce tells user space about a route.
func (t *Table) announce(typ, nlflags uint16, internal bool, r Route) {
	t.msg = Msg{Type: typ, NLFlags: nlflags, Route: r}
	if !internal {
		t.msg.Origin = t.net.Origin
	}
	t.net.Announce(&t.msg)
	t.msg.Route = Route{}
}
