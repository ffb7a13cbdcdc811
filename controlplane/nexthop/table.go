// SPDX-License-Identifier: BSD-3-Clause

package nexthop

import (
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

type object struct{}

// Table holds the Infos of an instance and their objects in the data plane.
type Table struct {
	net   *rtnl.Net
	links *link.Table
}

// New makes an empty table.
func New(net *rtnl.Net, links *link.Table) *Table { return &Table{net: net, links: links} }
