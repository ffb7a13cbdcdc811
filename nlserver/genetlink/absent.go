// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// What no driver here has: the requests are checked, and answered as the kernel answers for a
// driver without the operation.

// unsupported is the answer of a driver without the operation.
func unsupported(*call, *query) error { return unix.EOPNOTSUPP }

func absent(*query, *nlmsg.Encoder) error { return unix.EOPNOTSUPP }

var wolGet = getter{
	cmd: unix.ETHTOOL_MSG_WOL_GET, reply: unix.ETHTOOL_MSG_WOL_GET_REPLY, flags: unix.GENL_UNS_ADMIN_PERM,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: absent,
}

// wolSetPolicy is ethnl_wol_set_policy.
var wolSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_WOL_MODES:  {Kind: nlmsg.NestedAttrs},
	unix.ETHTOOL_A_WOL_SOPASS: {Kind: nlmsg.Binary, Len: 6},
}}

func (r *registry) setWol(c *call, q *query) error { return unsupported(c, q) }

var privflagsGet = getter{
	cmd: unix.ETHTOOL_MSG_PRIVFLAGS_GET, reply: unix.ETHTOOL_MSG_PRIVFLAGS_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: absent,
}

// privflagsSetPolicy is ethnl_privflags_set_policy.
var privflagsSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                     {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_PRIVFLAGS_FLAGS: {Kind: nlmsg.NestedAttrs},
}}

func (r *registry) setPrivflags(c *call, q *query) error {
	if !c.attrs.Has(unix.ETHTOOL_A_PRIVFLAGS_FLAGS) {
		return unix.EINVAL
	}
	return unsupported(c, q)
}

var eeeGet = getter{
	cmd: unix.ETHTOOL_MSG_EEE_GET, reply: unix.ETHTOOL_MSG_EEE_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: absent,
}

// eeeSetPolicy is ethnl_eee_set_policy.
var eeeSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                        {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_EEE_MODES_OURS:     {Kind: nlmsg.NestedAttrs},
	unix.ETHTOOL_A_EEE_ENABLED:        {Kind: nlmsg.U8},
	unix.ETHTOOL_A_EEE_TX_LPI_ENABLED: {Kind: nlmsg.U8},
	unix.ETHTOOL_A_EEE_TX_LPI_TIMER:   {Kind: nlmsg.U32},
}}

// cableTestTDRPolicy is ethnl_cable_test_tdr_act_policy.
var cableTestTDRPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                        {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_CABLE_TEST_TDR_CFG: {Kind: nlmsg.NestedAttrs},
}}

var tunnelsGet = getter{
	cmd: unix.ETHTOOL_MSG_TUNNEL_INFO_GET, reply: unix.ETHTOOL_MSG_TUNNEL_INFO_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy),
	fill: func(q *query, _ *nlmsg.Encoder) error {
		return q.ext.Fail(unix.EOPNOTSUPP, "device does not report tunnel offload info")
	},
}

// vclocksGet: a clock of its own has no virtual ones.
var vclocksGet = getter{
	cmd: unix.ETHTOOL_MSG_PHC_VCLOCKS_GET, reply: unix.ETHTOOL_MSG_PHC_VCLOCKS_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy),
	fill: func(*query, *nlmsg.Encoder) error { return nil },
}

// pseAdminControl is ETHTOOL_A_PODL_PSE_ADMIN_CONTROL.
const pseAdminControl = 3

var pseGet = getter{
	cmd: unix.ETHTOOL_MSG_PSE_GET, reply: unix.ETHTOOL_MSG_PSE_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy),
	fill: func(q *query, _ *nlmsg.Encoder) error { return q.ext.Fail(unix.EOPNOTSUPP, "No PHY is attached") },
}

// pseSetPolicy is ethnl_pse_set_policy.
var pseSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:      {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	pseAdminControl: {Kind: nlmsg.U32, Check: nlmsg.CheckRange, Min: 2, Max: 3},
	4:               {},
}}

func setPSE(c *call, _ *query) error {
	if !c.attrs.Has(pseAdminControl) {
		return nil
	}
	return c.Ext.Fail(unix.EOPNOTSUPP, "No PHY is attached")
}
