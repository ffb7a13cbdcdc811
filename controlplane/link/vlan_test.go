// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

func vlanConfig(lower *Link, id uint16) Config {
	return Config{Kind: "vlan", Name: lower.Name + ".%d", Lower: lower.Index, Data: &VLANConfig{ID: &id}}
}

func (b *bench) up(l *Link) {
	b.t.Helper()
	if err := b.Change(l, Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) down(l *Link) {
	b.t.Helper()
	if err := b.Change(l, Change{FlagsMask: unix.IFF_UP}); err != nil {
		b.t.Fatal(err)
	}
}

func TestVLANTakesAfterItsDevice(t *testing.T) {
	b := newBench(t)
	p := b.add(Config{Name: "p1", Carrier: true, MTU: 1600, MaxMTU: 9000})
	v := b.create(vlanConfig(p, 5), Change{})
	if v.MTU != 1600 || v.HardAddr != p.HardAddr || v.Lower != p || v.Up() || v.Iflink() != p.Index {
		t.Errorf("made: %+v", v)
	}
	d := b.inDP(v)
	if d.Type != dpif.LinkVLAN || d.Lower != p.Index || d.VLANID != 5 || d.VLANProto != unix.ETH_P_8021Q {
		t.Errorf("in the data plane: %+v", d)
	}
	if err := b.Change(v, Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("up on a device that is down: %v", err)
	}
	b.up(p)
	if !v.Running() {
		t.Errorf("the device went up, the VLAN is %#x", v.Flags)
	}
	if err := b.SetCarrier(p, false); err != nil {
		t.Fatal(err)
	}
	if v.Carrier || v.OperState != OperLowerLayerDown || b.inDP(v).Carrier {
		t.Errorf("without carrier: %+v", v)
	}
	if err := b.SetCarrier(p, true); err != nil {
		t.Fatal(err)
	}
	if !v.Running() {
		t.Errorf("with carrier: %+v", v)
	}
	if err := b.Change(p, Change{MTU: ptr(uint32(1400)), HardAddr: []byte{2, 0, 0, 0, 0, 9}}); err != nil {
		t.Fatal(err)
	}
	if v.MTU != 1400 || v.HardAddr != p.HardAddr {
		t.Errorf("MTU %d, address %v", v.MTU, v.HardAddr)
	}
	if err := b.Change(v, Change{MTU: ptr(uint32(1401))}); !errors.Is(err, unix.ERANGE) {
		t.Errorf("a greater MTU: %v", err)
	}
	b.down(p)
	if v.Up() {
		t.Error("the device is down, the VLAN is up")
	}
	if err := b.Remove(p); err != nil {
		t.Fatal(err)
	}
	if !v.Gone() || b.ByName("p1.0") != nil {
		t.Error("the device has gone, the VLAN is there")
	}
}

func TestVLANWithLooseBindingStaysUp(t *testing.T) {
	b := newBench(t)
	p := b.add(Config{Name: "p1", Carrier: true})
	c := vlanConfig(p, 5)
	c.Data.(*VLANConfig).Flags, c.Data.(*VLANConfig).Mask = VLANLooseBinding, VLANLooseBinding
	v := b.create(c, Change{})
	b.up(v)
	b.up(p)
	b.down(p)
	if !v.Up() {
		t.Error("it went down")
	}
}

// TestVLANWithItsOwnAddress: the port takes what is for it while it is up.
func TestVLANWithItsOwnAddress(t *testing.T) {
	b := newBench(t)
	p := b.add(Config{Name: "p1", Carrier: true})
	b.up(p)
	v := b.create(vlanConfig(p, 5), Change{})
	w := b.create(vlanConfig(v, 6), Change{})
	promisc := func() bool { return b.inDP(p).Flags&unix.IFF_PROMISC != 0 }
	b.up(v)
	b.up(w)
	if promisc() {
		t.Error("the addresses are the port's")
	}
	if err := b.Change(w, Change{HardAddr: []byte{2, 0, 0, 0, 0, 9}}); err != nil {
		t.Fatal(err)
	}
	if !promisc() || p.Flags&unix.IFF_PROMISC != 0 {
		t.Errorf("port takes all: %v, and shows %#x", promisc(), p.Flags)
	}
	if err := b.Change(p, Change{HardAddr: []byte{2, 0, 0, 0, 0, 9}}); err != nil {
		t.Fatal(err)
	}
	if v.HardAddr != p.HardAddr || w.HardAddr != p.HardAddr || promisc() {
		t.Errorf("the port has that address too: %v %v, takes all: %v", v.HardAddr, w.HardAddr, promisc())
	}
	if err := b.Change(w, Change{HardAddr: []byte{2, 0, 0, 0, 0, 10}}); err != nil {
		t.Fatal(err)
	}
	b.down(w)
	if promisc() {
		t.Error("the VLAN is down")
	}
}

func TestVLANErrors(t *testing.T) {
	b := newBench(t)
	p := b.add(Config{Name: "p1", Carrier: true})
	b.create(vlanConfig(p, 5), Change{})
	cfg := func(c VLANConfig) Config {
		return Config{Kind: "vlan", Name: "v", Lower: p.Index, Data: &c}
	}
	lo := vlanConfig(b.Loopback(), 5)
	for _, tc := range []struct {
		name string
		c    Config
		ch   Change
		want unix.Errno
		text string
	}{
		{"nothing said", Config{Kind: "vlan", Lower: p.Index}, Change{}, unix.EINVAL, "8021q: VLAN properties not specified"},
		{"no id", cfg(VLANConfig{}), Change{}, unix.EINVAL, "8021q: VLAN id not specified"},
		{"id", cfg(VLANConfig{ID: ptr(uint16(4095))}), Change{}, unix.ERANGE, "8021q: Invalid VLAN id"},
		{"protocol", cfg(VLANConfig{ID: ptr(uint16(1)), Proto: ptr(uint16(0x0800))}), Change{}, unix.EPROTONOSUPPORT, "8021q: Invalid VLAN protocol"},
		{"there", cfg(VLANConfig{ID: ptr(uint16(5))}), Change{}, unix.EEXIST, "8021q: VLAN device already exists"},
		{"lo", lo, Change{}, unix.EOPNOTSUPP, "8021q: VLANs not supported on device"},
		{"no link", Config{Kind: "vlan", Data: &VLANConfig{ID: ptr(uint16(1))}}, Change{}, unix.EINVAL, "8021q: link not specified"},
		{"no such link", Config{Kind: "vlan", Lower: 99, Data: &VLANConfig{ID: ptr(uint16(1))}}, Change{}, unix.ENODEV, "8021q: link does not exist"},
		{"mtu", cfg(VLANConfig{ID: ptr(uint16(1))}), Change{MTU: ptr(uint32(1501))}, unix.EINVAL, ""},
		{"gvrp", cfg(VLANConfig{ID: ptr(uint16(1)), Flags: VLANGVRP, Mask: VLANGVRP}), Change{}, unix.EOPNOTSUPP, "8021q: GVRP is not supported"},
		{"flags", cfg(VLANConfig{ID: ptr(uint16(1)), Flags: 64, Mask: 64}), Change{}, unix.EINVAL, "8021q: Invalid VLAN flags"},
		{"address", cfg(VLANConfig{ID: ptr(uint16(1))}), Change{HardAddr: make([]byte, 6)}, unix.EADDRNOTAVAIL, "8021q: Invalid link address"},
	} {
		before := len(b.All())
		_, err := b.Create(tc.c, tc.ch)
		var e *rtnl.Error
		text := ""
		if errors.As(err, &e) {
			text = e.Msg
		}
		if rtnl.Errno(err) != tc.want || text != tc.text {
			t.Errorf("%s: %v, want %v %q", tc.name, err, tc.want, tc.text)
		}
		if len(b.All()) != before {
			t.Errorf("%s: a link was left behind", tc.name)
		}
	}
}

func TestVLANsNestOnlySoDeep(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p", Carrier: true})
	for range maxNest - 1 {
		l = b.create(Config{Kind: "vlan", Lower: l.Index, Data: &VLANConfig{ID: ptr(uint16(1))}}, Change{})
	}
	_, err := b.Create(Config{Kind: "vlan", Lower: l.Index, Data: &VLANConfig{ID: ptr(uint16(1))}}, Change{})
	if !errors.Is(err, unix.EMLINK) {
		t.Errorf("one more: %v", err)
	}
	if len(b.All()) != maxNest+1 {
		t.Errorf("%d links", len(b.All()))
	}
}

func TestVLANMaps(t *testing.T) {
	b := newBench(t)
	p := b.add(Config{Name: "p1", Carrier: true})
	l := b.create(vlanConfig(p, 5), Change{})
	maps := &VLANConfig{Ingress: []VLANMap{{3, 7}}, Egress: []VLANMap{{1, 2}, {17, 3}, {1, 4}}}
	if err := b.ChangeKind(l, "vlan", maps); err != nil {
		t.Fatal(err)
	}
	v := l.Data.(*VLAN)
	if v.Ingress[3] != 7 || !slices.Equal(v.Egress[1], []VLANMap{{17, 3}, {1, 4}}) {
		t.Errorf("maps %v, %v", v.Ingress, v.Egress)
	}
	if e := b.inDP(l).VLANEgress; e[1] != 4 || e[0] != 0 {
		t.Errorf("in the data plane: %v", e)
	}
	if err := b.ChangeKind(l, "dummy", nil); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("as another kind: %v", err)
	}
}
