// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of rules (FRA_*).
const (
	fraPriority          = 6
	fraSuppressPrefixlen = 14
	fraTable             = 15
	fraProtocol          = 21
)

const sizeofRuleHdr = 12 // struct fib_rule_hdr

// ruleRows are the messages about rules. There are the default ones, which cannot be changed.
func (f *family) ruleRows() []Row {
	return []Row{
		{unix.AF_UNSPEC, unix.RTM_NEWRULE, nlserver.Handler{Doit: f.changeRule}},
		{unix.AF_UNSPEC, unix.RTM_DELRULE, nlserver.Handler{Doit: f.changeRule}},
		{unix.AF_UNSPEC, unix.RTM_GETRULE, nlserver.Handler{Dumpit: f.dumpRules}},
	}
}

func (f *family) changeRule(req *nlserver.Request) error {
	return req.Ext.Fail(unix.EOPNOTSUPP, "Routing policy rules can not be changed")
}

// dumpRules is fib_nl_dumprule.
func (f *family) dumpRules(d *nlserver.Dump) error {
	b := d.Payload()
	if d.Strict() {
		switch {
		case len(b) < sizeofRuleHdr:
			return d.Ext.Fail(unix.EINVAL, "Invalid header for fib rule dump request")
		case b[1] != 0 || b[2] != 0 || b[3] != 0 || b[4] != 0 || b[5] != 0 || b[6] != 0 || b[7] != 0 ||
			native.Uint32(b[8:]) != 0:
			return d.Ext.Fail(unix.EINVAL, "Invalid values in header for fib rule dump request")
		case len(b) > sizeofRuleHdr:
			return d.Ext.Fail(unix.EINVAL, "Invalid data after header in fib rule dump request")
		}
	}
	families := []uint8{unix.AF_INET, unix.AF_INET6}
	if b[0] != unix.AF_UNSPEC {
		if b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
			return unix.EAFNOSUPPORT
		}
		families = b[:1]
	}
	n := uint64(0)
	for _, family := range families {
		for _, r := range f.Rules.Rules(family) {
			if n++; n <= d.Args[0] {
				continue
			}
			e := d.Begin(unix.RTM_NEWRULE)
			h := e.Raw(sizeofRuleHdr)
			h[0], h[4], h[7] = family, tableCompat(r.Table), r.Action
			fillRule(e, r.Table, r.Protocol, r.Priority)
			if !e.End() {
				return nlmsg.ErrFull
			}
			d.Args[0] = n
		}
	}
	return nil
}

// fillRule is fib_nl_fill_rule for a rule without selectors.
func fillRule(e *nlmsg.Encoder, table uint32, protocol uint8, priority uint32) {
	e.U32(fraTable, table)
	e.U32(fraSuppressPrefixlen, ^uint32(0))
	e.U8(fraProtocol, protocol)
	if priority != 0 {
		e.U32(fraPriority, priority)
	}
}
