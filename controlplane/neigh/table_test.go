// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

func host(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(1 + i>>8), byte(i)})
}

func TestTableOverflow(t *testing.T) {
	e := newEnv(t)
	for i := range 1500 {
		e.miss(e.eth0, host(i).String(), "")
	}
	if n := e.table.Len(unix.AF_INET); n != 1024 {
		t.Errorf("%d entries, want gc_thresh3", n)
	}
	if got := e.table.Drops[DropTableFull]; got != 476 {
		t.Errorf("%d packets dropped for a full table, want 476", got)
	}
	if e.table.Stats(unix.AF_INET).TableFulls != 476 {
		t.Errorf("stats %+v", e.table.Stats(unix.AF_INET))
	}
	e.want(e.eth0, host(1499).String(), "none")
	if calls := e.dp.Calls(); calls[len(calls)-1] != "DelNeigh 0 2 "+host(1499).String() {
		t.Errorf("the data plane still holds the packet: %q", calls[len(calls)-1])
	}
	all, err := e.dp.DumpNeighs(0)
	if err != nil || len(all) != 1024 {
		t.Errorf("data plane has %d, %v", len(all), err)
	}
	// What failed makes room, but not for what is permanent.
	e.clock.Advance(3 * time.Second)
	e.miss(e.eth0, "10.0.200.1", "")
	e.want(e.eth0, "10.0.200.1", "INCOMPLETE")
	if n := e.table.Len(unix.AF_INET); n > 600 {
		t.Errorf("%d entries after a forced collection, want about gc_thresh2", n)
	}
}

func TestForcedCollectionTakesWhatIsOldAndUnwatched(t *testing.T) {
	e := newEnv(t)
	*e.table.GC(unix.AF_INET) = GC{Thresh1: 1, Thresh2: 2, Thresh3: 8}
	e.put("10.0.0.2", 2, unix.NUD_PERMANENT)
	e.must(e.table.Add(Config{
		Link: e.eth0, Addr: ip("10.0.0.3"), HardAddr: mac(3), HasAddr: true, NUD: unix.NUD_STALE, Flags: FlagExtLearned,
	}, unix.NLM_F_CREATE))
	e.put("10.0.0.4", 4, unix.NUD_STALE)
	e.put("10.0.0.5", 5, unix.NUD_REACHABLE)
	e.put("10.0.0.6", 6, unix.NUD_FAILED)
	e.clock.Advance(6 * time.Second)
	e.put("10.0.0.7", 7, unix.NUD_STALE)
	for a, want := range map[string]string{
		"10.0.0.2": "PERMANENT 02", "10.0.0.3": "STALE 03", "10.0.0.4": "none",
		"10.0.0.5": "REACHABLE 05", "10.0.0.6": "none", "10.0.0.7": "STALE 07",
	} {
		e.want(e.eth0, a, want)
	}
}

func TestForcedCollectionSparesWhatIsYoung(t *testing.T) {
	e := newEnv(t)
	*e.table.GC(unix.AF_INET) = GC{Thresh1: 1, Thresh2: 1, Thresh3: 2}
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.put("10.0.0.3", 3, unix.NUD_STALE)
	e.miss(e.eth0, "10.0.0.4", "")
	e.want(e.eth0, "10.0.0.4", "none")
	e.clock.Advance(5001 * time.Millisecond)
	e.miss(e.eth0, "10.0.0.4", "")
	e.want(e.eth0, "10.0.0.4", "INCOMPLETE")
	e.want(e.eth0, "10.0.0.2", "none")
}

func TestCacheinfo(t *testing.T) {
	e := newEnv(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.clock.Advance(1500 * time.Millisecond)
	n := e.table.Lookup(e.eth0, ip("10.0.0.2"))
	// Twice base_reachable_time ago: as if it had never been confirmed.
	if got, want := e.table.Cacheinfo(n), (Cacheinfo{Confirmed: 6150, Used: 150, Updated: 150}); got != want || n.Refs() != 1 {
		t.Errorf("%+v, %d references, want %+v", got, n.Refs(), want)
	}
	e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.1")
	if got, want := e.table.Cacheinfo(n), (Cacheinfo{Confirmed: 6000, Used: 150, Updated: 0}); got != want || n.Refs() != 0 {
		t.Errorf("stale: %+v, %d references, want %+v", got, n.Refs(), want)
	}
}

func TestPeriodicCollection(t *testing.T) {
	e := newEnv(t)
	fill := func() {
		e.put("10.0.0.2", 2, unix.NUD_PERMANENT)
		e.put("10.0.0.3", 3, unix.NUD_STALE)
		e.put("10.0.0.4", 4, unix.NUD_NOARP)
	}
	fill()
	e.clock.Advance(10 * time.Minute)
	e.want(e.eth0, "10.0.0.3", "STALE 03") // fewer than gc_thresh1

	e.sysctl("net.ipv4.neigh.default.gc_thresh1", "3")
	e.miss(e.eth0, "10.0.0.9", "")
	e.told()
	e.clock.Advance(time.Minute)
	for a, want := range map[string]string{
		"10.0.0.2": "PERMANENT 02", "10.0.0.3": "none", "10.0.0.4": "none", "10.0.0.9": "none",
	} {
		e.want(e.eth0, a, want)
	}
}

func TestLostNoticeOfUseIsFoundByTheCollection(t *testing.T) {
	e := newEnv(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.dp.UseNeigh(0, e.eth0.Index, ip("10.0.0.2"))
	e.clock.Advance(15 * time.Second)
	e.want(e.eth0, "10.0.0.2", "DELAY 02")
}

func TestUseBeforeStaleDoesNotCount(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.dp.UseNeigh(0, e.eth0.Index, ip("10.0.0.2"))
	e.clock.Advance(2 * time.Minute)
	e.want(e.eth0, "10.0.0.2", "STALE 02")
}

func TestManagedEntriesStayResolved(t *testing.T) {
	e := newNUD(t)
	e.must(e.table.Add(Config{Link: e.eth0, Addr: ip("10.0.0.2"), Flags: FlagManaged}, unix.NLM_F_CREATE))
	e.same("told", e.told(), "")
	e.want(e.eth0, "10.0.0.2", "INCOMPLETE")
	e.clock.Advance(4 * time.Second)
	e.want(e.eth0, "10.0.0.2", "FAILED")
	e.clock.Advance(2 * time.Second) // interval_probe_time: 5 s
	e.want(e.eth0, "10.0.0.2", "INCOMPLETE")
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.clock.Advance(40 * time.Second) // past reachable_time and the next use, which brought a probe
	if s := e.table.Lookup(e.eth0, ip("10.0.0.2")).NUD; s == unix.NUD_STALE {
		t.Error("left stale")
	}
	e.must(e.table.Delete(Config{Link: e.eth0, Addr: ip("10.0.0.2")}))
	e.sent()
	e.clock.Advance(time.Minute)
	e.same("sent for a deleted entry", e.sent(), "")
}

func TestUseFlagResolves(t *testing.T) {
	e := newEnv(t)
	e.must(e.table.Add(Config{Link: e.eth0, Addr: ip("10.0.0.2"), NUD: unix.NUD_PERMANENT, Flags: FlagUse}, unix.NLM_F_CREATE))
	e.want(e.eth0, "10.0.0.2", "INCOMPLETE")
}

func TestAddAndDelete(t *testing.T) {
	e := newEnv(t)
	disabled := e.addLink("eth2", 0xa2)
	e.sysctl("net.ipv6.conf.eth2.disable_ipv6", "1")
	const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	entry := func(change func(*Config)) Config {
		c := Config{Link: e.eth0, Addr: ip("10.0.0.2"), HardAddr: mac(2), HasAddr: true, NUD: unix.NUD_PERMANENT}
		if change != nil {
			change(&c)
		}
		return c
	}
	for _, s := range []struct {
		name  string
		c     Config
		flags uint16
		err   error
		text  string
	}{
		{"change what is not there", entry(nil), unix.NLM_F_REPLACE, unix.ENOENT, ""},
		{"add", entry(nil), create, nil, ""},
		{"add again", entry(nil), create, unix.EEXIST, ""},
		{"no link", entry(func(c *Config) { c.Link = nil }), create, unix.EINVAL, "Device not specified"},
		{"no address", entry(func(c *Config) { c.HasAddr, c.Addr = false, ip("10.0.0.3") }), create, unix.EINVAL, "No link layer address given"},
		{"IPv6 disabled", entry(func(c *Config) { c.Link, c.Addr = disabled, ip("fe80::9") }), create, unix.EINVAL, "IPv6 is disabled on this device"},
		{"managed and permanent", entry(func(c *Config) { c.Addr, c.Flags = ip("10.0.0.4"), FlagManaged }), create, unix.EINVAL, "Invalid NTF_* flag for permanent entry"},
		{"managed proxy", entry(func(c *Config) { c.Flags = FlagProxy | FlagManaged }), create, unix.EINVAL, "Invalid NTF_* flag combination"},
		{"validated but not valid", entry(func(c *Config) { c.Addr, c.NUD, c.Flags = ip("10.0.0.5"), unix.NUD_NONE, FlagExtValidated }), create, unix.EINVAL, "Cannot create externally validated neighbor with an invalid state"},
		{"mark as validated", entry(func(c *Config) { c.NUD, c.Flags = unix.NUD_FAILED, FlagExtValidated }), unix.NLM_F_REPLACE, unix.EINVAL, "Cannot mark neighbor as externally validated with an invalid state"},
		{"IPv6 proxy without link", entry(func(c *Config) { c.Link, c.Addr, c.Flags = nil, ip("fd00::1"), FlagProxy }), create, unix.ENOBUFS, ""},
	} {
		err := e.table.Add(s.c, s.flags)
		var re *rtnl.Error
		text := ""
		if errors.As(err, &re) {
			text = re.Msg
		}
		if !errors.Is(err, s.err) || text != s.text {
			t.Errorf("%s: %v (%q), want %v %q", s.name, err, text, s.err, s.text)
		}
	}
	e.want(e.eth0, "10.0.0.2", "PERMANENT 02")
	e.want(e.eth0, "10.0.0.3", "NONE") // as in the kernel: made before it was refused
	e.told()

	// Without NLM_F_REPLACE another address does not take the place of a valid one.
	e.must(e.table.Add(entry(func(c *Config) { c.HardAddr = mac(3) }), unix.NLM_F_CREATE))
	e.want(e.eth0, "10.0.0.2", "PERMANENT 02")
	e.must(e.table.Add(entry(func(c *Config) { c.HardAddr = mac(3) }), unix.NLM_F_REPLACE))
	e.want(e.eth0, "10.0.0.2", "PERMANENT 03")
	e.told()

	e.must(e.table.Delete(Config{Link: e.eth0, Addr: ip("10.0.0.2")}))
	e.same("told", e.told(), "new 10.0.0.2 FAILED, del 10.0.0.2 FAILED")
	e.want(e.eth0, "10.0.0.2", "none")
	if err := e.table.Delete(Config{Link: e.eth0, Addr: ip("10.0.0.2")}); err != unix.ENOENT {
		t.Errorf("delete again: %v", err)
	}
	if err := e.table.Delete(Config{Link: e.eth0, Addr: ip("10.0.0.99"), Flags: FlagProxy}); err != unix.ENOENT {
		t.Errorf("delete a proxy that is not there: %v", err)
	}
}

func TestLinkEventsFlush(t *testing.T) {
	put := func(e *env) {
		e.put("10.0.0.2", 2, unix.NUD_PERMANENT)
		e.put("10.0.0.3", 3, unix.NUD_REACHABLE)
		e.put("fe80::3", 3, unix.NUD_REACHABLE)
		e.must(e.table.Add(Config{Link: e.eth1, Addr: ip("10.1.0.2"), HardAddr: mac(4), HasAddr: true, NUD: unix.NUD_STALE}, unix.NLM_F_CREATE))
		e.must(e.table.AddProxy(Proxy{Addr: ip("10.0.0.50"), Link: e.eth0}))
		e.must(e.table.AddProxy(Proxy{Addr: ip("10.0.0.51")}))
		e.told()
	}
	for _, c := range []struct {
		name       string
		do         func(e *env)
		perm, dyn  string
		dyn6       string
		proxyStays bool
	}{
		{"down", func(e *env) { e.setUp(e.eth0, false) }, "none", "none", "none", false},
		{"removed", func(e *env) {
			for _, a := range append(e.addrs.OfLink(e.eth0, unix.AF_INET), e.addrs.OfLink(e.eth0, unix.AF_INET6)...) {
				e.addrs.Remove(a)
			}
			e.must(e.links.Remove(e.eth0))
		}, "none", "none", "none", false},
		{"carrier lost", func(e *env) { e.must(e.links.SetCarrier(e.eth0, false)) }, "PERMANENT 02", "none", "none", false},
		{"carrier lost, arp_evict_nocarrier off", func(e *env) {
			e.sysctl("net.ipv4.conf.eth0.arp_evict_nocarrier", "0")
			e.sysctl("net.ipv6.conf.eth0.ndisc_evict_nocarrier", "0")
			e.must(e.links.SetCarrier(e.eth0, false))
		}, "PERMANENT 02", "REACHABLE 03", "REACHABLE 03", true},
		{"MAC changed", func(e *env) {
			e.must(e.links.Change(e.eth0, link.Change{HardAddr: []byte{2, 0, 0, 0, 0, 0xbb}}))
		}, "none", "none", "none", true},
		{"arp off", func(e *env) {
			e.must(e.links.Change(e.eth0, link.Change{Flags: unix.IFF_NOARP, FlagsMask: unix.IFF_NOARP}))
		}, "none", "none", "none", true},
		{"last IPv4 address deleted", func(e *env) {
			e.addrs.Remove(e.addrs.Find(e.eth0, ip("10.0.0.1")))
		}, "none", "none", "REACHABLE 03", false},
		{"an address of two deleted", func(e *env) {
			e.addAddr(e.eth0, "10.0.9.1/24")
			e.addrs.Remove(e.addrs.Find(e.eth0, ip("10.0.0.1")))
		}, "PERMANENT 02", "REACHABLE 03", "REACHABLE 03", true},
		{"IPv6 disabled", func(e *env) { e.sysctl("net.ipv6.conf.eth0.disable_ipv6", "1") }, "PERMANENT 02", "REACHABLE 03", "none", true},
		{"MTU too small for IPv6", func(e *env) {
			mtu := uint32(1000)
			e.must(e.links.Change(e.eth0, link.Change{MTU: &mtu}))
		}, "PERMANENT 02", "REACHABLE 03", "none", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEnv(t)
			put(e)
			c.do(e)
			for a, want := range map[string]string{"10.0.0.2": c.perm, "10.0.0.3": c.dyn, "fe80::3": c.dyn6} {
				if got := e.state(e.eth0, a); got != want {
					t.Errorf("%s is %s, want %s", a, got, want)
				}
			}
			e.want(e.eth1, "10.1.0.2", "STALE 04")
			if stays := e.table.LookupProxy(e.eth0, ip("10.0.0.50")) != nil; stays != c.proxyStays {
				t.Errorf("the proxy entry of the link stays: %v", stays)
			}
			if e.table.LookupProxy(e.eth0, ip("10.0.0.51")) == nil {
				t.Error("a proxy entry of all links went")
			}
			if c.dyn == "none" && c.perm == "PERMANENT 02" {
				e.same("told", e.told(), "del 10.0.0.3 REACHABLE, del fe80::3 REACHABLE")
			}
		})
	}
}

func TestMissOnALinkThatIsGone(t *testing.T) {
	e := newEnv(t)
	e.setUp(e.eth0, false)
	e.miss(e.eth0, "10.0.0.2", "")
	e.want(e.eth0, "10.0.0.2", "none")
	if e.table.Drops[DropUnknownLink] != 1 {
		t.Errorf("drops %v", e.table.Drops)
	}
}

func TestSysctlsOfTheTables(t *testing.T) {
	e := newEnv(t)
	for _, name := range []string{"net.ipv4.neigh.default.gc_thresh3", "net.ipv6.neigh.default.gc_thresh3"} {
		if v, err := e.links.Sysctl(name); v != "1024" || err != nil {
			t.Errorf("%s = %s, %v", name, v, err)
		}
	}
	e.sysctl("net.ipv6.neigh.default.gc_thresh3", "4096")
	if a, b := e.table.GC(unix.AF_INET).Thresh3, e.table.GC(unix.AF_INET6).Thresh3; a != 1024 || b != 4096 {
		t.Errorf("thresholds %d and %d", a, b)
	}
	if err := e.links.SetSysctl("net.ipv4.neigh.default.gc_thresh1", "-1"); err != unix.EINVAL {
		t.Errorf("negative threshold: %v", err)
	}
}

func TestTimersOfManyEntriesRunInOrder(t *testing.T) {
	e := newEnv(t)
	*e.table.GC(unix.AF_INET) = GC{Thresh1: 1 << 20, Thresh2: 1 << 20, Thresh3: 1 << 20}
	const n = 3000
	for i := range n {
		e.miss(e.eth0, host(i).String(), "")
		if i%3 == 0 {
			e.arp(e.eth0, ARPReply, mac(2), host(i).String(), "10.0.0.1")
		}
		if i%10 == 0 {
			e.clock.Advance(time.Millisecond)
		}
	}
	e.checkHeap()
	e.clock.Advance(4 * time.Second)
	for i := range n {
		want := "FAILED"
		if i%3 == 0 {
			want = "REACHABLE 02"
		}
		if got := e.state(e.eth0, host(i).String()); got != want {
			t.Fatalf("%v is %s, want %s", host(i), got, want)
		}
	}
	e.checkHeap()
}

// checkHeap wants the timers to be a heap whose entries know their places.
func (e *env) checkHeap() {
	e.Helper()
	h := e.table.timers
	for i, n := range h {
		if int(n.timer) != i+1 {
			e.Fatalf("entry at %d thinks it is at %d", i, n.timer-1)
		}
		if i > 0 && h[(i-1)/4].deadline > n.deadline {
			e.Fatalf("entry at %d is due before its parent", i)
		}
		if n.Dead || n.NUD&InTimer == 0 {
			e.Fatalf("%v waits in state %#x, dead %v", n.Addr, n.NUD, n.Dead)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	t := &testing.T{}
	e := newEnv(t)
	*e.table.GC(unix.AF_INET) = GC{Thresh1: 1 << 20, Thresh2: 1 << 20, Thresh3: 1 << 20}
	e.table.net.OnAnnounce(nil)
	a := ARP{Op: ARPReply, SenderHA: mac(2), TargetHA: e.eth0.HardAddr, TargetIP: ip("10.0.0.1")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var v4 [4]byte
		binary.BigEndian.PutUint32(v4[:], 0x0a400000+uint32(i%100000))
		addr := netip.AddrFrom4(v4)
		a.SenderIP = addr
		n, err := e.table.create(e.eth0, addr, 0, false)
		if err != nil {
			b.Fatal(err)
		}
		e.table.eventSend(n)
		e.table.arpProcess(e.eth0, &a, unix.PACKET_HOST, false)
		if n.NUD != unix.NUD_REACHABLE {
			b.Fatal(fmt.Sprint(n.NUD))
		}
		if i%100000 == 99999 {
			b.StopTimer()
			e.table.ifdown(&e.table.arp, e.eth0, false)
			e.dp.Injected()
			e.dp.Calls()
			b.StartTimer()
		}
	}
}
