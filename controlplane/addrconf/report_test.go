// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestReported(t *testing.T) {
	const v4 = "46c0002800004000010200000a000001e000001694040000"
	const v6 = "6000000000240001fe80000000000000000000000000000 1ff0200000000000000000000000000163a00050200000100"
	for name, c := range map[string]struct{ packet, want string }{
		"IGMPv3 joins":                {v4 + "2200000000000001" + "04000000ef010101", "map[239.1.1.1:true]"},
		"IGMPv3 leaves":               {v4 + "2200000000000001" + "03000000ef010101", "map[239.1.1.1:false]"},
		"IGMPv3 of sources":           {v4 + "2200000000000002" + "03000001ef0101010a000009" + "04000000ef010102", "map[239.1.1.1:true 239.1.1.2:true]"},
		"IGMPv2 joins":                {v4 + "16000000ef010101", "map[239.1.1.1:true]"},
		"IGMPv2 leaves":               {v4 + "17000000ef010101", "map[239.1.1.1:false]"},
		"IGMP query":                  {v4 + "11000000ef010101", "map[]"},
		"no group":                    {v4 + "160000000a000001", "map[]"},
		"more records than there are": {v4 + "2200000000000009" + "04000000ef010101", "map[239.1.1.1:true]"},
		"MLDv2 joins":                 {v6 + "8f00000000000001" + "04000000ff0e0000000000000000000000000101", "map[ff0e::101:true]"},
		"MLDv1 leaves":                {v6 + "8400000000000000" + "ff0e0000000000000000000000000101", "map[ff0e::101:false]"},
	} {
		b, err := hex.DecodeString(strip(c.packet))
		if err != nil {
			t.Fatal(name, err)
		}
		if got := fmt.Sprint(reported(b)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The host reports what it is a member of, and we what it is not.
func TestHostReports(t *testing.T) {
	e := newEnv(t)
	e.up(true)
	var said []string
	e.net.Subscribe(func(event any) {
		if g, ok := event.(GroupEvent); ok {
			what := map[GroupEventType]string{GroupAdded: "added", GroupDropped: "dropped", GroupTaken: "taken"}[g.Type]
			said = append(said, what+" "+g.Group.String())
		}
	})
	group := netip.MustParseAddr("ff02::5")
	for _, c := range []struct {
		what string
		do   func()
		want string
	}{
		{"ours", func() { e.conf.Join(e.l, group) }, "added ff02::5"},
		{"ours twice", func() { e.conf.Join(e.l, group) }, ""},
		{"the host joins", func() { e.conf.hostGroup(e.l, group, true) }, "taken ff02::5"},
		{"it says so again", func() { e.conf.hostGroup(e.l, group, true) }, ""},
		{"it leaves", func() { e.conf.hostGroup(e.l, group, false) }, "added ff02::5"},
		{"it says so again", func() { e.conf.hostGroup(e.l, group, false) }, "added ff02::5"},
		{"the host joins", func() { e.conf.hostGroup(e.l, group, true) }, "taken ff02::5"},
		{"we leave", func() { e.conf.Leave(e.l, group); e.conf.Leave(e.l, group) }, ""},
		{"the host leaves", func() { e.conf.hostGroup(e.l, group, false) }, ""},
		{"it says so again", func() { e.conf.hostGroup(e.l, group, false) }, ""},
		{"ours", func() { e.conf.Join(e.l, group) }, "added ff02::5"},
		{"no longer", func() { e.conf.Leave(e.l, group) }, "dropped ff02::5"},
		{"never reported", func() { e.conf.Join(e.l, netip.MustParseAddr("ff01::7")) }, ""},
	} {
		c.do()
		if got := strings.Join(said, ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		said = nil
	}
	if e.conf.Joined(e.l, group) {
		t.Error("it is still a member")
	}
}

func strip(s string) string {
	out := []byte{}
	for _, c := range []byte(s) {
		if c != ' ' {
			out = append(out, c)
		}
	}
	return string(out)
}

func FuzzReported(f *testing.F) {
	f.Add([]byte{0: 0x45, 9: 2, 27: 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for group := range reported(b) {
			if !group.IsMulticast() {
				t.Errorf("%s is no group", group)
			}
		}
	})
}
