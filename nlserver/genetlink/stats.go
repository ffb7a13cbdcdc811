// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

// Attributes of standard statistics (ETHTOOL_A_STATS_*).
const (
	statsHeader   = 2
	statsGroups   = 3
	statsGrp      = 4
	statsGrpID    = 2
	statsGrpSetID = 3
	statsGrpStat  = 4
)

// statsMac is ETHTOOL_STATS_ETH_MAC among the groups of StatsStdNames.
const statsMac = 1

var statsGet = getter{
	cmd: unix.ETHTOOL_MSG_STATS_GET, reply: unix.ETHTOOL_MSG_STATS_GET_REPLY,
	header: statsHeader, parse: parseStats, fill: fillStats,
	policy: &nlmsg.Policy{Attrs: []nlmsg.Rule{
		statsHeader: {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
		statsGroups: {Kind: nlmsg.NestedAttrs},
	}},
}

// parseStats is stats_parse_request.
func parseStats(q *query) error {
	var groups ethtool.Bits
	changed, err := updateBitset(&groups, q.attrs.Get(statsGroups), len(ethtool.StatsStdNames), ethtool.StatsStdNames, q.ext)
	if err != nil {
		return err
	}
	if !changed {
		return q.ext.Fail(unix.EINVAL, "no stats requested")
	}
	q.arg = groups
	return nil
}

func fillStats(q *query, e *nlmsg.Encoder) error {
	groups := q.arg.(ethtool.Bits)
	for id := range len(ethtool.StatsStdNames) {
		if !groups.Has(id) {
			continue
		}
		grp := e.Nest(statsGrp)
		e.U32(statsGrpID, uint32(id))
		e.U32(statsGrpSetID, uint32(ethtool.SetStatsPhy+id))
		if id == statsMac && q.dev.MacStats != nil {
			for _, s := range q.dev.MacStats(q.dev) {
				stat := e.Nest(statsGrpStat)
				e.U64(s.Index, s.Value)
				e.EndNest(stat)
			}
		}
		e.EndNest(grp)
	}
	return nil
}
