// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dpdk-testpmd is the floor: it receives and sends (io), or swaps two MAC addresses between (macswap).
var (
	onRings = devices{"net_ring", []string{"--vdev=net_ring0", "--vdev=net_ring1"}}
	rxRate  = regexp.MustCompile(`Rx-pps:\s+(\d+)`)
)

// devices is a pair of virtual devices for testpmd.
type devices struct {
	kind  string
	vdevs []string
}

// pcapDevices are two that read files for ever, as fwd_bench -p has them.
func pcapDevices(files []string) devices {
	d := devices{kind: "net_pcap"}
	for i, f := range files {
		d.vdevs = append(d.vdevs, fmt.Sprintf("--vdev=net_pcap%d,rx_pcap=%s,infinite_rx=1", i, f))
	}
	return d
}

// testpmd measures what it forwards between two devices on the measured lcore, in Mpps.
func (b *bench) testpmd(mode string, d devices) (float64, error) {
	args := append([]string{"-l", fmt.Sprintf("%d,%d", restCPU, lcoreCPU), "--in-memory", "--no-pci", "--no-telemetry",
		"--log-level=error", "--force-max-simd-bitwidth=512"}, d.vdevs...)
	args = append(args, "--", "-i", "--forward-mode="+mode, "--nb-cores=1", "--total-num-mbufs=16384", "--no-mlockall",
		"--port-topology=paired")
	cmd, cancel := b.command("dpdk-testpmd", args...)
	defer cancel()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("dpdk-testpmd: %w", err)
	}
	measured := time.Second
	if b.quick {
		measured = 300 * time.Millisecond
	}
	// The first look starts its clock, the second one has the rate in between.
	for _, step := range []struct {
		say  string
		wait time.Duration
	}{
		{"start tx_first 31", 500 * time.Millisecond}, {"show port stats all", measured},
		{"show port stats all", 0}, {"stop", 0}, {"quit", 0},
	} {
		if _, err := io.WriteString(stdin, step.say+"\n"); err != nil {
			break
		}
		time.Sleep(step.wait)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("dpdk-testpmd: %w\n%s", err, out.Bytes())
	}
	mpps, err := parseRates(out.String())
	if err != nil {
		return 0, fmt.Errorf("dpdk-testpmd: %w:\n%s", err, strings.TrimSpace(out.String()))
	}
	return mpps, nil
}

// parseRates adds up what the ports received at the second look, in Mpps.
func parseRates(text string) (float64, error) {
	rates := rxRate.FindAllStringSubmatch(text, -1)
	if len(rates) < 2 {
		return 0, errors.New("it printed no rates")
	}
	sum := 0.0
	for _, r := range rates[len(rates)/2:] {
		n, err := strconv.ParseFloat(r[1], 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	if sum == 0 {
		return 0, errors.New("it forwarded nothing")
	}
	return sum / 1e6, nil
}
