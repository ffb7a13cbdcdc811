// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// histProgram prints the histogram of the numbers that it reads, and how buckets follow each other.
const histProgram = `#include "hist.h"
int main(void)
{
	static struct hist h;
	unsigned long long v, broken = 0;

	while (scanf("%llu", &v) == 1)
		hist_add(&h, v);
	for (unsigned int b = 0; b + 1 < HIST_BUCKETS; b++)
		broken += hist_bucket(hist_upper(b)) != b || hist_bucket(hist_upper(b) + 1) != b + 1;
	printf("{\"broken\": %llu, \"last\": %d, \"hist\": ", broken, hist_bucket(~0ULL) == HIST_BUCKETS - 1);
	hist_print(stdout, &h, 1);
	printf("}");
}
`

// The histogram of the C programs is right to one part in 32, everywhere.
func TestHistogram(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler")
	}
	dir := t.TempDir()
	source, bin := filepath.Join(dir, "hist.c"), filepath.Join(dir, "hist")
	if err := os.WriteFile(source, []byte(histProgram), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(cc, "-std=gnu11", "-Wall", "-Werror", "-I..", "-o", bin, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		name   string
		values func() uint64
		n      int
	}{
		{"nothing", nil, 0},
		{"one", func() uint64 { return 77 }, 1},
		{"small", func() uint64 { return random.Uint64N(40) }, 1000},
		{"wide", func() uint64 { return random.Uint64() >> random.UintN(64) }, 10001},
		{"a long tail", func() uint64 { return uint64(1000 * math.Exp(3*random.ExpFloat64())) }, 20000},
	} {
		var values []uint64
		var in strings.Builder
		for range c.n {
			v := c.values()
			values = append(values, v)
			fmt.Fprintln(&in, v)
		}
		slices.Sort(values)
		cmd := exec.Command(bin)
		cmd.Stdin = strings.NewReader(in.String())
		text, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Broken int   `json:"broken"`
			Last   int   `json:"last"`
			Hist   times `json:"hist"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got.Broken != 0 || got.Last != 1 || got.Hist.N != uint64(c.n) {
			t.Errorf("%s: %+v: buckets that do not follow each other, or values missing", c.name, got)
		}
		for _, q := range []struct {
			share float64
			got   float64
		}{{0.5, got.Hist.P50}, {0.99, got.Hist.P99}, {0.999, got.Hist.P999}, {1, got.Hist.Max}} {
			want := 0.0
			if c.n > 0 {
				want = float64(values[max(int(q.share*float64(c.n)+0.5), 1)-1])
			}
			if q.got < want-1 || q.got > want+want/32+1 { // the JSON has a decimal
				t.Errorf("%s: quantile %g is %g, want %g", c.name, q.share, q.got, want)
			}
			if q.share == 1 && math.Abs(q.got-want) > want/1e9+0.1 {
				t.Errorf("%s: max %g, want %g", c.name, q.got, want)
			}
		}
	}
}
