// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"errors"
	"syscall"
	"unsafe"

	"skua/dataplane/dpif"
)

// SetLink implements dpif.Writer. The port follows the link's MTU, MAC address and IFF_PROMISC;
// what its device refuses leaves both as they were.
func (d *Dataplane) SetLink(l dpif.Link) error {
	c, err := linkOf(&l)
	if err != nil {
		return err
	}
	back, err := d.follow(&l)
	if err != nil {
		return err
	}
	if err := errnoOf(C.dp_link_set(&c)); err != nil {
		if berr := back(); berr != nil {
			return errors.Join(err, berr)
		}
		return err
	}
	return nil
}

func linkOf(l *dpif.Link) (C.struct_dp_link, error) {
	c := C.struct_dp_link{
		net:     C.uint32_t(l.Net),
		ifindex: C.uint32_t(l.Ifindex),
		port:    C.uint16_t(l.Port),
		_type:   C.uint8_t(l.Type),
		carrier: boolOf(l.Carrier),
		flags:   C.uint32_t(l.Flags),
		mtu:     C.uint32_t(l.MTU),
		mtu6:    C.uint32_t(l.MTU6),
		conf4:   C.uint32_t(l.Conf4),
		conf6:   C.uint32_t(l.Conf6),
		group:   C.uint32_t(l.Group),

		master: C.uint32_t(l.Master), lower: C.uint32_t(l.Lower),
		vlan_proto: C.uint16_t(l.VLANProto), vlan_id: C.uint16_t(l.VLANID),
		macvlan_mode: C.uint8_t(l.MACVLANMode),
		peer_net:     C.uint32_t(l.PeerNet), peer_ifindex: C.uint32_t(l.PeerIfindex),
	}
	for i, pcp := range l.VLANEgress {
		c.vlan_egress[i] = C.uint8_t(pcp)
	}
	if len(l.Name) >= len(c.name) {
		return c, syscall.EINVAL
	}
	for i := range len(l.Name) {
		c.name[i] = C.char(l.Name[i])
	}
	putMAC(&c.lladdr, l.HardAddr)
	return c, nil
}

// DelLink implements dpif.Writer.
func (d *Dataplane) DelLink(net, ifindex uint32) error {
	return errnoOf(C.dp_link_del(C.uint32_t(net), C.uint32_t(ifindex)))
}

// DumpLinks implements dpif.Reader.
func (d *Dataplane) DumpLinks(net uint32) ([]dpif.Link, error) {
	var links []dpif.Link
	err := dumpAll(func(cursor *C.uint32_t, out []C.struct_dp_link) C.int {
		return C.dp_link_dump(C.uint32_t(net), cursor, &out[0], C.uint32_t(len(out)))
	}, func(c *C.struct_dp_link) error {
		var egress [16]uint8
		for i, pcp := range c.vlan_egress {
			egress[i] = uint8(pcp)
		}
		links = append(links, dpif.Link{
			Net:      uint32(c.net),
			Ifindex:  uint32(c.ifindex),
			Name:     nameOf(&c.name),
			Port:     uint16(c.port),
			Type:     dpif.LinkType(c._type),
			Carrier:  c.carrier != 0,
			Flags:    uint32(c.flags),
			MTU:      uint32(c.mtu),
			MTU6:     uint32(c.mtu6),
			Conf4:    dpif.Conf(c.conf4),
			Conf6:    dpif.Conf(c.conf6),
			Group:    uint32(c.group),
			HardAddr: macOf(&c.lladdr),

			Master: uint32(c.master), Lower: uint32(c.lower),
			VLANProto: uint16(c.vlan_proto), VLANID: uint16(c.vlan_id),
			MACVLANMode: uint8(c.macvlan_mode),
			PeerNet:     uint32(c.peer_net), PeerIfindex: uint32(c.peer_ifindex),
			VLANEgress: egress,
		})
		return nil
	})
	return links, err
}

func nameOf(c *[C.DP_IFNAMSIZ]C.char) string {
	b := (*[C.DP_IFNAMSIZ]byte)(unsafe.Pointer(c))
	for i, ch := range b {
		if ch == 0 {
			return string(b[:i])
		}
	}
	return string(b[:])
}

// LinkStats implements dpif.Reader.
func (d *Dataplane) LinkStats(net, ifindex uint32) (dpif.LinkStats, error) {
	var c C.struct_dp_link_stats
	if err := errnoOf(C.dp_link_stats(C.uint32_t(net), C.uint32_t(ifindex), &c)); err != nil {
		return dpif.LinkStats{}, err
	}
	return dpif.LinkStats{
		RxPackets: uint64(c.rx_packets), TxPackets: uint64(c.tx_packets),
		RxBytes: uint64(c.rx_bytes), TxBytes: uint64(c.tx_bytes),
		RxErrors: uint64(c.rx_errors), TxErrors: uint64(c.tx_errors),
		RxDropped: uint64(c.rx_dropped), TxDropped: uint64(c.tx_dropped),
		Multicast: uint64(c.multicast), RxMissed: uint64(c.rx_missed_errors),
		RxNohandler: uint64(c.rx_nohandler), RxLengthError: uint64(c.rx_length_errors),
	}, nil
}
