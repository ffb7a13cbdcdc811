// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// IPv4 options (RFC 791 3.1).
const (
	ipoptEnd  = 0
	ipoptNoop = 1
	ipoptRR   = 7
	ipoptTS   = 68
	ipoptLSRR = 131
	ipoptCIPS = 134
	ipoptSSRR = 137

	tsOnly    = 0
	tsAndAddr = 1
	tsPrespec = 3
)

// options are those of an answer (ip_options), built from those of the packet answered: bytes, and
// what is to be written into them when the source is known.
type options struct {
	data   []byte     // a multiple of 4
	faddr  netip.Addr // the first hop of the reversed source route; invalid: none
	srrEnd int        // offset where the final destination goes, 0: no source route
	rrAddr int        // offsets for our address and the time; 0: none
	tsAddr int
	tsTime int
}

// echoOptions is __ip_options_echo: of the options of k, whose records the data plane has written
// already, those that an answer carries on. bad is the offset in the header of what a parameter
// problem is about, 0: nothing is wrong; what follows it was never looked at.
func (h *Handler) echoOptions(k *packet, bad uint32) (options, error) {
	var o options
	if !k.is4() || k.ip[0]&15 == 5 {
		return o, nil
	}
	in := k.ip[ipHdrLen:min(int(k.ip[0]&15)*4, len(k.ip))]
	if bad >= ipHdrLen {
		in = in[:min(int(bad)-ipHdrLen, len(in))]
	}
	var rr, ts, srr, cipso []byte
	for len(in) > 0 && in[0] != ipoptEnd {
		if in[0] == ipoptNoop {
			in = in[1:]
			continue
		}
		if len(in) < 2 || in[1] < 2 || int(in[1]) > len(in) {
			// Cut by bad. A security label counts all the same: it was noted before it was refused.
			if in[0] == ipoptCIPS && cipso == nil {
				cipso = optionAt(k.ip, int(bad))
			}
			break
		}
		opt := in[:in[1]]
		switch {
		case opt[0] == ipoptRR && rr == nil && len(opt) >= 3:
			rr = opt
		case opt[0] == ipoptTS && ts == nil && len(opt) >= 4:
			ts = opt
		case (opt[0] == ipoptLSRR || opt[0] == ipoptSSRR) && srr == nil && len(opt) >= 3:
			srr = opt
		case opt[0] == ipoptCIPS && cipso == nil:
			cipso = opt
		}
		in = in[len(opt):]
	}
	if err := o.recordRoute(rr); err != nil {
		return o, err
	}
	if err := o.timestamp(ts, h); err != nil {
		return o, err
	}
	o.sourceRoute(srr, k.src)
	o.data = append(o.data, cipso...)
	for len(o.data)%4 != 0 {
		o.data = append(o.data, ipoptEnd)
	}
	return o, nil
}

// optionAt is the option of an IPv4 header that the offset at is in; nil: there is none.
func optionAt(ip []byte, at int) []byte {
	end := min(int(ip[0]&15)*4, len(ip))
	for off := ipHdrLen; off < end && ip[off] != ipoptEnd; {
		n := 1
		if ip[off] != ipoptNoop {
			if off+1 >= end || ip[off+1] < 2 || off+int(ip[off+1]) > end {
				return nil
			}
			n = int(ip[off+1])
		}
		if at < off+n {
			return ip[off : off+n]
		}
		off += n
	}
	return nil
}

func (o *options) recordRoute(opt []byte) error {
	if opt == nil {
		return nil
	}
	at := len(o.data)
	o.data = append(o.data, opt...)
	if next := int(opt[2]); next <= len(opt) {
		if next < 4 || next+3 > len(opt) {
			return unix.EINVAL
		}
		o.data[at+2] = byte(next + 4)
		o.rrAddr = ipHdrLen + at + next - 1
	}
	return nil
}

func (o *options) timestamp(opt []byte, h *Handler) error {
	if opt == nil {
		return nil
	}
	at := len(o.data)
	o.data = append(o.data, opt...)
	next, flag := int(opt[2]), opt[3]&15
	if next > len(opt) {
		return nil
	}
	if next < 5 || next+3 > len(opt) {
		return unix.EINVAL
	}
	if flag == tsAndAddr {
		o.tsAddr = ipHdrLen + at + next - 1
		next += 4
		if next+3 > len(opt) {
			return unix.EINVAL
		}
	}
	switch flag {
	case tsOnly, tsAndAddr:
		o.tsTime = ipHdrLen + at + next - 1
		next += 4
	case tsPrespec:
		if next+7 <= len(opt) {
			addr := netip.AddrFrom4([4]byte(opt[next-1 : next+3]))
			if h.routes.AddrType(addr) != unix.RTN_UNICAST {
				o.tsTime = ipHdrLen + at + next + 3
				next += 8
			}
		}
	}
	o.data[at+2] = byte(next)
	return nil
}

// sourceRoute turns the route that the packet took around (RFC 1812 4.2.2.6: without our source
// twice).
func (o *options) sourceRoute(opt []byte, src netip.Addr) {
	if opt == nil {
		return
	}
	next := min(int(opt[2]), len(opt)+1) - 4
	if next <= 3 {
		return
	}
	faddr := netip.AddrFrom4([4]byte(opt[next-1 : next+3]))
	var back []byte
	for next -= 4; next > 3; next -= 4 {
		back = append(back, opt[next-1:next+3]...)
	}
	back = append(back, 0, 0, 0, 0) // the last place is the final destination's
	if next+7 <= len(opt) && src == netip.AddrFrom4([4]byte(opt[next+3:next+7])) {
		back = back[4:]
	}
	if len(back) == 0 {
		return
	}
	o.data = append(o.data, opt[0], byte(3+len(back)), 4)
	o.data = append(o.data, back...)
	o.faddr, o.srrEnd = faddr, ipHdrLen+len(o.data)-4
}

// build is ip_options_build: the header hdr, whose options were copied from o, gets what was not
// known before.
func (o *options) build(hdr []byte, dst, src netip.Addr, ms uint32) {
	if o.srrEnd != 0 {
		copy(hdr[o.srrEnd:], dst.AsSlice())
	}
	if o.rrAddr != 0 {
		copy(hdr[o.rrAddr:], src.AsSlice())
	}
	if o.tsAddr != 0 {
		copy(hdr[o.tsAddr:], src.AsSlice())
	}
	if o.tsTime != 0 {
		copy(hdr[o.tsTime:], []byte{byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)})
	}
}

// fragment is ip_options_fragment: what the fragments after the first keep are the options whose
// copied flag (0x80) is set.
func fragmentOptions(opt []byte) {
	for len(opt) > 0 {
		switch {
		case opt[0] == ipoptEnd:
			return
		case opt[0] == ipoptNoop:
			opt = opt[1:]
			continue
		case len(opt) < 2 || opt[1] < 2 || int(opt[1]) > len(opt):
			return
		}
		n := int(opt[1])
		if opt[0]&0x80 == 0 {
			for i := range n {
				opt[i] = ipoptNoop
			}
		}
		opt = opt[n:]
	}
}
