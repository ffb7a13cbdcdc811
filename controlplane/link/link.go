// SPDX-License-Identifier: BSD-3-Clause

// Package link holds the links of an instance of the stack (net_device) with their IPv4 and IPv6
// device configuration (in_device, inet6_dev) and the sysctls that act on them.
//
// A Link is read by everyone under RTNL and written only by the methods of this package. Every
// change reaches the data plane before its event (rtnl.Net.Notify) and its announcement
// (rtnl.Net.Announce), as an ACK means forwarded.
package link

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// HardAddr is a link-layer address (MAX_ADDR_LEN here is that of Ethernet).
type HardAddr [6]byte

// String gives the colon form.
func (a HardAddr) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

// IsZero says whether all octets are zero.
func (a HardAddr) IsZero() bool { return a == HardAddr{} }

// IsMulticast is is_multicast_ether_addr: the group bit, also set in the broadcast address.
func (a HardAddr) IsMulticast() bool { return a[0]&1 != 0 }

// IsValid is is_valid_ether_addr: neither a group nor zero.
func (a HardAddr) IsValid() bool { return !a.IsMulticast() && !a.IsZero() }

// Operational states of RFC 2863 (IF_OPER_*).
const (
	OperUnknown        = 0
	OperNotPresent     = 1
	OperDown           = 2
	OperLowerLayerDown = 3
	OperTesting        = 4
	OperDormant        = 5
	OperUp             = 6
)

// Bits of Link.Flags6 (IF_READY and so on).
const (
	If6RSSent = 0x10
	If6RARcvd = 0x20
	If6Ready  = 0x80000000
)

// Link modes (IF_LINK_MODE_*).
const (
	ModeDefault = 0
	ModeDormant = 1
)

// Smallest MTUs of the two families (IPV4_MIN_MTU as inetdev_valid_mtu has it, IPV6_MIN_MTU).
const (
	MinMTU4 = 68
	MinMTU6 = 1280
)

// Link is a net_device.
type Link struct {
	Index    uint32
	Name     string
	AltNames []string
	Type     uint16 // ARPHRD_ETHER, ARPHRD_LOOPBACK
	Kind     string // IFLA_INFO_KIND: "tun", "veth", ...; empty: physical or loopback
	Data     any    // what the Ops of the Kind keep of it; nil: nothing
	Port     uint16 // ethdev port or dpif.PortNone

	Master *Link // that it is enslaved to (netdev_master_upper_dev_get); nil: none
	Lower  *Link // that it stands on (IFLA_LINK): of a VLAN its real device; nil: itself

	HardAddr  HardAddr
	Broadcast HardAddr
	PermAddr  HardAddr // zero: none (IFLA_PERM_ADDRESS absent)

	MTU, MinMTU, MaxMTU uint32 // bytes; MaxMTU 0: no limit
	TxQLen              uint32
	Flags               uint32 // IFF_* as dev_get_flags gives them
	Carrier             bool   // netif_carrier_ok
	OperState           uint8  // Oper*; what is shown of a link that is down is OperDown
	LinkMode            uint8
	Group               uint32
	Alias               string
	QDisc               string // "noop" before the first up, then "noqueue"
	Promiscuity         uint32
	AllMulti            uint32
	CarrierUpCount      uint32
	CarrierDownCount    uint32
	NumTxQueues         uint32
	NumRxQueues         uint32
	ProtoDown           bool   // held back by user space (IFLA_PROTO_DOWN)
	ProtoDownReason     uint32 // why, a bit each

	GSOMaxSize, GSOMaxSegs         uint32
	GROMaxSize, GSOIPv4, GROIPv4   uint32 // bytes; the last two: IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_...
	TSOMaxSize, TSOMaxSegs         uint32
	ParentDev, ParentBus, PhysName string // IFLA_PARENT_DEV_NAME, _BUS_NAME, IFLA_PHYS_PORT_NAME

	L3Stats bool // counters of hardware were asked for (IFLA_OFFLOAD_XSTATS_HW_S_INFO_REQUEST)

	// InDev and In6Dev say that the link has an in_device / an inet6_dev: IPv4 is gone below an MTU
	// of 68, IPv6 below 1280.
	InDev, In6Dev bool
	Conf4         DevConf4 // conf/NAME; what acts is often a combination with "all": see the methods
	Conf6         DevConf6
	Neigh4        NeighParams // net.ipv4.neigh.NAME
	Neigh6        NeighParams
	Secret6       *[16]byte // net.ipv6.conf.NAME.stable_secret; nil: not set
	Token         [16]byte  // IFLA_INET6_TOKEN
	TStamp6       time.Time // inet6_dev.tstamp: the last change of the IPv6 state
	Flags6        uint32    // inet6_dev.if_flags, written by addrconf: If6Ready, ...

	t        *Table
	ops      *Ops              // of its Kind; nil: nobody made it by netlink
	uppers   []*Link           // those that stand on it, and its master
	lowers   []*Link           // those that it stands on, and its slaves
	devFlags uint32            // dev->flags
	gflags   uint32            // what user space asked for of IFF_PROMISC and IFF_ALLMULTI
	gone     bool              // unregistered
	stolen   bool              // HardAddr is that of the lower device (NET_ADDR_STOLEN)
	watched  bool              // linkwatch is to look at it
	foreign  int               // VLANs on it that are up and have an address of their own
	vlans    map[vlanKey]*Link // on it
	macvlans []*Link           // on it
	// otherAddrs counts the devices on it that may have other addresses than its own.
	otherAddrs int
	set4       uint64 // bit i: field i of Conf4 was written and no longer follows "default"

	neighSet4, neighSet6 uint32 // the same for neighKey.bit
}

// Up says whether the link is administratively up (IFF_UP, netif_running).
func (l *Link) Up() bool { return l.devFlags&unix.IFF_UP != 0 }

// OperUp is netif_oper_up: packets are expected to pass.
func (l *Link) OperUp() bool { return l.OperState == OperUp || l.OperState == OperUnknown }

// Running says what IFF_RUNNING shows: up and operational.
func (l *Link) Running() bool { return l.Up() && l.OperUp() }

// Loopback says whether this is a loopback link.
func (l *Link) Loopback() bool { return l.devFlags&unix.IFF_LOOPBACK != 0 }

// NoARP says whether neighbours are not resolved on this link (IFF_NOARP).
func (l *Link) NoARP() bool { return l.devFlags&unix.IFF_NOARP != 0 }

// Gone says that the link has been unregistered; a Link that others still hold is then dead.
func (l *Link) Gone() bool { return l.gone }

// Events of a link (NETDEV_*), in the order in which the kernel's notifier chain sees them.
const (
	Register    EventType = iota + 1 // NETDEV_REGISTER
	Unregister                       // NETDEV_UNREGISTER: after Down; everything of the link goes
	Up                               // NETDEV_UP
	GoingDown                        // NETDEV_GOING_DOWN: still up
	Down                             // NETDEV_DOWN
	Changed                          // NETDEV_CHANGE: carrier, operational state or flags
	ChangeMTU                        // NETDEV_CHANGEMTU
	ChangeAddr                       // NETDEV_CHANGEADDR
	ChangeName                       // NETDEV_CHANGENAME
	ChangeUpper                      // NETDEV_CHANGEUPPER: Link got or lost an upper device
	ConfChanged                      // a sysctl of the link, or of "all", that acts on it (NETCONFA_*)
)

// EventType is the type of an Event.
type EventType int

// Event is what happened to a link; subscribers get it by rtnl.Net.Subscribe.
type Event struct {
	Type    EventType
	Link    *Link
	Flags   uint32   // Changed: the IFF_* bits that changed
	OldName string   // ChangeName
	OldMTU  uint32   // ChangeMTU
	OldAddr HardAddr // ChangeAddr
	Upper   *Link    // ChangeUpper: the upper device
	Linking bool     // ChangeUpper: got, else lost; Link.Master says already what is
	Conf    string   // ConfChanged: the sysctl relative to net, "ipv4.conf.forwarding", "ipv6.conf.disable_ipv6"
	OldConf int32    // ConfChanged: the value before
	Moving  bool     // Unregister: the link goes to another net
}

// Msg is announced where the kernel calls rtmsg_ifinfo.
type Msg struct {
	Type   uint16 // RTM_NEWLINK, RTM_DELLINK
	Link   *Link
	Change uint32  // ifi_change
	Event  uint32  // IFLA_EVENT, 0: absent
	NewNet *NewNet // RTM_DELLINK of a link that moves to another net; nil: it does not
	// Origin is what the message carries; zero for all that the kernel sends without a requester.
	Origin rtnl.Origin
}

// Published is the link as the data plane is to have it now.
func (l *Link) Published() dpif.Link { return l.dp() }

// dp is the link as the data plane gets it.
func (l *Link) dp() dpif.Link {
	typ := dpif.LinkEther
	if l.Loopback() {
		typ = dpif.LinkLoopback
	}
	d := dpif.Link{
		Net: l.t.net.ID, Ifindex: l.Index, Name: l.Name, Port: l.Port, Type: typ,
		Carrier: l.Carrier,
		Flags:   l.devFlags & (unix.IFF_UP | unix.IFF_NOARP | unix.IFF_PROMISC | unix.IFF_ALLMULTI | unix.IFF_LOOPBACK | unix.IFF_BROADCAST | unix.IFF_MULTICAST),
		// The MTU of lo, 65536, is one more than a length field in a packet can say.
		// A dummy's may be less than IPv4 can use; then it speaks none.
		MTU: min(max(l.MTU, MinMTU4), 65535), MTU6: min(l.MTU6(), 65535),
		Conf4: l.conf4(), Conf6: l.conf6(), HardAddr: l.HardAddr, Group: l.Group,
	}
	if l.otherAddrs > 0 {
		d.Flags |= unix.IFF_PROMISC
	}
	if l.Master != nil {
		d.Master = l.Master.Index
	}
	if l.foreign > 0 {
		d.Flags |= unix.IFF_PROMISC
	}
	if l.ops != nil {
		d.Type = l.ops.Type
		if l.ops.DP != nil {
			l.ops.DP(l, &d)
		}
	}
	return d
}
