// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
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

// writePcap writes 64 packets of 60 bytes that fwd_bench's router forwards: UDP to 10.1.0.0/16.
func writePcap() (string, error) {
	var b bytes.Buffer
	le := func(v ...any) {
		for _, x := range v {
			_ = binary.Write(&b, binary.LittleEndian, x) // a bytes.Buffer takes all
		}
	}
	le(uint32(0xa1b2c3d4), uint16(2), uint16(4), uint32(0), uint32(0), uint32(65535), uint32(1))
	for i := range 64 {
		frame := make([]byte, 60)
		copy(frame, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 2, 8, 0}) // dst: any, the reader sets it
		ip := frame[14:]
		copy(ip, []byte{0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 2, 10, 1, 0, byte(i)})
		binary.BigEndian.PutUint16(ip[10:], checksum(ip[:20]))
		copy(ip[20:], []byte{0x30, byte(i), 0, 9, 0, 26, 0, 0})
		le(uint32(0), uint32(0), uint32(len(frame)), uint32(len(frame)))
		b.Write(frame)
	}
	path := outFile("bench.pcap")
	return path, os.WriteFile(path, b.Bytes(), 0o644)
}

// checksum is that of RFC 1071 over an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
