// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var linkstateGet = getter{
	cmd: unix.ETHTOOL_MSG_LINKSTATE_GET, reply: unix.ETHTOOL_MSG_LINKSTATE_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillLinkstate,
}

func fillLinkstate(q *query, e *nlmsg.Encoder) error {
	if up, ok := q.dev.HasLink(); ok {
		e.U8(unix.ETHTOOL_A_LINKSTATE_LINK, boolU8(up))
	}
	return nil
}

var debugGet = getter{
	cmd: unix.ETHTOOL_MSG_DEBUG_GET, reply: unix.ETHTOOL_MSG_DEBUG_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillDebug,
}

// debugSetPolicy is ethnl_debug_set_policy.
var debugSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                   {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_DEBUG_MSGMASK: {Kind: nlmsg.NestedAttrs},
}}

func fillDebug(q *query, e *nlmsg.Encoder) error {
	if q.dev.MsgLevel == nil {
		return unix.EOPNOTSUPP
	}
	bitset{value: word(q.dev.MsgLevel(q.dev)), names: ethtool.MsgNames, n: len(ethtool.MsgNames)}.
		put(e, unix.ETHTOOL_A_DEBUG_MSGMASK, q.compact())
	return nil
}

// setDebug is ethnl_set_debug.
func (r *registry) setDebug(c *call, q *query) error {
	d := q.dev
	if d.MsgLevel == nil || d.SetMsgLevel == nil {
		return unix.EOPNOTSUPP
	}
	mask := word(d.MsgLevel(d))
	changed, err := updateBitset(&mask, c.attrs.Get(unix.ETHTOOL_A_DEBUG_MSGMASK), len(ethtool.MsgNames), ethtool.MsgNames, c.Ext)
	if err != nil || !changed {
		return err
	}
	d.SetMsgLevel(d, mask[0])
	d.Notify(unix.ETHTOOL_MSG_DEBUG_NTF)
	return nil
}

var tsinfoGet = getter{
	cmd: unix.ETHTOOL_MSG_TSINFO_GET, reply: unix.ETHTOOL_MSG_TSINFO_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillTsinfo,
}

func fillTsinfo(q *query, e *nlmsg.Encoder) error {
	ts, err := q.dev.Timestamps()
	if err != nil {
		return err
	}
	for _, s := range []struct {
		attr  uint16
		bits  uint32
		names []string
	}{
		{unix.ETHTOOL_A_TSINFO_TIMESTAMPING, ts.Timestamping, ethtool.TimestampingNames},
		{unix.ETHTOOL_A_TSINFO_TX_TYPES, ts.TxTypes, ethtool.TxTypeNames},
		{unix.ETHTOOL_A_TSINFO_RX_FILTERS, ts.RxFilter, ethtool.RxFilterNames},
	} {
		if s.bits != 0 {
			bitset{value: word(s.bits), names: s.names, n: len(s.names)}.put(e, s.attr, q.compact())
		}
	}
	if ts.PHC >= 0 {
		e.U32(unix.ETHTOOL_A_TSINFO_PHC_INDEX, uint32(ts.PHC))
	}
	return nil
}
