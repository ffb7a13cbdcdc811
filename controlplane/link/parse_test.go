// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"errors"
	"strconv"
	"syscall"
	"testing"
)

// What proc_get_long takes, and what only Go takes.
func TestParseSysctl(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		bad  bool
	}{
		{text: "1", want: 1}, {text: "-5", want: -5}, {text: "0x10", want: 16}, {text: "-0x10", want: -16},
		{text: "010", want: 8}, {text: "  7\n", want: 7}, {text: "1 2", want: 1}, {text: "1\t2", want: 1},
		{text: "0xabc", want: 0xabc}, {text: "", bad: true}, {text: " ", bad: true}, {text: "x", bad: true},
		{text: "1x", bad: true}, {text: "0b1", bad: true}, {text: "0o7", bad: true}, {text: "1_0", bad: true},
		{text: "+1", bad: true}, {text: "08", bad: true}, {text: "--1", bad: true},
		{text: "1000000000000000000000", bad: true},
	} {
		got, err := ParseSysctl(c.text)
		if c.bad != errors.Is(err, syscall.EINVAL) || got != c.want {
			t.Errorf("%q is %d, %v", c.text, got, err)
		}
	}
}

// A number that was read is the same when it is written as the kernel writes it.
func FuzzParseSysctl(f *testing.F) {
	for _, s := range []string{"1", "-1", "0x7f", "010", " 5 6", "9223372036854775807", "0X1B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseSysctl(s)
		if err != nil {
			return
		}
		if again, err := ParseSysctl(strconv.FormatInt(v, 10)); err != nil || again != v {
			t.Errorf("%q is %d, and that is %d, %v", s, v, again, err)
		}
	})
}
