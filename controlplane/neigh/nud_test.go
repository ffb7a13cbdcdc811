// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// Each test is a row of the table in nud.go, by its name.

func newNUD(t *testing.T) *env {
	e := newEnv(t)
	e.fixedReach(e.eth0)
	return e
}

// put makes an entry as an operator would and forgets what that told and sent.
func (e *env) put(a string, last byte, nud uint16) *Entry {
	e.Helper()
	e.must(e.table.Add(Config{
		Link: e.eth0, Addr: ip(a), HardAddr: mac(last), HasAddr: true, NUD: nud,
	}, unix.NLM_F_CREATE|unix.NLM_F_REPLACE))
	e.told()
	e.sent()
	return e.table.Lookup(e.eth0, ip(a))
}

func TestNoneUsedBecomesIncomplete(t *testing.T) {
	e := newNUD(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.want(e.eth0, "10.0.0.2", "INCOMPLETE")
	e.same("sent", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to all")
	e.same("told", e.told(), "")
	e.miss(e.eth0, "10.0.0.2", "")
	e.same("sent for a second packet", e.sent(), "")
}

func TestNoneUsedWithoutProbesFails(t *testing.T) {
	e := newNUD(t)
	e.sysctl("net.ipv4.neigh.eth0.mcast_solicit", "0")
	e.miss(e.eth0, "10.0.0.2", "")
	e.want(e.eth0, "10.0.0.2", "FAILED")
	e.same("sent", e.sent(), "")
}

func TestIncompleteSolicitsAndFails(t *testing.T) {
	e := newNUD(t)
	e.miss(e.eth0, "10.0.0.2", "")
	for i := range 2 {
		e.sent()
		e.clock.Advance(999 * time.Millisecond)
		e.same("sent too early", e.sent(), "")
		e.clock.Advance(time.Millisecond)
		if got := e.sent(); got != "eth0: who-has 10.0.0.2 tell 10.0.0.1 to all" {
			t.Errorf("probe %d: %q", i+2, got)
		}
		e.want(e.eth0, "10.0.0.2", "INCOMPLETE")
	}
	e.same("told", e.told(), "")
	e.clock.Advance(time.Second)
	e.want(e.eth0, "10.0.0.2", "FAILED")
	e.same("sent", e.sent(), "")
	e.same("told", e.told(), "new 10.0.0.2 FAILED")
}

func TestIncompleteSolicitedReplyMakesReachable(t *testing.T) {
	e := newNUD(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.same("told", e.told(), "new 10.0.0.2 REACHABLE")
}

func TestIncompleteRequestMakesStale(t *testing.T) {
	e := newNUD(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.arp(e.eth0, ARPRequest, mac(2), "10.0.0.2", "10.0.0.1")
	e.want(e.eth0, "10.0.0.2", "STALE 02")
	e.same("told", e.told(), "new 10.0.0.2 STALE")
}

func TestReachableNotConfirmedBecomesStale(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.clock.Advance(30 * time.Second)
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.clock.Advance(20 * time.Millisecond) // reachable_time itself still counts
	e.want(e.eth0, "10.0.0.2", "STALE 02")
	e.same("told", e.told(), "new 10.0.0.2 STALE")
}

func TestReachableConfirmedStaysReachable(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.clock.Advance(20 * time.Second)
	e.table.Confirm(n)
	e.clock.Advance(29 * time.Second)
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.clock.Advance(2 * time.Second)
	e.want(e.eth0, "10.0.0.2", "STALE 02")
}

func TestReachableUsedBecomesDelay(t *testing.T) {
	e := newNUD(t)
	e.sysctl("net.ipv4.neigh.eth0.base_reachable_time_ms", "2000")
	e.table.arp.reach[e.eth0.Index] = reach{2 * time.Second, 2 * time.Second}
	e.miss(e.eth0, "10.0.0.2", "")
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.told()
	e.clock.Advance(2020 * time.Millisecond) // used 2 s ago, within delay_probe_time
	e.want(e.eth0, "10.0.0.2", "DELAY 02")
	e.same("told", e.told(), "")
}

func TestReachableOtherAddressOverride(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.must(e.table.Update(n, mac(3), true, unix.NUD_REACHABLE, Override, 0))
	e.want(e.eth0, "10.0.0.2", "REACHABLE 03")
	e.same("told", e.told(), "new 10.0.0.2 REACHABLE")
	e.must(e.table.Update(n, mac(4), true, unix.NUD_STALE, Override, 0))
	e.want(e.eth0, "10.0.0.2", "STALE 04")
}

func TestOtherAddressWithoutOverrideIsIgnored(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.must(e.table.Update(n, mac(3), true, unix.NUD_STALE, 0, 0))
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.same("told", e.told(), "")
}

func TestReachableOtherAddressWeakOverrideMakesSuspect(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.must(e.table.Update(n, mac(3), true, unix.NUD_REACHABLE, WeakOverride|OverrideIsRouter|IsRouter, 0))
	e.want(e.eth0, "10.0.0.2", "STALE 02")
	if n.Flags&FlagRouter != 0 {
		t.Error("an address that was not taken over says what is a router")
	}
	e.must(e.table.Update(n, mac(3), true, unix.NUD_REACHABLE, WeakOverride, 0))
	e.want(e.eth0, "10.0.0.2", "STALE 02") // not connected: nothing to suspect
}

func TestSameAddressStaleIsOldNews(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.must(e.table.Update(n, mac(2), true, unix.NUD_STALE, Override, 0))
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.must(e.table.Update(n, mac(2), true, unix.NUD_STALE, Override|Admin, 0))
	e.want(e.eth0, "10.0.0.2", "STALE 02")
}

func TestStaleUsedBecomesDelay(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.want(e.eth0, "10.0.0.2", "DELAY 02")
	e.same("told", e.told(), "")
	e.same("sent", e.sent(), "")
}

func TestStaleSolicitedReplyMakesReachable(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.same("told", e.told(), "new 10.0.0.2 REACHABLE")
}

func TestDelayConfirmedMakesReachable(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(2 * time.Second)
	e.table.Confirm(n)
	e.clock.Advance(3 * time.Second)
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.same("told", e.told(), "new 10.0.0.2 REACHABLE")
	e.same("sent", e.sent(), "")
}

func TestDelayBecomesProbe(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(4999 * time.Millisecond)
	e.want(e.eth0, "10.0.0.2", "DELAY 02")
	e.clock.Advance(time.Millisecond)
	e.want(e.eth0, "10.0.0.2", "PROBE 02")
	e.same("sent", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to 02")
	e.same("told", e.told(), "new 10.0.0.2 PROBE")
}

func TestProbeSolicitsByUnicastAndFails(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(5 * time.Second)
	for range 2 {
		e.sent()
		e.clock.Advance(time.Second)
		e.same("sent", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to 02")
		e.want(e.eth0, "10.0.0.2", "PROBE 02")
	}
	e.told()
	e.clock.Advance(time.Second)
	e.want(e.eth0, "10.0.0.2", "FAILED")
	e.same("sent", e.sent(), "")
	e.same("told", e.told(), "new 10.0.0.2 FAILED")
}

func TestProbeReprobesByBroadcast(t *testing.T) {
	e := newNUD(t)
	e.sysctl("net.ipv4.neigh.eth0.mcast_resolicit", "1")
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(7 * time.Second)
	e.sent()
	e.clock.Advance(time.Second)
	e.same("sent", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to all")
	e.want(e.eth0, "10.0.0.2", "PROBE 02")
	e.clock.Advance(time.Second)
	e.want(e.eth0, "10.0.0.2", "FAILED")
}

func TestProbeOfExternallyValidatedBecomesStale(t *testing.T) {
	e := newNUD(t)
	e.must(e.table.Add(Config{
		Link: e.eth0, Addr: ip("10.0.0.2"), HardAddr: mac(2), HasAddr: true, NUD: unix.NUD_STALE,
		Flags: FlagExtValidated,
	}, unix.NLM_F_CREATE))
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(8 * time.Second)
	e.want(e.eth0, "10.0.0.2", "STALE 02")
}

func TestProbeSolicitedReplyMakesReachable(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(5 * time.Second)
	e.told()
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	e.want(e.eth0, "10.0.0.2", "REACHABLE 02")
	e.same("told", e.told(), "new 10.0.0.2 REACHABLE")
}

func TestFailedUsedBecomesIncomplete(t *testing.T) {
	e := newNUD(t)
	e.miss(e.eth0, "10.0.0.2", "")
	e.clock.Advance(3 * time.Second)
	e.want(e.eth0, "10.0.0.2", "FAILED")
	e.sent()
	e.miss(e.eth0, "10.0.0.2", "")
	e.want(e.eth0, "10.0.0.2", "INCOMPLETE")
	e.same("sent", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to all")
}

func TestPermanentAndNoARPChangeByOperatorOnly(t *testing.T) {
	for _, nud := range []uint16{unix.NUD_PERMANENT, unix.NUD_NOARP} {
		e := newNUD(t)
		e.put("10.0.0.2", 2, nud)
		want := stateNames[nud] + " 02"
		e.arp(e.eth0, ARPReply, mac(3), "10.0.0.2", "10.0.0.1")
		e.use(e.eth0, "10.0.0.2")
		e.clock.Advance(time.Hour)
		e.want(e.eth0, "10.0.0.2", want)
		e.same("told", e.told(), "")
		e.put("10.0.0.2", 4, unix.NUD_STALE)
		e.want(e.eth0, "10.0.0.2", "STALE 04")
	}
}

func TestOperatorSetsAnyState(t *testing.T) {
	e := newNUD(t)
	e.put("10.0.0.2", 2, unix.NUD_REACHABLE)
	e.put("10.0.0.2", 2, unix.NUD_NONE)
	e.want(e.eth0, "10.0.0.2", "NONE")
	e.put("10.0.0.2", 2, unix.NUD_PROBE)
	e.clock.Advance(time.Millisecond)
	e.same("sent", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to 02")
	e.put("10.0.0.2", 2, unix.NUD_DELAY)
	e.clock.Advance(time.Millisecond) // nothing confirmed it
	e.want(e.eth0, "10.0.0.2", "PROBE 02")
}

func TestUseWhileProbedCountsWhenItLeavesTheState(t *testing.T) {
	e := newNUD(t)
	n := e.put("10.0.0.2", 2, unix.NUD_STALE)
	e.use(e.eth0, "10.0.0.2")
	e.clock.Advance(6 * time.Second)
	e.dp.UseNeigh(0, e.eth0.Index, ip("10.0.0.2"))
	e.arp(e.eth0, ARPReply, mac(2), "10.0.0.2", "10.0.0.1")
	if got := e.table.Cacheinfo(n).Used; got != 0 {
		t.Errorf("used %d/100 s ago, want now", got)
	}
}

func TestAppProbesAskUserSpace(t *testing.T) {
	e := newNUD(t)
	e.sysctl("net.ipv4.neigh.eth0.app_solicit", "1")
	e.miss(e.eth0, "10.0.0.2", "")
	e.same("told", e.told(), "get 10.0.0.2 INCOMPLETE")
	e.same("sent", e.sent(), "")
	e.clock.Advance(time.Second)
	e.same("sent after the app probe", e.sent(), "eth0: who-has 10.0.0.2 tell 10.0.0.1 to all")
}

func TestReachableTimeIsRandomAndDrawnAnew(t *testing.T) {
	e := newEnv(t)
	draw := func() time.Duration { return e.table.arp.reachable(e.eth0.Index, e.eth0.Neigh4.BaseReachableTime) }
	seen := map[time.Duration]bool{}
	for range 20 {
		r := draw()
		if r < 15*time.Second || r > 45*time.Second {
			t.Fatalf("reachable time %v is not in [1/2, 3/2] of 30 s", r)
		}
		if r != draw() {
			t.Fatal("drawn anew at each question")
		}
		seen[r] = true
		e.clock.Advance(316 * time.Second) // the first work after 300 s
	}
	if len(seen) < 2 {
		t.Error("never drawn anew")
	}
	e.sysctl("net.ipv4.neigh.eth0.base_reachable_time", "2")
	if r := draw(); r < time.Second || r > 3*time.Second {
		t.Errorf("reachable time %v does not follow its base of 2 s", r)
	}
}

func TestLoopbackAndNoARPLinksNeedNoResolution(t *testing.T) {
	e := newEnv(t)
	e.must(e.links.Change(e.eth1, link.Change{Flags: unix.IFF_NOARP, FlagsMask: unix.IFF_NOARP}))
	e.miss(e.eth1, "10.1.0.2", "")
	e.want(e.eth1, "10.1.0.2", "NOARP a1")
	e.same("sent", e.sent(), "")
	lo := e.links.Loopback()
	e.setUp(lo, true)
	e.miss(lo, "127.0.0.1", "")
	e.want(lo, "0.0.0.0", "NOARP 00")
}

func TestMulticastAndBroadcastAreMapped(t *testing.T) {
	e := newEnv(t)
	for a, want := range map[string]link.HardAddr{
		"224.129.2.3": {1, 0, 0x5e, 1, 2, 3}, "10.0.0.255": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"ff02::1:2": {0x33, 0x33, 0, 1, 0, 2},
	} {
		e.miss(e.eth0, a, "")
		if n := e.table.Lookup(e.eth0, ip(a)); n == nil || n.NUD != unix.NUD_NOARP || n.HardAddr != want {
			t.Errorf("%s: %+v, want %v", a, n, want)
		}
	}
}
