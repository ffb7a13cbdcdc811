// SPDX-License-Identifier: BSD-3-Clause

package link

// confKey is one integer of a device configuration.
type confKey[C any] struct {
	name  string // as under /proc/sys/net/*/conf/*; empty: no integer sysctl
	field func(*C) *int32
}

// DevConf4 is the IPv4 configuration of a link (ipv4_devconf): net.ipv4.conf.NAME.*, in the
// order of IPV4_DEVCONF_*. Intervals are in milliseconds.
type DevConf4 struct {
	Forwarding               int32
	McForwarding             int32
	ProxyARP                 int32
	AcceptRedirects          int32
	SecureRedirects          int32
	SendRedirects            int32
	SharedMedia              int32
	RPFilter                 int32
	AcceptSourceRoute        int32
	BootpRelay               int32
	LogMartians              int32
	Tag                      int32
	ArpFilter                int32
	MediumID                 int32
	DisableXfrm              int32
	DisablePolicy            int32
	ForceIGMPVersion         int32
	ArpAnnounce              int32
	ArpIgnore                int32
	PromoteSecondaries       int32
	ArpAccept                int32
	ArpNotify                int32
	AcceptLocal              int32
	SrcValidMark             int32
	ProxyARPPvlan            int32
	RouteLocalnet            int32
	IGMPv2Interval           int32
	IGMPv3Interval           int32
	IgnoreRoutesWithLinkdown int32
	DropUnicastInL2Multicast int32
	DropGratuitousARP        int32
	BcForwarding             int32
	ArpEvictNocarrier        int32
}

// conf4Keys names the fields of DevConf4 as sysctls do, in the order of IPV4_DEVCONF_*.
var conf4Keys = []confKey[DevConf4]{
	{"forwarding", func(c *DevConf4) *int32 { return &c.Forwarding }},
	{"mc_forwarding", func(c *DevConf4) *int32 { return &c.McForwarding }},
	{"proxy_arp", func(c *DevConf4) *int32 { return &c.ProxyARP }},
	{"accept_redirects", func(c *DevConf4) *int32 { return &c.AcceptRedirects }},
	{"secure_redirects", func(c *DevConf4) *int32 { return &c.SecureRedirects }},
	{"send_redirects", func(c *DevConf4) *int32 { return &c.SendRedirects }},
	{"shared_media", func(c *DevConf4) *int32 { return &c.SharedMedia }},
	{"rp_filter", func(c *DevConf4) *int32 { return &c.RPFilter }},
	{"accept_source_route", func(c *DevConf4) *int32 { return &c.AcceptSourceRoute }},
	{"bootp_relay", func(c *DevConf4) *int32 { return &c.BootpRelay }},
	{"log_martians", func(c *DevConf4) *int32 { return &c.LogMartians }},
	{"tag", func(c *DevConf4) *int32 { return &c.Tag }},
	{"arp_filter", func(c *DevConf4) *int32 { return &c.ArpFilter }},
	{"medium_id", func(c *DevConf4) *int32 { return &c.MediumID }},
	{"disable_xfrm", func(c *DevConf4) *int32 { return &c.DisableXfrm }},
	{"disable_policy", func(c *DevConf4) *int32 { return &c.DisablePolicy }},
	{"force_igmp_version", func(c *DevConf4) *int32 { return &c.ForceIGMPVersion }},
	{"arp_announce", func(c *DevConf4) *int32 { return &c.ArpAnnounce }},
	{"arp_ignore", func(c *DevConf4) *int32 { return &c.ArpIgnore }},
	{"promote_secondaries", func(c *DevConf4) *int32 { return &c.PromoteSecondaries }},
	{"arp_accept", func(c *DevConf4) *int32 { return &c.ArpAccept }},
	{"arp_notify", func(c *DevConf4) *int32 { return &c.ArpNotify }},
	{"accept_local", func(c *DevConf4) *int32 { return &c.AcceptLocal }},
	{"src_valid_mark", func(c *DevConf4) *int32 { return &c.SrcValidMark }},
	{"proxy_arp_pvlan", func(c *DevConf4) *int32 { return &c.ProxyARPPvlan }},
	{"route_localnet", func(c *DevConf4) *int32 { return &c.RouteLocalnet }},
	{"igmpv2_unsolicited_report_interval", func(c *DevConf4) *int32 { return &c.IGMPv2Interval }},
	{"igmpv3_unsolicited_report_interval", func(c *DevConf4) *int32 { return &c.IGMPv3Interval }},
	{"ignore_routes_with_linkdown", func(c *DevConf4) *int32 { return &c.IgnoreRoutesWithLinkdown }},
	{"drop_unicast_in_l2_multicast", func(c *DevConf4) *int32 { return &c.DropUnicastInL2Multicast }},
	{"drop_gratuitous_arp", func(c *DevConf4) *int32 { return &c.DropGratuitousARP }},
	{"bc_forwarding", func(c *DevConf4) *int32 { return &c.BcForwarding }},
	{"arp_evict_nocarrier", func(c *DevConf4) *int32 { return &c.ArpEvictNocarrier }},
}

// Array is what IFLA_INET_CONF carries: IPV4_DEVCONF_FORWARDING (1) first.
func (c *DevConf4) Array() []uint32 {
	a := make([]uint32, len(conf4Keys))
	for i, k := range conf4Keys {
		a[i] = uint32(*k.field(c))
	}
	return a
}

// defaultConf4 gives the kernel's initial "all" and "default".
func defaultConf4() (all, def DevConf4) {
	all = DevConf4{
		AcceptRedirects: 1, SecureRedirects: 1, SendRedirects: 1, SharedMedia: 1,
		IGMPv2Interval: 10000, IGMPv3Interval: 1000, ArpEvictNocarrier: 1,
	}
	def = all
	def.AcceptSourceRoute = 1
	return all, def
}
