// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"testing"

	"skua/controlplane"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/rtnetlink"
	"skua/nlserver/sioc"
)

// assemble builds a control plane and its netlink family.
func assemble(t *testing.T, dp dpif.Dataplane, clock rtnl.Clock) (*controlplane.Stack, *nlserver.Family) {
	s, err := controlplane.New(controlplane.Options{DP: dp, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	family := rtnetlink.New(rtnetlink.Tables{
		Net: s.Net, Links: s.Links, Addrs: s.Addrs, Neighs: s.Neighs, Rules: s.Rules, Routes: s.Routes,
		Addrconf: s.Addrconf,
	})
	family.Ioctl = sioc.New(sioc.Tables{
		Links: s.Links, Addrs: s.Addrs, Neighs: s.Neighs, Routes: s.Routes, Devices: s.Devices,
	})
	return s, family
}
