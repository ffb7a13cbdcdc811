// SPDX-License-Identifier: BSD-3-Clause

package rule

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// l3mdevPriority is FIB_RULE_PREF of drivers/net/vrf.c.
const l3mdevPriority = 1000

// addL3mdev makes the rules that lead to the tables of VRFs, once for all of them
// (vrf_add_fib_rules).
func (t *Table) addL3mdev() {
	if t.l3mdev {
		return
	}
	t.l3mdev = true
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		c := Config{HasPriority: true, Exclusive: true, Rule: Rule{
			Family: family, Action: ActionToTable, Protocol: unix.RTPROT_KERNEL,
			Priority: l3mdevPriority, L3mdev: true, UID: AnyUID,
			SuppressPrefixLen: -1, SuppressIfGroup: -1,
		}}
		if err := t.Add(c); err != nil && rtnl.Errno(err) != unix.EEXIST {
			t.net.Log.Error("no rule for VRFs", "family", family, "err", err)
		}
	}
}
