// SPDX-License-Identifier: BSD-3-Clause

package neigh

import (
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
)

// The state machine (RFC 4861 7.3.2 as the kernel has it).
//
//	state       event                                      next        also
//	----------  -----------------------------------------  ----------  --------------------------------
//	NONE        used                                       INCOMPLETE  solicit, probes = ucast_probes
//	NONE        used, no mcast and no app probes           FAILED
//	INCOMPLETE  retrans_time, probes left                  INCOMPLETE  solicit
//	INCOMPLETE  retrans_time, no probes left               FAILED      held packets fail, notify
//	INCOMPLETE  solicited reply                            REACHABLE   held packets leave, notify
//	INCOMPLETE  unsolicited advertisement, request         STALE       held packets leave, notify
//	REACHABLE   reachable_time since confirmation, used    DELAY       used: within delay_probe_time
//	REACHABLE   reachable_time since confirmation          STALE       notify
//	REACHABLE   other address, override                    as told     notify
//	REACHABLE   other address, weak override               STALE       keeps its address, notify
//	STALE       used                                       DELAY
//	STALE       solicited reply                            REACHABLE   notify
//	DELAY       delay_probe_time, confirmed meanwhile      REACHABLE   notify
//	DELAY       delay_probe_time                           PROBE       solicit by unicast, notify
//	PROBE       retrans_time, probes left                  PROBE       solicit by unicast
//	PROBE       retrans_time, no probes left               FAILED      notify; EXT_VALIDATED: STALE
//	PROBE       solicited reply                            REACHABLE   notify
//	FAILED      used                                       INCOMPLETE  solicit
//	NOARP, PERMANENT: no timer and no packet changes them, only an operator does
//	any         operator                                   as told     notify
//	not timed   unused gc_staletime, or FAILED             (removed)   when the table has gc_thresh1
//
// A used connected entry needs no notice: like the kernel's fast path, the data plane does not tell.

// minTimer is the shortest time between two expirations of an entry's timer (HZ/100).
const minTimer = int64(10 * time.Millisecond)

// Update is neigh_update: something was heard about n. nud is the new state; lladdr is used only
// with hasAddr. EPERM: n is permanent or needs no resolution and flags lacks Admin, or n is no longer
// in the table; EINVAL: a valid state and no address.
func (t *Table) Update(n *Entry, lladdr link.HardAddr, hasAddr bool, nud uint16, flags UpdateFlags, portid uint32) error {
	f := t.of(n.Family())
	old, now := n.NUD, t.now()
	if n.Dead {
		return rtnl.Errorf(unix.EPERM, "Neighbor entry is now dead")
	}
	if flags&Admin == 0 && old&(unix.NUD_NOARP|unix.NUD_PERMANENT) != 0 {
		return unix.EPERM
	}
	notify, gcUpdate := f.updateFlags(n, flags)
	changed, err := t.update(n, lladdr, hasAddr, &nud, &flags, now)
	notify = notify || changed
	if flags&OverrideIsRouter != 0 && err == nil {
		want := n.Flags &^ FlagRouter
		if flags&IsRouter != 0 {
			want |= FlagRouter
		}
		if want != n.Flags {
			n.Flags, notify = want, true
		}
	}
	if (nud^old)&unix.NUD_PERMANENT != 0 || gcUpdate {
		f.updateGC(n)
	}
	if notify {
		t.announce(n, unix.RTM_NEWNEIGH, portid)
	}
	return err
}

// updateFlags is neigh_update_flags: only an operator sets them.
func (f *family) updateFlags(n *Entry, flags UpdateFlags) (notify, gcUpdate bool) {
	if flags&Admin == 0 {
		return false, false
	}
	var want uint32
	for _, b := range []struct {
		update UpdateFlags
		flag   uint32
	}{{ExtLearned, FlagExtLearned}, {Managed, FlagManaged}, {ExtValidated, FlagExtValidated}} {
		if flags&b.update != 0 {
			want |= b.flag
		}
	}
	diff := (n.Flags ^ want) & flagsKept
	n.Flags ^= diff
	if diff&FlagManaged != 0 {
		f.setManaged(n, n.Flags&FlagManaged != 0)
	}
	return diff != 0, diff&(FlagExtLearned|FlagExtValidated) != 0
}

// update is the heart of __neigh_update; nud and flags come back as they were meant in the end.
func (t *Table) update(n *Entry, lladdr link.HardAddr, hasAddr bool, nud *uint16, flags *UpdateFlags, now int64) (notify bool, err error) {
	old := n.NUD
	if *flags&(Use|Managed) != 0 {
		*flags &^= OverrideIsRouter
		*nud = old &^ unix.NUD_PERMANENT
		n.NUD = *nud
		if n.NUD != old {
			t.publish(n)
		}
		return false, nil
	}
	if *nud&Valid == 0 {
		*flags &^= OverrideIsRouter
		t.delTimer(n)
		n.NUD = *nud
		notify = old&Valid != 0
		if old&(unix.NUD_INCOMPLETE|unix.NUD_PROBE) != 0 && *nud&unix.NUD_FAILED != 0 {
			t.of(n.Family()).stats.ResFailed++
			n.updated, notify = now, true // neigh_invalidate
		}
		if n.NUD != old {
			t.publish(n)
		}
		return notify, nil
	}
	switch {
	case !hasAddr && old&Valid == 0:
		*flags &^= OverrideIsRouter
		*nud = old
		return false, rtnl.Errorf(unix.EINVAL, "No link layer address given")
	case !hasAddr:
		lladdr = n.HardAddr
	}
	same := lladdr == n.HardAddr && (old&Valid != 0 || !hasAddr)

	// What is heard confirms the entry even when it changes nothing.
	if *nud&Connected != 0 {
		n.confirmed = now
	}
	if old&Valid != 0 {
		switch {
		case !same && *flags&Override == 0:
			*flags &^= OverrideIsRouter
			if *flags&WeakOverride == 0 || old&Connected == 0 {
				*nud = old
				return false, nil
			}
			lladdr, same, *nud = n.HardAddr, true, unix.NUD_STALE
		case same && *nud == unix.NUD_STALE && *flags&Admin == 0:
			*nud = old // old news
		}
	}
	if *nud != old || !same {
		n.updated = now
	}
	if *nud != old {
		t.noteUsed(n, old)
		t.delTimer(n)
		if *nud&unix.NUD_PROBE != 0 {
			n.Probes = 0
		}
		n.NUD = *nud
		if *nud&InTimer != 0 {
			at := now
			if *nud&unix.NUD_REACHABLE != 0 {
				at += t.reachableTime(n)
			}
			t.setTimer(n, at)
		}
		notify = true
	}
	if !same {
		n.HardAddr = lladdr
		if *nud&Connected == 0 {
			n.confirmed = now - 2*int64(n.params().BaseReachableTime)
		}
		notify = true
	}
	if notify {
		t.publish(n)
	}
	return notify, nil
}

// noteUsed brings the time of the last use up to date when an entry leaves a state in which the data
// plane notes its use without telling.
func (t *Table) noteUsed(n *Entry, old uint16) {
	if old&(unix.NUD_DELAY|unix.NUD_PROBE) != 0 && t.net.DP.NeighUsed(n.dp(t)) {
		n.used = t.now()
	}
}

// eventSend is neigh_event_send: a packet needs n.
func (t *Table) eventSend(n *Entry) {
	now := t.now()
	n.used = now
	p := n.params()
	switch {
	case n.Dead || n.NUD&(Connected|unix.NUD_DELAY|unix.NUD_PROBE) != 0:

	case n.NUD&unix.NUD_STALE != 0:
		n.NUD, n.updated = unix.NUD_DELAY, now
		t.setTimer(n, now+int64(p.DelayProbeTime))
		t.publish(n)

	case n.NUD&unix.NUD_INCOMPLETE != 0:
		// Held, and being solicited.

	case p.MulticastProbes+p.AppProbes == 0:
		n.NUD, n.updated = unix.NUD_FAILED, now
		t.publish(n)

	default:
		n.Probes = p.UnicastProbes
		n.NUD, n.updated = unix.NUD_INCOMPLETE, now
		t.setTimer(n, now+retrans(p))
		t.publish(n)
		t.probe(n)
	}
}

func retrans(p *link.NeighParams) int64 { return max(int64(p.RetransTime), minTimer) }

// expire is neigh_timer_handler.
func (t *Table) expire(n *Entry) {
	now := t.now()
	if n.Dead || n.NUD&InTimer == 0 {
		return
	}
	p := n.params()
	notify, old := false, n.NUD
	var next int64
	switch {
	case n.NUD&unix.NUD_REACHABLE != 0:
		switch reach := t.reachableTime(n); {
		case now <= n.confirmed+reach:
			next = n.confirmed + reach
		case now <= n.used+int64(p.DelayProbeTime):
			n.NUD, n.updated = unix.NUD_DELAY, now
			next = now + int64(p.DelayProbeTime)
		default:
			n.NUD, n.updated, notify = unix.NUD_STALE, now, true
		}
	case n.NUD&unix.NUD_DELAY != 0:
		t.noteUsed(n, old)
		if now <= n.confirmed+int64(p.DelayProbeTime) {
			n.NUD, n.updated, notify = unix.NUD_REACHABLE, now, true
			next = n.confirmed + t.reachableTime(n)
		} else {
			n.NUD, n.updated, notify = unix.NUD_PROBE, now, true
			n.Probes = 0
			next = now + retrans(p)
		}
	default: // INCOMPLETE, PROBE
		next = now + retrans(p)
	}
	if n.NUD&(unix.NUD_INCOMPLETE|unix.NUD_PROBE) != 0 && n.Probes >= maxProbes(n, p) {
		n.updated, notify = now, true
		if n.NUD == unix.NUD_PROBE && n.Flags&FlagExtValidated != 0 {
			n.NUD = unix.NUD_STALE
		} else {
			n.NUD = unix.NUD_FAILED
			t.of(n.Family()).stats.ResFailed++
		}
	}
	if n.NUD&InTimer != 0 {
		t.setTimer(n, max(next, now+minTimer))
	}
	if n.NUD != old {
		t.publish(n)
	}
	if n.NUD&(unix.NUD_INCOMPLETE|unix.NUD_PROBE) != 0 {
		t.probe(n)
	}
	if notify {
		t.announce(n, unix.RTM_NEWNEIGH, 0)
	}
}

// maxProbes is neigh_max_probes.
func maxProbes(n *Entry, p *link.NeighParams) int32 {
	if n.NUD&unix.NUD_PROBE != 0 {
		return p.UnicastProbes + p.AppProbes + p.MulticastReprobes
	}
	return p.UnicastProbes + p.AppProbes + p.MulticastProbes
}

// probe is neigh_probe.
func (t *Table) probe(n *Entry) {
	if n.Addr.Is4() {
		t.arpSolicit(n)
	} else {
		t.ndSolicit(n)
	}
	n.Probes++
}

// Confirm is neigh_confirm: what was sent to a was answered, so it is reachable.
func (t *Table) Confirm(n *Entry) { n.confirmed = t.now() }
