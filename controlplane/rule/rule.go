// SPDX-License-Identifier: BSD-3-Clause

// Package rule holds the routing policy database: which tables a lookup goes through. It has the
// three (IPv6: two) rules that every instance is born with; others cannot be made yet.
package rule

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
)

// Rule is a rule of the policy database (fib_rule). All its selectors match everything.
type Rule struct {
	Family   uint8
	Priority uint32
	Table    uint32
	Action   uint8 // FR_ACT_TO_TBL
	Protocol uint8 // RTPROT_KERNEL
}

// ActionToTable is FR_ACT_TO_TBL.
const ActionToTable = 1

// Table is the policy database of both families.
type Table struct {
	rules4, rules6   []Rule
	tables4, tables6 []uint32
}

// New makes the database with its default rules.
func New(*rtnl.Net) *Table {
	mk := func(family uint8, priority, table uint32) Rule {
		return Rule{
			Family: family, Priority: priority, Table: table,
			Action: ActionToTable, Protocol: unix.RTPROT_KERNEL,
		}
	}
	t := &Table{
		rules4: []Rule{
			mk(unix.AF_INET, 0, unix.RT_TABLE_LOCAL),
			mk(unix.AF_INET, 0x7ffe, unix.RT_TABLE_MAIN),
			mk(unix.AF_INET, 0x7fff, unix.RT_TABLE_DEFAULT),
		},
		rules6: []Rule{
			mk(unix.AF_INET6, 0, unix.RT_TABLE_LOCAL),
			mk(unix.AF_INET6, 0x7ffe, unix.RT_TABLE_MAIN),
		},
	}
	t.tables4, t.tables6 = tables(t.rules4), tables(t.rules6)
	return t
}

func tables(rules []Rule) []uint32 {
	tables := make([]uint32, len(rules))
	for i, r := range rules {
		tables[i] = r.Table
	}
	return tables
}

// Rules gives the rules of a family by priority.
func (t *Table) Rules(family uint8) []Rule {
	if family == unix.AF_INET6 {
		return t.rules6
	}
	return t.rules4
}

// Tables gives the tables that a lookup of a family goes through, in order. Do not change the
// slice.
func (t *Table) Tables(family uint8) []uint32 {
	if family == unix.AF_INET6 {
		return t.tables6
	}
	return t.tables4
}
