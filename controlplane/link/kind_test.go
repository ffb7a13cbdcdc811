// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

func (b *bench) create(c Config, ch Change) *Link {
	b.t.Helper()
	l, err := b.Create(c, ch)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func TestDummyIsMadeAndDeleted(t *testing.T) {
	b := newBench(t)
	b.said = nil
	l := b.create(Config{Kind: "dummy"}, Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP, Group: ptr(uint32(7))})
	b.wantSaid("netconf 2 2 -1", "netconf 10 2 -1", "event register", "msg 16 0xffffffff", "event up")
	want := uint32(unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_NOARP | unix.IFF_RUNNING | unix.IFF_LOWER_UP)
	if l.Name != "dummy0" || l.Flags != want || l.OperState != OperUnknown || !l.HardAddr.IsValid() || l.Group != 7 {
		t.Errorf("made: %+v", l)
	}
	if l.MinMTU != 0 || l.MaxMTU != 0 || l.MTU != 1500 || l.CarrierUpCount != 0 {
		t.Errorf("made: %+v", l)
	}
	if d := b.inDP(l); d.Type != dpif.LinkDummy || d.Port != dpif.PortNone {
		t.Errorf("in the data plane: %+v", d)
	}
	b.said = nil
	if err := b.Delete(l); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("event going down", "msg 16 0x41", "event down", "event unregister",
		"netconf 2 2 0", "netconf 10 2 0", "msg 17 0xffffffff")
	if b.ByName("dummy0") != nil || b.ByIndex(l.Index) != nil {
		t.Error("it is still found")
	}
}

func TestCreateErrors(t *testing.T) {
	b := newBench(t)
	b.create(Config{Kind: "dummy", Name: "d0", Index: 9}, Change{})
	for _, tc := range []struct {
		name string
		c    Config
		ch   Change
		want unix.Errno
	}{
		{"kind", Config{Kind: "nonesuch"}, Change{}, unix.EOPNOTSUPP},
		{"name taken", Config{Kind: "dummy", Name: "d0"}, Change{}, unix.EEXIST},
		{"index taken", Config{Kind: "dummy", Name: "d1", Index: 9}, Change{}, unix.EBUSY},
		{"bad name", Config{Kind: "dummy", Name: "d/1"}, Change{}, unix.EINVAL},
		{"address", Config{Kind: "dummy"}, Change{HardAddr: []byte{1, 0, 0, 0, 0, 0}}, unix.EADDRNOTAVAIL},
		{"short address", Config{Kind: "dummy"}, Change{HardAddr: []byte{2, 0}}, unix.EINVAL},
		{"queues", Config{Kind: "dummy", NumTxQueues: 5000}, Change{}, unix.EINVAL},
		{"no queues", Config{Kind: "dummy"}, Change{NumQueuesSaid: [2]bool{true, false}}, unix.EINVAL},
		{"address family", Config{Kind: "dummy"}, Change{AddrGenMode: ptr(uint8(1))}, unix.EAFNOSUPPORT},
		{"master", Config{Kind: "dummy"}, Change{Master: ptr(uint32(1))}, unix.EOPNOTSUPP},
	} {
		before := len(b.All())
		if _, err := b.Create(tc.c, tc.ch); rtnl.Errno(err) != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if len(b.All()) != before {
			t.Errorf("%s: a link was left behind", tc.name)
		}
	}
}

func TestDeleteGroup(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.create(Config{Kind: "dummy"}, Change{Group: ptr(uint32(5))})
	}
	p := b.add(Config{Name: "p1"})
	p.Group = 6
	for group, want := range map[uint32]error{0: unix.EPERM, 4: unix.ENODEV, 6: unix.EOPNOTSUPP, 5: nil} {
		if err := b.DeleteGroup(group); !errors.Is(err, want) {
			t.Errorf("group %d: %v, want %v", group, err, want)
		}
	}
	if len(b.All()) != 2 {
		t.Errorf("%d links are left, want lo and p1", len(b.All()))
	}
	if err := b.Delete(p); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("a link of the configuration: %v", err)
	}
}
