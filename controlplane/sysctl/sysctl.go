// SPDX-License-Identifier: BSD-3-Clause

// Package sysctl completes the tree of sysctls below net: what packages to its left have not added,
// because nothing of Skua's follows it, is there nevertheless, so that programs find the kernel's
// tree. There are two kinds of these.
//
// A setting of sockets (tcp_*, udp_*, rmem_max, somaxconn, ...) is the host kernel's, where the
// sockets of all programs are: reading and writing goes to the host's own file.
//
// Any other shows what Linux 6.1 begins with. Writing that value is fine; another one is refused with
// EOPNOTSUPP (EINVAL when the kernel would not take it either), because it would have no effect.
package sysctl

import (
	"math"
	"strconv"
	"strings"
	"syscall"

	"skua/controlplane/link"
)

// integer is a fixed sysctl that is a number.
type integer struct {
	name     string // below net
	value    int64
	min, max int64 // what the kernel takes
}

const (
	maxInt  = math.MaxInt32
	minInt  = math.MinInt32
	maxLong = math.MaxInt64
)

// integers are the sysctls that nothing of Skua's follows, with the values and the ranges of Linux
// 6.1.
var integers = []integer{
	{"core.busy_poll", 0, 0, maxInt},
	{"core.busy_read", 0, 0, maxInt},
	{"core.dev_weight", 64, 1, maxInt},
	{"core.dev_weight_rx_bias", 1, 1, maxInt},
	{"core.dev_weight_tx_bias", 1, 1, maxInt},
	{"core.devconf_inherit_init_net", 0, 0, 3},
	{"core.fb_tunnels_only_for_init_net", 0, 0, 2},
	{"core.flow_limit_table_len", 4096, 0, maxInt},
	{"core.gro_normal_batch", 8, 1, maxInt},
	{"core.high_order_alloc_disable", 0, 0, 1},
	{"core.max_skb_frags", 17, 1, 17},
	{"core.message_burst", 10, minInt, maxInt},
	{"core.message_cost", 5, minInt, maxInt},
	{"core.netdev_budget", 300, minInt, maxInt},
	{"core.netdev_budget_usecs", 8000, 1, maxInt},
	{"core.netdev_max_backlog", 1000, minInt, maxInt},
	{"core.netdev_tstamp_prequeue", 1, minInt, maxInt},
	{"core.netdev_unregister_timeout_secs", 10, 1, 3600},
	{"core.rps_sock_flow_entries", 0, 0, 1 << 29},
	{"core.skb_defer_max", 64, 0, maxInt},
	{"core.warnings", 0, minInt, maxInt},
	{"core.xfrm_acq_expires", 30, minInt, maxInt},
	{"core.xfrm_aevent_etime", 10, 0, math.MaxUint32},
	{"core.xfrm_aevent_rseqth", 2, 0, math.MaxUint32},
	{"core.xfrm_larval_drop", 1, minInt, maxInt},

	{"ipv4.fib_multipath_hash_fields", 7, 1, 0xff},
	{"ipv4.fib_notify_on_flag_change", 0, 0, 2},
	{"ipv4.fib_sync_mem", 512 << 10, 64 << 10, 64 << 20},
	{"ipv4.fwmark_reflect", 0, 0, 255},
	{"ipv4.icmp_echo_enable_probe", 0, 0, 1},
	{"ipv4.igmp_link_local_mcast_reports", 1, 0, 255},
	{"ipv4.igmp_max_msf", 10, minInt, maxInt},
	{"ipv4.igmp_qrv", 2, 1, maxInt},
	{"ipv4.inet_peer_maxttl", 600, minInt, maxInt},
	{"ipv4.inet_peer_minttl", 120, minInt, maxInt},
	{"ipv4.inet_peer_threshold", 65664, minInt, maxInt},
	{"ipv4.ip_forward_update_priority", 1, 0, 1},
	{"ipv4.ip_forward_use_pmtu", 0, 0, 255},
	{"ipv4.ip_no_pmtu_disc", 0, 0, 255},
	{"ipv4.ipfrag_high_thresh", 4 << 20, 0, maxLong},
	{"ipv4.ipfrag_low_thresh", 3 << 20, 0, maxLong},
	{"ipv4.ipfrag_max_dist", 64, 0, maxInt},
	{"ipv4.ipfrag_secret_interval", 0, minInt, maxInt},
	{"ipv4.ipfrag_time", 30, minInt, maxInt},
	{"ipv4.route.gc_elasticity", 8, minInt, maxInt},
	{"ipv4.route.gc_interval", 60, minInt, maxInt},
	{"ipv4.route.gc_min_interval", 0, minInt, maxInt},
	{"ipv4.route.gc_min_interval_ms", 500, minInt, maxInt},
	{"ipv4.route.gc_thresh", -1, minInt, maxInt},
	{"ipv4.route.gc_timeout", 300, minInt, maxInt},
	{"ipv4.route.max_size", maxInt, minInt, maxInt},
	{"ipv4.route.min_adv_mss", 256, minInt, maxInt},
	{"ipv4.route.min_pmtu", 552, 68, maxInt},
	{"ipv4.route.mtu_expires", 600, minInt, maxInt},
	{"ipv4.xfrm4_gc_thresh", 32768, minInt, maxInt},

	{"ipv6.fib_multipath_hash_fields", 7, 1, 0xff},
	{"ipv6.fib_notify_on_flag_change", 0, 0, 2},
	{"ipv6.fwmark_reflect", 0, 0, 255},
	{"ipv6.ioam6_id", 1<<24 - 1, 0, 1<<24 - 1},
	{"ipv6.ioam6_id_wide", 1<<56 - 1, 0, 1<<56 - 1},
	{"ipv6.ip6frag_high_thresh", 4 << 20, 0, maxLong},
	{"ipv6.ip6frag_low_thresh", 3 << 20, 0, maxLong},
	{"ipv6.ip6frag_secret_interval", 0, minInt, maxInt},
	{"ipv6.ip6frag_time", 60, minInt, maxInt},
	{"ipv6.max_dst_opts_length", maxInt, minInt, maxInt},
	{"ipv6.max_dst_opts_number", 8, minInt, maxInt},
	{"ipv6.max_hbh_length", maxInt, minInt, maxInt},
	{"ipv6.max_hbh_opts_number", 8, minInt, maxInt},
	{"ipv6.mld_max_msf", 64, minInt, maxInt},
	{"ipv6.route.gc_elasticity", 9, minInt, maxInt},
	{"ipv6.route.gc_min_interval", 0, minInt, maxInt},
	{"ipv6.route.gc_min_interval_ms", 500, minInt, maxInt},
	{"ipv6.route.gc_thresh", 1024, minInt, maxInt},
	{"ipv6.route.gc_timeout", 60, minInt, maxInt},
	{"ipv6.route.max_size", maxInt, minInt, maxInt},
	{"ipv6.route.min_adv_mss", 1220, minInt, maxInt},
	{"ipv6.route.mtu_expires", 600, minInt, maxInt},
	{"ipv6.seg6_flowlabel", 0, minInt, maxInt},
	{"ipv6.xfrm6_gc_thresh", 32768, minInt, maxInt},
}

// words are fixed sysctls that are no number.
var words = map[string]string{
	"core.default_qdisc":         "noqueue",
	"core.flow_limit_cpu_bitmap": "0",
}

// host are the settings of the host kernel's sockets. Those that its kernel does not have are not
// there.
const host = `core.bpf_jit_enable core.bpf_jit_harden core.bpf_jit_kallsyms core.bpf_jit_limit
	core.mem_pcpu_rsv core.netdev_rss_key core.optmem_max core.rmem_default core.rmem_max core.somaxconn
	core.tstamp_allow_data core.txrehash core.wmem_default core.wmem_max
	ipv4.igmp_max_memberships ipv4.ip_autobind_reuse ipv4.ip_dynaddr ipv4.ip_early_demux
	ipv4.ip_local_port_range ipv4.ip_local_reserved_ports ipv4.ip_unprivileged_port_start
	ipv4.ping_group_range ipv4.raw_l3mdev_accept
	ipv4.tcp_abort_on_overflow ipv4.tcp_adv_win_scale ipv4.tcp_allowed_congestion_control
	ipv4.tcp_app_win ipv4.tcp_autocorking ipv4.tcp_available_congestion_control
	ipv4.tcp_available_ulp ipv4.tcp_base_mss ipv4.tcp_challenge_ack_limit
	ipv4.tcp_child_ehash_entries ipv4.tcp_comp_sack_delay_ns ipv4.tcp_comp_sack_nr
	ipv4.tcp_comp_sack_slack_ns ipv4.tcp_congestion_control ipv4.tcp_dsack ipv4.tcp_early_demux
	ipv4.tcp_early_retrans ipv4.tcp_ecn ipv4.tcp_ecn_fallback ipv4.tcp_ehash_entries ipv4.tcp_fack
	ipv4.tcp_fastopen ipv4.tcp_fastopen_blackhole_timeout_sec ipv4.tcp_fastopen_key
	ipv4.tcp_fin_timeout ipv4.tcp_frto ipv4.tcp_fwmark_accept ipv4.tcp_invalid_ratelimit
	ipv4.tcp_keepalive_intvl ipv4.tcp_keepalive_probes ipv4.tcp_keepalive_time
	ipv4.tcp_l3mdev_accept ipv4.tcp_limit_output_bytes ipv4.tcp_low_latency ipv4.tcp_max_orphans
	ipv4.tcp_max_reordering ipv4.tcp_max_syn_backlog ipv4.tcp_max_tw_buckets ipv4.tcp_mem
	ipv4.tcp_migrate_req ipv4.tcp_min_rtt_wlen ipv4.tcp_min_snd_mss ipv4.tcp_min_tso_segs
	ipv4.tcp_moderate_rcvbuf ipv4.tcp_mtu_probe_floor ipv4.tcp_mtu_probing
	ipv4.tcp_no_metrics_save ipv4.tcp_no_ssthresh_metrics_save ipv4.tcp_notsent_lowat
	ipv4.tcp_orphan_retries ipv4.tcp_pacing_ca_ratio ipv4.tcp_pacing_ss_ratio
	ipv4.tcp_probe_interval ipv4.tcp_probe_threshold ipv4.tcp_recovery ipv4.tcp_reflect_tos
	ipv4.tcp_reordering ipv4.tcp_retrans_collapse ipv4.tcp_retries1 ipv4.tcp_retries2
	ipv4.tcp_rfc1337 ipv4.tcp_rmem ipv4.tcp_sack ipv4.tcp_shrink_window
	ipv4.tcp_slow_start_after_idle ipv4.tcp_stdurg ipv4.tcp_syn_retries ipv4.tcp_synack_retries
	ipv4.tcp_syncookies ipv4.tcp_thin_linear_timeouts ipv4.tcp_timestamps ipv4.tcp_tso_rtt_log
	ipv4.tcp_tso_win_divisor ipv4.tcp_tw_reuse ipv4.tcp_window_scaling ipv4.tcp_wmem
	ipv4.tcp_workaround_signed_windows
	ipv4.udp_early_demux ipv4.udp_l3mdev_accept ipv4.udp_mem ipv4.udp_rmem_min ipv4.udp_wmem_min
	ipv6.bindv6only ipv6.flowlabel_consistency ipv6.flowlabel_reflect ipv6.flowlabel_state_ranges
	unix.max_dgram_qlen`

// Complete adds to the sysctls of links all that are not there yet.
func Complete(links *link.Table) {
	add := func(name string, k link.Knob) {
		if name = "net." + name; !links.HasSysctl(name) {
			links.AddSysctl(name, k)
		}
	}
	for _, i := range integers {
		add(i.name, i.knob())
	}
	for name, word := range words {
		add(name, link.Knob{Get: func() string { return word }, Set: func(value string) error {
			if value != word {
				return syscall.EOPNOTSUPP
			}
			return nil
		}})
	}
	for _, name := range strings.Fields(host) {
		k := link.Knob{Host: true}
		switch name {
		case "ipv4.tcp_fastopen_key", "core.bpf_jit_harden", "core.bpf_jit_kallsyms", "core.bpf_jit_limit":
			k.Mode = 0o600
		case "ipv4.tcp_available_congestion_control", "ipv4.tcp_available_ulp", "ipv4.tcp_ehash_entries",
			"core.netdev_rss_key":
			k.Mode = 0o444
		}
		add(name, k)
	}
	add("ipv4.route.flush", flush())
}

func (i *integer) knob() link.Knob {
	return link.Knob{
		Get: func() string { return strconv.FormatInt(i.value, 10) },
		Set: func(value string) error {
			v, err := link.ParseSysctl(value)
			switch {
			case err != nil:
				return err
			case v < i.min || v > i.max:
				return syscall.EINVAL
			case v != i.value:
				return syscall.EOPNOTSUPP
			}
			return nil
		},
	}
}

// flush is ipv4/route/flush: there is no cache of routes, and so it is empty whenever it is written.
func flush() link.Knob {
	return link.Knob{Mode: 0o200, Set: func(value string) error {
		_, err := link.ParseSysctl(value)
		return err
	}}
}
