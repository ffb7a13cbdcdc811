// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/dataplane/dpif"
	"skua/nlserver/nlmsg"
)

// Attributes of forward error correction (ETHTOOL_A_FEC_*).
const (
	fecModes  = 2
	fecAuto   = 3
	fecActive = 4
	fecStats  = 5
)

var fecGet = getter{
	cmd: unix.ETHTOOL_MSG_FEC_GET, reply: unix.ETHTOOL_MSG_FEC_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerStatsPolicy), fill: fillFEC,
}

// fecSetPolicy is ethnl_fec_set_policy.
var fecSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr: {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	fecModes:   {Kind: nlmsg.NestedAttrs},
	fecAuto:    {Kind: nlmsg.U8, Check: nlmsg.CheckMax, Max: 1},
}}

// fecLinkModes are the link modes of the bits dpif.FEC*.
var fecLinkModes = map[uint32]int{
	dpif.FECOff: ethtool.ModeFECNone, dpif.FECRS: ethtool.ModeFECRS, dpif.FECBaseR: ethtool.ModeFECBaseR,
}

func fecToModes(fec uint32) (b ethtool.Bits) {
	for bit, mode := range fecLinkModes {
		if fec&bit != 0 {
			b.Set(mode)
		}
	}
	return b
}

func fillFEC(q *query, e *nlmsg.Encoder) error {
	if q.dev.FEC == nil {
		return unix.EOPNOTSUPP
	}
	f, err := q.dev.FEC(q.dev)
	if err != nil {
		return err
	}
	bitset{value: fecToModes(f.Configured), names: ethtool.ModeNames, n: len(ethtool.ModeNames)}.
		put(e, fecModes, q.compact())
	e.U8(fecAuto, boolU8(f.Configured&dpif.FECAuto != 0))
	active := fecToModes(f.Active)
	for i := range len(ethtool.ModeNames) {
		if active.Has(i) {
			e.U32(fecActive, uint32(i))
			break
		}
	}
	if q.flags&unix.ETHTOOL_FLAG_STATS != 0 {
		e.EndNest(e.Nest(fecStats))
	}
	return nil
}

// setFEC is ethnl_set_fec.
func (r *registry) setFEC(c *call, q *query) error {
	d := q.dev
	if d.FEC == nil || d.SetFEC == nil {
		return unix.EOPNOTSUPP
	}
	f, err := d.FEC(d)
	if err != nil {
		return err
	}
	modes, auto := fecToModes(f.Configured), f.Configured&dpif.FECAuto != 0
	a := c.attrs.Get(fecModes)
	changed, err := updateBitset(&modes, a, len(ethtool.ModeNames), ethtool.ModeNames, c.Ext)
	if err != nil {
		return err
	}
	updateBool(&auto, c.attrs.Get(fecAuto), &changed)
	if !changed {
		return nil
	}
	var fec uint32
	if auto {
		fec = dpif.FECAuto
	}
	for bit, mode := range fecLinkModes {
		if modes.Has(mode) {
			fec |= bit
			modes[mode/32] &^= 1 << (mode % 32)
		}
	}
	switch {
	case !modes.Empty():
		return c.Ext.FailAttr(unix.EINVAL, a, "invalid FEC modes requested")
	case fec == 0:
		return c.Ext.FailAttr(unix.EINVAL, a, "no FEC modes set")
	}
	if err := d.SetFEC(d, fec); err != nil {
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_FEC_NTF)
	return nil
}
