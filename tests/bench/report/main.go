// SPDX-License-Identifier: BSD-3-Clause

// Command report is `make bench`: it measures Skua and its peers in turn, several rounds in one run
// because the machine's speed drifts, prints the tables, and writes out/bench.json.
//
// A round measures each case of fwd_bench once and, right beside it, dpdk-testpmd in macswap mode
// on the same kind of devices. Quote the ratios: both sides of one saw the same machine.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Result is an entry of out/bench.json.
type Result struct {
	Name         string    `json:"name"`
	CyclesBest   float64   `json:"cycles_best"`   // TSC cycles per packet, whole loop
	CyclesMedian float64   `json:"cycles_median"` // of the runs
	Mpps         float64   `json:"mpps"`          // median
	Peer         string    `json:"peer"`
	PeerMpps     float64   `json:"peer_mpps"` // median
	Ratio        float64   `json:"ratio"`     // median of mpps / peer_mpps, run by run
	Runs         []float64 `json:"runs"`      // cycles, or the figure of the case, of each run
}

// figure is what fwd_bench prints of a case.
type figure struct {
	Name         string             `json:"name"`
	CyclesBest   float64            `json:"cycles_best"`
	CyclesMedian float64            `json:"cycles_median"`
	Mpps         float64            `json:"mpps"`
	Stages       map[string]float64 `json:"stages"`
}

// limits are the most cycles per packet that a case may need.
var limits = map[string]float64{
	"ipv4-1-route": 90, "ipv4-1M-routes": 140, "ipv6-1-route": 100, "ipv6-220k-routes": 180,
}

// others is what was measured of other routers on such a machine, for the table.
var others = map[string]string{
	"ipv4-1-route":     "VPP 59 + its source, grout 145, bare l3fwd 30",
	"ipv4-1M-routes":   "VPP 255, grout 329, bare l3fwd 64",
	"ipv6-1-route":     "VPP 89 + its source, grout 124",
	"ipv6-220k-routes": "grout 665, VPP 1,009",
}

const (
	onRings = "testpmd macswap on net_ring"
	onPcap  = "testpmd macswap on net_pcap"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each case is measured")
	out := flag.String("o", "out/bench.json", "where the figures go")
	only := flag.String("only", "", "forward, routes: measure only these")
	flag.Parse()
	if err := bench(*rounds, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(rounds int, out, only string) error {
	restore, err := reserveHugepages(768)
	if err != nil {
		return err
	}
	defer restore()
	if err := build(); err != nil {
		return err
	}
	printMachine()
	var results []Result
	if only == "" || only == "forward" {
		r, err := forward(rounds)
		if err != nil {
			return err
		}
		results = append(results, r...)
	}
	if only == "" || only == "routes" {
		r, err := routes(rounds)
		if err != nil {
			return err
		}
		results = append(results, r...)
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// build compiles the programs of this folder.
func build() error {
	for _, args := range [][]string{
		{"tests/bench/build.sh", "out/fwd_bench"},
		{"cc", "-std=gnu11", "-O2", "-o", "out/route_load", "tests/bench/route_load.c", "tests/bench/inet_table.c", "-lm"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, text)
		}
	}
	return nil
}

// forward measures packets through the whole loop.
func forward(rounds int) ([]Result, error) {
	names := []string{"ipv4-1-route", "ipv4-1M-routes", "ipv6-1-route", "ipv6-220k-routes"}
	got := map[string][]figure{}
	peers := map[string][]float64{}
	fmt.Printf("measuring %d rounds of %d cases and 2 peers\n", rounds, len(names)+1)
	pcap, err := pcapFiles()
	if err != nil {
		return nil, err
	}
	for range rounds {
		for _, name := range names {
			f, err := fwdBench(name)
			if err != nil {
				return nil, err
			}
			got[name] = append(got[name], f)
		}
		mpps, err := testpmd("--vdev=net_ring0", "--vdev=net_ring1")
		if err != nil {
			return nil, err
		}
		peers[onRings] = append(peers[onRings], mpps)
		f, err := fwdBench("ipv4-1-route", "-p", "out")
		if err != nil {
			return nil, err
		}
		got["ipv4-1-route-pcap"] = append(got["ipv4-1-route-pcap"], f)
		if mpps, err = testpmd("--vdev=net_pcap0,rx_pcap="+pcap[0]+",infinite_rx=1", "--vdev=net_pcap1,rx_pcap="+pcap[1]+",infinite_rx=1"); err != nil {
			return nil, err
		}
		peers[onPcap] = append(peers[onPcap], mpps)
	}
	var results []Result
	for _, name := range append(names, "ipv4-1-route-pcap") {
		peer := onRings
		if strings.HasSuffix(name, "-pcap") {
			peer = onPcap
		}
		results = append(results, summarize(name, got[name], peer, peers[peer]))
	}
	printForward(results, got)
	return results, nil
}

func fwdBench(name string, args ...string) (figure, error) {
	cmd := exec.Command("out/fwd_bench", append(args, "-j", "-r", "3", "-s", "0.3", name)...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return figure{}, fmt.Errorf("fwd_bench %s: %w", name, err)
	}
	var figures []figure
	if err := json.Unmarshal(text, &figures); err != nil || len(figures) != 1 {
		return figure{}, fmt.Errorf("fwd_bench %s: %q: %v", name, text, err)
	}
	return figures[0], nil
}

func summarize(name string, figures []figure, peer string, peerMpps []float64) Result {
	r := Result{Name: name, Peer: peer, PeerMpps: median(peerMpps)}
	var mpps, ratios []float64
	for i, f := range figures {
		r.Runs = append(r.Runs, f.CyclesMedian)
		mpps = append(mpps, f.Mpps)
		ratios = append(ratios, f.Mpps/peerMpps[i])
		if i == 0 || f.CyclesBest < r.CyclesBest {
			r.CyclesBest = f.CyclesBest
		}
	}
	r.CyclesMedian, r.Mpps, r.Ratio = median(r.Runs), median(mpps), median(ratios)
	return r
}

func printForward(results []Result, got map[string][]figure) {
	fmt.Printf("\nForwarding, one lcore, 64-byte packets, TSC cycles per packet of the whole loop\n\n")
	fmt.Println("| case | at most | best | median | five runs | Mpps | testpmd macswap | ratio | for comparison |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, r := range results {
		limit := "-"
		if l, ok := limits[r.Name]; ok {
			limit = strconv.FormatFloat(l, 'f', 0, 64)
		}
		fmt.Printf("| %s | %s | %.1f | %.1f | %.1f - %.1f | %.1f | %.1f | %.2f | %s |\n", r.Name, limit, r.CyclesBest,
			r.CyclesMedian, slices.Min(r.Runs), slices.Max(r.Runs), r.Mpps, r.PeerMpps, r.Ratio, others[r.Name])
	}
	fmt.Printf("\nCycles per packet and stage, best of the runs\n\n")
	for _, r := range results {
		fmt.Printf("  %s:", r.Name)
		best := map[string]float64{}
		for _, f := range got[r.Name] {
			for stage, c := range f.Stages {
				if b, ok := best[stage]; !ok || c < b {
					best[stage] = c
				}
			}
		}
		stages := make([]string, 0, len(best))
		for s := range best {
			stages = append(stages, s)
		}
		slices.SortFunc(stages, func(a, b string) int { return int(100 * (best[b] - best[a])) })
		for _, s := range stages {
			if best[s] >= 0.1 {
				fmt.Printf(" %s %.1f", s, best[s])
			}
		}
		fmt.Println()
	}
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[len(s)/2]
}

// reserveHugepages sees to it that there are n hugepages of 2 MiB, and returns how to undo it.
func reserveHugepages(n int) (func(), error) {
	const file = "/proc/sys/vm/nr_hugepages"
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	have, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || have >= n {
		return func() {}, err
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(n)), 0o644); err != nil {
		return nil, fmt.Errorf("reserving hugepages: %w", err)
	}
	return func() { _ = os.WriteFile(file, text, 0o644) }, nil
}

// printMachine names what the figures were measured on.
func printMachine() {
	cpu := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				cpu = strings.TrimSpace(v)
				break
			}
		}
	}
	var uts syscall.Utsname
	release := ""
	if syscall.Uname(&uts) == nil {
		for _, c := range uts.Release {
			if c == 0 {
				break
			}
			release += string(rune(byte(c)))
		}
	}
	dpdk, _ := exec.Command("pkg-config", "--modversion", "libdpdk").Output()
	rev, _ := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	fmt.Printf("%s, Linux %s, DPDK and testpmd %s, Skua %s\n", cpu, release,
		strings.TrimSpace(string(dpdk)), strings.TrimSpace(string(rev)))
}
