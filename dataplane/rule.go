// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// SetTables is SetRules for the net, with rules that ask tables in their order.
func (d *Dataplane) SetTables(net uint32, family uint8, tables []uint32) error {
	return d.SetRules(net, 0, family, dpif.TableRules(tables...))
}

// SetRules implements dpif.Writer.
func (d *Dataplane) SetRules(net, ifindex uint32, family uint8, rules []dpif.Rule) error {
	if len(rules) == 0 {
		return errnoOf(C.dp_rules_set(C.uint32_t(net), C.uint32_t(ifindex), C.uint8_t(family), nil, 0))
	}
	c := make([]C.struct_dp_rule, len(rules))
	for i := range rules {
		if err := ruleOf(&rules[i], family, &c[i]); err != nil {
			return err
		}
	}
	return errnoOf(C.dp_rules_set(C.uint32_t(net), C.uint32_t(ifindex), C.uint8_t(family), &c[0],
		C.uint32_t(len(c))))
}

func ruleOf(r *dpif.Rule, family uint8, c *C.struct_dp_rule) error {
	*c = C.struct_dp_rule{
		action: C.uint8_t(r.Action), tos: C.uint8_t(r.TOS), ipproto: C.uint8_t(r.Proto),
		table: C.uint32_t(r.Table), target: C.uint32_t(r.Target),
		mark: C.uint32_t(r.Mark), mark_mask: C.uint32_t(r.MarkMask),
		suppress_prefixlen: C.int32_t(r.SuppressPrefixLen),
		suppress_ifgroup:   C.int32_t(r.SuppressGroup),
	}
	if r.Invert {
		c.flags = C.DP_RULE_INVERT
	}
	for i, p := range []dpif.PortRange{r.Sport, r.Dport} {
		to := &c.sport
		if i == 1 {
			to = &c.dport
		}
		to[0], to[1] = C.uint16_t(p.Start), C.uint16_t(p.End)
	}
	if err := prefixOf(r.Src, family, &c.src, &c.src_len); err != nil {
		return err
	}
	return prefixOf(r.Dst, family, &c.dst, &c.dst_len)
}

// prefixOf puts a prefix of a family; an invalid one is all of it.
func prefixOf(p netip.Prefix, family uint8, to *[16]C.uint8_t, bits *C.uint8_t) error {
	if !p.IsValid() {
		return nil
	}
	if p.Addr().Is4() != (family == unix.AF_INET) {
		return syscall.EINVAL
	}
	for i, b := range p.Addr().AsSlice() {
		to[i] = C.uint8_t(b)
	}
	*bits = C.uint8_t(p.Bits())
	return nil
}

// DumpRules implements dpif.Reader.
func (d *Dataplane) DumpRules(net, ifindex uint32, family uint8) ([]dpif.Rule, error) {
	var c []C.struct_dp_rule
	for room := 64; ; room *= 2 {
		c = make([]C.struct_dp_rule, room)
		n := C.dp_rules_dump(C.uint32_t(net), C.uint32_t(ifindex), C.uint8_t(family), &c[0], C.uint32_t(room))
		if n < 0 {
			return nil, syscall.Errno(-n)
		}
		if int(n) <= room {
			c = c[:n]
			break
		}
	}
	var rules []dpif.Rule
	for i := range c {
		rules = append(rules, heldRule(&c[i], family))
	}
	return rules, nil
}

// heldRule is the reverse of ruleOf.
func heldRule(c *C.struct_dp_rule, family uint8) dpif.Rule {
	return dpif.Rule{
		Action: dpif.RuleAction(c.action), Invert: c.flags&C.DP_RULE_INVERT != 0,
		TOS: uint8(c.tos), Proto: uint8(c.ipproto),
		Table: uint32(c.table), Target: uint32(c.target),
		Mark: uint32(c.mark), MarkMask: uint32(c.mark_mask),
		Src: heldPrefix(&c.src, c.src_len, family), Dst: heldPrefix(&c.dst, c.dst_len, family),
		Sport:             dpif.PortRange{Start: uint16(c.sport[0]), End: uint16(c.sport[1])},
		Dport:             dpif.PortRange{Start: uint16(c.dport[0]), End: uint16(c.dport[1])},
		SuppressPrefixLen: int32(c.suppress_prefixlen), SuppressGroup: int32(c.suppress_ifgroup),
	}
}

func heldPrefix(addr *[16]C.uint8_t, bits C.uint8_t, family uint8) netip.Prefix {
	if bits == 0 {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(addrOf(C.uint8_t(family), addr), int(bits))
}

// SetCustomRules implements dpif.Writer.
func (d *Dataplane) SetCustomRules(net uint32, family uint8) error {
	key := C.uint32_t(C.DP_NET_CUSTOM_RULES)
	if family == unix.AF_INET6 {
		key = C.DP_NET_CUSTOM_RULES6
	}
	return errnoOf(C.dp_net_conf(C.uint32_t(net), key, 1))
}
