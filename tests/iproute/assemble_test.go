// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"testing"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/rtnetlink"
)

// assemble builds a control plane and its netlink family.
func assemble(t *testing.T, dp dpif.Dataplane, clock rtnl.Clock) (*rtnl.Net, *link.Table, *nlserver.Family) {
	net := rtnl.NewNet(0, dp, clock, nil)
	links, err := link.New(net)
	if err != nil {
		t.Fatal(err)
	}
	addrs := addr.New(net, links)
	return net, links, rtnetlink.New(rtnetlink.Tables{Net: net, Links: links, Addrs: addrs})
}
