// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"time"

	"skua/dataplane/dpif"
)

// addInDev gives the link its IPv4 configuration (inetdev_init): that of "default" as it is now.
func (l *Link) addInDev() {
	l.Conf4, l.InDev = l.t.Default4, true
	if l.Loopback() { // inetdev_event, NETDEV_REGISTER
		l.Conf4.DisableXfrm, l.Conf4.DisablePolicy = 1, 1
	}
}

// addIn6Dev gives the link its IPv6 configuration (ipv6_add_dev).
func (l *Link) addIn6Dev() {
	l.Conf6, l.In6Dev = l.t.Default6, true
	l.Conf6.MTU6 = int32(l.MTU)
	if l.Loopback() {
		l.Conf6.AcceptDAD, l.Conf6.UseTempaddr = -1, -1
	}
	l.TStamp6 = l.t.net.Clock.Now()
	base := l.Neigh6.BaseReachableTime
	l.Neigh6.ReachableTime = base/2 + time.Duration(l.t.net.Rand.Int64N(int64(base)))
}

func (l *Link) all4() *DevConf4 { return &l.t.All4 }

// The IPv4 settings that act combine those of the link with those of "all"; each of the following
// is the macro IN_DEV_* of the kernel (include/linux/inetdevice.h) with the same rule.

// Forwarding4 says whether IPv4 packets received on the link are forwarded.
func (l *Link) Forwarding4() bool { return l.InDev && l.Conf4.Forwarding != 0 }

// Forwarding6 says whether IPv6 packets received on the link are forwarded, and so whether it is a
// router's.
func (l *Link) Forwarding6() bool {
	return l.In6Dev && (l.Conf6.Forwarding != 0 || l.Conf6.ForceForwarding != 0)
}

// RPFilter is 0, 1 (strict) or 2 (loose): the greater of the two.
func (l *Link) RPFilter() int { return int(max(l.all4().RPFilter, l.Conf4.RPFilter)) }

// AcceptLocal accepts packets with an own source address.
func (l *Link) AcceptLocal() bool { return either(l.all4().AcceptLocal, l.Conf4.AcceptLocal) }

// SendRedirects is IN_DEV_TX_REDIRECTS.
func (l *Link) SendRedirects() bool { return either(l.all4().SendRedirects, l.Conf4.SendRedirects) }

// SharedMedia says that other subnets may be on the same medium.
func (l *Link) SharedMedia() bool { return either(l.all4().SharedMedia, l.Conf4.SharedMedia) }

// SecureRedirects is IN_DEV_SEC_REDIRECTS.
func (l *Link) SecureRedirects() bool {
	return either(l.all4().SecureRedirects, l.Conf4.SecureRedirects)
}

// AcceptRedirects4 is IN_DEV_RX_REDIRECTS: a router needs both, a host either.
func (l *Link) AcceptRedirects4() bool {
	if l.Forwarding4() {
		return both(l.all4().AcceptRedirects, l.Conf4.AcceptRedirects)
	}
	return either(l.all4().AcceptRedirects, l.Conf4.AcceptRedirects)
}

// RouteLocalnet lets 127/8 pass.
func (l *Link) RouteLocalnet() bool { return either(l.all4().RouteLocalnet, l.Conf4.RouteLocalnet) }

// AcceptSourceRoute4 is IN_DEV_SOURCE_ROUTE.
func (l *Link) AcceptSourceRoute4() bool {
	return both(l.all4().AcceptSourceRoute, l.Conf4.AcceptSourceRoute)
}

// BcForwarding is IN_DEV_BFORWARD: forward directed broadcasts.
func (l *Link) BcForwarding() bool { return both(l.all4().BcForwarding, l.Conf4.BcForwarding) }

// LogMartians logs impossible addresses.
func (l *Link) LogMartians() bool { return either(l.all4().LogMartians, l.Conf4.LogMartians) }

// PromoteSecondaries promotes a secondary when its primary is deleted.
func (l *Link) PromoteSecondaries() bool {
	return either(l.all4().PromoteSecondaries, l.Conf4.PromoteSecondaries)
}

// ArpIgnore is 0..8, the greater of the two.
func (l *Link) ArpIgnore() int { return int(max(l.all4().ArpIgnore, l.Conf4.ArpIgnore)) }

// ArpAnnounce is 0..2, the greater of the two.
func (l *Link) ArpAnnounce() int { return int(max(l.all4().ArpAnnounce, l.Conf4.ArpAnnounce)) }

// ArpAccept is 0..2, the greater of the two.
func (l *Link) ArpAccept() int { return int(max(l.all4().ArpAccept, l.Conf4.ArpAccept)) }

// ArpNotify sends gratuitous ARP when the link comes up or its address changes.
func (l *Link) ArpNotify() bool { return max(l.all4().ArpNotify, l.Conf4.ArpNotify) != 0 }

// ArpFilter answers ARP only where the answer would be routed back.
func (l *Link) ArpFilter() bool { return either(l.all4().ArpFilter, l.Conf4.ArpFilter) }

// ArpEvictNocarrier drops neighbours when the carrier goes.
func (l *Link) ArpEvictNocarrier() bool {
	return both(l.all4().ArpEvictNocarrier, l.Conf4.ArpEvictNocarrier)
}

// DropGratuitousARP drops them.
func (l *Link) DropGratuitousARP() bool {
	return either(l.all4().DropGratuitousARP, l.Conf4.DropGratuitousARP)
}

// ProxyARP answers for others.
func (l *Link) ProxyARP() bool { return either(l.all4().ProxyARP, l.Conf4.ProxyARP) }

// ProxyARPPvlan answers for others on the same link.
func (l *Link) ProxyARPPvlan() bool { return either(l.all4().ProxyARPPvlan, l.Conf4.ProxyARPPvlan) }

// MTU6 is the MTU for IPv6: the smaller of the link's and of net.ipv6.conf.NAME.mtu.
func (l *Link) MTU6() uint32 {
	if !l.In6Dev {
		return l.MTU
	}
	return min(l.MTU, uint32(l.Conf6.MTU6))
}

// Enabled6 says whether the link speaks IPv6.
func (l *Link) Enabled6() bool { return l.In6Dev && l.Conf6.DisableIPv6 == 0 }

// AcceptRA is ipv6_accept_ra: a router accepts router advertisements only with accept_ra 2.
func (l *Link) AcceptRA() bool {
	if l.Conf6.Forwarding != 0 {
		return l.Conf6.AcceptRA == 2
	}
	return l.Conf6.AcceptRA != 0
}

func either(a, b int32) bool { return a != 0 || b != 0 }
func both(a, b int32) bool   { return a != 0 && b != 0 }

// conf4 is what packets meet of the IPv4 configuration.
func (l *Link) conf4() (c dpif.Conf) {
	if !l.InDev {
		return 0
	}
	c = dpif.ConfEnabled
	for _, b := range []struct {
		on  bool
		bit dpif.Conf
	}{
		{l.Forwarding4(), dpif.ConfForwarding},
		{l.RPFilter() == 1, dpif.ConfRPStrict},
		{l.RPFilter() == 2, dpif.ConfRPLoose},
		{l.AcceptLocal(), dpif.ConfAcceptLocal},
		{l.SendRedirects(), dpif.ConfSendRedirects},
		{l.SharedMedia(), dpif.ConfSharedMedia},
		{l.RouteLocalnet(), dpif.ConfRouteLocalnet},
		{l.AcceptSourceRoute4(), dpif.ConfAcceptSourceRoute},
		{l.BcForwarding(), dpif.ConfBcForwarding},
		{either(l.all4().DropUnicastInL2Multicast, l.Conf4.DropUnicastInL2Multicast), dpif.ConfDropUnicastInL2Multicast},
	} {
		if b.on {
			c |= b.bit
		}
	}
	return c
}

// conf6 is what packets meet of the IPv6 configuration; "all" has acted when it was written.
func (l *Link) conf6() (c dpif.Conf) {
	if !l.In6Dev {
		return 0
	}
	c = dpif.ConfEnabled | dpif.ConfSendRedirects // there is no sysctl against IPv6 redirects
	if l.Forwarding6() {
		c |= dpif.ConfForwarding
	}
	if l.Conf6.DisableIPv6 != 0 {
		c |= dpif.ConfDisabled
	}
	if l.Conf6.DropUnicastInL2Multicast != 0 {
		c |= dpif.ConfDropUnicastInL2Multicast
	}
	// __ipv6_accept_source_route asks for the smaller of the two, and less than 0 refuses all.
	if min(l.t.All6.AcceptSourceRoute, l.Conf6.AcceptSourceRoute) >= 0 {
		c |= dpif.ConfAcceptSourceRoute
	}
	return c
}
