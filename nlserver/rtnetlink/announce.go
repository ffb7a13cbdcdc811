// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/controlplane/rule"
)

// announce is the receiver of rtnl.Net.Announce: each noun's message goes to the function that fills
// it and knows its group.
func (f *family) announce(msg any) {
	switch m := msg.(type) {
	case link.Msg:
		f.announceLink(m)
	case link.ConfMsg:
		f.announceNetconf(m)
	case link.Info6Msg:
		f.announceInfo6(m)
	case addr.Msg:
		f.announceAddr(m)
	case rtnl.NSIDMsg:
		f.announceNSID(m)
	case rule.Msg:
		f.announceRule(m)
	default:
		if !f.announceRoute(msg) && !f.announceNeigh(msg) && !f.announceNexthop(msg) {
			f.Net.Log.Warn("announcement that nobody fills", "type", m)
		}
	}
}
