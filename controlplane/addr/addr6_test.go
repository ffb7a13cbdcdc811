// SPDX-License-Identifier: BSD-3-Clause

package addr

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

func TestIPv6Order(t *testing.T) {
	b := newBench(t)
	for _, s := range []string{"fe80::1/64", "fd00::1/64", "fec0::1/64", "2001:db8::1/64", "fe80::2/64"} {
		b.add(b.p1, s+" flags 2")
	}
	b.wantList(b.p1, unix.AF_INET6, "2001:db8::1/64 fd00::1/64 fec0::1/64 fe80::2/64 fe80::1/64")
	for s, want := range map[string]uint8{
		"::1": unix.RT_SCOPE_HOST, "fe80::1": unix.RT_SCOPE_LINK, "fec0::1": unix.RT_SCOPE_SITE,
		"fd00::1": unix.RT_SCOPE_UNIVERSE, "ff02::1": unix.RT_SCOPE_LINK, "ff01::1": unix.RT_SCOPE_HOST,
	} {
		if got := Scope6(netip.MustParseAddr(s)); got != want {
			t.Errorf("scope of %s: %d, want %d", s, got, want)
		}
	}
}

// TestIPv6Begins: a tentative address is announced, one without detection is not until it is ready.
func TestIPv6Begins(t *testing.T) {
	b := newBench(t)
	a := b.add(b.p1, "fd00::1/64")
	b.wantSaid("adding", "added fd00::1/64 prefix add", "NEWADDR fd00::1/64", "start fd00::1/64")
	if a.Usable6() || a.Flags&unix.IFA_F_TENTATIVE == 0 {
		t.Error("it is usable before its detection has ended")
	}
	if err := b.SetFlags(a, 0, unix.IFA_F_TENTATIVE); err != nil {
		t.Fatal(err)
	}
	b.Ready(a)
	b.wantSaid("NEWADDR fd00::1/64", "ready fd00::1/64")
	if !a.Usable6() {
		t.Error("it is not usable")
	}
	b.add(b.p1, "fd00::2/64 flags 2")
	b.wantSaid("adding", "added fd00::2/64 prefix add", "start fd00::2/64")
	b.add(b.p1, "fd00::3/64 flags 514") // IFA_F_NODAD, IFA_F_NOPREFIXROUTE
	b.wantSaid("adding", "added fd00::3/64", "start fd00::3/64")
}

func TestIPv6Mistakes(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "fd00::1/64")
	for _, tc := range []struct {
		add   string
		errno error
		text  string
	}{
		{"fd00::1/64", unix.EEXIST, "ipv6: address already assigned"},
		{"fd00::1/48", unix.EEXIST, "ipv6: address already assigned"},
		{"::/64", unix.EADDRNOTAVAIL, "ipv6: Invalid address"},
		{"::1/128", unix.EADDRNOTAVAIL, "ipv6: Cannot assign loopback address on this device"},
		{"ff02::1/128", unix.EADDRNOTAVAIL, "ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag"},
		{"fd00::2/64 valid 1,2", unix.EINVAL, "ipv6: address lifetime invalid"},
		{"fd00::2/65 flags 256", unix.EINVAL, "ipv6: address with \"mngtmpaddr\" flag must have a prefix length of 64"},
		{"fd00::2/64 flags 1024", unix.EINVAL, "ipv6: Multicast auto join failed"},
	} {
		_, err := b.Add(config(b.p1, tc.add), 0)
		var errno = tc.errno
		if !errors.Is(err, errno) {
			t.Errorf("%s: %v, want %v", tc.add, err, errno)
			continue
		}
		if got := err.Error(); got != errno.Error()+": "+tc.text {
			t.Errorf("%s: %q, want the text %q", tc.add, got, tc.text)
		}
	}
	if err := b.links.SetSysctl("net.ipv6.conf.p2.disable_ipv6", "1"); err != nil {
		t.Fatal(err)
	}
	_, err := b.Add(config(b.p2, "fd00::9/64"), 0)
	wantError(t, "disabled", err, unix.EACCES, "ipv6: IPv6 is disabled on this device")
	wantError(t, "other length", b.del(b.p1, "fd00::1/63"), unix.EADDRNOTAVAIL, "ipv6: address not found")
	b.wantList(b.p1, unix.AF_INET6, "fd00::1/64")
}

// TestPrefixRouteOutlivesOneAddress: who else needs the prefix route decides what becomes of it.
func TestPrefixRouteOutlivesOneAddress(t *testing.T) {
	b := newBench(t)
	for _, s := range []string{"fd00::1/64", "fd00::2/64", "fd00::3/64 valid 100,100"} {
		b.add(b.p1, s)
	}
	for _, step := range []struct{ del, want string }{
		{"fd00::1/64", "deleted fd00::1/64"},
		{"fd00::2/64", "deleted fd00::2/64 prefix expire"},
		{"fd00::3/64", "deleted fd00::3/64 prefix del"},
	} {
		b.said = nil
		if err := b.del(b.p1, step.del); err != nil {
			t.Fatal(err)
		}
		b.wantSaid("DELADDR "+step.del, step.want)
	}
}

func TestIPv6Modify(t *testing.T) {
	b := newBench(t)
	a := b.add(b.p1, "fd00::1/64 flags 2")
	b.said = nil
	change := func(s string) {
		t.Helper()
		if _, err := b.Add(config(b.p1, s), unix.NLM_F_REPLACE); err == nil {
			_ = b.SetFlags(a, 0, unix.IFA_F_TENTATIVE)
		} else {
			t.Fatal(err)
		}
	}
	change("fd00::1/64 metric 7")
	b.wantSaid("NEWADDR fd00::1/64", "changed fd00::1/64 prefix modify")
	if a.Metric != 7 || a.Flags&unix.IFA_F_NODAD != 0 {
		t.Errorf("metric %d, flags %#x", a.Metric, a.Flags)
	}
	change("fd00::1/64 flags 512")
	b.wantSaid("NEWADDR fd00::1/64", "changed fd00::1/64 prefix del")
	change("fd00::1/64")
	b.wantSaid("NEWADDR fd00::1/64", "changed fd00::1/64 prefix add")
}

// TestDownTakesIPv6Away: unless keep_addr_on_down, and never link-local ones or those that expire.
func TestDownTakesIPv6Away(t *testing.T) {
	b := newBench(t)
	down := func(l *link.Link) {
		for _, up := range []uint32{unix.IFF_UP, 0} {
			if err := b.links.Change(l, link.Change{Flags: up, FlagsMask: unix.IFF_UP}); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := []string{"fd00::1/64 flags 2", "fd00::2/64 flags 2 valid 9,9", "fe80::1/64 flags 2", "10.0.0.1/24"}
	for _, s := range all {
		b.add(b.p1, s)
		b.add(b.p2, s)
	}
	if err := b.links.SetSysctl("net.ipv6.conf.p2.keep_addr_on_down", "1"); err != nil {
		t.Fatal(err)
	}
	down(b.p1)
	down(b.p2)
	b.wantList(b.p1, unix.AF_INET6, "")
	b.wantList(b.p1, unix.AF_INET, "10.0.0.1/24")
	b.wantList(b.p2, unix.AF_INET6, "fd00::1/64")
}

// TestSmallMTU: below 1280 there is no IPv6, below 68 (lo) no IPv4.
func TestSmallMTU(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "fd00::1/64 flags 2")
	b.add(b.p1, "10.0.0.1/24")
	mtu := uint32(1279)
	if err := b.links.Change(b.p1, link.Change{MTU: &mtu}); err != nil {
		t.Fatal(err)
	}
	b.wantList(b.p1, unix.AF_INET6, "")
	b.wantList(b.p1, unix.AF_INET, "10.0.0.1/24")
	if _, err := b.Add(config(b.p1, "fd00::1/64"), 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("an address without IPv6: %v", err)
	}
	wantError(t, "del", b.del(b.p1, "fd00::1/64"), unix.ENXIO, "ipv6: IPv6 is disabled on this device")
}

// TestSelect6 has the examples of RFC 6724 section 10.1 that need no policy of their own, and the
// rules one by one.
func TestSelect6(t *testing.T) {
	for _, tc := range []struct {
		what   string
		p1, p2 []string // addresses; a packet leaves on p1
		dst    string
		want   string
	}{
		{"same address", []string{"2001:db8:1::1", "2001:db8:3::1"}, nil, "2001:db8:3::1", "2001:db8:3::1"},
		{"appropriate scope", []string{"2001:db8:3::1", "fe80::1"}, nil, "2001:db8:1::1", "2001:db8:3::1"},
		{"link-local for link-local", []string{"2001:db8:3::1", "fe80::1"}, nil, "fe80::99", "fe80::1"},
		{"link-local for a group of the link", []string{"2001:db8:3::1", "fe80::1"}, nil, "ff02::1", "fe80::1"},
		{"link-local of another link does not do", []string{"2001:db8:3::1"}, []string{"fe80::1"}, "fe80::99", "2001:db8:3::1"},
		{"not deprecated", []string{"2001:db8:1::2 valid 9,0", "2001:db8:3::1"}, nil, "2001:db8:1::1", "2001:db8:3::1"},
		{"of the outgoing link", []string{"2001:db8:3::1"}, []string{"2001:db8:1::2"}, "2001:db8:1::1", "2001:db8:3::1"},
		{"another link if it must be", nil, []string{"2001:db8:1::2"}, "2001:db8:1::1", "2001:db8:1::2"},
		{"same label: 6to4", []string{"2002:c633:6401::2", "2001:db8:1::1"}, nil, "2002:c633:6401::1", "2002:c633:6401::2"},
		{"same label: unique local", []string{"2001:db8:1::1", "fd11::1"}, nil, "fd22::1", "fd11::1"},
		{"longest prefix", []string{"2001:db8:1::2", "2001:db8:3::2"}, nil, "2001:db8:3::9", "2001:db8:3::2"},
		{"none", nil, nil, "2001:db8::1", "invalid IP"},
	} {
		b := newBench(t)
		for l, of := range map[*link.Link][]string{b.p1: tc.p1, b.p2: tc.p2} {
			for _, s := range of {
				ip, rest := s, ""
				for i := range s {
					if s[i] == ' ' {
						ip, rest = s[:i], s[i:]
						break
					}
				}
				b.add(l, ip+"/64 flags 2"+rest)
			}
		}
		if got := b.Select(b.p1, netip.MustParseAddr(tc.dst), unix.RT_SCOPE_UNIVERSE).String(); got != tc.want {
			t.Errorf("%s: to %s from %s, want %s", tc.what, tc.dst, got, tc.want)
		}
	}
}

// TestTentativeIsNoSource: an address whose detection runs is not sent from, an optimistic one is,
// but after all others.
func TestTentativeIsNoSource(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "2001:db8:1::1/64")
	dst := netip.MustParseAddr("2001:db8:1::9")
	if got := b.Select6(b.p1, dst); got.IsValid() {
		t.Errorf("from %v", got)
	}
	if err := b.links.SetSysctl("net.ipv6.conf.p1.optimistic_dad", "1"); err != nil {
		t.Fatal(err)
	}
	b.add(b.p1, "2001:db8:1::2/64 flags 4")
	if got := b.Select6(b.p1, dst).String(); got != "2001:db8:1::2" {
		t.Errorf("from %s", got)
	}
	b.add(b.p1, "2001:db8:7::1/64 flags 2")
	if got := b.Select6(b.p1, dst).String(); got != "2001:db8:7::1" {
		t.Errorf("from %s", got)
	}
}

func TestSelect4(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "10.0.0.1/24")
	b.add(b.p1, "10.0.0.2/24")
	b.add(b.p1, "10.0.1.1/24")
	b.add(b.p1, "10.0.2.1/24 scope 253")
	b.add(b.p2, "192.0.2.1/24")
	for _, tc := range []struct {
		l     *link.Link
		dst   string
		scope uint8
		want  string
	}{
		{b.p1, "10.0.1.9", unix.RT_SCOPE_UNIVERSE, "10.0.1.1"},
		{b.p1, "10.0.0.9", unix.RT_SCOPE_UNIVERSE, "10.0.0.1"},
		{b.p1, "198.51.100.1", unix.RT_SCOPE_UNIVERSE, "10.0.0.1"},
		{b.p1, "10.0.2.9", unix.RT_SCOPE_UNIVERSE, "10.0.0.1"},
		{b.p1, "10.0.2.9", unix.RT_SCOPE_LINK, "10.0.2.1"},
		{b.links.Loopback(), "198.51.100.1", unix.RT_SCOPE_UNIVERSE, "10.0.0.1"},
		{b.p2, "198.51.100.1", unix.RT_SCOPE_UNIVERSE, "192.0.2.1"},
	} {
		if got := b.Select(tc.l, netip.MustParseAddr(tc.dst), tc.scope).String(); got != tc.want {
			t.Errorf("on %s to %s scope %d: %s, want %s", tc.l.Name, tc.dst, tc.scope, got, tc.want)
		}
	}
	on := func(a, c string) bool {
		x := netip.MustParseAddr(a)
		if c == "" {
			return b.OnLink(b.p1, x, netip.Addr{})
		}
		return b.OnLink(b.p1, x, netip.MustParseAddr(c))
	}
	if !on("10.0.0.77", "") || !on("10.0.0.77", "10.0.0.78") || on("10.0.0.77", "10.0.1.78") || on("192.0.2.7", "") {
		t.Error("OnLink is wrong")
	}
}

// TestLabelsChooseTheSource: rule 6 asks the table that user space may change.
func TestLabelsChooseTheSource(t *testing.T) {
	b := newBench(t)
	b.add(b.p1, "2001:db8:1::1/64 flags 2")
	b.add(b.p1, "2001:db8:f::1/64 flags 2")
	dst := netip.MustParseAddr("2001:db8:e::9") // nearer to the second
	want := func(when, ip string) {
		t.Helper()
		if got := b.Select(b.p1, dst, unix.RT_SCOPE_UNIVERSE).String(); got != ip {
			t.Errorf("%s: from %s, want %s", when, got, ip)
		}
	}
	want("by the longest prefix", "2001:db8:f::1")
	for _, p := range []string{"2001:db8:1::/64", "2001:db8:e::/64"} {
		if err := b.AddLabel(AddrLabel{Prefix: netip.MustParsePrefix(p), Label: 77}, false); err != nil {
			t.Fatal(err)
		}
	}
	want("by the label", "2001:db8:1::1")
	if err := b.DelLabel(netip.MustParsePrefix("2001:db8:e::/64"), 0); err != nil {
		t.Fatal(err)
	}
	want("without it", "2001:db8:f::1")
}
