// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var channelsGet = getter{
	cmd: unix.ETHTOOL_MSG_CHANNELS_GET, reply: unix.ETHTOOL_MSG_CHANNELS_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillChannels,
}

// channelsSetPolicy is ethnl_channels_set_policy.
var channelsSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                             {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_CHANNELS_RX_COUNT:       {Kind: nlmsg.U32},
	unix.ETHTOOL_A_CHANNELS_TX_COUNT:       {Kind: nlmsg.U32},
	unix.ETHTOOL_A_CHANNELS_OTHER_COUNT:    {Kind: nlmsg.U32},
	unix.ETHTOOL_A_CHANNELS_COMBINED_COUNT: {Kind: nlmsg.U32},
}}

func fillChannels(q *query, e *nlmsg.Encoder) error {
	if q.dev.Channels == nil {
		return unix.EOPNOTSUPP
	}
	ch := q.dev.Channels(q.dev)
	for _, f := range channelFields(&ch) {
		if f.limit != 0 {
			e.U32(f.maxAttr, f.limit)
			e.U32(f.attr, *f.v)
		}
	}
	return nil
}

type channelField struct {
	maxAttr, attr uint16
	limit         uint32
	v             *uint32
}

func channelFields(c *ethtool.Channels) []channelField {
	return []channelField{
		{unix.ETHTOOL_A_CHANNELS_RX_MAX, unix.ETHTOOL_A_CHANNELS_RX_COUNT, c.MaxRx, &c.Rx},
		{unix.ETHTOOL_A_CHANNELS_TX_MAX, unix.ETHTOOL_A_CHANNELS_TX_COUNT, c.MaxTx, &c.Tx},
		{unix.ETHTOOL_A_CHANNELS_OTHER_MAX, unix.ETHTOOL_A_CHANNELS_OTHER_COUNT, c.MaxOther, &c.Other},
		{unix.ETHTOOL_A_CHANNELS_COMBINED_MAX, unix.ETHTOOL_A_CHANNELS_COMBINED_COUNT, c.MaxCombined, &c.Combined},
	}
}

// setChannels is ethnl_set_channels.
func (r *registry) setChannels(c *call, q *query) error {
	d := q.dev
	if d.Channels == nil || d.SetChannels == nil {
		return unix.EOPNOTSUPP
	}
	ch := d.Channels(d)
	changed, combined := false, false
	for _, f := range channelFields(&ch) {
		if f.attr == unix.ETHTOOL_A_CHANNELS_COMBINED_COUNT {
			updateU32(f.v, c.attrs.Get(f.attr), &combined)
		} else {
			updateU32(f.v, c.attrs.Get(f.attr), &changed)
		}
	}
	if !changed && !combined {
		return nil
	}
	for _, f := range channelFields(&ch) {
		if *f.v > f.limit {
			return c.Ext.FailAttr(unix.EINVAL, c.attrs.Get(f.attr), "requested channel count exceeds maximum")
		}
	}
	if ch.Combined == 0 && (ch.Rx == 0 || ch.Tx == 0) {
		attr := uint16(unix.ETHTOOL_A_CHANNELS_TX_COUNT)
		switch {
		case combined:
			attr = unix.ETHTOOL_A_CHANNELS_COMBINED_COUNT
		case ch.Rx == 0:
			attr = unix.ETHTOOL_A_CHANNELS_RX_COUNT
		}
		return c.Ext.FailAttr(unix.EINVAL, c.attrs.Get(attr),
			"requested channel counts would result in no RX or TX channel being configured")
	}
	if err := d.SetChannels(d, &ch); err != nil {
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_CHANNELS_NTF)
	return nil
}
