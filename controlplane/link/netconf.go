// SPDX-License-Identifier: BSD-3-Clause

package link

import "golang.org/x/sys/unix"

// What RTM_GETNETCONF says (NETCONFA_*).
const (
	NetconfIfindex         = 1
	NetconfForwarding      = 2
	NetconfRPFilter        = 3
	NetconfMcForwarding    = 4
	NetconfProxyNeigh      = 5
	NetconfIgnoreLinkdown  = 6
	NetconfBcForwarding    = 8
	NetconfForceForwarding = 9
	NetconfAll             = -1
	NetconfIfindexAll      = -1
	NetconfIfindexDefault  = -2
)

// ConfMsg is announced where the kernel calls inet_netconf_notify_devconf and
// inet6_netconf_notify_devconf.
type ConfMsg struct {
	Type   uint16 // RTM_NEWNETCONF, RTM_DELNETCONF
	Family uint8
	Index  int32 // ifindex, or NetconfIfindexAll, NetconfIfindexDefault
	What   int   // NetconfForwarding, ... or NetconfAll
}

// Info6Msg is announced where the kernel calls inet6_ifinfo_notify.
type Info6Msg struct{ Link *Link }

// AnnounceInfo6 says that the IPv6 state of a link has changed (inet6_ifinfo_notify): to the group
// IPV6_IFINFO.
func (t *Table) AnnounceInfo6(l *Link) { t.net.Announce(Info6Msg{Link: l}) }

// Conf4Of finds the configuration of an index of RTM_GETNETCONF; nil: there is none.
func (t *Table) Conf4Of(index int32) *DevConf4 {
	switch {
	case index == NetconfIfindexAll:
		return &t.All4
	case index == NetconfIfindexDefault:
		return &t.Default4
	}
	if l := t.ByIndex(uint32(index)); l != nil && l.InDev {
		return &l.Conf4
	}
	return nil
}

// Conf6Of is Conf4Of for IPv6.
func (t *Table) Conf6Of(index int32) *DevConf6 {
	switch {
	case index == NetconfIfindexAll:
		return &t.All6
	case index == NetconfIfindexDefault:
		return &t.Default6
	}
	if l := t.ByIndex(uint32(index)); l != nil && l.In6Dev {
		return &l.Conf6
	}
	return nil
}

func (t *Table) netconf(family uint8, index int32, what int) {
	t.net.Announce(ConfMsg{Type: unix.RTM_NEWNETCONF, Family: family, Index: index, What: what})
}

// netconfNew says that a link has its settings (__devinet_sysctl_register,
// __addrconf_sysctl_register); netconfDel that it has them no more.
func (t *Table) netconfNew(family uint8, l *Link) { t.netconf(family, int32(l.Index), NetconfAll) }

func (t *Table) netconfDel(family uint8, l *Link) {
	t.net.Announce(ConfMsg{Type: unix.RTM_DELNETCONF, Family: family, Index: int32(l.Index)})
}

// netconfMoved follows a change of what IP families the link speaks.
func (t *Table) netconfMoved(l *Link, had4, had6 bool) {
	for _, f := range []struct {
		family   uint8
		had, has bool
	}{{unix.AF_INET, had4, l.InDev}, {unix.AF_INET6, had6, l.In6Dev}} {
		switch {
		case f.had && !f.has:
			t.netconfDel(f.family, l)
		case !f.had && f.has:
			t.netconfNew(f.family, l)
		}
	}
}
