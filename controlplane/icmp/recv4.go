// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/route"
)

// Types and codes of RFC 792 and its successors.
const (
	icmpEchoReply      = 0
	icmpDestUnreach    = 3
	icmpSourceQuench   = 4
	icmpRedirect       = 5
	icmpEcho           = 8
	icmpTimeExceeded   = 11
	icmpParamProb      = 12
	icmpTimestamp      = 13
	icmpTimestampReply = 14
	icmpAddress        = 17
	icmpAddressReply   = 18
	nrICMPTypes        = 18 // the highest known (NR_ICMP_TYPES)
	icmpExtEcho        = 42
	icmpExtEchoReply   = 43

	icmpNetUnreach   = 0
	icmpHostUnreach  = 1
	icmpProtUnreach  = 2
	icmpPortUnreach  = 3
	icmpFragNeeded   = 4
	icmpPktFiltered  = 13
	icmpRedirectHost = 1
)

// isError4 says whether a type is an error (icmp_pointers[].error): nothing is said about those.
func isError4(typ uint8) bool {
	switch typ {
	case icmpEchoReply, icmpEcho, icmpTimestamp, icmpTimestampReply, 15, 16, icmpAddress, icmpAddressReply:
		return false
	}
	return typ <= nrICMPTypes
}

// recv4 is icmp_rcv.
func (h *Handler) recv4(k *packet) {
	c := &h.mib.icmp
	c.InMsgs++
	msg := k.transport()
	if msg == nil || checksum(msg, 0) != 0 {
		c.InCsumErrors++
		c.InErrors++
		return
	}
	if len(msg) < icmpHdrLen {
		c.InErrors++
		return
	}
	typ := msg[0]
	c.in[typ]++
	switch {
	case typ == icmpExtEcho, typ == icmpExtEchoReply:
		return // PROBE (RFC 8335) is off in the kernel and not here
	case typ > nrICMPTypes:
		c.InErrors++
		return
	}
	if k.toGroup() {
		ask := typ == icmpEcho || typ == icmpTimestamp
		if ask && h.Sysctl.EchoIgnoreBroadcasts != 0 ||
			!ask && typ != icmpAddress && typ != icmpAddressReply {
			c.InErrors++
			return
		}
	}
	switch typ {
	case icmpEcho:
		h.echo4(k, msg)
	case icmpTimestamp:
		h.timestamp(k, msg)
	case icmpDestUnreach, icmpSourceQuench, icmpTimeExceeded, icmpParamProb, icmpRedirect:
		quoted := msg[icmpHdrLen:]
		if len(quoted) < ipHdrLen || quoted[0]&15 < 5 {
			c.InErrors++
			return
		}
		dst := netip.AddrFrom4([4]byte(quoted[16:20]))
		if h.Sysctl.IgnoreBogusErrors == 0 && h.routes.AddrType(dst) == unix.RTN_BROADCAST {
			h.net.Log.Warn("an ICMP error about a broadcast", "from", k.src, "type", typ, "code", msg[1],
				"to", dst, "link", k.in.Name)
		}
		// No socket of ours asked: there is nobody else to tell.
	}
}

// echo4 is icmp_echo.
func (h *Handler) echo4(k *packet, msg []byte) {
	if h.Sysctl.EchoIgnoreAll != 0 {
		return
	}
	reply := append([]byte(nil), msg...)
	reply[0] = icmpEchoReply
	h.reply4(k, reply)
}

// timestamp is icmp_timestamp.
func (h *Handler) timestamp(k *packet, msg []byte) {
	if len(msg) < icmpHdrLen+4 {
		h.mib.icmp.InErrors++
		return
	}
	reply := append(make([]byte, 0, 20), msg[:12]...)
	now := h.net.Clock.Now().UTC()
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	ms := uint32(now.Sub(midnight).Milliseconds())
	reply = binary.BigEndian.AppendUint32(reply, ms)
	reply = binary.BigEndian.AppendUint32(reply, ms)
	reply[0], reply[1] = icmpTimestampReply, 0
	h.reply4(k, reply)
}

// reply4 is icmp_reply: msg goes back to where the packet came from, its options with it.
func (h *Handler) reply4(k *packet, msg []byte) {
	opt, err := h.echoOptions(k, 0)
	if err != nil {
		return
	}
	limited := h.limited4(msg[0], msg[1])
	if limited && !h.allowGlobal() {
		h.mib.icmp.OutRateLimitGlobal++
		return
	}
	dst := k.src
	if opt.faddr.IsValid() {
		dst = opt.faddr
	}
	r, err := h.routes.Lookup(route.Query{
		Family: unix.AF_INET, Dst: dst, Src: h.specDst(k), TOS: k.ip[1], Proto: unix.IPPROTO_ICMP,
		L3mdev: k.l3mdev(),
	})
	if err != nil {
		return
	}
	if limited && !r.Link.Loopback() && !h.allowPeer4(dst) {
		return
	}
	h.push4(&out4{
		route: &r, dst: k.src, tos: k.ip[1], opt: opt, proto: unix.IPPROTO_ICMP,
		payload: sumInto(msg, 2, 0),
	})
}

// specDst is fib_compute_spec_dst: the own address that the packet was meant for.
func (h *Handler) specDst(k *packet) netip.Addr {
	if k.RtType == unix.RTN_LOCAL {
		return k.dst
	}
	scope := uint8(unix.RT_SCOPE_LINK)
	if !k.src.IsUnspecified() {
		scope = unix.RT_SCOPE_UNIVERSE
		if r, err := h.routes.Lookup(route.Query{Family: unix.AF_INET, Dst: k.src, TOS: k.ip[1], L3mdev: k.l3mdev()}); err == nil {
			return r.Src
		}
	}
	return h.addrs.Select(k.in, k.src, scope)
}
