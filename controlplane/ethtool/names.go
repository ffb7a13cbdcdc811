// SPDX-License-Identifier: BSD-3-Clause

package ethtool

// Sets of names (ETH_SS_*).
const (
	SetTest = iota
	SetStats
	SetPrivFlags
	SetNtuple
	SetFeatures
	SetRSSHashFuncs
	SetTunables
	SetPhyStats
	SetPhyTunables
	SetLinkModes
	SetMsgClasses
	SetWolModes
	SetTimestamping
	SetTxTypes
	SetRxFilters
	SetUDPTunnels
	SetStatsStd
	SetStatsPhy
	SetStatsMac
	SetStatsCtrl
	SetStatsRmon
	SetCount
)

// NameLen is ETH_GSTRING_LEN in bytes.
const NameLen = 32

// OfDevice says whether a set belongs to each device; the others are the same for all.
func OfDevice(set uint32) bool {
	switch set {
	case SetTest, SetStats, SetPrivFlags, SetPhyStats:
		return true
	}
	return false
}

// NamesOf is a set that is the same for all devices; nil: there is none of this number.
func NamesOf(set uint32) []string {
	if set >= SetCount {
		return nil
	}
	return names[set]
}

var names = [SetCount][]string{
	SetFeatures: FeatureNames, SetRSSHashFuncs: {"toeplitz", "xor", "crc32"},
	SetTunables:    {"Unspec", "rx-copybreak", "tx-copybreak", "pfc-prevention-tout", "tx-copybreak-buf-size"},
	SetPhyTunables: {"Unspec", "phy-downshift", "phy-fast-link-down", "phy-energy-detect-power-down"},
	SetLinkModes:   ModeNames, SetMsgClasses: MsgNames, SetWolModes: WolNames,
	SetTimestamping: TimestampingNames, SetTxTypes: TxTypeNames, SetRxFilters: RxFilterNames,
	SetUDPTunnels: {"vxlan", "geneve", "vxlan-gpe"}, SetStatsStd: StatsStdNames,
	SetStatsPhy: StatsPhyNames, SetStatsMac: StatsMacNames, SetStatsCtrl: StatsCtrlNames,
	SetStatsRmon: StatsRmonNames,
}

// FeatureNames are netdev_features_strings; unused bits have none.
var FeatureNames = []string{
	"tx-scatter-gather", "tx-checksum-ipv4", "", "tx-checksum-ip-generic", "tx-checksum-ipv6",
	"highdma", "tx-scatter-gather-fraglist", "tx-vlan-hw-insert", "rx-vlan-hw-parse",
	"rx-vlan-filter", "vlan-challenged", "tx-generic-segmentation", "tx-lockless", "netns-local",
	"rx-gro", "rx-lro", "tx-tcp-segmentation", "tx-gso-robust", "tx-tcp-ecn-segmentation",
	"tx-tcp-mangleid-segmentation", "tx-tcp6-segmentation", "tx-fcoe-segmentation",
	"tx-gre-segmentation", "tx-gre-csum-segmentation", "tx-ipxip4-segmentation",
	"tx-ipxip6-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation",
	"tx-gso-partial", "tx-tunnel-remcsum-segmentation", "tx-sctp-segmentation",
	"tx-esp-segmentation", "", "tx-udp-segmentation", "tx-gso-list", "tx-checksum-fcoe-crc",
	"tx-checksum-sctp", "fcoe-mtu", "rx-ntuple-filter", "rx-hashing", "rx-checksum",
	"tx-nocache-copy", "loopback", "rx-fcs", "rx-all", "tx-vlan-stag-hw-insert",
	"rx-vlan-stag-hw-parse", "rx-vlan-stag-filter", "l2-fwd-offload", "hw-tc-offload",
	"esp-hw-offload", "esp-tx-csum-hw-offload", "rx-udp_tunnel-port-offload", "tls-hw-tx-offload",
	"tls-hw-rx-offload", "rx-gro-hw", "tls-hw-record", "rx-gro-list", "macsec-hw-offload",
	"rx-udp-gro-forwarding", "hsr-tag-ins-offload", "hsr-tag-rm-offload", "hsr-fwd-offload",
	"hsr-dup-offload",
}

// MsgNames are netif_msg_class_names.
var MsgNames = []string{
	"drv", "probe", "link", "timer", "ifdown", "ifup", "rx_err", "tx_err", "tx_queued", "intr",
	"tx_done", "rx_status", "pktdata", "hw", "wol",
}

// WolNames are wol_mode_names.
var WolNames = []string{
	"phy", "ucast", "mcast", "bcast", "arp", "magic", "magicsecure", "filter",
}

// TimestampingNames are sof_timestamping_names.
var TimestampingNames = []string{
	"hardware-transmit", "software-transmit", "hardware-receive", "software-receive",
	"software-system-clock", "hardware-legacy-clock", "hardware-raw-clock", "option-id",
	"sched-transmit", "ack-transmit", "option-cmsg", "option-tsonly", "option-stats",
	"option-pktinfo", "option-tx-swhw", "bind-phc",
}

// TxTypeNames are ts_tx_type_names.
var TxTypeNames = []string{
	"off", "on", "onestep-sync", "onestep-p2p",
}

// RxFilterNames are ts_rx_filter_names.
var RxFilterNames = []string{
	"none", "all", "some", "ptpv1-l4-event", "ptpv1-l4-sync", "ptpv1-l4-delay-req",
	"ptpv2-l4-event", "ptpv2-l4-sync", "ptpv2-l4-delay-req", "ptpv2-l2-event", "ptpv2-l2-sync",
	"ptpv2-l2-delay-req", "ptpv2-event", "ptpv2-sync", "ptpv2-delay-req", "ntp-all",
}

// StatsStdNames are stats_std_names.
var StatsStdNames = []string{
	"eth-phy", "eth-mac", "eth-ctrl", "rmon",
}

// StatsPhyNames are stats_eth_phy_names.
var StatsPhyNames = []string{
	"SymbolErrorDuringCarrier",
}

// StatsMacNames are stats_eth_mac_names.
var StatsMacNames = []string{
	"FramesTransmittedOK", "SingleCollisionFrames", "MultipleCollisionFrames", "FramesReceivedOK",
	"FrameCheckSequenceErrors", "AlignmentErrors", "OctetsTransmittedOK",
	"FramesWithDeferredXmissions", "LateCollisions", "FramesAbortedDueToXSColls",
	"FramesLostDueToIntMACXmitError", "CarrierSenseErrors", "OctetsReceivedOK",
	"FramesLostDueToIntMACRcvError", "MulticastFramesXmittedOK", "BroadcastFramesXmittedOK",
	"FramesWithExcessiveDeferral", "MulticastFramesReceivedOK", "BroadcastFramesReceivedOK",
	"InRangeLengthErrors", "OutOfRangeLengthField", "FrameTooLongErrors",
}

// StatsCtrlNames are stats_eth_ctrl_names.
var StatsCtrlNames = []string{
	"MACControlFramesTransmitted", "MACControlFramesReceived", "UnsupportedOpcodesReceived",
}

// StatsRmonNames are stats_rmon_names.
var StatsRmonNames = []string{
	"etherStatsUndersizePkts", "etherStatsOversizePkts", "etherStatsFragments",
	"etherStatsJabbers",
}
