// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"time"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// EventType is the type of an Event.
type EventType int

// Events, with the place in the kernel where others act on them.
const (
	// Added: the address is in the table and in the data plane. IPv4: NETDEV_UP of inetaddr_chain,
	// after RTM_NEWADDR (fib_add_ifaddr). IPv6: the end of ipv6_add_addr, before RTM_NEWADDR: the
	// prefix route is made when Prefix is PrefixAdd.
	Added EventType = iota + 1
	// Start: IPv6 only, after the first RTM_NEWADDR: duplicate address detection begins
	// (addrconf_dad_start).
	Start
	// Ready: IPv6 only, the announced RTM_NEWADDR of an address that may be used: the local route
	// and that to the peer are made (__ipv6_ifa_notify with RTM_NEWADDR). See Table.Ready.
	Ready
	// Deleted: the address is no longer in the table, RTM_DELADDR has been announced. IPv4:
	// NETDEV_DOWN of inetaddr_chain (fib_del_ifaddr). IPv6: __ipv6_ifa_notify with RTM_DELADDR and
	// then cleanup_prefix_route according to Prefix.
	Deleted
	// Changed: flags, lifetimes, metric or peer changed; Old has the address as it was. IPv4: before
	// RTM_NEWADDR (fib_modify_prefix_metric). IPv6: after it, with Prefix.
	Changed
	// RoutesDel and RoutesAdd: IPv4 promotion. The routes of Addr, a secondary that stays, go
	// silently before its primary is deleted (fib_del_ifaddr(Addr, Primary)) and come back after
	// another has become primary (fib_add_ifaddr).
	RoutesDel
	RoutesAdd
	// Disable6: before the IPv6 addresses of Link go because it went down, was unregistered or had
	// IPv6 disabled: all its IPv6 routes go (rt6_disable_ip). Addr is nil.
	Disable6
	// Adding6: somebody asks for an IPv6 address on Link, which may yet be refused (addrconf_add_dev).
	// Addr is nil.
	Adding6
)

// PrefixAction says what becomes of the prefix route of an IPv6 address.
type PrefixAction int

// What becomes of it.
const (
	PrefixKeep   PrefixAction = iota // nothing
	PrefixAdd                        // addrconf_prefix_route
	PrefixModify                     // modify_prefix_route; when there is none, addrconf_prefix_route
	PrefixDel                        // CLEANUP_PREFIX_RT_DEL
	PrefixExpire                     // CLEANUP_PREFIX_RT_EXPIRE, at Expires
)

// Event is what happened to an address; subscribers get it by rtnl.Net.Subscribe.
type Event struct {
	Type EventType
	Addr *Addr
	Old  Addr       // Changed: the address as it was
	Link *link.Link // Disable6, Adding6
	// Primary is, with RoutesDel, the primary that is about to be deleted.
	Primary *Addr
	Prefix  PrefixAction
	// Expires is when the prefix route goes: with PrefixExpire, and with PrefixAdd and PrefixModify
	// when the address has a lifetime; zero: never.
	Expires time.Time
	// LinkDown says that an IPv6 address goes because its link went down (addrconf_ifdown), with all
	// routes gone before.
	LinkDown bool
}

// Msg is announced where the kernel calls rtmsg_ifa and inet6_ifa_notify.
type Msg struct {
	Type   uint16 // RTM_NEWADDR, RTM_DELADDR
	Addr   *Addr
	Origin rtnl.Origin // zero for what the kernel sends without a requester, as all of IPv6
}
