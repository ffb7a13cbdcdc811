// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of VRFs: IFLA_VRF_TABLE, and IFLA_VRF_PORT_TABLE of their slaves.
const (
	iflaVRFTable     = 1
	iflaVRFPortTable = 1
)

// vrfPolicy is vrf_nl_policy.
var vrfPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{iflaVRFTable: {Kind: nlmsg.U32}}}

var vrfKind = linkKind{
	policy: &vrfPolicy,
	parse: func(_ *family, _ *nlserver.Request, data *nlmsg.Attrs) (any, error) {
		cfg := &link.VRFConfig{}
		if data.Has(iflaVRFTable) {
			table := data.U32(iflaVRFTable)
			cfg.Table = &table
		}
		return cfg, nil
	},
	fill: func(e *nlmsg.Encoder, l *link.Link) { e.U32(iflaVRFTable, l.L3Table()) },
	fillSlave: func(e *nlmsg.Encoder, master, _ *link.Link) {
		e.U32(iflaVRFPortTable, master.L3Table())
	},
}
