// SPDX-License-Identifier: BSD-3-Clause

package link

import "time"

// NeighParams are the settings of neighbours on a link (neigh_parms): net.ipv4.neigh.NAME.*.
type NeighParams struct {
	MulticastProbes   int32 // mcast_solicit
	UnicastProbes     int32 // ucast_solicit
	AppProbes         int32 // app_solicit
	MulticastReprobes int32 // mcast_resolicit
	RetransTime       time.Duration
	BaseReachableTime time.Duration
	ReachableTime     time.Duration // 1/2 to 3/2 of the former, drawn anew now and then
	DelayProbeTime    time.Duration // delay_first_probe_time
	IntervalProbeTime time.Duration // interval_probe_time_ms
	GCStaleTime       time.Duration
	QueueLenBytes     int32 // unres_qlen_bytes
	ProxyQLen         int32
	AnycastDelay      time.Duration
	ProxyDelay        time.Duration
	LockTime          time.Duration
}

func defaultNeigh4() NeighParams {
	p := defaultNeigh6()
	p.LockTime = time.Second
	return p
}

func defaultNeigh6() NeighParams {
	return NeighParams{
		MulticastProbes: 3, UnicastProbes: 3,
		RetransTime: time.Second, BaseReachableTime: 30 * time.Second,
		DelayProbeTime: 5 * time.Second, IntervalProbeTime: 5 * time.Second,
		ReachableTime: 30 * time.Second, GCStaleTime: 60 * time.Second, QueueLenBytes: 212992, ProxyQLen: 64,
		AnycastDelay: time.Second, ProxyDelay: 800 * time.Millisecond,
	}
}
