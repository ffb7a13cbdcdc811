// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink_test

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// bridgeSeeds are messages about bridges, forwarding databases and traffic control.
func bridgeSeeds() [][]byte {
	port := make([]byte, unix.SizeofIfInfomsg)
	port[0], port[4] = unix.AF_BRIDGE, 2
	fdb := []byte{unix.AF_BRIDGE, 0, 0, 0, 2, 0, 0, 0, 0x80, 0, 2, 0}
	group := func(e *nlmsg.Encoder) { e.Bytes(unix.NDA_LLADDR, []byte{1, 0, 0x5e, 0, 0, 9}) }
	ask := []byte{unix.AF_BRIDGE, 0, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0}
	tcm := make([]byte, 20)
	tcm[4] = 2
	binary.NativeEndian.PutUint32(tcm[12:], 0xffffffff) // TC_H_ROOT
	kind := func(e *nlmsg.Encoder) { e.String(unix.TCA_KIND, "noqueue") }
	return [][]byte{
		message(unix.RTM_SETLINK, unix.NLM_F_ACK, port, func(e *nlmsg.Encoder) {
			spec := e.NestPlain(unix.IFLA_AF_SPEC)
			e.U16(0, 2) // IFLA_BRIDGE_FLAGS
			e.U16(1, 1) // IFLA_BRIDGE_MODE
			e.EndNest(spec)
		}),
		message(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE, fdb, group, func(e *nlmsg.Encoder) { e.U16(unix.NDA_VLAN, 5) }),
		message(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE, fdb, group),
		message(unix.RTM_GETNEIGH, unix.NLM_F_DUMP, []byte{unix.AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
		message(unix.RTM_GETNEIGH, unix.NLM_F_DUMP, port, func(e *nlmsg.Encoder) { e.U32(unix.IFLA_MASTER, 2) }),
		message(unix.RTM_GETNEIGH, 0, ask, group, func(e *nlmsg.Encoder) { e.U32(unix.NDA_MASTER, 2) }),
		message(unix.RTM_DELNEIGH, unix.NLM_F_ACK, fdb, group),
		message(unix.RTM_DELNEIGH, nlmsg.Bulk, fdb, func(e *nlmsg.Encoder) { e.U8(17, 2) }),
		message(unix.RTM_GETMDB, unix.NLM_F_DUMP, []byte{unix.AF_BRIDGE, 0, 0, 0, 0, 0, 0, 0}),
		message(unix.RTM_NEWMDB, unix.NLM_F_ACK, []byte{unix.AF_BRIDGE, 0, 0, 0, 2, 0, 0, 0}),
		message(unix.RTM_GETVLAN, unix.NLM_F_DUMP, []byte{unix.AF_BRIDGE, 0, 0, 0, 2, 0, 0, 0}, func(e *nlmsg.Encoder) { e.U32(1, 1) }),
		message(unix.RTM_NEWVLAN, unix.NLM_F_ACK, []byte{unix.AF_BRIDGE, 0, 0, 0, 2, 0, 0, 0}, func(e *nlmsg.Encoder) { e.U32(2, 1) }),
		message(unix.RTM_GETQDISC, unix.NLM_F_DUMP, make([]byte, 20), func(e *nlmsg.Encoder) { e.Flag(unix.TCA_DUMP_INVISIBLE) }),
		message(unix.RTM_GETQDISC, 0, tcm, kind),
		message(unix.RTM_DELQDISC, unix.NLM_F_ACK, tcm, kind),
		message(unix.RTM_NEWQDISC, unix.NLM_F_CREATE, tcm, kind),
		message(unix.RTM_NEWTCLASS, unix.NLM_F_CREATE, tcm, kind),
		message(unix.RTM_DELTFILTER, 0, tcm, kind),
		message(unix.RTM_GETCHAIN, unix.NLM_F_DUMP, tcm),
		message(unix.RTM_GETACTION, 0, make([]byte, 4), func(e *nlmsg.Encoder) { e.EndNest(e.NestPlain(1)) }),
	}
}
