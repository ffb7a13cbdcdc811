// SPDX-License-Identifier: BSD-3-Clause

package ethdev

/*
#include <rte_ethdev.h>

struct link_state {
	uint32_t speed;
	int duplex, autoneg, status;
};

// struct rte_eth_link has bit fields, which cgo does not read.
static int link_state_read(uint16_t port, struct link_state *out)
{
	struct rte_eth_link link = { 0 };
	int rc = rte_eth_link_get_nowait(port, &link);

	if (rc < 0)
		return rc;
	out->speed = link.link_speed;
	out->duplex = link.link_duplex;
	out->autoneg = link.link_autoneg;
	out->status = link.link_status;
	return 0;
}
*/
import "C"

import "net"

// MACAddr is a struct rte_ether_addr.
type MACAddr C.struct_rte_ether_addr

// HardwareAddr returns a copy of the address in the type of package net.
func (addr *MACAddr) HardwareAddr() net.HardwareAddr {
	hw := make(net.HardwareAddr, 6)
	for i, b := range addr.addr_bytes {
		hw[i] = byte(b)
	}
	return hw
}

// String formats the address as package net does.
func (addr *MACAddr) String() string {
	return addr.HardwareAddr().String()
}

// MACAddrGet reads the device's address into addr.
func (pid Port) MACAddrGet(addr *MACAddr) error {
	return errOf(C.rte_eth_macaddr_get(pid.c(), (*C.struct_rte_ether_addr)(addr)))
}

// DevInfo is a struct rte_eth_dev_info.
type DevInfo C.struct_rte_eth_dev_info

// InfoGet reads what the driver says of the device into info.
func (pid Port) InfoGet(info *DevInfo) error {
	return errOf(C.rte_eth_dev_info_get(pid.c(), (*C.struct_rte_eth_dev_info)(info)))
}

// DriverName returns the name of the device's driver (net_ixgbe, net_tap, ...).
func (info *DevInfo) DriverName() string {
	return C.GoString(info.driver_name)
}

// MinMTU returns the smallest MTU in bytes.
func (info *DevInfo) MinMTU() uint16 { return uint16(info.min_mtu) }

// MaxMTU returns the largest MTU in bytes.
func (info *DevInfo) MaxMTU() uint16 { return uint16(info.max_mtu) }

// MaxRxQueues returns how many receive queues the device can have.
func (info *DevInfo) MaxRxQueues() uint16 { return uint16(info.max_rx_queues) }

// MaxTxQueues returns how many transmit queues the device can have.
func (info *DevInfo) MaxTxQueues() uint16 { return uint16(info.max_tx_queues) }

// EthLink is the state of a link.
type EthLink struct {
	state C.struct_link_state
}

// EthLinkGetNowait reads the state of the link without waiting for negotiation to end.
func (pid Port) EthLinkGetNowait() (EthLink, error) {
	var link EthLink
	err := errOf(C.link_state_read(pid.c(), &link.state))
	return link, err
}

// Speed returns Mbit/s; 0 when the link is down, 2^32-1 when the speed is unknown.
func (link *EthLink) Speed() uint32 { return uint32(link.state.speed) }

// Duplex tells whether the link is full duplex.
func (link *EthLink) Duplex() bool { return link.state.duplex != 0 }

// AutoNeg tells whether the speed was negotiated.
func (link *EthLink) AutoNeg() bool { return link.state.autoneg != 0 }

// Status tells whether the link is up.
func (link *EthLink) Status() bool { return link.state.status != 0 }
