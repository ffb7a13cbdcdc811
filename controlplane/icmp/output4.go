// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/dataplane/dpif"
)

// out4 is an IPv4 packet of our own.
type out4 struct {
	route   *route.Result
	src     netip.Addr // invalid: the route's
	dst     netip.Addr // the final destination
	tos     uint8
	proto   uint8
	df      bool // with it the identification is 0: it is never a fragment
	opt     options
	twin    uint32 // to ourselves: the link whose twin the sender of what this is about used
	payload []byte
}

// ttl is ip4_dst_hoplimit: of the route, else of the net.
func (h *Handler) ttl(r *route.Result) byte {
	if r.Metrics != nil && r.Metrics.Value[unix.RTAX_HOPLIMIT] != 0 {
		return byte(r.Metrics.Value[unix.RTAX_HOPLIMIT])
	}
	return byte(h.Sysctl.IPDefaultTTL)
}

// push4 is ip_push_pending_frames and ip_output: it makes the header, fragments where the packet is
// larger than the way, and hands it to the data plane.
func (h *Handler) push4(o *out4) {
	if o.route.Link == nil || o.route.Link.Loopback() && o.twin == 0 {
		return // to ourselves: no socket waits
	}
	src := o.src
	if !src.IsValid() {
		src = o.route.Src
	}
	if !src.IsValid() || src.IsUnspecified() {
		src = netip.AddrFrom4([4]byte{192, 0, 0, 8}) // INADDR_DUMMY, RFC 7600
	}
	hdr := make([]byte, ipHdrLen+len(o.opt.data), ipHdrLen+len(o.opt.data)+len(o.payload))
	hdr[0] = byte(0x40 | len(hdr)/4)
	hdr[1] = o.tos
	if o.df {
		hdr[6] = 0x40
	} else {
		binary.BigEndian.PutUint16(hdr[4:], h.ident(src, o.dst, o.proto))
	}
	hdr[8] = h.ttl(o.route)
	if o.dst.IsMulticast() {
		hdr[8] = 1
	}
	hdr[9] = o.proto
	copy(hdr[12:], src.AsSlice())
	next := o.dst
	if o.opt.faddr.IsValid() {
		next = o.opt.faddr
	}
	copy(hdr[16:], next.AsSlice())
	copy(hdr[ipHdrLen:], o.opt.data)
	o.opt.build(hdr, o.dst, src, h.sinceMidnight())

	if o.proto == unix.IPPROTO_ICMP {
		h.mib.icmp.OutMsgs++
		h.mib.icmp.out[o.payload[0]]++
	}
	mtu := int(o.route.MTU)
	if len(hdr)+len(o.payload) <= mtu || o.df || mtu < len(hdr)+8 {
		h.emit4(o, hdr, o.payload, 0, false)
		return
	}
	room := (mtu - len(hdr)) &^ 7
	for off := 0; off < len(o.payload); off += room {
		end := min(off+room, len(o.payload))
		h.emit4(o, hdr, o.payload[off:end], off, end < len(o.payload))
		if off == 0 {
			fragmentOptions(hdr[ipHdrLen:])
		}
	}
}

func (h *Handler) emit4(o *out4, hdr, payload []byte, off int, more bool) {
	pkt := append(append(make([]byte, 0, len(hdr)+len(payload)), hdr...), payload...)
	binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
	frag := uint16(off / 8)
	if more {
		frag |= 0x2000
	}
	binary.BigEndian.PutUint16(pkt[6:], binary.BigEndian.Uint16(pkt[6:])|frag)
	sumInto(pkt[:len(hdr)], 10, 0)
	h.inject(o.route, o.twin, pkt, &h.mib.icmp)
}

func (h *Handler) inject(r *route.Result, twin uint32, pkt []byte, c *counts) {
	inj := dpif.Inject{Net: h.net.ID, Oif: r.Link.Index, Kind: dpif.InjectIP, Addr: r.Neighbour(), Data: pkt}
	if r.Link.Loopback() {
		inj = dpif.Inject{Net: h.net.ID, Oif: twin, Kind: dpif.InjectTwin, Data: pkt}
	}
	err := h.net.DP.Inject(inj)
	if err != nil {
		c.OutErrors++
		h.net.Log.Debug("icmp: not sent", "err", err, "link", r.Link.Name)
	}
}

// ident chooses an identification (__ip_select_ident): a counter per hash of the addresses, so that
// it tells nothing about what is sent to others.
func (h *Handler) ident(src, dst netip.Addr, proto uint8) uint16 {
	n := &h.idents[h.flow(src, dst, proto)%uint64(len(h.idents))]
	*n += 1 + uint32(h.net.Rand.IntN(4))
	return uint16(*n)
}

// flow is a keyed hash of addresses and protocol.
func (h *Handler) flow(src, dst netip.Addr, proto uint8) uint64 {
	var m maphash.Hash
	m.SetSeed(h.seed)
	_, _ = m.Write(src.AsSlice())
	_, _ = m.Write(dst.AsSlice())
	_ = m.WriteByte(proto)
	return m.Sum64()
}

// sinceMidnight is inet_current_timestamp: milliseconds since midnight UT.
func (h *Handler) sinceMidnight() uint32 {
	now := h.net.Clock.Now().UTC()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	return uint32(now.Sub(midnight).Milliseconds())
}
