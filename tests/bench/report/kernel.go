// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The Linux kernel's forwarding, packets per second of a core: tests/bench/kernel, and Skua's case
// beside it in every round.

const kernelProgram = "out/kernel_bench"

// kernelFigure is what kernel_bench prints of a case.
type kernelFigure struct {
	Name      string  `json:"name"`
	Mpps      float64 `json:"mpps"`      // per second of the core, the generator taken off
	MppsBest  float64 `json:"mpps_best"` // of the runs
	NS        float64 `json:"ns"`
	Generator float64 `json:"generator_ns"`
	Forwarded uint64  `json:"forwarded"`
	Lost      uint64  `json:"lost"`
}

// kernelCases are those that both forward.
var kernelCases = []string{"ipv4-1-route", "ipv4-1M-routes"}

// kernelName is the case of Skua beside the kernel, one of the kernel's two ways through.
func kernelName(name, way string) string { return name + "-vs-kernel-" + way }

func kernelForward(b *bench) ([]Result, error) {
	ways := []struct{ name, what string }{
		{"veth", "the kernel, from veth to veth"}, {"bare", "the kernel, its stack alone"},
	}
	results := []Result{}
	index := map[string]int{}
	for _, name := range kernelCases {
		for _, w := range ways {
			index[name+"-"+w.name] = len(results)
			results = append(results, Result{Name: kernelName(name, w.name), Peer: w.what, Extra: map[string]any{}})
		}
	}
	peers := make([][]float64, len(results))
	mpps := make([][]float64, len(results))
	for range b.rounds {
		before := b.probe()
		skua := map[string]figure{}
		for _, name := range kernelCases {
			f, err := b.fwdBench(fwdProgram, []string{name})
			if err != nil {
				return nil, err
			}
			skua[name] = f[0]
		}
		kernel, err := b.kernelBench()
		if err != nil {
			return nil, err
		}
		cpus := placement(before, b.probe())
		for _, k := range kernel {
			i, ok := index[k.Name]
			if !ok {
				return nil, fmt.Errorf("%s measured %q, which is not known here", kernelProgram, k.Name)
			}
			r := &results[i]
			f := skua[kernelCases[i/len(ways)]]
			r.Runs, r.CPUs = append(r.Runs, f.CyclesMedian), append(r.CPUs, cpus)
			mpps[i], peers[i] = append(mpps[i], f.mppsMedian()), append(peers[i], k.Mpps)
			if r.CyclesBest == 0 || f.CyclesBest < r.CyclesBest {
				r.CyclesBest = f.CyclesBest
			}
			least, ok := r.Extra["kernel_ns"].(float64)
			if !ok || k.NS < least {
				r.Extra["kernel_ns"], r.Extra["generator_ns"], r.Extra["kernel_mpps_best"] = k.NS, k.Generator, k.MppsBest
			}
			r.Extra["kernel_lost"] = float64(k.Lost)
		}
	}
	for i := range results {
		r := &results[i]
		r.CyclesMedian, r.Mpps, r.PeerMpps = median(r.Runs), median(mpps[i]), median(peers[i])
		r.Ratio = median(ratios(mpps[i], peers[i]))
		r.Extra["ratios"] = ratios(mpps[i], peers[i])
		r.Extra["kernel_mpps"] = peers[i]
	}
	fmt.Printf("\nPackets per second of one core, 64 bytes, uniform over the table; the kernel's frames are made in the kernel,\n"+
		"and the time of its generator is taken off\n\n%v", beside(results))
	return results, nil
}

// kernelBench runs the kernel's peer once.
func (b *bench) kernelBench() ([]kernelFigure, error) {
	rounds, seconds, routes := "3", "0.3", routes4
	if b.quick {
		rounds, seconds, routes = "1", "0.02", 100000
	}
	cmd, cancel := b.command(kernelProgram, "-c", strconv.Itoa(lcoreCPU), "-r", rounds, "-s", seconds, "-routes", strconv.Itoa(routes))
	defer cancel()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w %s", kernelProgram, err, strings.TrimSpace(stderr.String()))
	}
	return parseKernel(text)
}

func parseKernel(text []byte) ([]kernelFigure, error) {
	var figures []kernelFigure
	if err := json.Unmarshal(text, &figures); err != nil {
		return nil, fmt.Errorf("%s: %w", kernelProgram, err)
	}
	for _, f := range figures {
		if f.Mpps <= 0 {
			return nil, fmt.Errorf("%s: %s: %v Mpps", kernelProgram, f.Name, f.Mpps)
		}
	}
	return figures, nil
}

// beside is the table of Skua and the kernel.
func beside(results []Result) *table {
	t := newTable("case", "Skua, Mpps", "the kernel, Mpps", "runs", "ns/packet", "generator, taken off", "ratio", "ratios", "CPUs")
	for _, r := range results {
		if !strings.Contains(r.Name, "-vs-kernel-") || r.Error != "" {
			continue
		}
		t.add(r.Name, number(r.Mpps), number(r.PeerMpps), spread(floats(r.Extra["kernel_mpps"])), number(float(r.Extra["kernel_ns"])),
			number(float(r.Extra["generator_ns"]))+" ns", number(r.Ratio), spread(floats(r.Extra["ratios"])), placements(r.CPUs))
	}
	return t
}

// float and floats are values of Extra, as they were put there or as JSON brings them back.
func float(v any) float64 {
	f, _ := v.(float64)
	return f
}

func floats(v any) []float64 {
	if f, ok := v.([]float64); ok {
		return f
	}
	var all []float64
	list, _ := v.([]any)
	for _, e := range list {
		all = append(all, float(e))
	}
	return all
}
