// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of tables of neighbours (NDTA_*) and of their settings (NDTPA_*), which x/sys lacks.
const (
	ndtaName       = 1
	ndtaThresh1    = 2
	ndtaThresh2    = 3
	ndtaThresh3    = 4
	ndtaConfig     = 5
	ndtaParms      = 6
	ndtaStats      = 7
	ndtaGCInterval = 8

	ndtpaIfindex           = 1
	ndtpaRefcnt            = 2
	ndtpaReachableTime     = 3
	ndtpaBaseReachableTime = 4
	ndtpaRetransTime       = 5
	ndtpaGCStaleTime       = 6
	ndtpaDelayProbeTime    = 7
	ndtpaQueueLen          = 8
	ndtpaAppProbes         = 9
	ndtpaUcastProbes       = 10
	ndtpaMcastProbes       = 11
	ndtpaAnycastDelay      = 12
	ndtpaProxyDelay        = 13
	ndtpaProxyQLen         = 14
	ndtpaLockTime          = 15
	ndtpaQueueLenBytes     = 16
	ndtpaMcastReprobes     = 17
	ndtpaIntervalProbeTime = 19

	sizeofNdtMsg    = 4
	neighEntrySize  = 336  // of the kernel's struct, less the address: ndtc_entry_size is informative
	neighSKBTrue    = 2096 // SKB_TRUESIZE(ETH_FRAME_LEN), what a held packet counts for
	neighHashMask   = 0xffffffff
	neighStatsCount = 11
)

var neighTablePolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	ndtaName:       {Kind: nlmsg.String},
	ndtaThresh1:    {Kind: nlmsg.U32},
	ndtaThresh2:    {Kind: nlmsg.U32},
	ndtaThresh3:    {Kind: nlmsg.U32},
	ndtaParms:      {Kind: nlmsg.NestedAttrs},
	ndtaGCInterval: {Kind: nlmsg.U64},
}}

// neighSetting is one setting that RTM_SETNEIGHTBL can change, by its sysctl.
type neighSetting struct {
	attr uint16
	name string
	unit time.Duration // of the sysctl; 0: a number and no time
}

var neighSettings = []neighSetting{
	{ndtpaQueueLen, "unres_qlen", 0},
	{ndtpaQueueLenBytes, "unres_qlen_bytes", 0},
	{ndtpaProxyQLen, "proxy_qlen", 0},
	{ndtpaAppProbes, "app_solicit", 0},
	{ndtpaUcastProbes, "ucast_solicit", 0},
	{ndtpaMcastProbes, "mcast_solicit", 0},
	{ndtpaMcastReprobes, "mcast_resolicit", 0},
	{ndtpaBaseReachableTime, "base_reachable_time_ms", time.Millisecond},
	{ndtpaGCStaleTime, "gc_stale_time", time.Second},
	{ndtpaDelayProbeTime, "delay_first_probe_time", time.Second},
	{ndtpaIntervalProbeTime, "interval_probe_time_ms", time.Millisecond},
	{ndtpaRetransTime, "retrans_time_ms", time.Millisecond},
	{ndtpaAnycastDelay, "anycast_delay", 10 * time.Millisecond},
	{ndtpaProxyDelay, "proxy_delay", 10 * time.Millisecond},
	{ndtpaLockTime, "locktime", 10 * time.Millisecond},
}

var neighParmsPolicy = func() nlmsg.Policy {
	p := nlmsg.Policy{Attrs: make([]nlmsg.Rule, ndtpaIntervalProbeTime+1)}
	p.Attrs[ndtpaIfindex].Kind = nlmsg.U32
	for _, s := range neighSettings {
		p.Attrs[s.attr].Kind = nlmsg.U64
		if s.unit == 0 {
			p.Attrs[s.attr].Kind = nlmsg.U32
		}
	}
	return p
}()

func neighTableName(af uint8) string {
	if af == unix.AF_INET {
		return "arp_cache"
	}
	return "ndisc_cache"
}

// neighTableRow is one message of the dump: a table, or the settings of a link in it.
type neighTableRow struct {
	af   uint8
	link *link.Link // nil: the table
}

// dumpNeighTables is neightbl_dump_info: each table and then its links, the latest first.
func (f *family) dumpNeighTables(d *nlserver.Dump) error {
	if d.Strict() {
		switch body := d.Payload(); {
		case len(body) < sizeofNdtMsg:
			return d.Ext.Fail(unix.EINVAL, "Invalid header for neighbor table dump request")
		case body[1] != 0 || native.Uint16(body[2:]) != 0:
			return d.Ext.Fail(unix.EINVAL, "Invalid values in header for neighbor table dump request")
		case len(body) > sizeofNdtMsg:
			return d.Ext.Fail(unix.EINVAL, "Invalid data after header in neighbor table dump request")
		}
	}
	var rows []neighTableRow
	links := f.Links.All()
	for _, af := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if asked := d.Payload()[0]; asked != unix.AF_UNSPEC && asked != af {
			continue
		}
		rows = append(rows, neighTableRow{af: af})
		for i := len(links) - 1; i >= 0; i-- {
			if l := links[i]; af == unix.AF_INET && l.InDev || af == unix.AF_INET6 && l.In6Dev {
				rows = append(rows, neighTableRow{af, l})
			}
		}
	}
	for ; d.Args[0] < uint64(len(rows)); d.Args[0]++ {
		r := rows[d.Args[0]]
		e := d.Begin(unix.RTM_NEWNEIGHTBL)
		e.Raw(sizeofNdtMsg)[0] = r.af
		e.String(ndtaName, neighTableName(r.af))
		if r.link == nil {
			f.fillNeighTable(e, r.af)
		}
		f.fillNeighParms(e, r.af, r.link)
		if !e.End() {
			return nlmsg.ErrFull
		}
	}
	return nil
}

// fillNeighTable is the part of neightbl_fill_info that is about the whole table.
func (f *family) fillNeighTable(e *nlmsg.Encoder, af uint8) {
	gc, s := f.Neighs.GC(af), f.Neighs.Stats(af)
	e.U64(ndtaGCInterval, uint64(gc.Interval.Milliseconds()))
	e.U32(ndtaThresh1, uint32(gc.Thresh1))
	e.U32(ndtaThresh2, uint32(gc.Thresh2))
	e.U32(ndtaThresh3, uint32(gc.Thresh3))

	flush, draw, waiting := f.Neighs.Ages(af)
	c := e.Payload(ndtaConfig, 32) // struct ndt_config
	native.PutUint16(c, uint16(neighKeyLen(af)))
	native.PutUint16(c[2:], uint16(neighEntrySize-4+neighKeyLen(af)))
	for i, v := range []uint32{
		uint32(f.Neighs.Len(af)), uint32(flush.Milliseconds()), uint32(draw.Milliseconds()),
		0, neighHashMask, 0, uint32(waiting),
	} {
		native.PutUint32(c[4+4*i:], v)
	}

	b := e.Payload(ndtaStats, 8*neighStatsCount) // struct ndt_stats
	for i, v := range [neighStatsCount]uint64{
		s.Allocs, s.Destroys, s.HashGrows, s.ResFailed, s.Lookups, s.Hits,
		s.RcvProbesMcast, s.RcvProbesUcast, s.PeriodicGCRuns, s.ForcedGCRuns, s.TableFulls,
	} {
		native.PutUint64(b[8*i:], v)
	}
}

// fillNeighParms is neightbl_fill_parms. l nil: those of "default".
func (f *family) fillNeighParms(e *nlmsg.Encoder, af uint8, l *link.Link) {
	p := &f.Links.NeighDefault4
	if af == unix.AF_INET6 {
		p = &f.Links.NeighDefault6
	}
	nest := e.NestPlain(ndtaParms)
	if l != nil {
		e.U32(ndtpaIfindex, l.Index)
		if p = &l.Neigh4; af == unix.AF_INET6 {
			p = &l.Neigh6
		}
	}
	e.U32(ndtpaRefcnt, f.Neighs.ParamRefs(af, l))
	e.U32(ndtpaQueueLenBytes, uint32(p.QueueLenBytes))
	e.U32(ndtpaQueueLen, uint32(p.QueueLenBytes)/neighSKBTrue)
	e.U32(ndtpaProxyQLen, uint32(p.ProxyQLen))
	e.U32(ndtpaAppProbes, uint32(p.AppProbes))
	e.U32(ndtpaUcastProbes, uint32(p.UnicastProbes))
	e.U32(ndtpaMcastProbes, uint32(p.MulticastProbes))
	e.U32(ndtpaMcastReprobes, uint32(p.MulticastReprobes))
	for _, t := range []struct {
		attr uint16
		v    time.Duration
	}{
		{ndtpaReachableTime, f.Neighs.ReachableTime(af, l)}, {ndtpaBaseReachableTime, p.BaseReachableTime},
		{ndtpaGCStaleTime, p.GCStaleTime}, {ndtpaDelayProbeTime, p.DelayProbeTime},
		{ndtpaRetransTime, p.RetransTime}, {ndtpaAnycastDelay, p.AnycastDelay},
		{ndtpaProxyDelay, p.ProxyDelay}, {ndtpaLockTime, p.LockTime},
		{ndtpaIntervalProbeTime, p.IntervalProbeTime},
	} {
		e.U64(t.attr, uint64(t.v.Milliseconds()))
	}
	e.EndNest(nest)
}

// setNeighTable is neightbl_set. All is checked before anything changes.
func (f *family) setNeighTable(req *nlserver.Request) error {
	var tb nlmsg.Attrs
	if err := req.Parse(sizeofNdtMsg, &tb, &neighTablePolicy, nlmsg.Liberal); err != nil {
		return err
	}
	if !tb.Has(ndtaName) {
		return unix.EINVAL
	}
	var af uint8
	for _, x := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if asked := req.Payload()[0]; (asked == unix.AF_UNSPEC || asked == x) && neighTableName(x) == tb.String(ndtaName) {
			af = x
		}
	}
	if af == 0 {
		return unix.ENOENT
	}
	if parms := tb.Get(ndtaParms); parms.Present() {
		if err := f.setNeighParms(req, af, parms); err != nil {
			return err
		}
	}
	gc := f.Neighs.GC(af)
	for attr, to := range map[uint16]*int{
		ndtaThresh1: &gc.Thresh1, ndtaThresh2: &gc.Thresh2, ndtaThresh3: &gc.Thresh3,
	} {
		if tb.Has(attr) {
			*to = int(tb.U32(attr))
		}
	}
	if tb.Has(ndtaGCInterval) {
		gc.Interval = time.Duration(tb.U64(ndtaGCInterval)) * time.Millisecond
	}
	return nil
}

// setNeighParms changes the settings of a link, or of "default" when none is named.
func (f *family) setNeighParms(req *nlserver.Request, af uint8, parms nlmsg.Attr) error {
	var tb nlmsg.Attrs
	if err := tb.ParseNested(parms, &neighParmsPolicy, nlmsg.Liberal, req.Ext); err != nil {
		return err
	}
	of := "default"
	if i := tb.U32(ndtpaIfindex); i != 0 {
		l := f.Links.ByIndex(i)
		if l == nil || af == unix.AF_INET && !l.InDev || af == unix.AF_INET6 && !l.In6Dev {
			return unix.ENOENT
		}
		of = l.Name
	}
	prefix := "net/ipv4/neigh/"
	if af == unix.AF_INET6 {
		prefix = "net/ipv6/neigh/"
	}
	values := map[string]string{}
	for _, s := range neighSettings {
		switch a := tb.Get(s.attr); {
		case !a.Present():
		case s.unit == 0:
			values[s.name] = strconv.Itoa(int(int32(tb.U32(s.attr))))
		default:
			v := time.Duration(tb.U64(s.attr)) * time.Millisecond
			if v%s.unit != 0 {
				return req.Ext.FailAttr(unix.EINVAL, a, "The time is not a whole number of "+s.unit.String())
			}
			values[s.name] = strconv.FormatInt(int64(v/s.unit), 10)
		}
	}
	for _, s := range neighSettings {
		if v, ok := values[s.name]; ok {
			if err := f.Links.SetSysctl(prefix+of+"/"+s.name, v); err != nil {
				return err
			}
		}
	}
	return nil
}
