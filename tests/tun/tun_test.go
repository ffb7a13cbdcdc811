// SPDX-License-Identifier: BSD-3-Clause

// Package tun runs what cuts the frames of TAPs and merges packets for them (dataplane/drivers/tun_*.c)
// against a slow obvious cutter. The test itself is the C file beside this one.
package tun

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestFramesAndPackets(t *testing.T) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libdpdk").Output()
	if err != nil {
		t.Skipf("pkg-config does not find DPDK: %v", err)
	}
	rounds := "1000"
	if testing.Short() {
		rounds = "300"
	}
	for _, sanitizers := range []string{"", "-fsanitize=address,undefined"} {
		name := sanitizers
		if name == "" {
			name = "plain"
		}
		t.Run(strings.TrimPrefix(name, "-"), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "tun")
			drivers := "../../dataplane/drivers/"
			args := []string{"-std=gnu11", "-D_GNU_SOURCE", "-g", "-O2", "-Wall", "-Wextra", "-Werror",
				"-I../../dataplane", "-I../../dataplane/include", "-o", out, "tun.c",
				drivers + "tun_read.c", drivers + "tun_gso.c", drivers + "tun_gro.c", drivers + "tun_write.c"}
			if sanitizers != "" {
				// packets are not aligned to words
				args = append(args, sanitizers, "-fno-sanitize=alignment", "-fno-sanitize-recover=all")
			}
			args = append(args, strings.Fields(string(flags))...)
			if msg, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", cc, err, msg)
			}
			for _, seed := range []string{"1", "2"} {
				cmd := exec.Command(out, rounds, seed)
				cmd.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0") // DPDK keeps what it has
				msg, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("seed %s: %v\n%s", seed, err, msg)
				}
				t.Log(strings.TrimSpace(string(msg)))
			}
		})
	}
}
