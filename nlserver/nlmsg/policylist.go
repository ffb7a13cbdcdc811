// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import "slices"

// PolicyList is policies with all that they nest, numbered as they are found: what a dump of
// policies speaks of (struct netlink_policy_dump_state).
type PolicyList struct {
	list []*Policy
}

// Add appends p and what it nests, unless they are there (netlink_policy_dump_add_policy).
func (l *PolicyList) Add(p *Policy) {
	l.add(p)
	for i := 0; i < len(l.list); i++ {
		for _, r := range l.list[i].Attrs {
			if (r.Kind == NestedAttrs || r.Kind == NestedArray) && r.Nested != nil {
				l.add(r.Nested)
			}
		}
	}
}

func (l *PolicyList) add(p *Policy) {
	if !slices.Contains(l.list, p) {
		l.list = append(l.list, p)
	}
}

// Len is the number of policies.
func (l *PolicyList) Len() int { return len(l.list) }

// Index is the number of p, -1 when it is not there.
func (l *PolicyList) Index(p *Policy) int { return slices.Index(l.list, p) }

// Next finds the first attribute from number attr of policy on of which there is something to say;
// false at the end.
func (l *PolicyList) Next(policy, attr int) (int, int, bool) {
	for ; policy < len(l.list); policy, attr = policy+1, 0 {
		for ; attr < len(l.list[policy].Attrs); attr++ {
			if describedAs[l.list[policy].Attrs[attr].Kind] != 0 {
				return policy, attr, true
			}
		}
	}
	return policy, attr, false
}

// Describe appends what attribute attr of a policy has to be (netlink_policy_dump_write).
func (l *PolicyList) Describe(e *Encoder, policy, attr int) {
	nest := e.Nest(uint16(policy))
	l.list[policy].Attrs[attr].describeIn(e, uint16(attr), l)
	e.EndNest(nest)
}
