// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <string.h>
#include <rte_ethdev.h>

#include "dataplane.h"

static int set_mac(uint16_t port, const uint8_t *mac)
{
	struct rte_ether_addr addr;

	memcpy(addr.addr_bytes, mac, sizeof(addr.addr_bytes));
	return rte_eth_dev_default_mac_addr_set(port, &addr);
}
*/
import "C"

import (
	"errors"
	"unsafe"

	"github.com/yerden/go-dpdk/ethdev"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// SetPortMAC changes the MAC address that a port receives for.
func (d *Dataplane) SetPortMAC(id uint16, mac [6]byte) error {
	return d.onPort(id, func(p *port) error { return p.setMAC(mac) })
}

// SetPortMTU changes a port's MTU, in bytes of L3; EINVAL when it is out of PortInfo's range.
func (d *Dataplane) SetPortMTU(id uint16, mtu int) error {
	return d.onPort(id, func(p *port) error { return d.setMTU(p, mtu) })
}

// SetPortPromisc makes a port receive frames for any MAC address, or ends that.
func (d *Dataplane) SetPortPromisc(id uint16, on bool) error {
	return d.onPort(id, func(p *port) error { return p.setPromisc(on) })
}

// portSettings are what of a link its port follows. All ports receive all multicast: groups are
// joined without telling the device, and IFF_ALLMULTI is C's to look at.
type portSettings struct {
	mtu     int
	mac     [6]byte
	promisc bool
}

// follow makes the port of a link as the link is, or changes nothing. back is what makes it as it
// was.
func (d *Dataplane) follow(l *dpif.Link) (back func() error, err error) {
	none := func() error { return nil }
	if l.Port == dpif.PortNone {
		return none, nil
	}
	var was portSettings
	set := func(to portSettings) error {
		return d.onPort(l.Port, func(p *port) error { return d.set(p, to) })
	}
	err = d.onPort(l.Port, func(p *port) error {
		was = portSettings{mtu: p.info.MTU, mac: p.info.MAC, promisc: p.promisc}
		p.net = l.Net
		return nil
	})
	if errors.Is(err, unix.ENODEV) { // not one of AddPort's: C knows whether there is one
		return none, nil
	}
	to := portSettings{mtu: int(l.MTU), mac: l.HardAddr, promisc: l.Flags&unix.IFF_PROMISC != 0}
	if to == was {
		return none, nil
	}
	if err := set(to); err != nil {
		if berr := set(was); berr != nil {
			err = errors.Join(err, berr)
		}
		return nil, err
	}
	return func() error { return set(was) }, nil
}

// set changes what differs.
func (d *Dataplane) set(p *port, to portSettings) error {
	if to.mtu != p.info.MTU {
		if err := d.setMTU(p, to.mtu); err != nil {
			return err
		}
	}
	if to.mac != p.info.MAC {
		if err := p.setMAC(to.mac); err != nil {
			return err
		}
	}
	if to.promisc != p.promisc {
		return p.setPromisc(to.promisc)
	}
	return nil
}

// setMTU also serves devices that have to be stopped for it.
func (d *Dataplane) setMTU(p *port, mtu int) error {
	if p.checkMTU(mtu) != nil {
		return unix.EINVAL
	}
	set := func() error { return ethdev.Port(p.id).SetMTU(uint16(mtu)) }
	err := p.ns.do(set)
	if errors.Is(err, unix.EBUSY) {
		err = d.whileStopped(p, set)
	}
	if err != nil && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	p.info.MTU = mtu
	return nil
}

// whileStopped takes a port's device from the workers while do runs.
func (d *Dataplane) whileStopped(p *port, do func() error) error {
	links, err := d.DumpLinks(p.net)
	if err != nil {
		return err
	}
	if err := errnoOf(C.dp_port_del(C.uint16_t(p.id))); err != nil {
		return err
	}
	dev := ethdev.Port(p.id)
	if err = p.ns.do(func() error {
		dev.Stop()
		err := do()
		if serr := dev.Start(); serr != nil {
			return errors.Join(err, serr)
		}
		return err
	}); err != nil {
		return errors.Join(err, d.poll(p), d.attach(links, p.id))
	}
	if err := d.poll(p); err != nil {
		return err
	}
	return d.attach(links, p.id)
}

// attach sets the link of a port as it was before the workers lost the port.
func (d *Dataplane) attach(links []dpif.Link, id uint16) error {
	for _, l := range links {
		if l.Port != id {
			continue
		}
		c, err := linkOf(&l)
		if err != nil {
			return err
		}
		return errnoOf(C.dp_link_set(&c))
	}
	return nil
}

// setMAC makes the device receive for mac; one that cannot filter receives all, and C looks.
func (p *port) setMAC(mac [6]byte) error {
	err := p.ns.do(func() error {
		return errnoOf(C.set_mac(C.uint16_t(p.id), (*C.uint8_t)(unsafe.Pointer(&mac[0]))))
	})
	before := p.anyMAC
	p.anyMAC = err != nil
	if err := p.receiveAll(p.promisc || p.anyMAC); err != nil {
		p.anyMAC = before
		return err
	}
	p.info.MAC = mac
	return nil
}

func (p *port) setPromisc(on bool) error {
	if err := p.receiveAll(on || p.anyMAC); err != nil {
		return err
	}
	p.promisc = on
	return nil
}

// receiveAll switches the filter for MAC addresses off or on.
func (p *port) receiveAll(on bool) error {
	set := ethdev.Port.PromiscDisable
	if on {
		set = ethdev.Port.PromiscEnable
	}
	err := p.ns.do(func() error { return set(ethdev.Port(p.id)) })
	if errors.Is(err, unix.ENOTSUP) { // rings: they deliver all anyway
		return nil
	}
	return err
}
