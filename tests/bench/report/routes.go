// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
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
log = "warn"
[dataplane]
cpus = [%d]
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
func routes(b *bench) ([]Result, error) {
	var skua, kernel [3][]float64
	var rss []float64
	var cpus []string
	for range b.rounds {
		before := b.probe()
		s, mb, err := loadSkua()
		if err != nil {
			return nil, err
		}
		k, err := loadKernel()
		if err != nil {
			return nil, err
		}
		for i := range skua {
			skua[i], kernel[i] = append(skua[i], s[i].PerSecond), append(kernel[i], k[i].PerSecond)
		}
		rss, cpus = append(rss, mb), append(cpus, placement(before, b.probe()))
	}
	results := []Result{
		loaded("routes-ipv4-1M", skua[0], kernel[0], cpus),
		loaded("routes-ipv6-220k", skua[1], kernel[1], cpus),
		loaded("routes-ipv4-1M-nhid", skua[2], kernel[2], cpus),
		{Name: "memory-1M-220k-MB", Unit: "MB", Runs: rss, CPUs: cpus},
	}
	fmt.Printf("\nRoutes through the netlink socket, batches of %d, every one acknowledged, routes per second\n\n%v", batch, loading(results))
	fmt.Printf("\nResident memory with %d IPv4 and %d IPv6 routes: %s MB\n", routes4, routes6, number(slices.Max(rss)))
	return results, nil
}

// loaded puts routes per second into a Result: Mpps is millions of routes per second there.
func loaded(name string, skua, kernel []float64, cpus []string) Result {
	return Result{Name: name, Unit: "routes/s", Peer: "the kernel", Runs: skua, CPUs: cpus,
		Mpps: median(skua) / 1e6, PeerMpps: median(kernel) / 1e6, Ratio: median(ratios(skua, kernel))}
}

// loading is the table of full tables through the netlink socket.
func loading(results []Result) *table {
	t := newTable("case", "Skua, median", "runs", "the kernel, median", "ratio", "CPUs")
	for _, r := range results {
		if r.Unit == "routes/s" && r.Error == "" {
			t.add(r.Name, number(median(r.Runs)), spread(r.Runs), number(r.PeerMpps*1e6), number(r.Ratio), placements(r.CPUs))
		}
	}
	return t
}

// loadSkua starts a Skua, loads both tables, and weighs it: resident MB.
func loadSkua() (loads []load, mb float64, err error) {
	err = withSkua(func(under []string, pid int) (err error) {
		if loads, err = loadBoth(under); err != nil {
			return err
		}
		if mb, err = resident(pid); err != nil {
			return err
		}
		loads, err = loadObjects(under, loads)
		return err
	})
	return loads, mb, err
}

// withSkua starts a Skua of its own, and calls do with the command that clients are to be run under.
func withSkua(do func(under []string, pid int) error) error {
	dir, err := os.MkdirTemp("", "skua-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket, file := dir+"/netlink.sock", dir+"/bench.toml"
	if err := os.WriteFile(file, fmt.Appendf(nil, skuaConf, socket, lcoreCPU), 0o644); err != nil {
		return err
	}
	// it needs both CPUs, and puts all but its worker on ours
	skua := exec.Command("taskset", "-c", fmt.Sprintf("%d,%d", restCPU, lcoreCPU), "out/skua", "run", file)
	skua.Stderr = os.Stderr
	if err := skua.Start(); err != nil {
		return err
	}
	for range 200 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	err = do([]string{"out/skua", "--socket", socket, "exec", "--"}, skua.Process.Pid)
	_ = skua.Process.Signal(os.Interrupt)
	return errors.Join(err, skua.Wait())
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

// loadKernel does the same in the kernel.
func loadKernel() (loads []load, err error) {
	err = inKernel(func(under []string) (err error) {
		if loads, err = loadBoth(under); err == nil {
			loads, err = loadObjects(under, loads)
		}
		return err
	})
	return loads, err
}

// inKernel makes a network namespace with a veth in place of the port, and calls do with the command
// that clients are to be run under.
func inKernel(do func(under []string) error) (err error) {
	ip := func(args ...string) error {
		if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, text)
		}
		return nil
	}
	if err := ip("netns", "add", netns); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ip("netns", "del", netns)) }()
	for _, line := range []string{
		"link add d0 type veth peer name d1", "link set d0 up", "link set d1 up",
		"addr add 192.0.2.1/24 dev d0", "addr add 2001:db8:1::1/64 dev d0 nodad",
	} {
		if err := ip(append([]string{"-n", netns}, strings.Fields(line)...)...); err != nil {
			return err
		}
	}
	return do([]string{"ip", "netns", "exec", netns})
}

// loadObjects adds the routes of IPv4 once more, into a table of their own and by the ids of nexthop
// objects.
func loadObjects(under []string, loads []load) ([]load, error) {
	l, err := loadRoutes(under, "-n", "d0", "-t", "100", "4", strconv.Itoa(routes4), strconv.Itoa(batch),
		"192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12")
	return append(loads, l), err
}

// loadBoth runs route_load for both families under a command.
func loadBoth(under []string) ([]load, error) {
	var loads []load
	for _, args := range [][]string{
		{"4", strconv.Itoa(routes4), strconv.Itoa(batch), "192.0.2.9", "192.0.2.10", "192.0.2.11", "192.0.2.12"},
		{"6", strconv.Itoa(routes6), strconv.Itoa(batch), "2001:db8:1::9", "2001:db8:1::10"},
	} {
		l, err := loadRoutes(under, args...)
		if err != nil {
			return nil, err
		}
		loads = append(loads, l)
	}
	return loads, nil
}

func loadRoutes(under []string, args ...string) (l load, err error) {
	cmd := exec.Command(under[0], append(append(under[1:len(under):len(under)], "out/route_load"), args...)...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return l, fmt.Errorf("route_load: %w", err)
	}
	return l, json.Unmarshal(text, &l)
}
