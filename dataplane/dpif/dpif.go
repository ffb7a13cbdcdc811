// SPDX-License-Identifier: BSD-3-Clause

// Package dpif is the data plane as the control plane sees it: plain values in, plain values out.
// It mirrors dataplane.h one to one and imports the standard library only, so that the control
// plane is built and tested without DPDK. Package dataplane implements it over C; the Fake in this
// package implements it over maps.
package dpif

import (
	"context"
	"net/netip"
	"time"
)

// PortNone is the port of a link that no device stands behind (loopback, dummy).
const PortNone uint16 = 0xffff

// Limits of the data plane; the constants of the same meaning in dataplane.h.
const (
	MaxNets     = 64      // ids of nets are 0..MaxNets-1
	MaxLinks    = 16384   // ifindexes are 1..MaxLinks-1
	MaxNexthops = 1 << 20 // nexthop ids are 1..MaxNexthops-1
	MaxGroup    = 256     // members of a nexthop group
)

// LinkType says how a link frames its packets.
type LinkType uint8

// Link types.
const (
	LinkEther LinkType = iota
	LinkLoopback
	LinkDummy   // takes every packet and sends none
	LinkVLAN    // of Lower: VLANProto, VLANID
	LinkVETH    // what it sends PeerIfindex of PeerNet receives
	LinkVRF     // l3mdev of those that have it as Master
	LinkMACVLAN // on Lower, with an address of its own: MACVLANMode
)

// Conf holds the per-device sysctls that packets meet (DP_CONF_*).
type Conf uint32

// Bits of Conf.
const (
	ConfForwarding Conf = 1 << iota
	ConfRPStrict
	ConfRPLoose
	ConfAcceptLocal
	ConfSendRedirects
	ConfSharedMedia
	ConfRouteLocalnet
	ConfAcceptSourceRoute
	ConfBcForwarding
	ConfDropUnicastInL2Multicast
	ConfDisabled // IPv6: disable_ipv6
	ConfEnabled  // the device has an in_device / inet6_dev
)

// Link is a net_device as the data plane holds it.
type Link struct {
	Net      uint32
	Ifindex  uint32
	Name     string
	Port     uint16 // ethdev port id or PortNone
	Type     LinkType
	Carrier  bool
	Flags    uint32 // IFF_*
	MTU      uint32 // bytes, L3
	MTU6     uint32
	Conf4    Conf
	Conf6    Conf
	HardAddr [6]byte

	Group       uint32    // IFLA_GROUP: rules may refuse what leaves by it
	Master      uint32    // ifindex of the link that it is enslaved to; 0: none
	Lower       uint32    // LinkVLAN, LinkMACVLAN: ifindex of the real device
	VLANProto   uint16    // LinkVLAN: ETH_P_8021Q or ETH_P_8021AD
	VLANID      uint16    // LinkVLAN: 0..4094
	PeerNet     uint32    // the net of Lower, of PeerIfindex
	PeerIfindex uint32    // LinkVETH; 0: none yet
	VLANEgress  [16]uint8 // LinkVLAN: PCP (0..7) of each priority
	MACVLANMode uint8     // LinkMACVLAN: MACVLAN_MODE_PRIVATE, _VEPA or _BRIDGE
}

// Addr is an own address, or a joined multicast group, of a link.
type Addr struct {
	Net       uint32
	Ifindex   uint32
	Addr      netip.Addr
	Tentative bool
}

// NexthopFlags are DP_NH_*.
type NexthopFlags uint8

// Bits of NexthopFlags. A gateway is there when Nexthop.Gateway is valid.
const (
	NexthopOnlink   NexthopFlags = 1 << 0
	NexthopLinkdown NexthopFlags = 1 << 2
	NexthopUseNeigh NexthopFlags = 1 << 3 // a group: members with a failed neighbour are passed over
)

// Member is a nexthop in a group.
type Member struct {
	ID     uint32
	Weight uint32 // 1..65535
}

// Nexthop is what a route points at: one way out, a reject type, or a group of others.
type Nexthop struct {
	Net     uint32
	ID      uint32
	Ifindex uint32
	MTU     uint32 // RTAX_MTU, 0: the link's
	Family  uint8  // AF_INET or AF_INET6
	Type    uint8  // RTN_*
	Scope   uint8  // RT_SCOPE_*
	Flags   NexthopFlags
	Gateway netip.Addr // invalid: the destination itself is the neighbour
	Members []Member   // not empty: an ECMP group
	Buckets uint32     // of a group: 1..65535, flows go by SetBuckets; 0: by hash thresholds
}

// BucketUse says when a bucket of a group was last used.
type BucketUse struct {
	ID    uint32        // the nexthop that it leads to
	Stamp uint64        // another one when a packet has used it meanwhile; 0: never
	Idle  time.Duration // since then
}

// Route binds a prefix of a table to a nexthop; NexthopID 0 deletes it. TOS (IPv4, of 0x1c) is not 0:
// packets with that TOS take it, in place of what all others of the prefix take.
type Route struct {
	Net       uint32
	Table     uint32
	Prefix    netip.Prefix
	NexthopID uint32
	TOS       uint8
}

// Neigh is a neighbour entry. NUD is the kernel's NUD_* bit.
type Neigh struct {
	Net      uint32
	Ifindex  uint32
	Addr     netip.Addr
	NUD      uint16
	HardAddr [6]byte
}

// PuntReason says why C handed a packet to Go (DP_PUNT_*).
type PuntReason uint16

// Punt reasons.
const (
	PuntARP       PuntReason = iota // an ARP packet
	PuntND                          // ICMPv6 133..137 delivered locally
	PuntControl                     // routing protocols delivered locally
	PuntCS6                         // anything else delivered locally with DSCP CS6
	PuntICMPSend                    // an ICMP error is to be sent about Data
	PuntNeighMiss                   // no valid neighbour Addr on Oif; Data is the packet that asked
	PuntNeighUsed                   // a NUD_STALE neighbour was used
	PuntIGMP                        // IGMP and MLD
	PuntICMP                        // other ICMP and ICMPv6 delivered locally
	PuntLocal                       // the rest delivered locally
	PuntMax
)

var puntNames = [PuntMax]string{
	"arp", "nd", "control", "cs6", "icmp_send", "neigh_miss", "neigh_used", "igmp", "icmp", "local",
}

// String is the name that operators meet.
func (r PuntReason) String() string {
	if r >= PuntMax {
		return "unknown"
	}
	return puntNames[r]
}

// Punt is a packet, or an event about one, that the data plane hands up. Data begins with the
// Ethernet header and is valid only while the handler runs.
type Punt struct {
	Net      uint32
	Iif      uint32
	Oif      uint32
	PktLen   uint32 // bytes that the packet had (>= len(Data))
	Info     uint32 // PuntICMPSend: MTU or pointer
	Reason   PuntReason
	Protocol uint16 // EtherType
	L3       uint16 // offset of the network header in Data
	L4       uint16 // offset of the transport header in Data, or 0
	PktType  uint8  // PACKET_HOST, ...
	IPProto  uint8
	ICMPType uint8
	ICMPCode uint8
	RtType   uint8 // RTN_* of the input route
	Worker   uint8
	Addr     netip.Addr // PuntNeigh*: the neighbour; redirect: the better gateway
	Data     []byte
}

// InjectKind says where in the packet path a packet of Go's enters (DP_INJECT_*).
type InjectKind uint8

// Inject kinds.
const (
	InjectXmit InjectKind = iota // Data is a whole Ethernet frame, sent on Oif as it is
	InjectIP                     // Data is an IP packet of our own, sent to neighbour Addr on Oif
	InjectRX                     // Data is an Ethernet frame as if received on Oif
	InjectTwin                   // Data is an IP packet for sockets of the host, by the twin of Oif
)

// Inject is a packet that the control plane sends.
type Inject struct {
	Net  uint32
	Oif  uint32
	Kind InjectKind
	Addr netip.Addr
	Data []byte
}

// LinkStats are the counters of a link (rtnl_link_stats64).
type LinkStats struct {
	RxPackets     uint64 `json:"rx_packets"`
	TxPackets     uint64 `json:"tx_packets"`
	RxBytes       uint64 `json:"rx_bytes"`
	TxBytes       uint64 `json:"tx_bytes"`
	RxErrors      uint64 `json:"rx_errors"`
	TxErrors      uint64 `json:"tx_errors"`
	RxDropped     uint64 `json:"rx_dropped"`
	TxDropped     uint64 `json:"tx_dropped"`
	Multicast     uint64 `json:"multicast"`
	RxMissed      uint64 `json:"rx_missed_errors"`
	RxNohandler   uint64 `json:"rx_nohandler"`
	RxLengthError uint64 `json:"rx_length_errors"`
}

// Counter is a named count: a drop reason or a MIB entry.
type Counter struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// StageStats are the cycles a stage of the packet path took on one worker.
type StageStats struct {
	Name    string
	Cycles  uint64 // TSC
	Packets uint64
	Calls   uint64 // bursts
}

// TurnBuckets is the number of buckets that the lengths of turns are counted in.
const TurnBuckets = 128

// TurnCycles is where a bucket of WorkerStats.Turns begins, in TSC cycles: four buckets a power of
// two. It ends where the next one begins; the last has no end.
func TurnCycles(bucket int) uint64 {
	if bucket == 0 {
		return 0
	}
	return uint64(4+bucket%4) << (bucket/4 + 4)
}

// RxQueue is a receive queue of a port.
type RxQueue struct {
	Port, Queue uint16
}

// Gap is a time that a worker did not look at its queues for, in TSC cycles.
type Gap struct {
	At     uint64 `json:"at"`     // the start of the turn before it
	Length uint64 `json:"length"` // until the start of the next
}

// WorkerStats are the counters of one poll loop.
type WorkerStats struct {
	Worker, Lcore          uint32
	Polls, IdlePolls       uint64              // turns of the loop; those that found nothing
	BusyCycles, IdleCycles uint64              // TSC
	Packets                uint64              // taken: received, looped back, injected
	Turns                  [TurnBuckets]uint64 // turns that found something, by length: TurnCycles
	TurnMax                uint64              // TSC: the longest of those since ResetWorkers
	GapMax                 uint64              // TSC: the longest from one turn's start to the next's, likewise
	Gaps                   uint64              // those over 100 microseconds; sleep is no gap
	GapLog                 []Gap               // the last of them, oldest first
	Sleeps, Wakeups        uint64              // times asleep; those that something ended early
	SleepCycles            uint64              // TSC
	TSCHz                  uint64
	Queues                 []RxQueue       // that it polls
	Punted                 [PuntMax]uint64 // handed to the control plane
	Policed                [PuntMax]uint64 // over the rate of the reason
	PuntFull               [PuntMax]uint64 // the control plane was too slow
	NeighDiscards          [2]uint64       // found no room in a neighbour's hold queue: IPv4, IPv6
	Injected, InjectFull   uint64          // sent by the control plane; found no room
	RPSOut, RPSIn          uint64          // packets handed to other workers, taken from them
	RPSDropped             uint64          // of RPSOut: the other's ring was full
	Drops                  []Counter       // by reason, those that are not zero
	Stages                 []StageStats
}

// MIB names one of the SNMP tables.
type MIB uint32

// The MIBs, with the names of /proc/net/snmp, netstat and snmp6.
const (
	MIBIP MIB = iota
	MIBIPExt
	MIBIP6
)

// Writer is what the control plane says to the data plane. Every method is called under RTNL, is
// idempotent, and returns when every lcore's next burst sees the change; errors are syscall.Errno.
type Writer interface {
	AddNet(net uint32) error
	DelNet(net uint32) error
	// SetRules replaces what a lookup of a family goes through; with a link (not 0), for packets that
	// it receives in place of the net's, or with no rules, no longer.
	SetRules(net, ifindex uint32, family uint8, rules []Rule) error
	// SetCustomRules says that sources are checked by the rules (fib_has_custom_rules).
	SetCustomRules(net uint32, family uint8) error
	SetMultipathHashPolicy(net uint32, family uint8, policy uint32) error

	SetLink(Link) error
	DelLink(net, ifindex uint32) error
	SetAddr(Addr) error
	DelAddr(Addr) error
	SetMcast(Addr) error
	DelMcast(Addr) error

	SetNexthop(Nexthop) error
	DelNexthop(net, id uint32) error
	// SetBuckets says which nexthops the buckets of a group lead to, from the one of index first. A
	// group that is set again with as many keeps them.
	SetBuckets(net, id, first uint32, ids []uint32) error
	SetRoutes([]Route) (done int, err error)
	// AheadRoutes says that these prefixes of one table, at most 64, are going to be set: a hint.
	AheadRoutes([]Route)
	SetNeigh(Neigh) error
	DelNeigh(Neigh) error
	NeighUsed(Neigh) bool // used by a packet since the last call; clears the mark

	Police(reason PuntReason, rate, burst uint32) error // packets/s and worker; 0: unlimited
	PuntRate(reason PuntReason) (rate, burst uint32, err error)
}

// Reader is what can be read back, from any goroutine.
type Reader interface {
	// Lookup says what packets to dst find in a table: ids, 0 none. LookupTOS: those with that TOS.
	Lookup(net, table uint32, dst []netip.Addr, ids []uint32) error
	LookupTOS(net, table uint32, tos uint8, dst []netip.Addr, ids []uint32) error
	DumpLinks(net uint32) ([]Link, error)
	DumpAddrs(net uint32) ([]Addr, error)
	DumpMcasts(net uint32) ([]Addr, error)
	DumpNexthops(net uint32) ([]Nexthop, error)
	ReadBuckets(net, id uint32) ([]BucketUse, error)
	DumpNeighs(net uint32) ([]Neigh, error)
	DumpTables(net uint32, family uint8) ([]uint32, error)
	DumpRules(net, ifindex uint32, family uint8) ([]Rule, error) // as SetRules had them last
	DumpRoutes(net, table uint32, family uint8, each func(Route) bool) error
	// NextRoutes puts the routes that come after one (of its net and table; an invalid prefix: all)
	// into out, by address and then length, and says how many; 0: that was the last. With a TOS:
	// what its packets find, when some route is for them only, else nothing.
	NextRoutes(family uint8, after Route, out []Route) (int, error)
	// FindRoutes sets the NexthopID of exactly these prefixes for their TOS, 0: not there. All of one
	// net.
	FindRoutes([]Route) error

	LinkStats(net, ifindex uint32) (LinkStats, error)
	MIB(net uint32, mib MIB) ([]Counter, error)
	Workers() ([]WorkerStats, error)
}

// Packets is the way of packets between C and Go, both by copy.
type Packets interface {
	// Inject sends a packet; the data is copied. Packets of a flow keep their order. While PollPunts
	// or Cork gathers packets, only what can be seen at once is an error.
	Inject(Inject) error
	// Cork runs f and sends what it injects, and what others inject meanwhile, together.
	Cork(f func())
	// WaitPunts sleeps until a punt waits or ctx is done (then its error).
	WaitPunts(ctx context.Context) error
	// PollPunts hands what waits to h, at most max packets, the urgent first and every reason its
	// share, and says how many; it never sleeps. What h injects is sent together at the end.
	// One goroutine at a time.
	PollPunts(max int, h func(*Punt)) int
}

// Dataplane is all of it.
type Dataplane interface {
	Writer
	Reader
	Packets
}
