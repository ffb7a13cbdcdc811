// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"skua/controlplane/neigh"
	"skua/dataplane/dpif"
)

// NeighStats are the counters of a neighbour table, with the names of /proc/net/stat/arp_cache.
type NeighStats struct {
	Name              string `json:"name"` // arp_cache, ndisc_cache
	Entries           int    `json:"entries"`
	Allocs            uint64 `json:"allocs"`
	Destroys          uint64 `json:"destroys"`
	ResFailed         uint64 `json:"res_failed"`
	RcvProbesMcast    uint64 `json:"rcv_probes_mcast"`
	RcvProbesUcast    uint64 `json:"rcv_probes_ucast"`
	PeriodicGCRuns    uint64 `json:"periodic_gc_runs"`
	ForcedGCRuns      uint64 `json:"forced_gc_runs"`
	UnresolvedDiscard uint64 `json:"unresolved_discards"` // of all nets
	TableFulls        uint64 `json:"table_fulls"`
}

// neighStats reads the tables, under RTNL.
func neighStats(t *neigh.Table) ([]NeighStats, []dpif.Counter) {
	var all []NeighStats
	for _, f := range []struct {
		af   uint8
		name string
	}{{unix.AF_INET, "arp_cache"}, {unix.AF_INET6, "ndisc_cache"}} {
		s := t.Stats(f.af)
		all = append(all, NeighStats{
			Name: f.name, Entries: t.Len(f.af), Allocs: s.Allocs, Destroys: s.Destroys, ResFailed: s.ResFailed,
			RcvProbesMcast: s.RcvProbesMcast, RcvProbesUcast: s.RcvProbesUcast,
			PeriodicGCRuns: s.PeriodicGCRuns, ForcedGCRuns: s.ForcedGCRuns, TableFulls: s.TableFulls,
		})
	}
	var drops []dpif.Counter
	for reason, n := range t.Drops {
		drops = append(drops, dpif.Counter{Name: string(reason), Value: n})
	}
	slices.SortFunc(drops, func(a, b dpif.Counter) int { return strings.Compare(a.Name, b.Name) })
	return all, drops
}

func printNeighs(w io.Writer, all []NeighStats, drops []dpif.Counter) {
	fmt.Fprintln(w, "\nNEIGHBOURS\tENTRIES\tALLOCS\tDESTROYS\tRES_FAILED\tUNRESOLVED_DISCARDS\tTABLE_FULLS")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", s.Name, s.Entries, s.Allocs, s.Destroys, s.ResFailed,
			s.UnresolvedDiscard, s.TableFulls)
	}
	if len(drops) > 0 {
		fmt.Fprintln(w, "\nARP, ND DROP REASON\tPACKETS")
		for _, d := range drops {
			fmt.Fprintf(w, "%s\t%d\n", d.Name, d.Value)
		}
	}
}
