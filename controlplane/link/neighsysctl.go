// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// truesize is SKB_TRUESIZE(ETH_FRAME_LEN): what unres_qlen counts a packet for, in bytes.
const truesize = 2096

// neighKey is one setting of neighbours: either a number in units of scale, or a time in units.
type neighKey struct {
	number func(*NeighParams) *int32
	scale  int32
	time   func(*NeighParams) *time.Duration
	unit   time.Duration
	bit    int // which setting it is, for the copy of "default"
}

// neighKeys are the settings by name. retrans_time is in ticks of the clock: 1/100 s.
var neighKeys = map[string]neighKey{
	"mcast_solicit":          {number: func(p *NeighParams) *int32 { return &p.MulticastProbes }, scale: 1, bit: 0},
	"ucast_solicit":          {number: func(p *NeighParams) *int32 { return &p.UnicastProbes }, scale: 1, bit: 1},
	"app_solicit":            {number: func(p *NeighParams) *int32 { return &p.AppProbes }, scale: 1, bit: 2},
	"mcast_resolicit":        {number: func(p *NeighParams) *int32 { return &p.MulticastReprobes }, scale: 1, bit: 3},
	"unres_qlen":             {number: func(p *NeighParams) *int32 { return &p.QueueLenBytes }, scale: truesize, bit: 4},
	"unres_qlen_bytes":       {number: func(p *NeighParams) *int32 { return &p.QueueLenBytes }, scale: 1, bit: 4},
	"proxy_qlen":             {number: func(p *NeighParams) *int32 { return &p.ProxyQLen }, scale: 1, bit: 5},
	"retrans_time":           {time: func(p *NeighParams) *time.Duration { return &p.RetransTime }, unit: 10 * time.Millisecond, bit: 6},
	"retrans_time_ms":        {time: func(p *NeighParams) *time.Duration { return &p.RetransTime }, unit: time.Millisecond, bit: 6},
	"base_reachable_time":    {time: func(p *NeighParams) *time.Duration { return &p.BaseReachableTime }, unit: time.Second, bit: 7},
	"base_reachable_time_ms": {time: func(p *NeighParams) *time.Duration { return &p.BaseReachableTime }, unit: time.Millisecond, bit: 7},
	"delay_first_probe_time": {time: func(p *NeighParams) *time.Duration { return &p.DelayProbeTime }, unit: time.Second, bit: 8},
	"interval_probe_time_ms": {time: func(p *NeighParams) *time.Duration { return &p.IntervalProbeTime }, unit: time.Millisecond, bit: 9},
	"gc_stale_time":          {time: func(p *NeighParams) *time.Duration { return &p.GCStaleTime }, unit: time.Second, bit: 10},
	"anycast_delay":          {time: func(p *NeighParams) *time.Duration { return &p.AnycastDelay }, unit: 10 * time.Millisecond, bit: 11},
	"proxy_delay":            {time: func(p *NeighParams) *time.Duration { return &p.ProxyDelay }, unit: 10 * time.Millisecond, bit: 12},
	"locktime":               {time: func(p *NeighParams) *time.Duration { return &p.LockTime }, unit: 10 * time.Millisecond, bit: 13},
}

func (k neighKey) get(p *NeighParams) int64 {
	if k.number != nil {
		return int64(*k.number(p) / k.scale)
	}
	return int64(*k.time(p) / k.unit)
}

func (k neighKey) set(p *NeighParams, v int64) {
	if k.number != nil {
		*k.number(p) = int32(v) * k.scale
	} else {
		*k.time(p) = time.Duration(v) * k.unit
	}
}

// neighKnob is net.ipv4.neigh.of.key and net.ipv6.neigh.of.key.
func (t *Table) neighKnob(of, key string, family uint8) (Knob, error) {
	k, ok := neighKeys[key]
	if !ok {
		return Knob{}, syscall.ENOENT
	}
	var l *Link
	if of != "default" {
		if l = t.names[of]; l == nil || l.Name != of {
			return Knob{}, syscall.ENOENT
		}
	}
	p := t.neighParams(l, family)
	return Knob{
		Get: func() string { return strconv.FormatInt(k.get(p), 10) },
		Set: func(value string) error {
			v, err := parseInt(value)
			if err != nil || v < 0 {
				return syscall.EINVAL
			}
			k.set(p, int64(v))
			if l != nil {
				*l.neighSet(family) |= 1 << k.bit
				t.confChanged(l, confName(family)+key, 0)
				return nil
			}
			for _, x := range t.All() { // neigh_copy_dflt_parms
				if *x.neighSet(family)&(1<<k.bit) == 0 {
					k.set(t.neighParams(x, family), int64(v))
					t.confChanged(x, confName(family)+key, 0)
				}
			}
			return nil
		},
	}, nil
}

func confName(family uint8) string {
	if family == unix.AF_INET {
		return "ipv4.neigh."
	}
	return "ipv6.neigh."
}

// neighParams finds the settings of a link; l nil: "default".
func (t *Table) neighParams(l *Link, family uint8) *NeighParams {
	switch {
	case l == nil && family == unix.AF_INET:
		return &t.NeighDefault4
	case l == nil:
		return &t.NeighDefault6
	case family == unix.AF_INET:
		return &l.Neigh4
	default:
		return &l.Neigh6
	}
}

func (l *Link) neighSet(family uint8) *uint32 {
	if family == unix.AF_INET {
		return &l.neighSet4
	}
	return &l.neighSet6
}

// Settle says that the link has been configured by an address: from now on it no longer follows
// "default" (ipv4_devconf_setall, neigh_parms_data_state_setall).
func (l *Link) Settle(family uint8) {
	*l.neighSet(family) = ^uint32(0)
	if family == unix.AF_INET {
		l.set4 = ^uint64(0)
	}
}
