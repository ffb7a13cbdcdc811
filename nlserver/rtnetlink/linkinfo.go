// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver/nlmsg"
)

// fillLinkInfo is rtnl_link_fill: of the link's kind, and of that of its master.
func fillLinkInfo(e *nlmsg.Encoder, l *link.Link) {
	if l.Kind == "" && l.Master == nil {
		return
	}
	info := e.NestPlain(unix.IFLA_LINKINFO)
	if l.Master != nil {
		e.String(unix.IFLA_INFO_SLAVE_KIND, l.Master.Kind)
		if k := linkKinds[l.Master.Kind]; k != nil && k.fillSlave != nil {
			data := e.NestPlain(unix.IFLA_INFO_SLAVE_DATA)
			k.fillSlave(e, l.Master, l)
			e.EndNest(data)
		}
	}
	if l.Kind != "" {
		e.String(unix.IFLA_INFO_KIND, l.Kind)
		if k := linkKinds[l.Kind]; k != nil && k.fill != nil {
			data := e.NestPlain(unix.IFLA_INFO_DATA)
			k.fill(e, l)
			e.EndNest(data)
		}
	}
	e.EndNest(info)
}

// tunKind: of a TAP the same is said as the kernel says of its own.
var tunKind = linkKind{
	fill: func(e *nlmsg.Encoder, _ *link.Link) {
		const tap = 2 // IFF_TAP
		e.U8(unix.IFLA_TUN_TYPE, tap)
		e.U8(unix.IFLA_TUN_PI, 0)
		e.U8(unix.IFLA_TUN_VNET_HDR, 0)
		e.U8(unix.IFLA_TUN_PERSIST, 0)
		e.U8(unix.IFLA_TUN_MULTI_QUEUE, 0)
	},
}
