// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// What RTM_GETSTATS is about: bits of struct if_stats_msg.filter_mask are 1 << (attribute - 1).
const (
	iflaStats64           = 1 // IFLA_STATS_LINK_64, _LINK_XSTATS, ...
	iflaStatsOffload      = 4
	iflaStatsAFSpec       = 5
	iflaStatsMax          = 5
	statsGetFilters       = 1 // IFLA_STATS_GET_FILTERS
	statsSetL3            = 2 // IFLA_STATS_SET_OFFLOAD_XSTATS_L3_STATS
	offloadHWInfo         = 2 // IFLA_OFFLOAD_XSTATS_HW_S_INFO
	offloadL3Stats        = 3
	hwInfoRequest         = 1 // IFLA_OFFLOAD_XSTATS_HW_S_INFO_REQUEST, _USED
	hwInfoUsed            = 2
	sizeofIfStatsMsg      = 12
	statsMaskOffset       = 8
	statsIndexOffset      = 4
	statsKnown            = 1<<iflaStatsMax - 1
	offloadKnown          = 1<<offloadL3Stats - 1
	rtnlgrpStats          = 36 // RTNLGRP_STATS
	statsBit64            = 1 << (iflaStats64 - 1)
	statsBitOffload       = 1 << (iflaStatsOffload - 1)
	statsBitAFSpec        = 1 << (iflaStatsAFSpec - 1)
	offloadBitHWInfo      = 1 << (offloadHWInfo - 1)
	offloadBitL3          = 1 << (offloadL3Stats - 1)
	sizeofHWStats64       = 9 * 8 // struct rtnl_hw_stats64
	textStatsSetForbidden = "Filter mask must be 0 for stats set"
)

// statsFilterPolicy is rtnl_stats_get_policy_filters, statsPolicy rtnl_stats_get_policy,
// statsSetPolicy ifla_stats_set_policy.
var (
	statsFilterPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		iflaStatsOffload: {Kind: nlmsg.U32, Check: nlmsg.CheckMask, Mask: offloadKnown},
		iflaStatsMax:     {},
	}}
	statsPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		statsGetFilters: {Kind: nlmsg.NestedAttrs, Nested: &statsFilterPolicy},
		statsSetL3:      {},
	}}
	statsSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		statsSetL3: {Kind: nlmsg.U8, Check: nlmsg.CheckMax, Max: 1},
	}}
)

func (f *family) statsRows() []Row {
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_GETSTATS, nlserver.Handler{Doit: f.getStats, Dumpit: f.dumpStats}},
		{unix.AF_UNSPEC, rtmSetStats, nlserver.Handler{Doit: f.setStats}},
	}
}

// rtmSetStats is RTM_SETSTATS.
const rtmSetStats = 95

// statsRequest is what a request asks for: filter_mask, and the filter of offload counters.
type statsRequest struct {
	index         int32
	mask, offload uint32
}

// statsHeader is rtnl_valid_stats_req.
func statsHeader(req *nlserver.Request, dump bool) (r statsRequest, err error) {
	b := req.Payload()
	if len(b) < sizeofIfStatsMsg {
		return r, req.Ext.Fail(unix.EINVAL, "Invalid header for stats dump")
	}
	r.index = int32(native.Uint32(b[statsIndexOffset:]))
	r.mask = native.Uint32(b[statsMaskOffset:])
	r.offload = ^uint32(0)
	if !req.Strict() {
		return r, nil
	}
	if b[1] != 0 || b[2] != 0 || b[3] != 0 || dump && r.index != 0 {
		return r, req.Ext.Fail(unix.EINVAL, "Invalid values in header for stats dump request")
	}
	if r.mask >= statsKnown+1 {
		return r, req.Ext.Fail(unix.EINVAL, "Invalid stats requested through filter mask")
	}
	return r, nil
}

// parse is rtnl_stats_get_parse.
func (r *statsRequest) parse(req *nlserver.Request) error {
	var tb, filters nlmsg.Attrs
	if err := req.Parse(sizeofIfStatsMsg, &tb, &statsPolicy, nlmsg.Strict); err != nil {
		return err
	}
	if !tb.Has(statsGetFilters) {
		return nil
	}
	err := filters.ParseNested(tb.Get(statsGetFilters), &statsFilterPolicy, nlmsg.Strict, req.Ext)
	if err != nil {
		return err
	}
	for at := uint16(1); at <= iflaStatsMax; at++ {
		if filters.Has(at) && r.mask&(1<<(at-1)) == 0 {
			return req.Ext.Fail(unix.EINVAL, "Filtered attribute not enabled in filter_mask")
		}
	}
	if filters.Has(iflaStatsOffload) {
		r.offload = filters.U32(iflaStatsOffload)
	}
	return nil
}

// getStats is rtnl_stats_get.
func (f *family) getStats(req *nlserver.Request) error {
	r, err := statsHeader(req, false)
	if err != nil {
		return err
	}
	if r.index <= 0 {
		return unix.EINVAL
	}
	l := f.Links.ByIndex(uint32(r.index))
	if l == nil {
		return unix.ENODEV
	}
	if r.mask == 0 {
		return req.Ext.Fail(unix.EINVAL, "Filter mask must be set for stats get")
	}
	if err := r.parse(req); err != nil {
		return err
	}
	f.fillStatsMsg(req.Reply(unix.RTM_NEWSTATS, 0), l, &r)
	req.Send()
	return nil
}

// dumpStats is rtnl_stats_dump.
func (f *family) dumpStats(d *nlserver.Dump) error {
	if d.State == nil {
		r, err := statsHeader(d.Request, true)
		if err != nil {
			return err
		}
		if r.mask == 0 {
			return d.Ext.Fail(unix.EINVAL, "Filter mask must be set for stats dump")
		}
		if err := r.parse(d.Request); err != nil {
			return err
		}
		d.State = &r
	}
	r := d.State.(*statsRequest)
	d.Gen = f.Links.Gen()
	for _, l := range f.Links.All() {
		if uint64(l.Index) < d.Args[0] {
			continue
		}
		d.Args[0] = uint64(l.Index)
		e := d.Begin(unix.RTM_NEWSTATS)
		f.fillStatsMsg(e, l, r)
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// fillStatsMsg is rtnl_fill_statsinfo. No link has counters of its own kind, and none is offloaded.
func (f *family) fillStatsMsg(e *nlmsg.Encoder, l *link.Link, r *statsRequest) {
	h := e.Raw(sizeofIfStatsMsg)
	native.PutUint32(h[statsIndexOffset:], l.Index)
	native.PutUint32(h[statsMaskOffset:], r.mask)
	if r.mask&statsBit64 != 0 {
		v := f.linkStats(l)
		b := e.Payload(iflaStats64, len(v)*8)
		for i, n := range v {
			native.PutUint64(b[i*8:], n)
		}
	}
	if r.mask&statsBitOffload != 0 {
		fillOffloadStats(e, l, r.offload)
	}
	if r.mask&statsBitAFSpec != 0 {
		e.EndNest(e.NestPlain(iflaStatsAFSpec))
	}
}

// fillOffloadStats is rtnl_offload_xstats_fill.
func fillOffloadStats(e *nlmsg.Encoder, l *link.Link, mask uint32) {
	mask &= offloadBitHWInfo | offloadBitL3
	if !l.L3Stats {
		mask &^= offloadBitL3
	}
	if mask == 0 {
		return
	}
	nest := e.NestPlain(iflaStatsOffload)
	if mask&offloadBitHWInfo != 0 {
		info := e.NestPlain(offloadHWInfo)
		l3 := e.NestPlain(offloadL3Stats)
		e.U8(hwInfoRequest, boolean(l.L3Stats))
		e.U8(hwInfoUsed, 0)
		e.EndNest(l3)
		e.EndNest(info)
	}
	if mask&offloadBitL3 != 0 {
		e.Payload(offloadL3Stats, sizeofHWStats64)
	}
	e.EndNest(nest)
}

// setStats is rtnl_stats_set: counters of hardware may be asked for, and no link has them.
func (f *family) setStats(req *nlserver.Request) error {
	r, err := statsHeader(req, false)
	if err != nil {
		return err
	}
	if req.Payload()[0] != unix.AF_UNSPEC {
		return req.Ext.Fail(unix.EINVAL, "Address family should be AF_UNSPEC")
	}
	if r.index <= 0 {
		return unix.EINVAL
	}
	l := f.Links.ByIndex(uint32(r.index))
	if l == nil {
		return unix.ENODEV
	}
	if r.mask != 0 {
		return req.Ext.Fail(unix.EINVAL, textStatsSetForbidden)
	}
	var tb nlmsg.Attrs
	if err := req.Parse(sizeofIfStatsMsg, &tb, &statsSetPolicy, nlmsg.Strict); err != nil {
		return err
	}
	if !tb.Has(statsSetL3) {
		return nil
	}
	if f.Links.SetL3Stats(l, tb.U8(statsSetL3) != 0) {
		said := statsRequest{mask: statsBitOffload, offload: offloadBitHWInfo}
		f.notify(rtnlgrpStats, f.Net.Origin, unix.RTM_NEWSTATS, 0, func(e *nlmsg.Encoder) {
			f.fillStatsMsg(e, l, &said)
		})
	}
	return nil
}
