// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"skua/controlplane"
	"skua/controlplane/twin"
	"skua/dataplane"
)

// twins are the host twins of a net: what they are to be, and the host's namespace that has them.
type twins struct {
	table *twin.Table
	host  *dataplane.TwinHost
}

// startTwins gives a stack its twins in our own network namespace, as soon as the table runs.
func startTwins(dp *dataplane.Dataplane, stack *controlplane.Stack) (*twins, error) {
	host, err := dp.NewTwinHost(stack.Net.ID, "")
	if err != nil {
		return nil, err
	}
	stack.Net.Lock()
	defer stack.Net.Unlock()
	stack.ICMP.Twins = true
	return &twins{
		table: twin.New(twin.Tables{
			Net: stack.Net, Links: stack.Links, Addrs: stack.Addrs, Routes: stack.Routes,
		}, host),
		host: host,
	}, nil
}
