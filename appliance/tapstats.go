// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"fmt"
	"io"

	"skua/controlplane/link"
	"skua/dataplane"
	"skua/dataplane/dpif"
)

// TapStats are the counters of a TAP: the one that is the port of a link, or its twin in the host.
// Frames that are fewer than packets tell that segmentation is left to whoever is behind it.
type TapStats struct {
	Link string `json:"link"`
	Twin bool   `json:"twin"`
	dataplane.TunStats
}

// tapStats reads those of a link, under RTNL.
func tapStats(dp *dataplane.Dataplane, l *link.Link) []TapStats {
	var all []TapStats
	if l.Port != dpif.PortNone {
		if s, err := dp.TapStats(l.Port); err == nil {
			all = append(all, TapStats{Link: l.Name, TunStats: s})
		}
	}
	if s, err := dp.TwinStats(hostNet, l.Index); err == nil {
		all = append(all, TapStats{Link: l.Name, Twin: true, TunStats: s})
	}
	return all
}

// homeTapStats reads those of the twin of the net itself.
func homeTapStats(dp *dataplane.Dataplane) []TapStats {
	s, err := dp.TwinStats(hostNet, 0)
	if err != nil {
		return nil
	}
	return []TapStats{{Link: dataplane.HomeName, Twin: true, TunStats: s}}
}

func printTaps(w io.Writer, all []TapStats) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "\nTAP\tIS\tRX FRAMES\tRX PACKETS\tRX DROPPED\tTX FRAMES\tTX PACKETS\tTX DROPPED")
	for _, s := range all {
		is := "port"
		if s.Twin {
			is = "twin"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", s.Link, is, s.RxFrames, s.RxPackets, s.RxDropped,
			s.TxFrames, s.TxPackets, s.TxDropped)
	}
}
