// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"fmt"
	"slices"
	"strings"
)

// Punt is an entry of the [punt] table: how many packets of a reason each worker may hand to the
// control plane.
type Punt struct {
	Rate  int `toml:"rate"`  // a second, 0: without a limit
	Burst int `toml:"burst"` // at once; needed with a rate
}

// PuntReasons are the keys of [punt]: why packets are handed up (dpif.PuntReason).
var PuntReasons = []string{
	"arp", "nd", "control", "cs6", "icmp_send", "neigh_miss", "neigh_used", "igmp", "icmp", "local",
}

// puntMax is the most that the data plane can count to.
const puntMax = 100_000_000

// puntSysctl is the sysctl that an entry stands for.
const puntSysctl = "skua.punt."

func (p Punt) sysctl() string { return fmt.Sprintf("%d %d", p.Rate, p.Burst) }

func (v *validator) punt(reason string, p Punt) {
	path := "punt." + reason
	if !slices.Contains(PuntReasons, reason) {
		v.at(path, "%q is no reason to punt; there are %s", reason, strings.Join(PuntReasons, ", "))
		return
	}
	v.within(path+".rate", p.Rate, 0, puntMax)
	switch {
	case p.Rate == 0:
		v.within(path+".burst", p.Burst, 0, puntMax)
	case p.Burst == 0:
		v.at(path, "burst is missing: how many packets may come at once")
	default:
		v.within(path+".burst", p.Burst, 1, puntMax)
	}
}
