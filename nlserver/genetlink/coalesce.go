// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var coalesceGet = getter{
	cmd: unix.ETHTOOL_MSG_COALESCE_GET, reply: unix.ETHTOOL_MSG_COALESCE_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillCoalesce,
}

// coalesceSetPolicy is ethnl_coalesce_set_policy.
var coalesceSetPolicy = func() nlmsg.Policy {
	rules := []nlmsg.Rule{headerAttr: {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy}}
	for i := len(rules); i < len(ethtool.Coalesce{}); i++ {
		r := nlmsg.Rule{Kind: nlmsg.U32}
		switch {
		case i >= unix.ETHTOOL_A_COALESCE_USE_CQE_MODE_TX:
			r = nlmsg.Rule{Kind: nlmsg.U8, Check: nlmsg.CheckMax, Max: 1}
		case coalesceBool(i):
			r.Kind = nlmsg.U8
		}
		rules = append(rules, r)
	}
	return nlmsg.Policy{Attrs: rules}
}()

// coalesceBool says whether an attribute is a switch.
func coalesceBool(attr int) bool {
	return attr == unix.ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX || attr == unix.ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX ||
		attr >= unix.ETHTOOL_A_COALESCE_USE_CQE_MODE_TX
}

func fillCoalesce(q *query, e *nlmsg.Encoder) error {
	if q.dev.Coalesce == nil {
		return unix.EOPNOTSUPP
	}
	c, err := q.dev.Coalesce(q.dev)
	if err != nil {
		return err
	}
	for i := unix.ETHTOOL_A_COALESCE_RX_USECS; i < len(c); i++ {
		switch {
		case c[i] == 0 && q.dev.CoalesceParams&ethtool.CoalesceBit(i) == 0:
		case coalesceBool(i):
			e.U8(uint16(i), boolU8(c[i] != 0))
		default:
			e.U32(uint16(i), c[i])
		}
	}
	return nil
}

// setCoalesce is ethnl_set_coalesce.
func (r *registry) setCoalesce(c *call, q *query) error {
	d := q.dev
	if d.Coalesce == nil || d.SetCoalesce == nil {
		return unix.EOPNOTSUPP
	}
	v, err := d.Coalesce(d)
	if err != nil {
		return err
	}
	changed := false
	for i := unix.ETHTOOL_A_COALESCE_RX_USECS; i < len(v); i++ {
		a := c.attrs.Get(uint16(i))
		if a.Present() && d.CoalesceParams&ethtool.CoalesceBit(i) == 0 {
			return c.Ext.FailAttr(unix.EINVAL, a, "cannot modify an unsupported parameter")
		}
	}
	for i := unix.ETHTOOL_A_COALESCE_RX_USECS; i < len(v); i++ {
		a := c.attrs.Get(uint16(i))
		switch {
		case !a.Present():
		case coalesceBool(i):
			on := v[i] != 0
			updateBool(&on, a, &changed)
			v[i] = uint32(boolU8(on))
		default:
			updateU32(&v[i], a, &changed)
		}
	}
	if !changed {
		return nil
	}
	if err := d.SetCoalesce(d, &v); err != nil {
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_COALESCE_NTF)
	return nil
}
