// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func vrfConfig(name string, table uint32) Config {
	return Config{Kind: "vrf", Name: name, Data: &VRFConfig{Table: &table}}
}

func TestVRFNeedsATable(t *testing.T) {
	b := newBench(t)
	for _, c := range []Config{{Kind: "vrf", Name: "red"}, vrfConfig("red", 0)} {
		if _, err := b.Create(c, Change{}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%+v: %v, want EINVAL", c.Data, err)
		}
	}
}

func TestVRFTakesItsSlavesAlong(t *testing.T) {
	b := newBench(t)
	red := b.create(vrfConfig("red", 10), Change{Flags: unix.IFF_UP, FlagsMask: unix.IFF_UP})
	const want = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP | unix.IFF_MASTER | unix.IFF_NOARP
	if red.Flags != want || red.MTU != 65575 || red.L3Table() != 10 || red.L3Master() != red {
		t.Errorf("flags %#x, want %#x; MTU %d, table %d", red.Flags, want, red.MTU, red.L3Table())
	}
	l := b.create(Config{Kind: "dummy", Name: "d"}, Change{})
	if err := b.Change(l, Change{Master: &red.Index}); err != nil {
		t.Fatal(err)
	}
	if l.L3Master() != red || l.L3Table() != 10 {
		t.Errorf("the slave's table is %d", l.L3Table())
	}
	lo := b.Loopback()
	if err := b.Change(lo, Change{Master: &red.Index}); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("lo is enslaved: %v", err)
	}
	if err := b.Delete(red); err != nil {
		t.Fatal(err)
	}
	if l.L3Master() != nil || l.Master != nil {
		t.Error("a slave outlives its VRF")
	}
}

func TestStrictModeGivesATableToOneVRF(t *testing.T) {
	b := newBench(t)
	const knob = "net.vrf.strict_mode"
	b.create(vrfConfig("red", 10), Change{})
	blue := b.create(vrfConfig("blue", 10), Change{})
	if err := b.SetSysctl(knob, "1"); !errors.Is(err, unix.EBUSY) {
		t.Errorf("strict with a shared table: %v, want EBUSY", err)
	}
	if err := b.Delete(blue); err != nil {
		t.Fatal(err)
	}
	if err := b.SetSysctl(knob, "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(vrfConfig("blue", 10), Change{}); !errors.Is(err, unix.EBUSY) {
		t.Errorf("a second VRF of a table: %v, want EBUSY", err)
	}
	b.create(vrfConfig("blue", 11), Change{})
}
