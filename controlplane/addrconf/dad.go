// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/addr"
	"skua/controlplane/link"
	"skua/controlplane/neigh"
	"skua/controlplane/rtnl"
)

// dad is what addr.Addr.DAD holds: the detection of one address.
type dad struct {
	probes    int32
	nonce     uint64 // of RFC 7527, 48 bits; 0: none
	timer     rtnl.Timer
	retry     uint8 // stable privacy: how many addresses failed before this one
	solicited bool  // the solicited-node group is joined
	anycast   bool  // and that of the subnet's anycast address
}

func dadOf(a *addr.Addr) *dad {
	d, ok := a.DAD.(*dad)
	if !ok {
		d = &dad{}
		a.DAD = d
	}
	return d
}

// hasDAD is addrconf's accept_dad of a link: that of "all" or its own.
func (t *Table) hasDAD(l *link.Link) bool {
	return t.links.All6.AcceptDAD >= 1 || l.Conf6.AcceptDAD >= 1
}

// dadStart is addrconf_dad_start.
func (t *Table) dadStart(a *addr.Addr) {
	if a.State == addr.StateDead {
		return
	}
	a.State = addr.StateDAD
	t.dadBegin(a)
}

// dadBegin is addrconf_dad_begin.
func (t *Table) dadBegin(a *addr.Addr) {
	l := a.Link
	t.joinSolicited(a)
	switch {
	case l.Flags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) != 0, !t.hasDAD(l),
		a.Flags&unix.IFA_F_TENTATIVE == 0, a.Flags&unix.IFA_F_NODAD != 0:
		t.dadCompleted(a)
	case l.Flags6&link.If6Ready == 0:
		// Tentative until the link is ready: dadRun then goes on.
		t.dadStop(a, false)
	default:
		t.dadKick(a)
	}
}

// dadKick is addrconf_dad_kick: the first probe goes after a random while, so that hosts that were
// switched on together do not speak together.
func (t *Table) dadKick(a *addr.Addr) {
	d, conf := dadOf(a), &a.Link.Conf6
	d.nonce = 0
	if conf.EnhancedDAD != 0 || t.links.All6.EnhancedDAD != 0 {
		for d.nonce == 0 {
			d.nonce = t.net.Rand.Uint64() & (1<<48 - 1)
		}
	}
	d.probes = conf.DADTransmits
	delay := time.Duration(0)
	if a.Flags&unix.IFA_F_OPTIMISTIC == 0 && conf.RouterSolicitationDelay > 0 {
		delay = time.Duration(t.net.Rand.Int64N(int64(conf.RouterSolicitationDelay))) * time.Millisecond
	}
	t.arm(a, delay, t.dadWork)
}

// arm sets the address's timer (addrconf_mod_dad_work).
func (t *Table) arm(a *addr.Addr, d time.Duration, f func(*addr.Addr)) {
	t.stopTimer(a)
	of := dadOf(a)
	var self rtnl.Timer
	self = t.net.AfterFunc(d, func() {
		if a.Deleted() || of.timer != self {
			return // it was stopped while it waited for RTNL
		}
		of.timer = nil
		f(a)
	})
	of.timer = self
}

func (t *Table) stopTimer(a *addr.Addr) {
	if d := dadOf(a); d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// dadWork is addrconf_dad_work with the timer run down in state DAD.
func (t *Table) dadWork(a *addr.Addr) {
	if a.State != addr.StateDAD {
		return
	}
	d, l := dadOf(a), a.Link
	if d.probes == 0 {
		a.State = addr.StatePostDAD // addrconf_dad_end
	}
	if l.Flags6&link.If6Ready == 0 {
		return
	}
	if d.probes == 0 {
		t.dadCompleted(a)
		return
	}
	d.probes--
	t.arm(a, max(l.Neigh6.RetransTime, 10*time.Millisecond), t.dadWork)
	t.neighs.SendNS(l, a.Local(), neigh.SolicitedNode(a.Local()), netip.IPv6Unspecified(), d.nonce)
}

// dadCompleted is addrconf_dad_completed, with what its callers do before: the address is ours.
func (t *Table) dadCompleted(a *addr.Addr) {
	l := a.Link
	tell := a.Flags&unix.IFA_F_TENTATIVE != 0 && a.Flags&unix.IFA_F_OPTIMISTIC == 0
	t.stopTimer(a)
	err := t.addrs.SetFlags(a, 0, unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC|unix.IFA_F_DADFAILED)
	if err != nil {
		t.net.Log.Error("address not in the data plane", "addr", a.Local(), "link", l.Name, "err", err)
	}
	t.addrs.Ready(a)
	if tell && !a.Deleted() && (l.Conf6.NDISCNotify != 0 || t.links.All6.NDISCNotify != 0) {
		t.neighs.SendNA(l, neigh.AllNodes, a.Local(), l.Conf6.Forwarding != 0, false, true, true)
	}
}

// dadStop is addrconf_dad_stop: a permanent address stays, tentative; another that failed goes.
func (t *Table) dadStop(a *addr.Addr, failed bool) {
	if a.Flags&unix.IFA_F_PERMANENT == 0 && failed {
		t.addrs.Remove(a)
		return
	}
	t.stopTimer(a)
	set, clear := uint32(unix.IFA_F_TENTATIVE), uint32(0)
	if failed {
		set, clear = set|unix.IFA_F_DADFAILED, unix.IFA_F_OPTIMISTIC
	}
	if err := t.addrs.SetFlags(a, set, clear); err != nil {
		t.net.Log.Error("address not in the data plane", "addr", a.Local(), "link", a.Link.Name, "err", err)
	}
	if failed {
		t.addrs.Announce(a)
	}
}

// dadRun is addrconf_dad_run: the link has become ready, and detection that waited for it begins;
// restart: all addresses are looked into again.
func (t *Table) dadRun(l *link.Link, restart bool) {
	for _, a := range t.addrs.OfLink(l, unix.AF_INET6) {
		waits := a.Flags&unix.IFA_F_TENTATIVE != 0 && a.State == addr.StateDAD && dadOf(a).timer == nil
		switch {
		case restart:
			t.dadStart(a)
		case waits:
			t.dadKick(a)
		}
	}
}

// Conflict is addrconf_dad_failure: another node has target, which is tentative here, or wants it.
// It is neigh.Table.OnDADConflict.
func (t *Table) Conflict(l *link.Link, target netip.Addr, from link.HardAddr) {
	a := t.addrs.Find(l, target)
	if a == nil || a.State != addr.StateDAD {
		return
	}
	t.net.Log.Info("IPv6 duplicate address detected", "link", l.Name, "addr", target, "by", from)
	if a.Flags&unix.IFA_F_STABLE_PRIVACY != 0 {
		t.nextStable(a)
	}
	a.State = addr.StatePostDAD // by way of ERRDAD
	off := t.turnsOff(a)
	t.dadStop(a, true)
	if off {
		t.net.Log.Warn("IPv6 being disabled", "link", l.Name)
		if err := t.links.SetSysctl("/net/ipv6/conf/"+l.Name+"/disable_ipv6", "1"); err != nil {
			t.net.Log.Error("IPv6 not disabled", "link", l.Name, "err", err)
		}
	}
}

// turnsOff says whether the failure of a is that of the link: its MAC address is not its own
// (accept_dad 2).
func (t *Table) turnsOff(a *addr.Addr) bool {
	l := a.Link
	return (t.links.All6.AcceptDAD > 1 || l.Conf6.AcceptDAD > 1) && l.Conf6.DisableIPv6 == 0 &&
		a.Flags&unix.IFA_F_STABLE_PRIVACY == 0 && a.Local() == eui64(l)
}

// Nonce is what DAD for target sends now; it is neigh.Table.DADNonce.
func (t *Table) Nonce(l *link.Link, target netip.Addr) uint64 {
	a := t.addrs.Find(l, target)
	if a == nil || a.State != addr.StateDAD {
		return 0
	}
	return dadOf(a).nonce
}

// forget ends what is going on for an address that was deleted.
func (t *Table) forget(a *addr.Addr) {
	t.stopTimer(a)
	t.anycast(a, false)
	t.leaveSolicited(a)
}
