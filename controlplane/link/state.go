// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func itoa(i int) string { return strconv.Itoa(i) }

// refreshFlags is dev_get_flags.
func (l *Link) refreshFlags() {
	const shown = unix.IFF_PROMISC | unix.IFF_ALLMULTI
	f := l.devFlags&^(shown|unix.IFF_RUNNING|unix.IFF_LOWER_UP|unix.IFF_DORMANT) | l.gflags&shown
	if l.Up() {
		if l.OperUp() {
			f |= unix.IFF_RUNNING
		}
		if l.Carrier {
			f |= unix.IFF_LOWER_UP
		}
		if l.OperState == OperDormant {
			f |= unix.IFF_DORMANT
		}
	}
	l.Flags = f
}

// ShownOperState is IFLA_OPERSTATE: a link that is not up is down, whatever its carrier.
func (l *Link) ShownOperState() uint8 {
	if !l.Up() {
		return OperDown
	}
	return l.OperState
}

// open is __dev_open: the link becomes administratively up. EADDRNOTAVAIL: it has no usable
// hardware address.
func (t *Table) open(l *Link) error {
	if !l.Loopback() && !l.HardAddr.IsValid() {
		return syscall.EADDRNOTAVAIL
	}
	if l.ops != nil && l.ops.Open != nil {
		if err := l.ops.Open(t, l); err != nil {
			return err
		}
	}
	old := *l
	l.devFlags |= unix.IFF_UP
	if err := t.publish(l, func() { *l = old }); err != nil {
		return err
	}
	if l.QDisc == "noop" {
		l.QDisc = "noqueue"
	}
	return nil
}

// close is __dev_close.
func (t *Table) close(l *Link) error {
	t.notify(Event{Type: GoingDown, Link: l})
	if l.ops != nil && l.ops.Stop != nil {
		l.ops.Stop(t, l)
	}
	old := *l
	l.devFlags &^= unix.IFF_UP
	if err := t.publish(l, func() { *l = old }); err != nil {
		return err
	}
	return nil
}

// stateChange is netdev_state_change.
func (t *Table) stateChange(l *Link, flags uint32) {
	if l.Up() {
		t.notify(Event{Type: Changed, Link: l, Flags: flags})
		t.announce(l, unix.RTM_NEWLINK, 0, 0)
	}
}

// Inherit gives a link that takes the place of another, which is gone, what that one was set to: all
// but its name, MTU, address and flags, which Change sets. from is a copy of before it went.
func (t *Table) Inherit(l, from *Link) error {
	for _, name := range from.AltNames {
		if err := t.AddAltName(l, name); err != nil {
			return err
		}
	}
	old := *l
	l.TxQLen, l.Group, l.Alias, l.LinkMode = from.TxQLen, from.Group, from.Alias, from.LinkMode
	l.GSOMaxSize, l.GSOMaxSegs, l.GSOIPv4 = from.GSOMaxSize, from.GSOMaxSegs, from.GSOIPv4
	l.GROMaxSize, l.GROIPv4 = from.GROMaxSize, from.GROIPv4
	l.Conf4, l.Conf6, l.set4 = from.Conf4, from.Conf6, from.set4
	l.Neigh4, l.neighSet4 = from.Neigh4, from.neighSet4
	l.Neigh6, l.neighSet6 = from.Neigh6, from.neighSet6
	l.Secret6, l.Token = from.Secret6, from.Token
	return t.publish(l, func() { *l = old })
}

// Stamp is a time in 1/100 s since the start of the stack, as IFLA_INET6_CACHEINFO and IFA_CACHEINFO
// give it.
func (t *Table) Stamp(at time.Time) uint32 { return uint32(at.Sub(t.start).Milliseconds() / 10) }
