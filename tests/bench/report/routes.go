// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A full table through the netlink socket, by the same program against Skua and the kernel.
const (
	routes4 = 1000000
	routes6 = 220000
	batch   = 256
	netns   = "skua-bench"
)

const skuaConf = `# SPDX-License-Identifier: BSD-3-Clause
[appliance]
socket = "%s"
[dataplane]
hugepages = "off"
[[link]]
name = "d0"
vdev = "net_null0,no-rx=1"
addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
`

type load struct {
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
}

// routes measures how fast a full table is loaded, and what it weighs.
func routes(rounds int) ([]Result, error) {
	var skua, kernel, skua6, kernel6 []float64
	var rss float64
	for range rounds {
		s, mb, err := loadSkua()
		if err != nil {
			return nil, err
		}
		k, err := loadKernel()
		if err != nil {
			return nil, err
		}
		skua, kernel = append(skua, s[0].PerSecond), append(kernel, k[0].PerSecond)
		skua6, kernel6 = append(skua6, s[1].PerSecond), append(kernel6, k[1].PerSecond)
		rss = max(rss, mb)
	}
	results := []Result{
		loaded("routes-ipv4-1M", skua, kernel),
		loaded("routes-ipv6-220k", skua6, kernel6),
	}
	fmt.Printf("\nRoutes through the netlink socket, batches of %d, every one acknowledged, routes per second\n\n", batch)
	fmt.Println("| case | at least | Skua median | runs | kernel median | ratio |")
	fmt.Println("|---|---|---|---|---|---|")
	for i, r := range results {
		fmt.Printf("| %s | %s | %.0f | %s | %.0f | %.2f |\n", r.Name, []string{"200000", "-"}[i], median(r.Runs), spread(r.Runs),
			r.PeerMpps*1e6, r.Ratio)
	}
	fmt.Printf("\nResident memory with %d IPv4 and %d IPv6 routes: %.0f MB (at most 800)\n", routes4, routes6, rss)
	return append(results, Result{Name: "memory-1M-220k-MB", Runs: []float64{rss}}), nil
}

// loaded puts routes per second into a Result: Mpps is millions of routes per second there.
func loaded(name string, skua, kernel []float64) Result {
	r := Result{Name: name, Peer: "the kernel", Runs: skua, Mpps: median(skua) / 1e6, PeerMpps: median(kernel) / 1e6}
	var ratios []float64
	for i := range skua {
		ratios = append(ratios, skua[i]/kernel[i])
	}
	r.Ratio = median(ratios)
	return r
}

func spread(v []float64) string {
	low, high := v[0], v[0]
	for _, x := range v {
		low, high = min(low, x), max(high, x)
	}
	return fmt.Sprintf("%.0f - %.0f", low, high)
}

// loadSkua starts a Skua, loads both tables, and weighs it: resident MB.
func loadSkua() (loads []load, mb float64, err error) {
	dir, err := os.MkdirTemp("", "skua-bench")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	socket, file := dir+"/netlink.sock", dir+"/bench.toml"
	if err := os.WriteFile(file, fmt.Appendf(nil, skuaConf, socket), 0o644); err != nil {
		return nil, 0, err
	}
	skua := exec.Command("out/skua", "run", file)
	skua.Stderr = os.Stderr
	if err := skua.Start(); err != nil {
		return nil, 0, err
	}
	defer func() {
		_ = skua.Process.Signal(os.Interrupt)
		err = errors.Join(err, skua.Wait())
	}()
	for range 200 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	under := []string{"out/skua", "--socket", socket, "exec", "--"}
	if loads, err = loadBoth(under); err != nil {
		return nil, 0, err
	}
	mb, err = resident(skua.Process.Pid)
	return loads, mb, err
}

// resident is VmRSS in MB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// loadKernel does the same in a network namespace with a veth in place of the port.
func loadKernel() (loads []load, err error) {
	ip := func(args ...string) error {
		if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, text)
		}
		return nil
	}
	if err := ip("netns", "add", netns); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ip("netns", "del", netns)) }()
	for _, line := range []string{
		"link add d0 type veth peer name d1", "link set d0 up", "link set d1 up",
		"addr add 192.0.2.1/24 dev d0", "addr add 2001:db8:1::1/64 dev d0 nodad",
	} {
		if err := ip(append([]string{"-n", netns}, strings.Fields(line)...)...); err != nil {
			return nil, err
		}
	}
	return loadBoth([]string{"ip", "netns", "exec", netns})
}

// loadBoth runs route_load for both families under a command.
func loadBoth(under []string) ([]load, error) {
	var loads []load
	for _, args := range [][]string{
		{"4", strconv.Itoa(routes4), strconv.Itoa(batch), "192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12"},
		{"6", strconv.Itoa(routes6), strconv.Itoa(batch), "2001:db8:1::9", "2001:db8:1::10"},
	} {
		cmd := exec.Command(under[0], append(append(under[1:len(under):len(under)], "out/route_load"), args...)...)
		cmd.Stderr = os.Stderr
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("route_load: %w", err)
		}
		var l load
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, err
		}
		loads = append(loads, l)
	}
	return loads, nil
}
