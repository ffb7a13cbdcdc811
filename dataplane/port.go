// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <stdlib.h>
#include <rte_config.h>
#include <rte_dev.h>

#include "dataplane.h"
#include "drivers/ring.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	"github.com/yerden/go-dpdk/ethdev"
	"golang.org/x/sys/unix"
)

// PortKind says what device stands behind a port.
type PortKind string

// Kinds of ports. Device and the other fields of PortConfig mean what the kind says.
const (
	PortPCI      PortKind = "pci"       // Device: PCI address
	PortVdev     PortKind = "vdev"      // Device: name and arguments, "net_pcap0,rx_pcap=in.pcap"
	PortTap      PortKind = "tap"       // Device: name of the host's interface, in Netns
	PortAFPacket PortKind = "af_packet" // Device: an interface of the host, in Netns
	PortAFXDP    PortKind = "af_xdp"    // Device: an interface of the host, in Netns
	PortMemif    PortKind = "memif"     // Socket, ID, Client
	PortNull     PortKind = "null"      // nothing: receives nothing, takes all
	PortRing     PortKind = "ring"      // frames come and go by SendRing and RecvRing
)

// MaxPorts is how many ports this DPDK can have at once.
const MaxPorts = C.RTE_MAX_ETHPORTS

// PortConfig is a device to make a port of.
type PortConfig struct {
	Name   string // of the link: unique, at most 15 bytes
	Kind   PortKind
	Device string
	Netns  string // name (ip netns) or path of the namespace; "": our own

	MAC    [6]byte // zero: the device's own
	MTU    int     // bytes, L3; 0: the device's own
	Queues int     // receive queues; 0: one per worker, as far as the device has them
	RSSKey string  // RSSKeyDefault ("" too), RSSKeySymmetric, hexadecimal digits

	Placement

	Socket string // memif: path of the Unix socket
	ID     int    // memif: number of the interface on the socket
	Client bool   // memif: role client (the server made the socket)
}

// PortInfo is what a port turned out to be.
type PortInfo struct {
	Device   string // DPDK's name of the device
	Driver   string // DPDK's name of the driver
	MAC      [6]byte
	PermMAC  [6]byte // the device's own
	MTU      int     // bytes, L3
	MinMTU   int
	MaxMTU   int // by the device and by the size of a packet buffer
	RxQueues int
	TxQueues int
	RSS      RSSInfo
}

// LinkState is the state of the wire.
type LinkState struct {
	Up         bool
	Speed      uint32 // Mbit/s, 0: unknown
	FullDuplex bool
	Autoneg    bool
}

type port struct {
	id   uint16
	conf PortConfig
	info PortInfo
	twin *hostLink // the interface of the host that stands behind it
	ns   *netns    // that it is in
	desc descriptors

	net     uint32 // of the link that was last set on it
	promisc bool   // asked for by SetPortPromisc
	anyMAC  bool   // the device does not filter for info.MAC: it receives all, and C looks
}

// descriptors of each queue; zero: it is made of rings in memory.
type descriptors struct{ rx, tx uint16 }

type portTable struct {
	mu   sync.Mutex
	byID map[uint16]*port
}

// AddPort makes a port of a device, starts it and lets the workers poll it. Its errors say what to
// do.
func (d *Dataplane) AddPort(c PortConfig) (uint16, PortInfo, error) {
	t := &d.ports
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Name == "" || len(c.Name) >= C.DP_IFNAMSIZ {
		return 0, PortInfo{}, fmt.Errorf("port %q: a name has 1 to %d bytes", c.Name, C.DP_IFNAMSIZ-1)
	}
	for _, p := range t.byID {
		if p.conf.Name == c.Name {
			return 0, PortInfo{}, fmt.Errorf("port %s is there already", c.Name)
		}
	}
	if err := c.Placement.check(d.workers); err != nil {
		return 0, PortInfo{}, fmt.Errorf("port %s: %w", c.Name, err)
	}
	p := &port{conf: c}
	if err := d.open(p); err != nil {
		return 0, PortInfo{}, fmt.Errorf("port %s: %w", c.Name, err)
	}
	if t.byID == nil {
		t.byID = make(map[uint16]*port)
	}
	t.byID[p.id] = p
	if err := d.poll(p); err != nil {
		delete(t.byID, p.id)
		C.dp_port_del(C.uint16_t(p.id))
		p.release()
		return 0, PortInfo{}, fmt.Errorf("port %s: the data plane does not take it: %w", c.Name, err)
	}
	return p.id, p.info, nil
}

// poll hands a started device, which is in the table of ports, to the workers.
func (d *Dataplane) poll(p *port) error {
	if err := errnoOf(C.dp_port_add(C.uint16_t(p.id), C.uint16_t(p.info.RxQueues),
		C.uint16_t(p.info.TxQueues))); err != nil {
		return err
	}
	return d.place()
}

// open makes a started ethdev port of p.conf.
func (d *Dataplane) open(p *port) error {
	var err error
	if p.ns, err = openNetns(p.conf.Netns); err != nil {
		return err
	}
	switch p.conf.Kind {
	case PortTap, PortRing:
		err = d.openRing(p)
	case PortPCI:
		err = d.openPCI(p)
	default:
		err = d.openVdev(p)
	}
	if err != nil {
		p.forget()
		return err
	}
	if p.info.PermMAC == ([6]byte{}) {
		p.info.PermMAC = stableMAC(p.conf.Name)
	}
	if p.info.MAC == ([6]byte{}) {
		p.info.MAC = p.info.PermMAC
	}
	return nil
}

// forget closes what is open beside the device.
func (p *port) forget() {
	p.twin.close()
	p.ns.close()
	p.twin, p.ns = nil, nil
}

// openRing makes a port of two rings, with a TAP behind them or a test.
func (d *Dataplane) openRing(p *port) error {
	fd := -1
	if p.conf.Kind == PortTap {
		var err error
		if fd, p.twin, err = openTap(p.conf.Device, p.ns); err != nil {
			return err
		}
	}
	name := C.CString(p.conf.Name)
	defer C.free(unsafe.Pointer(name))
	rc := C.dp_ring_port(name, C.int(fd)) // owns fd
	if rc < 0 {
		return fmt.Errorf("a port of rings: %w", syscall.Errno(-rc))
	}
	p.id = uint16(rc)
	p.info = PortInfo{
		Driver:   "net_ring",
		MAC:      p.conf.MAC,
		MTU:      p.conf.MTU,
		MinMTU:   68,
		MaxMTU:   d.maxMTU(65535),
		RxQueues: 1,
		TxQueues: C.DP_MAX_WORKERS,
	}
	p.info.Device, _ = ethdev.Port(p.id).Name()
	if p.info.MTU == 0 {
		p.info.MTU = 1500
	}
	if err := p.checkMTU(p.info.MTU); err != nil {
		p.release()
		return err
	}
	return nil
}

// Bytes of a frame beside its L3 packet: Ethernet header and one VLAN tag.
const etherOverhead = 14 + 4

func (d *Dataplane) maxMTU(device int) int {
	return min(device, d.conf.MbufSize-etherOverhead)
}

func (p *port) checkMTU(mtu int) error {
	if mtu < p.info.MinMTU || mtu > p.info.MaxMTU {
		return fmt.Errorf("mtu %d: it can be %d to %d (by the device, and what fits into mbuf_size)",
			mtu, p.info.MinMTU, p.info.MaxMTU)
	}
	return nil
}

// release gives the device of a port back that no worker polls.
func (p *port) release() error {
	defer p.forget()
	if p.conf.Kind == PortTap || p.conf.Kind == PortRing {
		if rc := C.ring_port_close(C.uint16_t(p.id)); rc < 0 && rc != -C.int(syscall.ENODEV) {
			return syscall.Errno(-rc)
		}
		return nil
	}
	return p.ns.do(func() error {
		dev := ethdev.Port(p.id)
		dev.Stop()
		if p.conf.Kind == PortPCI {
			dev.Close()
			return nil
		}
		bus, name := C.CString("vdev"), C.CString(p.info.Device)
		defer C.free(unsafe.Pointer(bus))
		defer C.free(unsafe.Pointer(name))
		return errnoOf(C.rte_eal_hotplug_remove(bus, name))
	})
}

// DelPort takes a port away from the workers and gives its device back. No link is on it any more.
func (d *Dataplane) DelPort(id uint16) error {
	t := &d.ports
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.byID[id]
	if p == nil {
		return unix.ENODEV
	}
	if err := errnoOf(C.dp_port_del(C.uint16_t(id))); err != nil {
		return fmt.Errorf("port %s: %w", p.conf.Name, err)
	}
	delete(t.byID, id)
	return errors.Join(p.release(), d.place())
}

func (d *Dataplane) closePorts() error {
	var err error
	for _, id := range slices.Sorted(maps.Keys(d.ports.byID)) {
		err = errors.Join(err, d.DelPort(id))
	}
	return err
}

// PortInfo returns what AddPort returned, with what was changed since.
func (d *Dataplane) PortInfo(id uint16) (PortInfo, error) {
	info := PortInfo{}
	err := d.onPort(id, func(p *port) error {
		info = p.info
		return nil
	})
	return info, err
}

func (d *Dataplane) onPort(id uint16, do func(*port) error) error {
	t := &d.ports
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.byID[id]
	if p == nil {
		return unix.ENODEV
	}
	return do(p)
}

// SendRing puts a frame where the stack receives it on a ring port.
func (d *Dataplane) SendRing(id uint16, frame []byte) error {
	if len(frame) == 0 {
		return unix.EINVAL
	}
	return errnoOf(C.dp_ring_port_send(C.uint16_t(id), unsafe.Pointer(&frame[0]),
		C.uint32_t(len(frame))))
}

// RecvRing takes a frame that the stack transmitted on a ring port into buf, and returns its
// length: 0 when there is none. EMSGSIZE: it was longer than buf, and is gone.
func (d *Dataplane) RecvRing(id uint16, buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, unix.EINVAL
	}
	rc := C.dp_ring_port_recv(C.uint16_t(id), unsafe.Pointer(&buf[0]), C.uint32_t(len(buf)))
	if rc < 0 {
		return 0, syscall.Errno(-rc)
	}
	return int(rc), nil
}
