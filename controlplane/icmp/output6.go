// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
)

// out6 is an IPv6 packet of our own.
type out6 struct {
	route   *route.Result
	src     netip.Addr
	dst     netip.Addr
	tclass  uint8
	proto   uint8
	payload []byte // its checksum is at offset sum, to be filled in
	sum     int
	twin    uint32 // as in out4
}

// push6 is ip6_push_pending_frames and ip6_output.
func (h *Handler) push6(o *out6) {
	if o.route.Link == nil || o.route.Link.Loopback() && o.twin == 0 {
		return // to ourselves: no socket waits
	}
	sumInto(o.payload, o.sum, pseudo(o.src, o.dst, o.proto, len(o.payload)))
	hdr := make([]byte, ip6HdrLen)
	label := uint32(0)
	if h.Sysctl.AutoFlowLabels == 1 || h.Sysctl.AutoFlowLabels == 3 {
		label = uint32(h.flow(o.src, o.dst, o.proto)) & 0xfffff
	}
	binary.BigEndian.PutUint32(hdr, 6<<28|uint32(o.tclass)<<20|label)
	hdr[6] = o.proto
	hdr[7] = h.hopLimit(o.route)
	copy(hdr[8:], o.src.AsSlice())
	copy(hdr[24:], o.dst.AsSlice())
	if o.proto == unix.IPPROTO_ICMPV6 {
		h.mib.icmp6.OutMsgs++
		h.mib.icmp6.out[o.payload[0]]++
	}
	mtu := max(int(o.route.MTU), ip6MinMTU)
	if len(hdr)+len(o.payload) <= mtu {
		h.emit6(o, hdr, nil, o.payload)
		return
	}
	const fragHdrLen = 8
	frag := make([]byte, fragHdrLen)
	frag[0], hdr[6] = o.proto, unix.IPPROTO_FRAGMENT
	binary.BigEndian.PutUint32(frag[4:], h.net.Rand.Uint32())
	room := (mtu - len(hdr) - fragHdrLen) &^ 7
	for off := 0; off < len(o.payload); off += room {
		end := min(off+room, len(o.payload))
		field := uint16(off)
		if end < len(o.payload) {
			field |= 1
		}
		binary.BigEndian.PutUint16(frag[2:], field)
		h.emit6(o, hdr, frag, o.payload[off:end])
	}
}

func (h *Handler) emit6(o *out6, hdr, frag, payload []byte) {
	pkt := append(make([]byte, 0, len(hdr)+len(frag)+len(payload)), hdr...)
	pkt = append(append(pkt, frag...), payload...)
	binary.BigEndian.PutUint16(pkt[4:], uint16(len(pkt)-ip6HdrLen))
	h.inject(o.route, o.twin, pkt, &h.mib.icmp6)
}

// hopLimit is ip6_dst_hoplimit: of the route, of the link.
func (h *Handler) hopLimit(r *route.Result) uint8 {
	if r.Metrics != nil {
		if v := r.Metrics.Value[unix.RTAX_HOPLIMIT]; v != 0 {
			return uint8(v)
		}
	}
	if v := r.Link.Conf6.HopLimit; v > 0 {
		return uint8(v)
	}
	return 64
}
