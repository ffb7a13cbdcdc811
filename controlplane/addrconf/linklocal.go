// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
)

// autoAddrs is addrconf_init_auto_addrs: a link that has become ready gets its link-local address.
func (t *Table) autoAddrs(l *link.Link) {
	if l.Loopback() || l.Type != unix.ARPHRD_ETHER || !l.In6Dev {
		return
	}
	switch l.Conf6.AddrGenMode {
	case link.AddrGenRandom:
		if l.Secret6 == nil { // ipv6_gen_mode_random_init
			l.Secret6 = new([16]byte)
			binary.LittleEndian.PutUint64(l.Secret6[:8], t.net.Rand.Uint64())
			binary.LittleEndian.PutUint64(l.Secret6[8:], t.net.Rand.Uint64())
		}
		fallthrough
	case link.AddrGenStablePrivacy:
		if a, _, ok := t.stable(l, linkLocalPrefix, 0); ok {
			t.addLinkLocal(l, a, unix.IFA_F_STABLE_PRIVACY)
		}
	case link.AddrGenEUI64:
		if a := eui64(l); a.IsValid() {
			t.addLinkLocal(l, a, 0)
		}
	}
}

var linkLocalPrefix = netip.MustParseAddr("fe80::")

// addLinkLocal is addrconf_add_linklocal. One that is there already is left alone.
func (t *Table) addLinkLocal(l *link.Link, a netip.Addr, flags uint32) {
	flags |= unix.IFA_F_PERMANENT
	if (t.links.All6.OptimisticDAD != 0 || l.Conf6.OptimisticDAD != 0) &&
		t.links.All6.Forwarding == 0 && l.Conf6.Forwarding == 0 {
		flags |= unix.IFA_F_OPTIMISTIC
	}
	_, err := t.addrs.AddKernel(addr.Config{
		Link: l, Prefix: netip.PrefixFrom(a, 64), Flags: flags, Proto: addr.ProtoKernelLL,
	})
	if err != nil {
		t.net.Log.Debug("no link-local address", "link", l.Name, "addr", a, "err", err)
	}
}

// eui64 is the link-local address with the interface identifier of the MAC (RFC 4291 appendix A);
// invalid: the MAC is zero.
func eui64(l *link.Link) netip.Addr {
	if l.HardAddr.IsZero() {
		return netip.Addr{}
	}
	h := l.HardAddr
	return netip.AddrFrom16([16]byte{
		0: 0xfe, 1: 0x80, 8: h[0] ^ 2, 9: h[1], 10: h[2], 11: 0xff, 12: 0xfe, 13: h[3], 14: h[4], 15: h[5],
	})
}

// stable is ipv6_generate_stable_address (RFC 7217): the same identifier for the same prefix, link
// and secret. retry is the DAD counter; that which was used is returned. ok false: no secret, or
// all identifiers are reserved ones.
func (t *Table) stable(l *link.Link, prefix netip.Addr, retry uint8) (a netip.Addr, used uint8, ok bool) {
	secret := l.Secret6
	if secret == nil {
		secret = t.links.DefaultSecret6
	}
	if secret == nil {
		return a, retry, false
	}
	for ; int(retry) <= t.IdgenRetries; retry++ {
		// The kernel hashes one block as it lies in memory, without the padding of SHA-1.
		var block [64]byte
		p := prefix.As16()
		copy(block[:16], secret[:])
		copy(block[16:24], p[:8])
		copy(block[24:], permAddr(l))
		block[56] = retry
		digest := sha1Block(&block)
		binary.NativeEndian.PutUint32(p[8:], digest[0])
		binary.NativeEndian.PutUint32(p[12:], digest[1])
		if !reservedID(p) {
			return netip.AddrFrom16(p), retry, true
		}
	}
	return a, retry, false
}

// permAddr is dev->perm_addr.
func permAddr(l *link.Link) []byte {
	if l.PermAddr.IsZero() {
		return l.HardAddr[:]
	}
	return l.PermAddr[:]
}

// reservedID says whether an interface identifier is reserved (RFC 5453).
func reservedID(a [16]byte) bool {
	hi, lo := binary.BigEndian.Uint32(a[8:]), binary.BigEndian.Uint32(a[12:])
	return hi == 0 && lo == 0 ||
		hi == 0x02005eff && lo&0xfe000000 == 0xfe000000 ||
		hi == 0xfdffffff && lo&0xffffff80 == 0xffffff80
}

// nextStable gives the link another stable-privacy address in the place of a, a duplicate.
func (t *Table) nextStable(a *addr.Addr) {
	l, retry := a.Link, dadOf(a).retry+1
	next, used, ok := netip.Addr{}, retry, false
	if int(retry) <= t.IdgenRetries {
		next, used, ok = t.stable(l, a.Local(), retry)
	}
	if !ok {
		t.net.Log.Warn("stable-privacy address generation failed because of DAD conflicts", "link", l.Name)
		return
	}
	if most := l.Conf6.MaxAddresses; most > 0 && len(t.addrs.OfLink(l, unix.AF_INET6)) >= int(most) {
		return
	}
	c := addr.Config{
		Link: l, Prefix: netip.PrefixFrom(next, a.Bits()), Proto: a.Proto, Metric: a.Metric,
		Flags: a.Flags &^ (unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED),
	}
	t.net.AfterFunc(time.Duration(t.IdgenDelay)*time.Second, func() {
		if l.Gone() || !l.Enabled6() || l.Flags6&link.If6Ready == 0 {
			return
		}
		if n, err := t.addrs.AddKernel(c); err == nil {
			dadOf(n).retry = used
		}
	})
}

// sha1Block is the compression function of SHA-1 (FIPS 180-4 6.1.2) on one block.
func sha1Block(block *[64]byte) [5]uint32 {
	start := [5]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}
	var w [80]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(block[4*i:])
	}
	for i := 16; i < 80; i++ {
		w[i] = bits.RotateLeft32(w[i-3]^w[i-8]^w[i-14]^w[i-16], 1)
	}
	a, b, c, d, e := start[0], start[1], start[2], start[3], start[4]
	for i := range 80 {
		var f, k uint32
		switch i / 20 {
		case 0:
			f, k = b&c|^b&d, 0x5a827999
		case 1:
			f, k = b^c^d, 0x6ed9eba1
		case 2:
			f, k = b&c|b&d|c&d, 0x8f1bbcdc
		default:
			f, k = b^c^d, 0xca62c1d6
		}
		a, b, c, d, e = bits.RotateLeft32(a, 5)+f+e+k+w[i], a, bits.RotateLeft32(b, 30), c, d
	}
	return [5]uint32{start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e}
}

func (t *Table) addKnobs() {
	for _, k := range []struct {
		name  string
		value *int
	}{{"idgen_retries", &t.IdgenRetries}, {"idgen_delay", &t.IdgenDelay}} {
		t.links.AddSysctl("net.ipv6."+k.name, link.Knob{
			Get: func() string { return strconv.Itoa(*k.value) },
			Set: func(value string) error {
				v, err := strconv.ParseInt(strings.TrimSpace(value), 0, 32)
				if err != nil || v < 0 {
					return unix.EINVAL
				}
				*k.value = int(v)
				return nil
			},
		})
	}
}
