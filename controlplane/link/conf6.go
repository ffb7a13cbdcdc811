// SPDX-License-Identifier: BSD-3-Clause

package link

// DevConf6 is the IPv6 configuration of a link (ipv6_devconf): net.ipv6.conf.NAME.*, in the
// order of DEVCONF_*. The intervals of router solicitation and probing and of MLD reports are in
// milliseconds, lifetimes in seconds.
type DevConf6 struct {
	Forwarding                    int32
	HopLimit                      int32
	MTU6                          int32
	AcceptRA                      int32
	AcceptRedirects               int32
	Autoconf                      int32
	DADTransmits                  int32
	RouterSolicitations           int32
	RouterSolicitationInterval    int32
	RouterSolicitationDelay       int32
	UseTempaddr                   int32
	TempValidLft                  int32
	TempPreferedLft               int32
	RegenMaxRetry                 int32
	MaxDesyncFactor               int32
	MaxAddresses                  int32
	ForceMLDVersion               int32
	AcceptRADefrtr                int32
	AcceptRAPinfo                 int32
	AcceptRARtrPref               int32
	RouterProbeInterval           int32
	AcceptRARtInfoMaxPlen         int32
	ProxyNDP                      int32
	OptimisticDAD                 int32
	AcceptSourceRoute             int32
	McForwarding                  int32
	DisableIPv6                   int32
	AcceptDAD                     int32
	ForceTLLAO                    int32
	NDISCNotify                   int32
	MLDv1Interval                 int32
	MLDv2Interval                 int32
	SuppressFragNDISC             int32
	AcceptRAFromLocal             int32
	UseOptimistic                 int32
	AcceptRAMTU                   int32
	StableSecret                  int32
	UseOifAddrsOnly               int32
	AcceptRAMinHopLimit           int32
	IgnoreRoutesWithLinkdown      int32
	DropUnicastInL2Multicast      int32
	DropUnsolicitedNA             int32
	KeepAddrOnDown                int32
	RouterSolicitationMaxInterval int32
	Seg6Enabled                   int32
	Seg6RequireHMAC               int32
	EnhancedDAD                   int32
	AddrGenMode                   int32
	DisablePolicy                 int32
	AcceptRARtInfoMinPlen         int32
	NDISCTclass                   int32
	RPLSegEnabled                 int32
	RADefrtrMetric                int32
	IOAM6Enabled                  int32
	IOAM6ID                       int32
	IOAM6IDWide                   int32
	NDISCEvictNocarrier           int32
	AcceptUntrackedNA             int32
	AcceptRAMinLft                int32
	ForceForwarding               int32
}

// conf6Keys names the fields of DevConf6 as sysctls do, in the order of DEVCONF_*.
var conf6Keys = []confKey[DevConf6]{
	{"forwarding", func(c *DevConf6) *int32 { return &c.Forwarding }},
	{"hop_limit", func(c *DevConf6) *int32 { return &c.HopLimit }},
	{"mtu", func(c *DevConf6) *int32 { return &c.MTU6 }},
	{"accept_ra", func(c *DevConf6) *int32 { return &c.AcceptRA }},
	{"accept_redirects", func(c *DevConf6) *int32 { return &c.AcceptRedirects }},
	{"autoconf", func(c *DevConf6) *int32 { return &c.Autoconf }},
	{"dad_transmits", func(c *DevConf6) *int32 { return &c.DADTransmits }},
	{"router_solicitations", func(c *DevConf6) *int32 { return &c.RouterSolicitations }},
	{"router_solicitation_interval", func(c *DevConf6) *int32 { return &c.RouterSolicitationInterval }},
	{"router_solicitation_delay", func(c *DevConf6) *int32 { return &c.RouterSolicitationDelay }},
	{"use_tempaddr", func(c *DevConf6) *int32 { return &c.UseTempaddr }},
	{"temp_valid_lft", func(c *DevConf6) *int32 { return &c.TempValidLft }},
	{"temp_prefered_lft", func(c *DevConf6) *int32 { return &c.TempPreferedLft }},
	{"regen_max_retry", func(c *DevConf6) *int32 { return &c.RegenMaxRetry }},
	{"max_desync_factor", func(c *DevConf6) *int32 { return &c.MaxDesyncFactor }},
	{"max_addresses", func(c *DevConf6) *int32 { return &c.MaxAddresses }},
	{"force_mld_version", func(c *DevConf6) *int32 { return &c.ForceMLDVersion }},
	{"accept_ra_defrtr", func(c *DevConf6) *int32 { return &c.AcceptRADefrtr }},
	{"accept_ra_pinfo", func(c *DevConf6) *int32 { return &c.AcceptRAPinfo }},
	{"accept_ra_rtr_pref", func(c *DevConf6) *int32 { return &c.AcceptRARtrPref }},
	{"router_probe_interval", func(c *DevConf6) *int32 { return &c.RouterProbeInterval }},
	{"accept_ra_rt_info_max_plen", func(c *DevConf6) *int32 { return &c.AcceptRARtInfoMaxPlen }},
	{"proxy_ndp", func(c *DevConf6) *int32 { return &c.ProxyNDP }},
	{"optimistic_dad", func(c *DevConf6) *int32 { return &c.OptimisticDAD }},
	{"accept_source_route", func(c *DevConf6) *int32 { return &c.AcceptSourceRoute }},
	{"mc_forwarding", func(c *DevConf6) *int32 { return &c.McForwarding }},
	{"disable_ipv6", func(c *DevConf6) *int32 { return &c.DisableIPv6 }},
	{"accept_dad", func(c *DevConf6) *int32 { return &c.AcceptDAD }},
	{"force_tllao", func(c *DevConf6) *int32 { return &c.ForceTLLAO }},
	{"ndisc_notify", func(c *DevConf6) *int32 { return &c.NDISCNotify }},
	{"mldv1_unsolicited_report_interval", func(c *DevConf6) *int32 { return &c.MLDv1Interval }},
	{"mldv2_unsolicited_report_interval", func(c *DevConf6) *int32 { return &c.MLDv2Interval }},
	{"suppress_frag_ndisc", func(c *DevConf6) *int32 { return &c.SuppressFragNDISC }},
	{"accept_ra_from_local", func(c *DevConf6) *int32 { return &c.AcceptRAFromLocal }},
	{"use_optimistic", func(c *DevConf6) *int32 { return &c.UseOptimistic }},
	{"accept_ra_mtu", func(c *DevConf6) *int32 { return &c.AcceptRAMTU }},
	{"", func(c *DevConf6) *int32 { return &c.StableSecret }},
	{"use_oif_addrs_only", func(c *DevConf6) *int32 { return &c.UseOifAddrsOnly }},
	{"accept_ra_min_hop_limit", func(c *DevConf6) *int32 { return &c.AcceptRAMinHopLimit }},
	{"ignore_routes_with_linkdown", func(c *DevConf6) *int32 { return &c.IgnoreRoutesWithLinkdown }},
	{"drop_unicast_in_l2_multicast", func(c *DevConf6) *int32 { return &c.DropUnicastInL2Multicast }},
	{"drop_unsolicited_na", func(c *DevConf6) *int32 { return &c.DropUnsolicitedNA }},
	{"keep_addr_on_down", func(c *DevConf6) *int32 { return &c.KeepAddrOnDown }},
	{"router_solicitation_max_interval", func(c *DevConf6) *int32 { return &c.RouterSolicitationMaxInterval }},
	{"seg6_enabled", func(c *DevConf6) *int32 { return &c.Seg6Enabled }},
	{"seg6_require_hmac", func(c *DevConf6) *int32 { return &c.Seg6RequireHMAC }},
	{"enhanced_dad", func(c *DevConf6) *int32 { return &c.EnhancedDAD }},
	{"addr_gen_mode", func(c *DevConf6) *int32 { return &c.AddrGenMode }},
	{"disable_policy", func(c *DevConf6) *int32 { return &c.DisablePolicy }},
	{"accept_ra_rt_info_min_plen", func(c *DevConf6) *int32 { return &c.AcceptRARtInfoMinPlen }},
	{"ndisc_tclass", func(c *DevConf6) *int32 { return &c.NDISCTclass }},
	{"rpl_seg_enabled", func(c *DevConf6) *int32 { return &c.RPLSegEnabled }},
	{"ra_defrtr_metric", func(c *DevConf6) *int32 { return &c.RADefrtrMetric }},
	{"ioam6_enabled", func(c *DevConf6) *int32 { return &c.IOAM6Enabled }},
	{"ioam6_id", func(c *DevConf6) *int32 { return &c.IOAM6ID }},
	{"ioam6_id_wide", func(c *DevConf6) *int32 { return &c.IOAM6IDWide }},
	{"ndisc_evict_nocarrier", func(c *DevConf6) *int32 { return &c.NDISCEvictNocarrier }},
	{"accept_untracked_na", func(c *DevConf6) *int32 { return &c.AcceptUntrackedNA }},
	{"accept_ra_min_lft", func(c *DevConf6) *int32 { return &c.AcceptRAMinLft }},
	{"force_forwarding", func(c *DevConf6) *int32 { return &c.ForceForwarding }},
}

// Array is what IFLA_INET6_CONF carries: DEVCONF_FORWARDING (0) first.
func (c *DevConf6) Array() []uint32 {
	a := make([]uint32, len(conf6Keys))
	for i, k := range conf6Keys {
		a[i] = uint32(*k.field(c))
	}
	return a
}

// Values of AddrGenMode (IN6_ADDR_GEN_MODE_*).
const (
	AddrGenEUI64         = 0
	AddrGenNone          = 1
	AddrGenStablePrivacy = 2
	AddrGenRandom        = 3
)

// defaultConf6 gives the kernel's initial "all" and "default".
func defaultConf6() (all, def DevConf6) {
	all = DevConf6{
		HopLimit: 64, MTU6: MinMTU6, AcceptRA: 1, AcceptRedirects: 1, Autoconf: 1, DADTransmits: 1,
		RouterSolicitations: -1, RouterSolicitationInterval: 4000, RouterSolicitationDelay: 1000,
		RouterSolicitationMaxInterval: 3600000,
		TempValidLft:                  604800, TempPreferedLft: 86400, RegenMaxRetry: 3, MaxDesyncFactor: 600,
		MaxAddresses: 16, AcceptRADefrtr: 1, AcceptRAPinfo: 1, AcceptRARtrPref: 1,
		RouterProbeInterval: 60000, MLDv1Interval: 10000, MLDv2Interval: 1000, SuppressFragNDISC: 1,
		AcceptRAMTU: 1, AcceptRAMinHopLimit: 1, EnhancedDAD: 1, RADefrtrMetric: 1024,
		IOAM6ID: 65535, IOAM6IDWide: -1, NDISCEvictNocarrier: 1,
	}
	def = all
	def.AcceptDAD = 1
	return all, def
}
