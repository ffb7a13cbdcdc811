// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <stdlib.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
*/
import "C"

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unsafe"

	"github.com/yerden/go-dpdk/ethdev"
	"golang.org/x/sys/unix"
)

func (d *Dataplane) openPCI(p *port) error {
	addr, err := pciName(p.conf.Device)
	if err != nil {
		return err
	}
	id, err := ethdev.GetPortByName(addr)
	if err != nil { // not among Config.PCI, or released before
		if err := (host{}).checkPCI(addr); err != nil {
			return err
		}
		if err := hotplug("pci", addr, ""); err != nil {
			return fmt.Errorf("PCI device %s: %w (restart with the device in the configuration)", addr, err)
		}
		if id, err = ethdev.GetPortByName(addr); err != nil {
			return fmt.Errorf("PCI device %s is no Ethernet device that DPDK knows", addr)
		}
	}
	return d.setUp(p, id)
}

func (d *Dataplane) openVdev(p *port) error {
	shared := 0
	if d.Hugepages() {
		shared = d.conf.MbufSize
	}
	name, args, err := p.conf.vdev(d.workers, shared)
	if err != nil {
		return err
	}
	if p.conf.Kind == PortAFPacket || p.conf.Kind == PortAFXDP {
		if err = p.ns.do(func() error {
			p.twin, err = lookUpHostLink(p.conf.Device)
			return err
		}); err != nil {
			return err
		}
	}
	err = p.ns.do(func() error { return hotplug("vdev", name, args) })
	if err != nil {
		return fmt.Errorf("DPDK makes no device of %s,%s: %w%s", name, args, err, p.conf.advice(err))
	}
	id, err := ethdev.GetPortByName(name)
	if err != nil {
		return fmt.Errorf("%s,%s is no Ethernet device: %w", name, args, err)
	}
	return d.setUp(p, id)
}

func hotplug(bus, name, args string) error {
	b, n, a := C.CString(bus), C.CString(name), C.CString(args)
	defer C.free(unsafe.Pointer(b))
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(a))
	return errnoOf(C.rte_eal_hotplug_add(b, n, a))
}

// vdev returns the name and the arguments of DPDK's virtual device. shared: the bytes of a packet
// buffer when a peer can map our buffers (they are in hugepages), else 0.
func (c *PortConfig) vdev(workers, shared int) (name, args string, err error) {
	queues := c.Queues
	if queues == 0 {
		queues = workers
	}
	switch c.Kind {
	case PortVdev:
		name, args, _ = strings.Cut(c.Device, ",")
		if !strings.HasPrefix(name, "net_") && !strings.HasPrefix(name, "eth_") &&
			!strings.HasPrefix(name, "virtio_") {
			return "", "", fmt.Errorf("vdev %q: it looks like net_pcap0,rx_pcap=in.pcap", c.Device)
		}
		return name, args, nil
	case PortNull:
		return "net_null_" + c.Name, "", nil
	case PortAFPacket:
		// A ring of 16 MiB each way and queue: the default loses packets on a busy machine.
		frame := c.packetFrame()
		return "net_af_packet_" + c.Name, fmt.Sprintf(
			"iface=%s,qpairs=%d,blocksz=%d,framesz=%d,framecnt=%d,qdisc_bypass=1",
			c.Device, queues, 4<<20, frame, (16<<20)/frame), nil
	case PortAFXDP:
		if c.Queues == 0 {
			queues = 1 // the interface has to have them
		}
		return "net_af_xdp_" + c.Name, fmt.Sprintf("iface=%s,start_queue=0,queue_count=%d,busy_budget=0",
			c.Device, queues), nil
	case PortMemif:
		role := "server"
		if c.Client {
			role = "client"
		}
		if c.Socket == "" || strings.ContainsAny(c.Socket, ", ") {
			return "", "", fmt.Errorf("memif socket %q: a path without commas and blanks", c.Socket)
		}
		args = fmt.Sprintf("role=%s,id=%d,socket=%s,socket-abstract=no", role, c.ID, c.Socket)
		if c.Client && shared > 0 {
			args += fmt.Sprintf(",zero-copy=yes,bsize=%d", shared)
		}
		return "net_memif_" + c.Name, args, nil
	}
	return "", "", fmt.Errorf("%q is no kind of port", c.Kind)
}

// packetHeader is what of a frame of AF_PACKET's ring the packet does not get.
const packetHeader = 64

// packetFrame is the size of a frame of AF_PACKET's ring that a packet of the MTU fits into.
func (c *PortConfig) packetFrame() int {
	frame := 2048
	for frame-packetHeader < c.MTU+etherOverhead {
		frame *= 2
	}
	return frame
}

func (c *PortConfig) advice(err error) string {
	denied := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || os.Geteuid() != 0
	switch {
	case c.Kind == PortAFPacket && denied:
		return ": AF_PACKET needs root or CAP_NET_RAW"
	case c.Kind == PortAFXDP && denied:
		return ": AF_XDP needs root or CAP_NET_ADMIN, CAP_BPF and CAP_NET_RAW"
	case c.Kind == PortAFXDP:
		return ": the kernel may lack AF_XDP on this interface, or it has fewer queues; DPDK's own " +
			"message is above"
	case c.Kind == PortMemif && !c.Client:
		return ": the folder of the socket has to exist, and be ours to write"
	}
	return "; DPDK's own message is above"
}

// setUp configures queues and starts the device.
func (d *Dataplane) setUp(p *port, id ethdev.Port) error {
	p.id = uint16(id)
	p.info.Device, _ = id.Name()
	err := p.ns.do(func() error { return d.configure(p, id) })
	if err != nil {
		p.release()
	}
	return err
}

func (d *Dataplane) configure(p *port, id ethdev.Port) error {
	var dev ethdev.DevInfo
	if err := id.InfoGet(&dev); err != nil {
		return fmt.Errorf("asking the device what it can: %w", err)
	}
	name, err := id.Name()
	if err != nil {
		return err
	}
	queues := p.conf.Queues
	if queues == 0 {
		queues = d.workers
	}
	maxMTU, err := deviceMTU(id)
	if err != nil {
		return err
	}
	p.info = PortInfo{
		Device:   name,
		Driver:   dev.DriverName(),
		MinMTU:   max(68, int(dev.MinMTU())),
		MaxMTU:   d.maxMTU(maxMTU),
		RxQueues: min(queues, int(dev.MaxRxQueues())),
		TxQueues: min(d.workers, int(dev.MaxTxQueues())),
	}
	if p.conf.Kind == PortAFPacket {
		p.info.MaxMTU = min(p.info.MaxMTU, p.conf.packetFrame()-packetHeader-etherOverhead)
	}
	opts, rss, err := d.options(p, id)
	if err != nil {
		return err
	}
	if err := d.startPort(p, id, rss, opts); err != nil {
		return err
	}
	// Frames for groups that we join come without telling the device.
	C.rte_eth_allmulticast_enable(C.uint16_t(id))
	return p.address(id)
}

// startPort starts with interrupts, which wake workers that sleep. A device that does not start
// with them does without.
func (d *Dataplane) startPort(p *port, id ethdev.Port, rss ethdev.RssConf, opts []ethdev.Option) error {
	interrupts := ethdev.OptIntrConf(ethdev.IntrConf{RXQ: true})
	if d.start(p, id, rss, append(slices.Clone(opts), interrupts)...) == nil {
		return nil
	}
	return d.start(p, id, rss, opts...)
}

// start configures the device and its queues and lets it receive.
func (d *Dataplane) start(p *port, id ethdev.Port, rss ethdev.RssConf, opts ...ethdev.Option) error {
	if err := id.DevConfigure(uint16(p.info.RxQueues), uint16(p.info.TxQueues), opts...); err != nil {
		return fmt.Errorf("%d receive and %d transmit queues: %w", p.info.RxQueues, p.info.TxQueues, err)
	}
	if err := d.setUpQueues(p, id); err != nil {
		return err
	}
	if err := id.Start(); err != nil {
		if p.conf.Kind == PortMemif && p.conf.Client {
			return fmt.Errorf("no memif server listens at %s: start it first", p.conf.Socket)
		}
		return fmt.Errorf("the device does not start: %w", err)
	}
	return p.spreadRSS(id, rss)
}

// deviceMTU is the largest MTU that ethdev takes for a device: some say it as a length of frames.
func deviceMTU(id ethdev.Port) (int, error) {
	var dev C.struct_rte_eth_dev_info
	if err := errnoOf(C.rte_eth_dev_info_get(C.uint16_t(id), &dev)); err != nil {
		return 0, fmt.Errorf("asking the device for its largest MTU: %w", err)
	}
	mtu, frame := int(dev.max_mtu), int(dev.max_rx_pktlen)
	if mtu != C.UINT16_MAX && frame > mtu {
		return mtu, nil // what is more is around the packet
	}
	return min(mtu, frame-C.RTE_ETHER_HDR_LEN-C.RTE_ETHER_CRC_LEN), nil
}

// options are the MTU, and how flows spread over the queues.
func (d *Dataplane) options(p *port, id ethdev.Port) ([]ethdev.Option, ethdev.RssConf, error) {
	var rss ethdev.RssConf
	mtu, err := id.GetMTU()
	if err != nil {
		return nil, rss, fmt.Errorf("asking the device for its MTU: %w", err)
	}
	p.info.MTU = int(mtu)
	if p.twin != nil {
		if p.info.MTU, err = p.twin.mtu(); err != nil {
			return nil, rss, err
		}
	}
	if p.conf.MTU != 0 {
		p.info.MTU = p.conf.MTU
	}
	if err := p.checkMTU(p.info.MTU); err != nil {
		return nil, rss, err
	}
	rx := ethdev.RxMode{MTU: uint32(p.info.MTU)}
	if p.info.RxQueues == 1 {
		return []ethdev.Option{ethdev.OptRxMode(rx)}, rss, nil
	}
	var dev C.struct_rte_eth_dev_info
	if err := errnoOf(C.rte_eth_dev_info_get(C.uint16_t(id), &dev)); err != nil {
		return nil, rss, err
	}
	if rss, err = p.rssOf(&dev); err != nil {
		return nil, rss, err
	}
	if rss.Hf != 0 {
		rx.MqMode = C.RTE_ETH_MQ_RX_RSS
	}
	return []ethdev.Option{ethdev.OptRxMode(rx), ethdev.OptRss(rss)}, rss, nil
}

func (d *Dataplane) setUpQueues(p *port, id ethdev.Port) error {
	rx, tx := C.uint16_t(d.conf.RxDesc), C.uint16_t(d.conf.TxDesc)
	if p.desc.rx != 0 { // asked for while it ran
		rx, tx = C.uint16_t(p.desc.rx), C.uint16_t(p.desc.tx)
	}
	if err := errnoOf(C.rte_eth_dev_adjust_nb_rx_tx_desc(C.uint16_t(id), &rx, &tx)); err != nil {
		return fmt.Errorf("rx_desc %d, tx_desc %d: %w", d.conf.RxDesc, d.conf.TxDesc, err)
	}
	p.desc = descriptors{uint16(rx), uint16(tx)}
	socket := ethdev.OptSocket(id.SocketID())
	for q := range p.info.RxQueues {
		if err := id.RxqSetup(uint16(q), uint16(rx), d.Mempool(), socket); err != nil {
			return fmt.Errorf("receive queue %d of %d descriptors: %w", q, rx, err)
		}
	}
	for q := range p.info.TxQueues {
		if err := id.TxqSetup(uint16(q), uint16(tx), socket); err != nil {
			return fmt.Errorf("transmit queue %d of %d descriptors: %w", q, tx, err)
		}
	}
	return nil
}

// address sets the configured MAC address or reads the device's, and the configured MTU.
func (p *port) address(id ethdev.Port) error {
	if p.conf.MTU != 0 {
		if err := id.SetMTU(uint16(p.conf.MTU)); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("mtu %d: %w", p.conf.MTU, err)
		}
	}
	var mac ethdev.MACAddr
	if err := id.MACAddrGet(&mac); err != nil {
		return fmt.Errorf("asking the device for its MAC address: %w", err)
	}
	p.info.MAC = [6]byte(mac.HardwareAddr())
	p.info.PermMAC = p.info.MAC
	if p.conf.MAC != ([6]byte{}) {
		if err := p.setMAC(p.conf.MAC); err != nil {
			return fmt.Errorf("MAC address %x: %w", p.conf.MAC, err)
		}
	}
	return nil
}

// PortLink reads the state of a port's wire. It does not wait, and the caller may poll it.
func (d *Dataplane) PortLink(id uint16) (LinkState, error) {
	var state LinkState
	err := d.onPort(id, func(p *port) error {
		link, err := ethdev.Port(id).EthLinkGetNowait()
		if err != nil {
			return err
		}
		state = LinkState{
			Up: link.Status(), Speed: link.Speed(), FullDuplex: link.Duplex(), Autoneg: link.AutoNeg(),
		}
		if state.Speed == ^uint32(0) {
			state.Speed = 0
		}
		if p.twin != nil { // its driver does not look at the host's end
			state.Up, err = p.twin.running()
		}
		return err
	})
	return state, err
}

// stableMAC makes a locally administered unicast address for a device that has none: the same for
// the same name on the same machine.
func stableMAC(name string) [6]byte {
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		h, _ := os.Hostname()
		machine = []byte(h)
	}
	sum := sha256.Sum256(append(machine, name...))
	mac := [6]byte(sum[:6])
	mac[0] = mac[0]&^1 | 2
	return mac
}
