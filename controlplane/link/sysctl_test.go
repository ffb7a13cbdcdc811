// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// TestEffectiveConf: how the setting of a link and that of "all" make what acts.
func TestEffectiveConf(t *testing.T) {
	for _, tc := range []struct {
		key      string
		all, dev string
		bit      dpif.Conf
		want     bool
	}{
		{"forwarding", "", "1", dpif.ConfForwarding, true},
		{"forwarding", "1", "0", dpif.ConfForwarding, false},
		{"rp_filter", "1", "0", dpif.ConfRPStrict, true},
		{"rp_filter", "2", "1", dpif.ConfRPStrict, false},
		{"rp_filter", "2", "1", dpif.ConfRPLoose, true},
		{"rp_filter", "0", "2", dpif.ConfRPLoose, true},
		{"accept_local", "1", "0", dpif.ConfAcceptLocal, true},
		{"send_redirects", "0", "0", dpif.ConfSendRedirects, false},
		{"send_redirects", "1", "0", dpif.ConfSendRedirects, true},
		{"shared_media", "0", "1", dpif.ConfSharedMedia, true},
		{"route_localnet", "0", "1", dpif.ConfRouteLocalnet, true},
		{"accept_source_route", "0", "1", dpif.ConfAcceptSourceRoute, false},
		{"accept_source_route", "1", "1", dpif.ConfAcceptSourceRoute, true},
		{"bc_forwarding", "0", "1", dpif.ConfBcForwarding, false},
		{"bc_forwarding", "1", "1", dpif.ConfBcForwarding, true},
		{"drop_unicast_in_l2_multicast", "1", "0", dpif.ConfDropUnicastInL2Multicast, true},
	} {
		b := newBench(t)
		l := b.add(Config{Name: "p1"})
		if tc.all != "" {
			if err := b.SetSysctl("net.ipv4.conf.all."+tc.key, tc.all); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.SetSysctl("net.ipv4.conf.p1."+tc.key, tc.dev); err != nil {
			t.Fatal(err)
		}
		if got := b.inDP(l).Conf4&tc.bit != 0; got != tc.want {
			t.Errorf("%s: all %q, link %q: acts %v, want %v", tc.key, tc.all, tc.dev, got, tc.want)
		}
	}
}

// TestIPForward: the switch of all links, and what it does to redirects and to new links.
func TestIPForward(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1"})
	if err := b.SetSysctl("net/ipv4/ip_forward", "1\n"); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("netconf 2 -1 2", "netconf 2 -2 2", "netconf 2 1 2", "event conf ipv4.conf.forwarding",
		"netconf 2 2 2", "event conf ipv4.conf.forwarding")
	late := b.add(Config{Name: "p2"})
	for _, x := range []*Link{l, late} {
		if b.inDP(x).Conf4&dpif.ConfForwarding == 0 {
			t.Errorf("%s does not forward", x.Name)
		}
	}
	if v, _ := b.Sysctl("net.ipv4.conf.all.accept_redirects"); v != "0" {
		t.Errorf("a router accepts redirects: %s", v)
	}
	if b.inDP(l).Conf6&dpif.ConfForwarding != 0 {
		t.Error("IPv6 forwards too")
	}
}

// TestIPv6AllIsWrittenEverywhere: other than with IPv4, "all" is copied to each link.
func TestIPv6AllIsWrittenEverywhere(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1"})
	for _, v := range []string{"1", "0"} {
		if err := b.SetSysctl("net.ipv6.conf.all.forwarding", v); err != nil {
			t.Fatal(err)
		}
		if got, _ := b.Sysctl("net.ipv6.conf.p1.forwarding"); got != v {
			t.Errorf("all %s, link %s", v, got)
		}
		if acts := b.inDP(l).Conf6&dpif.ConfForwarding != 0; acts != (v == "1") {
			t.Errorf("all %s, forwards %v", v, acts)
		}
	}
	if err := b.SetSysctl("net.ipv6.conf.p1.disable_ipv6", "1"); err != nil {
		t.Fatal(err)
	}
	if b.inDP(l).Conf6&dpif.ConfDisabled == 0 || l.Enabled6() {
		t.Error("IPv6 is not disabled")
	}
}

func TestSysctlErrors(t *testing.T) {
	b := newBench(t)
	b.add(Config{Name: "p1.100"})
	for _, tc := range []struct {
		name, value string
		errno       error
	}{
		{"net.ipv4.conf.p1.100.rp_filter", "1", nil},
		{"net/ipv4/conf/p1.100/rp_filter", "1", nil},
		{"net.ipv4.conf.p1.100.rp_filter", "", unix.EINVAL},
		{"net.ipv4.conf.p1.100.rp_filter", "99999999999", unix.EINVAL},
		{"net.ipv4.conf.p1.100.mc_forwarding", "1", unix.EACCES},
		{"net.ipv4.conf.p9.rp_filter", "1", unix.ENOENT},
		{"net.ipv4.conf.rp_filter", "1", unix.ENOENT},
		{"net.ipv6.conf.all.stable_secret", "2001:db8::1", unix.EIO},
		{"net.ipv4.neigh.p1.100.gc_stale_time", "-1", unix.EINVAL},
		{"kernel.hostname", "x", unix.ENOENT},
		{"", "x", unix.ENOENT},
	} {
		if err := b.SetSysctl(tc.name, tc.value); !errors.Is(err, tc.errno) {
			t.Errorf("%s=%q: %v, want %v", tc.name, tc.value, err, tc.errno)
		}
	}
}

func FuzzSysctl(f *testing.F) {
	f.Add("net.ipv4.conf.all.forwarding", "1")
	f.Add("net/ipv6/conf/p1/stable_secret", "2001:db8::1")
	f.Add("net.ipv4.neigh.p1.unres_qlen", "2147483647")
	f.Fuzz(func(t *testing.T, name, value string) {
		b := newBench(t)
		b.add(Config{Name: "p1"})
		if b.SetSysctl(name, value) == nil {
			if _, err := b.Sysctl(name); err != nil {
				t.Errorf("%s was written and cannot be read: %v", name, err)
			}
		}
	})
}
