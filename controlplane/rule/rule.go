// SPDX-License-Identifier: BSD-3-Clause

// Package rule holds the routing policy database (fib_rules): rules that say, for a flow, which
// table a lookup goes to, or that it ends. The tables themselves lie to the right (package route).
//
// A lookup of the control plane goes through the rules one by one (Lookup). The data plane gets them
// with all that does not change from packet to packet decided beforehand, for each link that this
// makes a difference for (Program).
package rule

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// Actions of rules (FR_ACT_*).
const (
	ActionUnspec      = 0
	ActionToTable     = 1
	ActionGoto        = 2
	ActionNop         = 3
	ActionBlackhole   = 6
	ActionUnreachable = 7
	ActionProhibit    = 8
)

// Flags of rules (FIB_RULE_*).
const (
	FlagPermanent   = 0x00000001
	FlagInvert      = 0x00000002
	FlagUnresolved  = 0x00000004
	FlagIifDetached = 0x00000008
	FlagOifDetached = 0x00000010
	FlagFindSaddr   = 0x00010000
)

// Detached is the index of a link that a rule names and that is not there.
const Detached = ^uint32(0)

// PortRange is from Start to End, both included; zero: every port.
type PortRange struct{ Start, End uint16 }

func (r PortRange) set() bool { return r.Start != 0 && r.End != 0 }

func (r PortRange) matches(port uint16) bool {
	return !r.set() || r.Start <= port && port <= r.End
}

// UIDRange is from Start to End, both included; 0 to Detached is every user.
type UIDRange struct{ Start, End uint32 }

// AnyUID is the UIDRange of a rule that does not ask for one.
var AnyUID = UIDRange{0, ^uint32(0)}

// Rule is a rule of the policy database (fib_rule, fib4_rule, fib6_rule). What is zero, or invalid,
// matches everything, unless said otherwise.
type Rule struct {
	Family   uint8
	Action   uint8
	Protocol uint8 // RTPROT_*
	TOS      uint8 // DS field without ECN
	Priority uint32
	Table    uint32
	Flags    uint32       // FlagPermanent, FlagInvert, FlagFindSaddr as they were given
	Src, Dst netip.Prefix // as they were given: with host bits
	Iif, Oif string
	Mark     uint32
	MarkMask uint32
	TunID    uint64
	L3mdev   bool
	IPProto  uint8
	UID      UIDRange // AnyUID: every user
	Sport    PortRange
	Dport    PortRange
	Goto     uint32 // priority of the target
	Realm    uint32

	SuppressPrefixLen int32 // routes of that length and shorter do not count; -1: all do
	SuppressIfGroup   int32 // nor do those over links of that group; -1: all do

	iif, oif uint32 // indexes of the links, Detached
	target   *Rule
}

// IifDetached says that the link named by Iif is not there.
func (r *Rule) IifDetached() bool { return r.iif == Detached }

// OifDetached says that the link named by Oif is not there.
func (r *Rule) OifDetached() bool { return r.oif == Detached }

// Unresolved says that the rule goes to one that is not there.
func (r *Rule) Unresolved() bool { return r.Action == ActionGoto && r.target == nil }

// Msg is announced where the kernel calls notify_rule_change.
type Msg struct {
	Type   uint16 // RTM_NEWRULE, RTM_DELRULE
	Rule   *Rule
	Origin rtnl.Origin
}

// Routes is what rules ask of the tables that they name. It must be set before rules are changed.
type Routes interface {
	// Unmerge gives the local and main tables of a family a place of their own (fib_unmerge): a rule
	// may go between them.
	Unmerge(family uint8) error
	// NewTable makes a table when it is not there (fib_new_table).
	NewTable(family uint8, id uint32)
	// EmptyTable makes the first IPv4 table of 1 to 4096 that is not there; 0: all are
	// (fib_empty_table).
	EmptyTable() uint32
	// Publish brings the rules of a family into the data plane.
	Publish(family uint8) error
}

// Table is the policy database of both families.
type Table struct {
	Routes Routes

	net    *rtnl.Net
	links  *link.Table
	v4, v6 rules
	l3mdev bool // the rules of VRFs were made, with the first of them
}

// rules are those of one family, by priority; of one priority, in the order they came.
type rules struct {
	list   []*Rule
	custom bool // changed since the beginning, and then for ever (fib_has_custom_rules)
}

// New makes the database with its default rules.
func New(net *rtnl.Net, links *link.Table) *Table {
	mk := func(family uint8, priority, table uint32) *Rule {
		return &Rule{
			Family: family, Priority: priority, Table: table,
			Action: ActionToTable, Protocol: unix.RTPROT_KERNEL, UID: AnyUID,
			SuppressPrefixLen: -1, SuppressIfGroup: -1,
		}
	}
	t := &Table{net: net, links: links}
	t.v4.list = []*Rule{
		mk(unix.AF_INET, 0, unix.RT_TABLE_LOCAL),
		mk(unix.AF_INET, 0x7ffe, unix.RT_TABLE_MAIN),
		mk(unix.AF_INET, 0x7fff, unix.RT_TABLE_DEFAULT),
	}
	t.v6.list = []*Rule{
		mk(unix.AF_INET6, 0, unix.RT_TABLE_LOCAL),
		mk(unix.AF_INET6, 0x7ffe, unix.RT_TABLE_MAIN),
	}
	return t
}

func (t *Table) family(family uint8) *rules {
	if family == unix.AF_INET6 {
		return &t.v6
	}
	return &t.v4
}

// Rules gives the rules of a family in their order. It is to be read only.
func (t *Table) Rules(family uint8) []*Rule { return t.family(family).list }

// Custom says whether the rules of a family have ever been changed (fib_has_custom_rules).
func (t *Table) Custom(family uint8) bool { return t.family(family).custom }

// Refers says whether a rule of a family leads to a table by its number.
func (t *Table) Refers(family uint8, table uint32) bool {
	for _, r := range t.family(family).list {
		if !r.L3mdev && r.Action == ActionToTable && r.Table == table {
			return true
		}
	}
	return false
}

// Event follows the links: rules name them, and find them when they come (fib_rules_event).
func (t *Table) Event(event any) {
	e, ok := event.(link.Event)
	if !ok {
		return
	}
	l := e.Link
	if e.Type == link.Register && l.IsVRF() {
		t.addL3mdev()
	}
	changed := [2]bool{}
	for i, f := range []*rules{&t.v4, &t.v6} {
		if e.Type == link.ChangeName || e.Type == link.Unregister {
			changed[i] = f.detach(l.Index)
		}
		if e.Type == link.ChangeName || e.Type == link.Register {
			changed[i] = f.attach(l) || changed[i]
		}
	}
	for i, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if !changed[i] || t.Routes == nil {
			continue
		}
		if err := t.Routes.Publish(family); err != nil {
			t.net.Log.Error("data plane refuses rules", "family", family, "link", l.Name, "err", err)
		}
	}
}

func (f *rules) attach(l *link.Link) (changed bool) {
	for _, r := range f.list {
		if r.iif == Detached && r.Iif == l.Name {
			r.iif, changed = l.Index, true
		}
		if r.oif == Detached && r.Oif == l.Name {
			r.oif, changed = l.Index, true
		}
	}
	return changed
}

func (f *rules) detach(index uint32) (changed bool) {
	for _, r := range f.list {
		if r.iif == index {
			r.iif, changed = Detached, true
		}
		if r.oif == index {
			r.oif, changed = Detached, true
		}
	}
	return changed
}
