// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// ARP operations (RFC 826).
const (
	ARPRequest = 1
	ARPReply   = 2
)

const (
	arpLen     = 28 // of an ARP packet for IPv4 on Ethernet
	ethHdrLen  = 14
	etherARP   = 0x0806
	etherIPv4  = 0x0800
	hrdEther   = unix.ARPHRD_ETHER
	hrdIEEE802 = unix.ARPHRD_IEEE802
)

// ARP is an ARP packet for IPv4 on Ethernet.
type ARP struct {
	Op       uint16 // ARPRequest, ARPReply
	SenderHA link.HardAddr
	SenderIP netip.Addr
	TargetHA link.HardAddr
	TargetIP netip.Addr
}

// ParseARP reads a packet (arp_rcv and the first checks of arp_process). b begins after the Ethernet
// header and may be padded. The error is a Drop.
func ParseARP(b []byte) (a ARP, err error) {
	if len(b) < arpLen {
		return a, DropTooSmall
	}
	if b[4] != 6 || b[5] != 4 {
		return a, DropBadARP
	}
	hrd := binary.BigEndian.Uint16(b)
	if hrd != hrdEther && hrd != hrdIEEE802 || binary.BigEndian.Uint16(b[2:]) != etherIPv4 {
		return a, DropBadARP
	}
	a.Op = binary.BigEndian.Uint16(b[6:])
	if a.Op != ARPRequest && a.Op != ARPReply {
		return a, DropBadARP
	}
	a.SenderHA, a.SenderIP = link.HardAddr(b[8:14]), netip.AddrFrom4([4]byte(b[14:18]))
	a.TargetHA, a.TargetIP = link.HardAddr(b[18:24]), netip.AddrFrom4([4]byte(b[24:28]))
	return a, nil
}

// Append writes the ARP packet without an Ethernet header.
func (a *ARP) Append(b []byte) []byte {
	b = append(b, 0, hrdEther, etherIPv4>>8, etherIPv4&0xff, 6, 4)
	b = binary.BigEndian.AppendUint16(b, a.Op)
	b = append(append(b, a.SenderHA[:]...), a.SenderIP.AsSlice()...)
	return append(append(b, a.TargetHA[:]...), a.TargetIP.AsSlice()...)
}

// Frame is the packet in an Ethernet frame, unpadded.
func (a *ARP) Frame(dst, src link.HardAddr) []byte {
	b := make([]byte, 0, ethHdrLen+arpLen)
	b = append(append(b, dst[:]...), src[:]...)
	return a.Append(append(b, etherARP>>8, etherARP&0xff))
}
