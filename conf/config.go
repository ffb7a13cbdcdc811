// SPDX-License-Identifier: BSD-3-Clause

// Package conf reads Skua's TOML file: parse, validate, plan, apply. Nothing is changed before the
// whole file was found good, and a plan that fails half way is taken back step by step.
package conf

import (
	"net/netip"
)

// Config is a whole configuration file. The zero value of an optional field means "the default",
// which Parse fills in.
type Config struct {
	Appliance Appliance         `toml:"appliance"`
	Dataplane Dataplane         `toml:"dataplane"`
	Punt      map[string]Punt   `toml:"punt"`
	Sysctl    map[string]Sysctl `toml:"sysctl"`
	Links     []Link            `toml:"link"`
	Routes    []Route           `toml:"route"`
	Neighs    []Neigh           `toml:"neigh"`

	file  string // where it was read from
	lines lineIndex
}

// Appliance is the [appliance] table: the instance as its operator meets it.
type Appliance struct {
	Socket      string   `toml:"socket"`       // netlink socket, default /run/skua/netlink.sock
	SocketMode  Mode     `toml:"socket_mode"`  // permission bits, default "0660"
	SocketGroup string   `toml:"socket_group"` // group that owns the socket, default: the process's
	AllowUsers  []string `toml:"allow_users"`  // may change things without being root, e.g. "frr"
	Forwarding  *bool    `toml:"forwarding"`   // forward between links, default true
	Twins       bool     `toml:"twins"`        // each link has a twin in the host's kernel, default false
	Log         string   `toml:"log"`          // debug, info, warn, error; default info
}

// Dataplane is the [dataplane] table: what is decided once, at start.
type Dataplane struct {
	Workers   Workers  `toml:"workers"`               // poll-mode workers, 1..16 or "auto"; default: one, or one per CPU of cpus
	CPUs      []int    `toml:"cpus"`                  // the CPU of each worker; default: the last that the process may use
	Hugepages string   `toml:"hugepages"`             // auto (default), require, off
	MemoryMB  int      `toml:"memory_mb"`             // DPDK memory without hugepages, MiB; default 512
	Mbufs     int      `toml:"mbufs"`                 // packet buffers, default 32768, or 16384 per worker when that is more
	MbufSize  int      `toml:"mbuf_size"`             // bytes of a packet that a buffer holds, default 2048
	RxDesc    int      `toml:"rx_desc"`               // descriptors per receive queue, default 1024
	TxDesc    int      `toml:"tx_desc"`               // descriptors per transmit queue, default 1024
	EALArgs   []string `toml:"eal_args"`              // handed to DPDK's EAL as they are
	FIBPolicy *int     `toml:"multipath_hash_policy"` // 0: addresses, 1: 5-tuple (default)
	Idle      string   `toml:"idle"`                  // what a core without packets does: sleep (default), poll
	MaxSleep  int      `toml:"idle_max_sleep_us"`     // microseconds, when not all devices can wake it; default 250
}

// Link is one [[link]]: a device of DPDK's that becomes a network link. Exactly one of PCI, Vdev,
// Tap, AFPacket, AFXDP and Memif says which device.
type Link struct {
	Name     string   `toml:"name"`
	PCI      string   `toml:"pci"`       // 0000:03:00.0
	Vdev     string   `toml:"vdev"`      // net_null0,copy=1
	Tap      *Tap     `toml:"tap"`       // a TAP of the host kernel
	AFPacket string   `toml:"af_packet"` // an interface of the host kernel (veth), by AF_PACKET
	AFXDP    string   `toml:"af_xdp"`    // the same by AF_XDP
	Memif    *Memif   `toml:"memif"`     // shared memory to another process
	MTU      int      `toml:"mtu"`       // bytes, 68..9600; default 1500
	MAC      MAC      `toml:"mac"`       // default: the device's own
	Up       *bool    `toml:"up"`        // default true
	Queues   int      `toml:"queues"`    // receive queues; default: one per worker
	Workers  []int    `toml:"workers"`   // workers that poll them, in turn; default: balanced over all links
	RSSKey   string   `toml:"rss_key"`   // default, symmetric, or hexadecimal digits
	RPS      *RPS     `toml:"rps"`       // spread in software over workers; default false
	Addrs    []Prefix `toml:"addresses"`
}

// Tap is link.tap: the host's end of the link.
type Tap struct {
	Name  string `toml:"name"`  // of the host's interface; default: the link's name
	Netns string `toml:"netns"` // put it into this network namespace (ip netns)
}

// Memif is link.memif.
type Memif struct {
	Socket string `toml:"socket"` // path of the Unix socket
	ID     int    `toml:"id"`
	Role   string `toml:"role"` // server (default) or client
}

// Route is one [[route]], in the words of ip-route(8).
type Route struct {
	To     Dst       `toml:"to"`   // prefix, address, or "default" (IPv4), "default6"
	Type   string    `toml:"type"` // unicast (default), blackhole, unreachable, prohibit, throw
	Via    Addr      `toml:"via"`
	Dev    string    `toml:"dev"`
	Src    Addr      `toml:"src"`
	Table  int       `toml:"table"`  // default 254 (main)
	Metric int       `toml:"metric"` // default 0 (IPv6: 1024)
	MTU    int       `toml:"mtu"`
	Onlink bool      `toml:"onlink"`
	Nexts  []Nexthop `toml:"nexthops"` // ECMP, in place of via and dev
}

// Nexthop is a member of route.nexthops.
type Nexthop struct {
	Via    Addr   `toml:"via"`
	Dev    string `toml:"dev"`
	Weight int    `toml:"weight"` // 1..256, default 1
	Onlink bool   `toml:"onlink"`
}

// Neigh is one [[neigh]]: a permanent neighbour entry.
type Neigh struct {
	Dev    string `toml:"dev"`
	To     Addr   `toml:"to"`
	LLAddr MAC    `toml:"lladdr"`
}

// fillDefaults sets what the file left out.
func (c *Config) fillDefaults() {
	a, d := &c.Appliance, &c.Dataplane
	orString(&a.Socket, "/run/skua/netlink.sock")
	orString(&a.Log, "info")
	if a.SocketMode == 0 {
		a.SocketMode = 0o660
	}
	if a.Forwarding == nil {
		a.Forwarding = ptr(true)
	}
	orString(&d.Hugepages, "auto")
	orInt(&d.MemoryMB, 512)
	if n := d.workers(); n > 0 { // else it depends on the machine
		orInt(&d.Mbufs, max(32768, 16384*n))
	}
	orInt(&d.MbufSize, 2048)
	orInt(&d.RxDesc, 1024)
	orInt(&d.TxDesc, 1024)
	orString(&d.Idle, "sleep")
	orInt(&d.MaxSleep, 250)
	if d.FIBPolicy == nil {
		d.FIBPolicy = ptr(1)
	}
	for i := range c.Links {
		l := &c.Links[i]
		orInt(&l.MTU, 1500)
		orString(&l.RSSKey, "default")
		if l.RPS == nil {
			l.RPS = &RPS{}
		}
		if l.Up == nil {
			l.Up = ptr(true)
		}
		if l.Tap != nil {
			orString(&l.Tap.Name, l.Name)
		}
		if l.Memif != nil {
			orString(&l.Memif.Role, "server")
		}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		orString(&r.Type, "unicast")
		orInt(&r.Table, 254)
		for j := range r.Nexts {
			orInt(&r.Nexts[j].Weight, 1)
		}
	}
}

// workers is how many there will be; 0: that depends on the machine.
func (d *Dataplane) workers() int {
	switch {
	case len(d.CPUs) > 0:
		return len(d.CPUs)
	case d.Workers == WorkersAuto:
		return 0
	}
	return max(1, int(d.Workers))
}

func ptr[T any](v T) *T { return &v }

func orString(s *string, def string) {
	if *s == "" {
		*s = def
	}
}

func orInt(n *int, def int) {
	if *n == 0 {
		*n = def
	}
}

// Is6 tells a route's family.
func (r *Route) Is6() bool { return netip.Prefix(r.To).Addr().Is6() }
