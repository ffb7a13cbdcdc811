// SPDX-License-Identifier: BSD-3-Clause

package dpif

import "net/netip"

// RuleAction is what a rule does with the packets that it matches (DP_RULE_*).
type RuleAction uint8

// Actions of rules.
const (
	RuleTable       RuleAction = iota // a route of Table, else on
	RuleGoto                          // on with the rule at Target
	RuleUnreachable                   // the end: ENETUNREACH
	RuleProhibit                      // the end: EACCES
	RuleBlackhole                     // the end: EINVAL
)

// PortRange is a range of ports, both ends included; zero: every port, also none.
type PortRange struct{ Start, End uint16 }

// Rule is a step of a lookup for received packets. A selector that is zero, or invalid, matches all
// packets.
type Rule struct {
	Action   RuleAction
	Invert   bool // the packets that the selectors do not match
	TOS      uint8
	Proto    uint8
	Table    uint32
	Target   uint32 // index of a later rule; that of none is the end
	Mark     uint32
	MarkMask uint32
	Src, Dst netip.Prefix
	Sport    PortRange
	Dport    PortRange

	SuppressPrefixLen int32 // routes up to that length are none; -1: all are
	SuppressGroup     int32 // those over links of that group are none; -1: all are
}

// Unconditional says whether the selectors match every packet.
func (r *Rule) Unconditional() bool {
	return !r.Src.IsValid() && !r.Dst.IsValid() && r.TOS == 0 && r.Proto == 0 &&
		r.Mark == 0 && r.MarkMask == 0 && r.Sport == PortRange{} && r.Dport == PortRange{}
}

// TableRules are rules that ask tables in their order.
func TableRules(tables ...uint32) []Rule {
	rules := make([]Rule, len(tables))
	for i, t := range tables {
		rules[i] = Rule{Table: t, SuppressPrefixLen: -1, SuppressGroup: -1}
	}
	return rules
}
