// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var linkmodesGet = getter{
	cmd: unix.ETHTOOL_MSG_LINKMODES_GET, reply: unix.ETHTOOL_MSG_LINKMODES_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillLinkmodes,
}

// Attributes that x/sys has under no name of their own.
const (
	linkmodesLanes        = 9  // ETHTOOL_A_LINKMODES_LANES
	linkmodesRateMatching = 10 // ETHTOOL_A_LINKMODES_RATE_MATCHING
)

// linkmodesSetPolicy is ethnl_linkmodes_set_policy.
var linkmodesSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                                {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_LINKMODES_AUTONEG:          {Kind: nlmsg.U8},
	unix.ETHTOOL_A_LINKMODES_OURS:             {Kind: nlmsg.NestedAttrs},
	unix.ETHTOOL_A_LINKMODES_SPEED:            {Kind: nlmsg.U32},
	unix.ETHTOOL_A_LINKMODES_DUPLEX:           {Kind: nlmsg.U8},
	unix.ETHTOOL_A_LINKMODES_MASTER_SLAVE_CFG: {Kind: nlmsg.U8},
	linkmodesLanes:                            {Kind: nlmsg.U32, Check: nlmsg.CheckRange, Min: 1, Max: ethtool.MaxLanes},
}}

func fillLinkmodes(q *query, e *nlmsg.Encoder) error {
	s, err := q.settings()
	if err != nil {
		return err
	}
	modes := bitset{names: ethtool.ModeNames, n: len(ethtool.ModeNames)}
	e.U8(unix.ETHTOOL_A_LINKMODES_AUTONEG, s.Autoneg)
	modes.value, modes.mask = s.Advertising, &s.Supported
	modes.put(e, unix.ETHTOOL_A_LINKMODES_OURS, q.compact())
	if !s.Peer.Empty() {
		modes.value, modes.mask = s.Peer, nil
		modes.put(e, unix.ETHTOOL_A_LINKMODES_PEER, q.compact())
	}
	e.U32(unix.ETHTOOL_A_LINKMODES_SPEED, s.Speed)
	e.U8(unix.ETHTOOL_A_LINKMODES_DUPLEX, s.Duplex)
	e.U8(linkmodesRateMatching, 0)
	return nil
}

// setLinkmodes is ethnl_set_linkmodes.
func (r *registry) setLinkmodes(c *call, q *query) error {
	cfg, lanes := c.attrs.Get(unix.ETHTOOL_A_LINKMODES_MASTER_SLAVE_CFG), c.attrs.Get(linkmodesLanes)
	if cfg.Present() && (cfg.U8() < 2 || cfg.U8() > 5) {
		return c.Ext.FailAttr(unix.EOPNOTSUPP, cfg, "master/slave value is invalid")
	}
	if lanes.Present() && lanes.U32()&(lanes.U32()-1) != 0 {
		return c.Ext.FailAttr(unix.EINVAL, lanes, "lanes value is invalid")
	}
	d := q.dev
	if d.LinkSettings == nil || d.SetLinkSettings == nil {
		return unix.EOPNOTSUPP
	}
	s, err := q.settings()
	if err != nil {
		return err
	}
	if cfg.Present() && s.MasterSlave == 0 {
		return c.Ext.FailAttr(unix.EOPNOTSUPP, cfg, "master/slave configuration not supported by device")
	}
	changed, err := updateLinkmodes(c, &s, lanes)
	if err != nil || !changed {
		return err
	}
	if err := d.SetLinkSettings(d, &s); err != nil {
		c.Ext.Warn("link settings update failed")
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_LINKMODES_NTF)
	return nil
}

// updateLinkmodes is ethnl_update_linkmodes.
func updateLinkmodes(c *call, s *ethtool.LinkSettings, lanes nlmsg.Attr) (changed bool, err error) {
	updateU8(&s.Autoneg, c.attrs.Get(unix.ETHTOOL_A_LINKMODES_AUTONEG), &changed)
	switch {
	case lanes.Present() && s.Autoneg == 0:
		return false, c.Ext.FailAttr(unix.EOPNOTSUPP, lanes, "lanes configuration not supported by device")
	case s.Autoneg == 0 && s.Lanes != 0:
		s.Lanes, changed = 0, true
	}
	ours := c.attrs.Get(unix.ETHTOOL_A_LINKMODES_OURS)
	modes, err := updateBitset(&s.Advertising, ours, len(ethtool.ModeNames), ethtool.ModeNames, c.Ext)
	if err != nil {
		return false, err
	}
	changed = changed || modes
	speed, duplex := c.attrs.Get(unix.ETHTOOL_A_LINKMODES_SPEED), c.attrs.Get(unix.ETHTOOL_A_LINKMODES_DUPLEX)
	updateU32(&s.Speed, speed, &changed)
	updateU32(&s.Lanes, lanes, &changed)
	updateU8(&s.Duplex, duplex, &changed)
	if ours.Present() || s.Autoneg == 0 || !speed.Present() && !lanes.Present() && !duplex.Present() {
		return changed, nil
	}
	return advertise(s, speed.Present(), lanes.Present(), duplex.Present()) || changed, nil
}

// advertise is ethnl_auto_linkmodes: the supported modes of the speed, lanes and duplex that were
// asked for.
func advertise(s *ethtool.LinkSettings, speed, lanes, duplex bool) bool {
	before := s.Advertising
	for i, m := range ethtool.Modes {
		if m.Speed == 0 {
			continue
		}
		s.Advertising[i/32] &^= 1 << (i % 32)
		if s.Supported.Has(i) && (!speed || m.Speed == s.Speed) && (!lanes || m.Lanes == s.Lanes) &&
			(!duplex || m.Duplex == s.Duplex) {
			s.Advertising.Set(i)
		}
	}
	return s.Advertising != before
}
