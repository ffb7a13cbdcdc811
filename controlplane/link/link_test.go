// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// bench is a table over a data plane of maps, with a record of what it says.
type bench struct {
	*Table
	t    *testing.T
	dp   *dpif.Fake
	said []string // "event NAME", "msg TYPE change", in order
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dp: dpif.NewFake()}
	if err := b.dp.AddNet(0); err != nil {
		t.Fatal(err)
	}
	net := rtnl.NewNet(0, b.dp, rtnl.NewManualClock(), nil)
	names := map[EventType]string{
		Register: "register", Unregister: "unregister", Up: "up", GoingDown: "going down", Down: "down",
		Changed: "change", ChangeMTU: "mtu", ChangeAddr: "addr", ChangeName: "name", ConfChanged: "conf",
	}
	net.Subscribe(func(ev any) {
		if e, ok := ev.(Event); ok {
			b.said = append(b.said, strings.TrimSpace("event "+names[e.Type]+" "+e.Conf))
		}
	})
	net.OnAnnounce(func(msg any) {
		switch m := msg.(type) {
		case Msg:
			b.said = append(b.said, fmt.Sprintf("msg %d %#x", m.Type, m.Change))
		case ConfMsg:
			b.said = append(b.said, fmt.Sprintf("netconf %d %d %d", m.Family, m.Index, m.What))
		}
	})
	var err error
	if b.Table, err = New(net); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) add(c Config) *Link {
	b.t.Helper()
	if c.HardAddr.IsZero() {
		c.HardAddr = HardAddr{2, 0, 0, 0, 0, 1}
	}
	l, err := b.Add(c)
	if err != nil {
		b.t.Fatal(err)
	}
	b.said = nil
	return l
}

// inDP is the link as the data plane has it.
func (b *bench) inDP(l *Link) dpif.Link {
	b.t.Helper()
	all, err := b.dp.DumpLinks(0)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, x := range all {
		if x.Ifindex == l.Index {
			return x
		}
	}
	b.t.Fatalf("the data plane has no link %d", l.Index)
	return dpif.Link{}
}

func (b *bench) wantSaid(want ...string) {
	b.t.Helper()
	if !slices.Equal(b.said, want) {
		b.t.Errorf("said %q, want %q", b.said, want)
	}
	b.said = nil
}

func ptr[T any](v T) *T { return &v }

func TestLoopbackIsThereAndDown(t *testing.T) {
	b := newBench(t)
	lo := b.Loopback()
	if lo.Index != 1 || lo.Name != "lo" || lo.Up() || lo.Flags != unix.IFF_LOOPBACK || lo.MTU != 65536 {
		t.Errorf("lo is %+v", lo)
	}
	if lo.QDisc != "noop" || lo.ShownOperState() != OperDown {
		t.Errorf("lo: qdisc %q, state %d", lo.QDisc, lo.ShownOperState())
	}
}

func TestUpAndDown(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1", Carrier: true})
	if err := b.Change(l, Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("msg 16 0x1", "event up")
	want := uint32(unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_MULTICAST | unix.IFF_RUNNING | unix.IFF_LOWER_UP)
	if l.Flags != want || l.QDisc != "noqueue" || b.inDP(l).Flags&unix.IFF_UP == 0 {
		t.Errorf("flags %#x, qdisc %s, data plane %#x", l.Flags, l.QDisc, b.inDP(l).Flags)
	}
	if err := b.Change(l, Change{FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("event going down", "msg 16 0x1", "event down")
	if l.Flags != unix.IFF_BROADCAST|unix.IFF_MULTICAST || b.inDP(l).Flags&unix.IFF_UP != 0 {
		t.Errorf("flags %#x, data plane %#x", l.Flags, b.inDP(l).Flags)
	}
}

func TestCarrier(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1"})
	if err := b.Change(l, Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}); err != nil {
		t.Fatal(err)
	}
	if l.Flags&(unix.IFF_RUNNING|unix.IFF_LOWER_UP) != 0 || l.ShownOperState() != OperDown {
		t.Errorf("without carrier: flags %#x, state %d", l.Flags, l.ShownOperState())
	}
	b.said = nil
	if err := b.SetCarrier(l, true); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("event change", "msg 16 0x0")
	if !l.Running() || l.OperState != OperUp || l.CarrierUpCount != 1 || !b.inDP(l).Carrier {
		t.Errorf("with carrier: %+v", l)
	}
	if err := b.SetCarrier(l, true); err != nil || len(b.said) != 0 {
		t.Errorf("the same again: %v, said %q", err, b.said)
	}
}

// TestAllOrNothing: a request with a mistake anywhere changes nothing anywhere.
func TestAllOrNothing(t *testing.T) {
	b := newBench(t)
	b.add(Config{Name: "p2"})
	l := b.add(Config{Name: "p1", MTU: 1500, MaxMTU: 9000})
	good := Change{MTU: ptr(uint32(1400)), Alias: ptr("x"), TxQLen: ptr(uint32(7)), Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP}
	before := *l
	for _, tc := range []struct {
		name  string
		spoil func(*Change)
		errno syscall.Errno
		text  string
	}{
		{"group address", func(c *Change) { c.HardAddr = []byte{1, 0, 0, 0, 0, 1} }, unix.EADDRNOTAVAIL, ""},
		{"zero address", func(c *Change) { c.HardAddr = make([]byte, 6) }, unix.EADDRNOTAVAIL, ""},
		{"short address", func(c *Change) { c.HardAddr = []byte{2} }, unix.EINVAL, ""},
		{"mtu 67", func(c *Change) { c.MTU = ptr(uint32(67)) }, unix.EINVAL, "mtu less than device minimum"},
		{"mtu 9001", func(c *Change) { c.MTU = ptr(uint32(9001)) }, unix.EINVAL, "mtu greater than device maximum"},
		{"name taken", func(c *Change) { c.Name = ptr("p2") }, unix.EEXIST, ""},
		{"bad name", func(c *Change) { c.Name = ptr("a/b") }, unix.EINVAL, ""},
		{"long name", func(c *Change) { c.Name = ptr("0123456789abcdef") }, unix.EINVAL, ""},
		{"long alias", func(c *Change) { c.Alias = ptr(strings.Repeat("x", 256)) }, unix.EINVAL, ""},
		{"carrier", func(c *Change) { c.Carrier = ptr(true) }, unix.EOPNOTSUPP, ""},
		{"master", func(c *Change) { c.Master = ptr(uint32(2)) }, unix.EOPNOTSUPP, ""},
		{"no master", func(c *Change) { c.Master = ptr(uint32(99)) }, unix.EINVAL, ""},
		{"gso", func(c *Change) { c.GSOMaxSize = ptr(uint32(1 << 20)) }, unix.EINVAL, "too big gso_max_size"},
		{"gen mode", func(c *Change) { c.AddrGenMode = ptr(uint8(9)) }, unix.EINVAL, ""},
		{"conf", func(c *Change) { c.Conf4 = map[uint16]int32{99: 1} }, unix.EINVAL, ""},
	} {
		c := good
		tc.spoil(&c)
		err := b.Change(l, c)
		var e *rtnl.Error
		text := ""
		if errors.As(err, &e) {
			text = e.Msg
		}
		if rtnl.Errno(err) != tc.errno || text != tc.text {
			t.Errorf("%s: %v, want %v %q", tc.name, err, tc.errno, tc.text)
		}
		if l.MTU != before.MTU || l.Alias != "" || l.Up() || l.TxQLen != before.TxQLen || len(b.said) != 0 {
			t.Errorf("%s: something has changed: said %q", tc.name, b.said)
		}
	}
	if err := b.Change(l, good); err != nil {
		t.Errorf("without mistake: %v", err)
	}
}

// TestDataPlaneRefuses: what the data plane refuses is not so, and the error is passed on.
func TestDataPlaneRefuses(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1"})
	b.dp.Fail("SetLink", unix.ENOMEM)
	if err := b.Change(l, Change{MTU: ptr(uint32(1400))}); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("error %v", err)
	}
	if l.MTU != 1500 || len(b.said) != 0 {
		t.Errorf("mtu %d, said %q", l.MTU, b.said)
	}
}

// TestSmallMTUTakesIPAway: IPv6 goes below 1280, and comes back with the settings of "default".
func TestSmallMTUTakesIPAway(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1"})
	if err := b.SetSysctl("net.ipv6.conf.p1.hop_limit", "9"); err != nil {
		t.Fatal(err)
	}
	if err := b.Change(l, Change{MTU: ptr(uint32(1279))}); err != nil {
		t.Fatal(err)
	}
	if l.In6Dev || !l.InDev || b.inDP(l).Conf6&dpif.ConfEnabled != 0 || b.inDP(l).Conf4&dpif.ConfEnabled == 0 {
		t.Errorf("at 1279: IPv4 %v, IPv6 %v", l.InDev, l.In6Dev)
	}
	if _, err := b.Sysctl("net.ipv6.conf.p1.hop_limit"); !errors.Is(err, unix.ENOENT) {
		t.Errorf("its settings are still there: %v", err)
	}
	if err := b.Change(l, Change{MTU: ptr(uint32(1280))}); err != nil {
		t.Fatal(err)
	}
	if !l.In6Dev || l.Conf6.HopLimit != 64 || b.inDP(l).MTU6 != 1280 {
		t.Errorf("at 1280: IPv6 %v, hop limit %d", l.In6Dev, l.Conf6.HopLimit)
	}
}

func TestNames(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "eth%d"})
	if l.Name != "eth0" {
		t.Fatalf("named %q", l.Name)
	}
	if err := b.AddAltName(l, "front"); err != nil {
		t.Fatal(err)
	}
	if b.ByName("front") != l || b.ByName("eth0") != l {
		t.Error("not found by both names")
	}
	if _, err := b.Add(Config{Name: "front"}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a taken name: %v", err)
	}
	if err := b.Change(l, Change{Name: ptr("wan")}); err != nil {
		t.Fatal(err)
	}
	b.wantSaid("msg 16 0x0", "event name", "netconf 2 2 0", "netconf 2 2 -1", "netconf 10 2 0", "netconf 10 2 -1")
	if b.ByName("wan") != l || b.ByName("eth0") != nil || b.inDP(l).Name != "wan" {
		t.Error("the old name is still there")
	}
	if err := b.Remove(l); err != nil {
		t.Fatal(err)
	}
	if b.ByName("front") != nil || b.ByIndex(l.Index) != nil || !l.Gone() {
		t.Error("it is still found")
	}
}

// TestIndexesAreNotReusedAtOnce: an index that was given back is given out again last.
func TestIndexesAreNotReusedAtOnce(t *testing.T) {
	b := newBench(t)
	a := b.add(Config{Name: "a"})
	if err := b.Remove(a); err != nil {
		t.Fatal(err)
	}
	c := b.add(Config{Name: "c"})
	if a.Index != 2 || c.Index != 3 {
		t.Errorf("indexes %d and %d", a.Index, c.Index)
	}
	if _, err := b.Add(Config{Name: "d", Index: c.Index}); !errors.Is(err, unix.EBUSY) {
		t.Errorf("a taken index: %v", err)
	}
}

// TestPromiscuityIsCounted: the flag that is shown is what was asked for, asking twice counts once.
func TestPromiscuityIsCounted(t *testing.T) {
	b := newBench(t)
	l := b.add(Config{Name: "p1"})
	on := Change{Flags: unix.IFF_PROMISC, FlagsMask: unix.IFF_PROMISC}
	for range 2 {
		if err := b.Change(l, on); err != nil {
			t.Fatal(err)
		}
	}
	if l.Promiscuity != 1 || l.Flags&unix.IFF_PROMISC == 0 || b.inDP(l).Flags&unix.IFF_PROMISC == 0 {
		t.Errorf("promiscuity %d, flags %#x", l.Promiscuity, l.Flags)
	}
	if err := b.Change(l, Change{FlagsMask: unix.IFF_PROMISC}); err != nil {
		t.Fatal(err)
	}
	if l.Promiscuity != 0 || b.inDP(l).Flags&unix.IFF_PROMISC != 0 {
		t.Errorf("promiscuity %d", l.Promiscuity)
	}
}
