// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Constants of linux/pkt_sched.h, linux/rtnetlink.h and linux/gen_stats.h that x/sys lacks.
const (
	tcRoot       = 0xffffffff // TC_H_ROOT
	tcIngress    = 0xfffffff1 // TC_H_INGRESS
	tcMajor      = 0xffff0000 // TC_H_MAJ_MASK
	tcBlockIndex = 0xffffffff // TCM_IFINDEX_MAGIC_BLOCK

	tcaActTab = 1 // TCA_ACT_TAB

	sizeofTcmsg     = 20
	sizeofTcamsg    = 4
	sizeofTCStats   = 40 // struct tc_stats
	sizeofBasic     = 16 // struct gnet_stats_basic
	sizeofQueue     = 20 // struct gnet_stats_queue
	tcaStatsBasic   = 1
	tcaStatsQueue   = 3
	textNoDiscs     = "Queueing disciplines are not supported"
	textNoParent    = "Parent Qdisc doesn't exists"
	textNoneOnLink  = "Cannot find specified qdisc on specified device"
	textZeroPrio    = "Invalid filter command with priority of zero"
	textNotClassful = "Qdisc not classful"
)

// tcPolicy is rtm_tca_policy.
var tcPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	unix.TCA_KIND:           {Kind: nlmsg.String},
	unix.TCA_RATE:           {Kind: nlmsg.Binary, Len: 2},
	unix.TCA_STAB:           {Kind: nlmsg.NestedAttrs},
	unix.TCA_DUMP_INVISIBLE: {Kind: nlmsg.Flag},
	unix.TCA_CHAIN:          {Kind: nlmsg.U32},
	unix.TCA_INGRESS_BLOCK:  {Kind: nlmsg.U32},
	unix.TCA_EGRESS_BLOCK:   {Kind: nlmsg.U32},
	15:                      {}, // TCA_DUMP_FLAGS
}}

// tcActionPolicy is that of TCA_ROOT_*.
var tcActionPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{4: {}}}

// tcRows are the messages about traffic control. A link has no queue to discipline: packets that a
// device does not take at once are dropped and counted. So what there is to show is "noqueue", whose
// handle is 0 and which has neither classes nor filters, and nothing else can be made.
func (f *family) tcRows() []Row {
	none := func(*nlserver.Dump) error { return nil }
	row := func(typ uint16, doit func(*nlserver.Request) error, dumpit func(*nlserver.Dump) error) Row {
		h := nlserver.Handler{Doit: doit, Dumpit: dumpit, Policy: &tcPolicy, HdrLen: sizeofTcmsg}
		return Row{unix.AF_UNSPEC, typ, h}
	}
	action := nlserver.Handler{Doit: f.tcAction, Policy: &tcActionPolicy, HdrLen: sizeofTcamsg}
	actions := action
	actions.Dumpit = none
	return []Row{
		row(unix.RTM_NEWQDISC, f.newQdisc, nil),
		row(unix.RTM_DELQDISC, f.getQdisc, nil),
		row(unix.RTM_GETQDISC, f.getQdisc, f.dumpQdiscs),
		row(unix.RTM_NEWTCLASS, f.tcClass, nil),
		row(unix.RTM_DELTCLASS, f.tcClass, nil),
		row(unix.RTM_GETTCLASS, f.tcClass, none),
		row(unix.RTM_NEWTFILTER, f.tcFilter, nil),
		row(unix.RTM_DELTFILTER, f.tcFilter, nil),
		row(unix.RTM_GETTFILTER, f.tcFilter, none),
		row(unix.RTM_NEWCHAIN, f.tcChain, nil),
		row(unix.RTM_DELCHAIN, f.tcChain, nil),
		row(unix.RTM_GETCHAIN, f.tcChain, none),
		{unix.AF_UNSPEC, unix.RTM_NEWACTION, action},
		{unix.AF_UNSPEC, unix.RTM_DELACTION, action},
		{unix.AF_UNSPEC, unix.RTM_GETACTION, actions},
	}
}

// tcmsg is struct tcmsg.
type tcmsg struct {
	index, handle, parent, info uint32
}

func parseTcmsg(b []byte) tcmsg {
	return tcmsg{native.Uint32(b[4:]), native.Uint32(b[8:]), native.Uint32(b[12:]), native.Uint32(b[16:])}
}

// getQdisc is tc_get_qdisc: RTM_GETQDISC and RTM_DELQDISC.
func (f *family) getQdisc(req *nlserver.Request) error {
	tcm := parseTcmsg(req.Payload())
	l := f.Links.ByIndex(tcm.index)
	switch {
	case l == nil:
		return unix.ENODEV
	case tcm.parent == 0:
		return req.Ext.Fail(unix.ENOENT, "Failed to find qdisc with specified handle")
	case tcm.parent == tcRoot:
	case tcm.parent&tcMajor == tcIngress&tcMajor:
		return req.Ext.Fail(unix.ENOENT, textNoneOnLink)
	default:
		return req.Ext.Fail(unix.ENOENT, "Failed to find qdisc with specified classid")
	}
	if tcm.handle != 0 {
		return req.Ext.Fail(unix.EINVAL, "Invalid handle")
	}
	if req.Attrs.Has(unix.TCA_KIND) && req.Attrs.String(unix.TCA_KIND) != l.QDisc {
		return req.Ext.Fail(unix.EINVAL, "Invalid qdisc name")
	}
	if req.Type == unix.RTM_DELQDISC {
		return req.Ext.Fail(unix.ENOENT, "Cannot delete qdisc with handle of zero")
	}
	if shownQdisc(l) {
		fillQdisc(req.Reply(unix.RTM_NEWQDISC, 0), l)
		req.Send()
	}
	return nil
}

// newQdisc is tc_modify_qdisc, as far as it finds that there is nothing to change.
func (f *family) newQdisc(req *nlserver.Request) error {
	tcm := parseTcmsg(req.Payload())
	switch {
	case f.Links.ByIndex(tcm.index) == nil:
		return unix.ENODEV
	case tcm.parent == 0 && tcm.handle == 0:
		return req.Ext.Fail(unix.EINVAL, "Handle cannot be zero")
	case tcm.parent == 0:
		return req.Ext.Fail(unix.ENOENT, "Specified qdisc not found")
	case tcm.parent != tcRoot && tcm.parent != tcIngress:
		return req.Ext.Fail(unix.ENOENT, "Failed to find specified qdisc")
	case tcm.handle&^tcMajor != 0:
		return req.Ext.Fail(unix.EINVAL, "Invalid minor handle")
	case !req.Has(unix.NLM_F_CREATE):
		return req.Ext.Fail(unix.ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag")
	}
	return req.Ext.Fail(unix.EOPNOTSUPP, textNoDiscs)
}

// dumpQdiscs is tc_dump_qdisc.
func (f *family) dumpQdiscs(d *nlserver.Dump) error {
	for _, l := range f.Links.All() {
		if uint64(l.Index) < d.Args[0] || !shownQdisc(l) {
			continue
		}
		d.Args[0] = uint64(l.Index)
		e := d.Begin(unix.RTM_NEWQDISC)
		fillQdisc(e, l)
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
	}
	return nil
}

// shownQdisc is tc_qdisc_dump_ignore: a link that was never up has the one that is built in.
func shownQdisc(l *link.Link) bool { return l.QDisc != "noop" }

// fillQdisc is tc_fill_qdisc of a "noqueue", which counts nothing.
func fillQdisc(e *nlmsg.Encoder, l *link.Link) {
	b := e.Raw(sizeofTcmsg)
	if b == nil {
		return
	}
	native.PutUint32(b[4:], l.Index)
	native.PutUint32(b[12:], tcRoot)
	native.PutUint32(b[16:], 2) // users
	e.String(unix.TCA_KIND, l.QDisc)
	e.U8(unix.TCA_HW_OFFLOAD, 0)
	nest := e.NestPlain(unix.TCA_STATS2)
	e.Payload(tcaStatsBasic, sizeofBasic)
	e.Payload(tcaStatsQueue, sizeofQueue)
	e.EndNest(nest)
	e.Payload(unix.TCA_STATS, sizeofTCStats)
}

// tcClass is tc_ctl_tclass: no discipline has classes.
func (f *family) tcClass(req *nlserver.Request) error {
	tcm := parseTcmsg(req.Payload())
	if f.Links.ByIndex(tcm.index) == nil {
		return unix.ENODEV
	}
	a, b := tcm.handle&tcMajor, tcm.parent&tcMajor
	if tcm.parent != tcRoot && a != 0 && b != 0 && a != b {
		return unix.EINVAL
	}
	return unix.ENOENT
}

// tcFilter is tc_new_tfilter, tc_del_tfilter and tc_get_tfilter.
func (f *family) tcFilter(req *nlserver.Request) error {
	tcm := parseTcmsg(req.Payload())
	if tcm.info&tcMajor == 0 { // the priority
		switch {
		case req.Type == unix.RTM_DELTFILTER:
			if tcm.info != 0 || tcm.handle != 0 || req.Attrs.Has(unix.TCA_KIND) {
				return req.Ext.Fail(unix.ENOENT, "Cannot flush filters with protocol, handle or kind set")
			}
		case req.Type != unix.RTM_NEWTFILTER || !req.Has(unix.NLM_F_CREATE):
			return req.Ext.Fail(unix.ENOENT, textZeroPrio)
		}
	}
	return f.tcChain(req)
}

// tcChain is tc_ctl_chain, as far as __tcf_qdisc_find.
func (f *family) tcChain(req *nlserver.Request) error {
	tcm := parseTcmsg(req.Payload())
	switch {
	case tcm.index == tcBlockIndex:
		return req.Ext.Fail(unix.EINVAL, "Block of given index was not found")
	case f.Links.ByIndex(tcm.index) == nil:
		return unix.ENODEV
	case tcm.parent != 0:
		return req.Ext.Fail(unix.EINVAL, textNoParent)
	}
	return req.Ext.Fail(unix.EINVAL, textNotClassful)
}

// tcAction is tc_ctl_action.
func (f *family) tcAction(req *nlserver.Request) error {
	switch {
	case !req.Attrs.Has(tcaActTab):
		return req.Ext.Fail(unix.EINVAL, "Netlink action attributes missing")
	case req.Type == unix.RTM_NEWACTION:
		return req.Ext.Fail(unix.EOPNOTSUPP, "Actions are not supported")
	}
	return req.Ext.Fail(unix.EINVAL, "Specified TC action kind not found")
}
