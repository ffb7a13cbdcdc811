// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

var pauseGet = getter{
	cmd: unix.ETHTOOL_MSG_PAUSE_GET, reply: unix.ETHTOOL_MSG_PAUSE_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerStatsPolicy), fill: fillPause,
}

// pauseSetPolicy is ethnl_pause_set_policy.
var pauseSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                   {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_PAUSE_AUTONEG: {Kind: nlmsg.U8},
	unix.ETHTOOL_A_PAUSE_RX:      {Kind: nlmsg.U8},
	unix.ETHTOOL_A_PAUSE_TX:      {Kind: nlmsg.U8},
}}

func fillPause(q *query, e *nlmsg.Encoder) error {
	if q.dev.Pause == nil {
		return unix.EOPNOTSUPP
	}
	p := q.dev.Pause(q.dev)
	e.U8(unix.ETHTOOL_A_PAUSE_AUTONEG, boolU8(p.Autoneg))
	e.U8(unix.ETHTOOL_A_PAUSE_RX, boolU8(p.Rx))
	e.U8(unix.ETHTOOL_A_PAUSE_TX, boolU8(p.Tx))
	if q.flags&unix.ETHTOOL_FLAG_STATS != 0 {
		e.EndNest(e.Nest(unix.ETHTOOL_A_PAUSE_STATS)) // DPDK has no names of its own for them
	}
	return nil
}

// setPause is ethnl_set_pause.
func (r *registry) setPause(c *call, q *query) error {
	d := q.dev
	if d.Pause == nil || d.SetPause == nil {
		return unix.EOPNOTSUPP
	}
	p := d.Pause(d)
	changed := false
	updateBool(&p.Autoneg, c.attrs.Get(unix.ETHTOOL_A_PAUSE_AUTONEG), &changed)
	updateBool(&p.Rx, c.attrs.Get(unix.ETHTOOL_A_PAUSE_RX), &changed)
	updateBool(&p.Tx, c.attrs.Get(unix.ETHTOOL_A_PAUSE_TX), &changed)
	if !changed {
		return nil
	}
	if err := d.SetPause(d, &p); err != nil {
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_PAUSE_NTF)
	return nil
}
