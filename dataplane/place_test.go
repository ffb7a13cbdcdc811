// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPlaceAll(t *testing.T) {
	auto := Placement{RPS: RPS{Auto: true}}
	on := func(w ...int) Placement { return Placement{Workers: w} }
	for _, tt := range []struct {
		name    string
		workers int
		ports   []wantedPlace
		want    string // per port: worker of each queue / workers of RPS
	}{
		{"one worker does all", 1, []wantedPlace{{auto, 1}, {Placement{RPS: RPS{All: true}}, 4}}, "[0]/[] [0 0 0 0]/[]"},
		{"single queues go round", 2, []wantedPlace{{auto, 1}, {auto, 1}, {auto, 1}}, "[0]/[] [1]/[] [0]/[]"},
		{"a queue for each worker", 3, []wantedPlace{{auto, 3}, {auto, 3}}, "[0 1 2]/[] [0 1 2]/[]"},
		{"queue 0 of two-queue ports is not all worker 0's", 4, []wantedPlace{{auto, 2}, {auto, 2}}, "[0 1]/[] [2 3]/[]"},
		{"what was said comes first", 2, []wantedPlace{{auto, 1}, {on(0), 2}}, "[1]/[] [0 0]/[]"},
		{"said for fewer than there are queues", 4, []wantedPlace{{on(3, 1), 3}, {auto, 1}}, "[3 1 3]/[] [0]/[0 1 2 3]"},
		{"auto when a worker has nothing", 3, []wantedPlace{{auto, 1}, {auto, 1}}, "[0]/[0 1 2] [1]/[0 1 2]"},
		{"not for a port with enough queues", 3, []wantedPlace{{on(0), 3}, {auto, 1}}, "[0 0 0]/[] [1]/[0 1 2]"},
		{"all, though each has a queue", 2, []wantedPlace{{Placement{RPS: RPS{All: true}}, 1}, {on(), 1}}, "[0]/[0 1] [1]/[]"},
		{"some", 4, []wantedPlace{{Placement{RPS: RPS{Workers: []int{3, 1}}}, 1}}, "[0]/[1 3]"},
		{"none", 4, []wantedPlace{{Placement{}, 1}}, "[0]/[]"},
	} {
		var got []string
		for _, p := range placeAll(tt.ports, tt.workers) {
			got = append(got, fmt.Sprintf("%v/%v", p.workers, p.rps))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
}

func TestPlaceAllIsEven(t *testing.T) {
	for workers := 1; workers <= 16; workers++ {
		for ports := 1; ports <= 8; ports++ {
			for queues := 1; queues <= workers; queues++ {
				want := make([]wantedPlace, ports)
				for i := range want {
					want[i].queues = queues
				}
				load := make([]int, workers)
				for _, p := range placeAll(want, workers) {
					for _, w := range p.workers {
						load[w]++
					}
				}
				if slices.Max(load)-slices.Min(load) > 1 {
					t.Errorf("%d ports of %d queues: workers have %v", ports, queues, load)
				}
			}
		}
	}
}

func TestRSSKey(t *testing.T) {
	for _, tt := range []struct {
		conf string
		size int
		want string
		err  string
	}{
		{"", 40, "", ""},
		{"default", 40, "", ""},
		{"symmetric", 5, "6d5a6d5a6d", ""},
		{"01:02:03", 3, "010203", ""},
		{"0a0B0c", 3, "0a0b0c", ""},
		{"0102", 3, "", "the device has one of 3 bytes, and this is 2 long"},
		{"xyz", 3, "", `rss_key "xyz"`},
	} {
		key, err := rssKey(tt.conf, tt.size)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: error %v, want one that says %q", tt.conf, err, tt.err)
			}
		} else if err != nil || fmt.Sprintf("%x", key) != tt.want {
			t.Errorf("%q: %x, %v; want %s", tt.conf, key, err, tt.want)
		}
	}
}

func TestCountWorkers(t *testing.T) {
	for _, tt := range []struct {
		conf    Config
		allowed int
		want    int
	}{
		{Config{}, 8, 1},
		{Config{Workers: 3}, 8, 3},
		{Config{CPUs: []int{4, 5}}, 8, 2},
		{Config{Workers: WorkersAuto}, 8, 7},
		{Config{Workers: WorkersAuto}, 1, 1},
		{Config{Workers: WorkersAuto}, 64, 16},
		{Config{Workers: WorkersAuto, CPUs: []int{4, 5}}, 8, 2},
	} {
		c := tt.conf
		c.countWorkers(tt.allowed)
		c.fillDefaults()
		if c.Workers != tt.want || c.Mbufs < 16384*c.Workers {
			t.Errorf("%+v on %d CPUs: %d workers, %d mbufs; want %d workers", tt.conf, tt.allowed, c.Workers, c.Mbufs, tt.want)
		}
	}
}
