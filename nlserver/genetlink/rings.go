// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// Attributes that are newer than those of x/sys's enum names.
const (
	ringsRxBufLen = 10 // ETHTOOL_A_RINGS_RX_BUF_LEN
	ringsCqeSize  = 12 // ETHTOOL_A_RINGS_CQE_SIZE
	ringsTxPush   = 13 // ETHTOOL_A_RINGS_TX_PUSH
)

var ringsGet = getter{
	cmd: unix.ETHTOOL_MSG_RINGS_GET, reply: unix.ETHTOOL_MSG_RINGS_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillRings,
}

// ringsSetPolicy is ethnl_rings_set_policy.
var ringsSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                    {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_RINGS_RX:       {Kind: nlmsg.U32},
	unix.ETHTOOL_A_RINGS_RX_MINI:  {Kind: nlmsg.U32},
	unix.ETHTOOL_A_RINGS_RX_JUMBO: {Kind: nlmsg.U32},
	unix.ETHTOOL_A_RINGS_TX:       {Kind: nlmsg.U32},
	ringsRxBufLen:                 {Kind: nlmsg.U32, Check: nlmsg.CheckMin, Min: 1},
	ringsCqeSize:                  {Kind: nlmsg.U32, Check: nlmsg.CheckMin, Min: 1},
	ringsTxPush:                   {Kind: nlmsg.U8, Check: nlmsg.CheckMax, Max: 1},
}}

func fillRings(q *query, e *nlmsg.Encoder) error {
	if q.dev.Rings == nil {
		return unix.EOPNOTSUPP
	}
	r := q.dev.Rings(q.dev)
	pair := func(maxAttr, attr uint16, limit, v uint32) {
		if limit != 0 {
			e.U32(maxAttr, limit)
			e.U32(attr, v)
		}
	}
	pair(unix.ETHTOOL_A_RINGS_RX_MAX, unix.ETHTOOL_A_RINGS_RX, r.RxMax, r.Rx)
	pair(unix.ETHTOOL_A_RINGS_RX_MINI_MAX, unix.ETHTOOL_A_RINGS_RX_MINI, r.RxMiniMax, r.RxMini)
	pair(unix.ETHTOOL_A_RINGS_RX_JUMBO_MAX, unix.ETHTOOL_A_RINGS_RX_JUMBO, r.RxJumboMax, r.RxJumbo)
	pair(unix.ETHTOOL_A_RINGS_TX_MAX, unix.ETHTOOL_A_RINGS_TX, r.TxMax, r.Tx)
	e.U8(ringsTxPush, 0)
	return nil
}

// setRings is ethnl_set_rings.
func (r *registry) setRings(c *call, q *query) error {
	d := q.dev
	if d.Rings == nil || d.SetRings == nil {
		return unix.EOPNOTSUPP
	}
	for _, u := range []struct {
		attr uint16
		text string
	}{
		{ringsRxBufLen, "setting rx buf len not supported"},
		{ringsCqeSize, "setting cqe size not supported"},
		{ringsTxPush, "setting tx push not supported"},
	} {
		if a := c.attrs.Get(u.attr); a.Present() {
			return c.Ext.FailAttr(unix.EOPNOTSUPP, a, u.text)
		}
	}
	v := d.Rings(d)
	changed := false
	fields := []struct {
		attr  uint16
		v     *uint32
		limit uint32
	}{
		{unix.ETHTOOL_A_RINGS_RX, &v.Rx, v.RxMax},
		{unix.ETHTOOL_A_RINGS_RX_MINI, &v.RxMini, v.RxMiniMax},
		{unix.ETHTOOL_A_RINGS_RX_JUMBO, &v.RxJumbo, v.RxJumboMax},
		{unix.ETHTOOL_A_RINGS_TX, &v.Tx, v.TxMax},
	}
	for _, f := range fields {
		updateU32(f.v, c.attrs.Get(f.attr), &changed)
	}
	if !changed {
		return nil
	}
	for _, f := range fields {
		if *f.v > f.limit {
			return c.Ext.FailAttr(unix.EINVAL, c.attrs.Get(f.attr), "requested ring size exceeds maximum")
		}
	}
	if err := d.SetRings(d, &v); err != nil {
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_RINGS_NTF)
	return nil
}
