// SPDX-License-Identifier: BSD-3-Clause

package pkt

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Match says what is wrong with a packet of which want is expected; nil: nothing. Only what want
// writes is compared: its layers must be there, in this order, one after the other from the first
// on, with the fields it names; layers after its last, and fields it does not name, may be
// anything. A flag written with "no-" before its name must be absent. Whatever want says, a packet
// that has a problem (Packet.Problems) fails.
func Match(want []Layer, got *Packet) error {
	if len(got.Problems) > 0 {
		return fmt.Errorf("%s", strings.Join(got.Problems, ", "))
	}
	for i := range want {
		if i >= len(got.Layers) {
			if v, _ := want[i].Field("is"); want[i].Name == "data" && v == "0" {
				return nil
			}
			return fmt.Errorf("no %s in it", want[i].Name)
		}
		w, g := &want[i], &got.Layers[i]
		if w.Name == "data" {
			if v, _ := w.Field("is"); v == "0" && g.Name == "pad" {
				return nil
			}
		}
		if w.Name != g.Name {
			return fmt.Errorf("%s where %s is expected", g.Name, w.Name)
		}
		if err := matchLayer(w, g); err != nil {
			return err
		}
	}
	return nil
}

func matchLayer(want, got *Layer) error {
	for _, f := range want.Fields {
		v, ok := got.Field(f.Key)
		switch {
		case f.Key == "is":
			if err := matchData(f.Value, v); err != nil {
				return fmt.Errorf("%s: %w", want.Name, err)
			}
		case strings.HasPrefix(f.Key, "no-"):
			if _, there := got.Field(f.Key[3:]); there {
				return fmt.Errorf("%s has %s", want.Name, f.Key[3:])
			}
		case f.Key == "opt" && strings.HasPrefix(v, f.Value) && len(v)-len(f.Value) < 16:
			// what follows is the padding of the header
		case !ok:
			return fmt.Errorf("%s has no %s", want.Name, f.Key)
		case v != f.Value:
			return fmt.Errorf("%s %s is %s, not %s", want.Name, f.Key, v, f.Value)
		}
	}
	return nil
}

// matchData compares bytes with a text, with hex, or with a count.
func matchData(want, got string) error {
	b, _ := hex.DecodeString(strings.TrimPrefix(got, "hex "))
	switch {
	case strings.HasPrefix(want, `"`):
		if string(b) != strings.Trim(want, `"`) {
			return fmt.Errorf("%q, not %s", b, want)
		}
	case strings.HasPrefix(want, "hex "):
		if want != got {
			return fmt.Errorf("%s, not %s", got, want)
		}
	case want != "" && want != strconv.Itoa(len(b)):
		return fmt.Errorf("%d bytes, not %s", len(b), want)
	}
	return nil
}
