// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"math"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/nexthop"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// dumpNexthopPolicy is rtm_nh_policy_dump.
var dumpNexthopPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.NHA_OIF:    {Kind: nlmsg.U32},
	unix.NHA_GROUPS: {Kind: nlmsg.Flag},
	unix.NHA_MASTER: {Kind: nlmsg.U32},
	nhaFDB:          {Kind: nlmsg.Flag},
}}

// dumpBucketPolicy is rtm_nh_policy_dump_bucket.
var dumpBucketPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.NHA_ID:     {Kind: nlmsg.U32},
	unix.NHA_OIF:    {Kind: nlmsg.U32},
	unix.NHA_MASTER: {Kind: nlmsg.U32},
	nhaResBucket:    {Kind: nlmsg.NestedAttrs},
}}

// dumpBucketNest is rtm_nh_res_bucket_policy_dump.
var dumpBucketNest = nlmsg.Policy{Attrs: []nlmsg.Rule{nhaResBucketNHID: {Kind: nlmsg.U32}}}

// getBucketPolicy is rtm_nh_policy_get_bucket.
var getBucketPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.NHA_ID:  {Kind: nlmsg.U32},
	nhaResBucket: {Kind: nlmsg.NestedAttrs},
}}

// getBucketNest is rtm_nh_res_bucket_policy_get.
var getBucketNest = nlmsg.Policy{Attrs: []nlmsg.Rule{nhaResBucketIndex: {Kind: nlmsg.U16}}}

// nexthopFilter is struct nh_dump_filter, and the family of the request.
type nexthopFilter struct {
	family      uint8
	oif, master uint32
	groups      bool
	group       uint32          // buckets of this group only
	member      uint32          // buckets that lead here only
	read        *nexthop.Object // whose buckets' use has been read
}

// passes is nh_dump_filtered.
func (s *nexthopFilter) passes(o *nexthop.Object) bool {
	switch {
	case s.groups && o.Grp == nil:
		return false
	case s.oif == 0 && s.master == 0 && s.family == 0:
		return true
	case o.Grp != nil:
		return false
	case s.family != 0 && o.Family != s.family:
		return false
	case s.oif != 0 && o.Hop.Oif() != s.oif:
		return false
	case s.master != 0:
		return masterOf(o.Hop.Link) == s.master
	}
	return true
}

// dumpFilter is __nh_valid_dump_req.
func dumpFilter(d *nlserver.Dump, tb *nlmsg.Attrs, s *nexthopFilter) error {
	m := d.Payload()
	s.family, s.oif, s.master = m[0], tb.U32(unix.NHA_OIF), tb.U32(unix.NHA_MASTER)
	s.groups = tb.Has(unix.NHA_GROUPS)
	switch {
	case s.oif > math.MaxInt32:
		return d.Ext.Fail(unix.EINVAL, "Invalid device index")
	case s.master > math.MaxInt32:
		return d.Ext.Fail(unix.EINVAL, "Invalid master device index")
	case m[1] != 0 || m[2] != 0 || m[3] != 0 || native.Uint32(m[4:]) != 0:
		return d.Ext.Fail(unix.EINVAL, "Invalid values in header for nexthop dump request")
	}
	return nil
}

// dumpNexthops is rtm_dump_nexthop.
func (f *family) dumpNexthops(d *nlserver.Dump) error {
	s, _ := d.State.(*nexthopFilter)
	if s == nil {
		s = &nexthopFilter{}
		var tb nlmsg.Attrs
		if err := d.Parse(sizeofNhmsg, &tb, &dumpNexthopPolicy, nlmsg.Strict); err != nil {
			return err
		}
		if err := dumpFilter(d, &tb, s); err != nil {
			return err
		}
		d.State = s
	}
	t := f.Routes.Nexthops()
	d.Gen = t.ObjectSeq()
	return eachNexthop(t, &d.Args[0], func(o *nexthop.Object) error {
		if !s.passes(o) {
			return nil
		}
		e := d.Begin(unix.RTM_NEWNEXTHOP)
		fillNexthop(e, o)
		if !e.End() {
			return nlmsg.ErrFull
		}
		return nil
	})
}

// eachNexthop goes on at id *from, which is left at the one that do failed for.
func eachNexthop(t *nexthop.Table, from *uint64, do func(o *nexthop.Object) error) error {
	for *from <= math.MaxUint32 {
		o := t.NextObject(uint32(*from))
		if o == nil {
			return nil
		}
		*from = uint64(o.ID)
		if err := do(o); err != nil {
			return err
		}
		*from++
	}
	return nil
}

// dumpBucketRequest is nh_valid_dump_bucket_req.
func dumpBucketRequest(d *nlserver.Dump, s *nexthopFilter) error {
	var tb, nest nlmsg.Attrs
	quiet := *d.Ext
	err := d.Parse(sizeofNhmsg, &tb, &dumpBucketPolicy, nlmsg.Strict)
	if err != nil {
		*d.Ext = quiet // the kernel says nothing
		return err
	}
	if err := dumpID(tb.Get(unix.NHA_ID), &s.group, d.Ext); err != nil {
		return err
	}
	if a := tb.Get(nhaResBucket); a.Present() {
		if err := nest.ParseNested(a, &dumpBucketNest, nlmsg.Strict, d.Ext); err != nil {
			return err
		}
		if err := dumpID(nest.Get(nhaResBucketNHID), &s.member, d.Ext); err != nil {
			return err
		}
	}
	return dumpFilter(d, &tb, s)
}

// dumpID is nh_valid_dump_nhid.
func dumpID(a nlmsg.Attr, id *uint32, ext *nlmsg.Extack) error {
	if !a.Present() {
		return nil
	}
	if *id = a.U32(); *id == 0 {
		return ext.Fail(unix.EINVAL, "Invalid nexthop id")
	}
	return nil
}

// dumpNexthopBuckets is rtm_dump_nexthop_bucket.
func (f *family) dumpNexthopBuckets(d *nlserver.Dump) error {
	s, _ := d.State.(*nexthopFilter)
	if s == nil {
		s = &nexthopFilter{}
		if err := dumpBucketRequest(d, s); err != nil {
			return err
		}
		d.State = s
	}
	t := f.Routes.Nexthops()
	d.Gen = t.ObjectSeq()
	if s.group != 0 {
		o, err := t.ResilientObject(s.group)
		if err != nil {
			return err
		}
		return dumpBuckets(d, s, o)
	}
	return eachNexthop(t, &d.Args[0], func(o *nexthop.Object) error {
		if o.Grp == nil || o.Grp.Table == nil {
			return nil
		}
		return dumpBuckets(d, s, o)
	})
}

// dumpBuckets is rtm_dump_nexthop_bucket_nh; d.Args[1] is where it stands.
func dumpBuckets(d *nlserver.Dump, s *nexthopFilter, o *nexthop.Object) error {
	table := o.Grp.Table
	if s.read != o {
		s.read = o
		table.Refresh()
	}
	for ; d.Args[1] < uint64(table.Len()); d.Args[1]++ {
		b := table.At(int(d.Args[1]))
		if !s.passes(b.Object) || s.member != 0 && s.member != b.Object.ID {
			continue
		}
		e := d.Begin(unix.RTM_NEWNEXTHOPBUCKET)
		fillBucket(e, o, int(d.Args[1]), b)
		if !e.End() {
			return nlmsg.ErrFull
		}
	}
	d.Args[1] = 0
	return nil
}

// getNexthopBucket is rtm_get_nexthop_bucket.
func (f *family) getNexthopBucket(req *nlserver.Request) error {
	var tb, nest nlmsg.Attrs
	id, err := nexthopID(req, &tb, &getBucketPolicy)
	if err != nil {
		return err
	}
	a := tb.Get(nhaResBucket)
	if !a.Present() {
		return req.Ext.Fail(unix.EINVAL, "Bucket information is missing")
	}
	if err := nest.ParseNested(a, &getBucketNest, nlmsg.Strict, req.Ext); err != nil {
		return err
	}
	if !nest.Has(nhaResBucketIndex) {
		return req.Ext.Fail(unix.EINVAL, "Bucket index is missing")
	}
	o, err := f.Routes.Nexthops().ResilientObject(id)
	if err != nil {
		return err
	}
	table, n := o.Grp.Table, int(nest.U16(nhaResBucketIndex))
	if n >= table.Len() {
		return nexthop.ErrBucket
	}
	table.Refresh()
	fillBucket(req.Reply(unix.RTM_NEWNEXTHOPBUCKET, 0), o, n, table.At(n))
	req.Send()
	return nil
}

// fillBucket is nh_fill_res_bucket.
func fillBucket(e *nlmsg.Encoder, o *nexthop.Object, n int, b nexthop.Bucket) {
	m := e.Raw(sizeofNhmsg)
	m[2] = o.Protocol
	e.U32(unix.NHA_ID, o.ID)
	nest := e.Nest(nhaResBucket)
	e.U16(nhaResBucketIndex, uint16(n))
	e.U32(nhaResBucketNHID, b.Object.ID)
	e.U64(nhaResBucketIdleTime, toClock(b.Idle))
	e.EndNest(nest)
}

// masterOf is the ifindex of a link's master, 0: none.
func masterOf(l *link.Link) uint32 {
	if l == nil || l.Master == nil {
		return 0
	}
	return l.Master.Index
}
