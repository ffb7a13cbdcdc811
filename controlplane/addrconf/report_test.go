// SPDX-License-Identifier: BSD-3-Clause

package addrconf

import (
	"encoding/hex"
	"fmt"
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
