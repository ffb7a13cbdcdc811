// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Attributes of IFLA_INFO_DATA of a macvlan (IFLA_MACVLAN_*).
const (
	iflaMacvlanMode           = 1
	iflaMacvlanFlags          = 2
	iflaMacvlanMacaddrMode    = 3
	iflaMacvlanMacaddr        = 4
	iflaMacvlanMacaddrData    = 5
	iflaMacvlanMacaddrCount   = 6
	iflaMacvlanBcQueueLen     = 7
	iflaMacvlanBcQueueLenUsed = 8
)

// macvlanPolicy is macvlan_policy.
var macvlanPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	iflaMacvlanMode:           {Kind: nlmsg.U32},
	iflaMacvlanFlags:          {Kind: nlmsg.U16},
	iflaMacvlanMacaddrMode:    {Kind: nlmsg.U32},
	iflaMacvlanMacaddr:        {Kind: nlmsg.Binary, Len: 32},
	iflaMacvlanMacaddrData:    {Kind: nlmsg.NestedAttrs},
	iflaMacvlanMacaddrCount:   {Kind: nlmsg.U32},
	iflaMacvlanBcQueueLen:     {Kind: nlmsg.U32},
	iflaMacvlanBcQueueLenUsed: {Kind: nlmsg.Reject},
}}

var macvlanKind = linkKind{policy: &macvlanPolicy, parse: parseMACVLAN, fill: fillMACVLAN}

func parseMACVLAN(_ *family, _ *nlserver.Request, data *nlmsg.Attrs) (any, error) {
	cfg := &link.MACVLANConfig{Mode: word(data, iflaMacvlanMode), QueueLen: word(data, iflaMacvlanBcQueueLen)}
	if data.Has(iflaMacvlanFlags) {
		flags := data.U16(iflaMacvlanFlags)
		cfg.Flags = &flags
	}
	for _, a := range []uint16{iflaMacvlanMacaddrMode, iflaMacvlanMacaddr, iflaMacvlanMacaddrData, iflaMacvlanMacaddrCount} {
		cfg.Sources = cfg.Sources || data.Has(a)
	}
	return cfg, nil
}

// fillMACVLAN is macvlan_fill_info.
func fillMACVLAN(e *nlmsg.Encoder, l *link.Link) {
	m := l.Data.(*link.MACVLAN)
	e.U32(iflaMacvlanMode, m.Mode)
	e.U16(iflaMacvlanFlags, m.Flags)
	e.U32(iflaMacvlanMacaddrCount, 0)
	e.U32(iflaMacvlanBcQueueLen, m.QueueLen)
	e.U32(iflaMacvlanBcQueueLenUsed, l.MACVLANQueueLen())
}
