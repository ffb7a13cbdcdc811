// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var rxRate = regexp.MustCompile(`Rx-pps:\s+(\d+)`)

// testpmd measures what a forwarder that only swaps MAC addresses reaches on two devices, in Mpps.
func testpmd(vdevs ...string) (float64, error) {
	args := append([]string{"-l", "0,1", "--in-memory", "--no-pci", "--no-telemetry", "--log-level=error"}, vdevs...)
	args = append(args, "--", "-i", "--forward-mode=macswap", "--nb-cores=1", "--total-num-mbufs=16384", "--no-mlockall",
		"--port-topology=paired")
	cmd := exec.Command("dpdk-testpmd", args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("dpdk-testpmd: %w", err)
	}
	// The first look starts its clock, the second one has the rate in between.
	for _, step := range []struct {
		say  string
		wait time.Duration
	}{
		{"start tx_first 31", 500 * time.Millisecond}, {"show port stats all", time.Second},
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
	rates := rxRate.FindAllSubmatch(out.Bytes(), -1)
	if len(rates) < 2 {
		return 0, fmt.Errorf("dpdk-testpmd printed no rates:\n%s", out.Bytes())
	}
	sum := 0.0
	for _, r := range rates[len(rates)/2:] {
		n, err := strconv.ParseFloat(string(r[1]), 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum / 1e6, nil
}

// pcapFiles has fwd_bench write what its ports receive under out/, so that testpmd gets the same.
func pcapFiles() ([]string, error) {
	text, err := exec.Command("out/fwd_bench", "-P", "out", "ipv4-1-route").Output()
	if err != nil {
		return nil, fmt.Errorf("fwd_bench -P: %w", err)
	}
	files := strings.Fields(string(text))
	if len(files) != 2 {
		return nil, fmt.Errorf("fwd_bench -P printed %q, not two files", text)
	}
	return files, nil
}
