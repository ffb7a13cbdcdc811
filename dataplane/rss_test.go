// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"skua/dataplane"
	"skua/tests/harness"
)

// DPDK's null device has a hash key of 40 bytes and a redirection table of 128 entries.
func TestRSS(t *testing.T) {
	r := harness.Skua(t, harness.Topology{})
	hash := strings.Repeat("0f:", 39) + "0f"
	for _, tt := range []struct {
		name, key string
		queues    int
		entries   []int // of the redirection table, by queue
		want      []byte
		err       string
	}{
		{"symmetric", "symmetric", 4, []int{32, 32, 32, 32}, bytes.Repeat([]byte{0x6d, 0x5a}, 20), ""},
		{"three queues", "", 3, []int{43, 43, 42}, nil, ""},
		{"a key", hash, 2, []int{64, 64}, bytes.Repeat([]byte{0x0f}, 40), ""},
		{"one queue", "symmetric", 1, nil, nil, ""},
		{"a key that is too short", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", 2, nil, nil,
			"port null: rss_key: the device has one of 40 bytes, and this is 16 long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port, info, err := r.DP.AddPort(dataplane.PortConfig{Name: "null", Kind: dataplane.PortVdev,
				Device: "net_null_rss,copy=0", Queues: tt.queues, RSSKey: tt.key})
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r.Do(func() { err = r.DP.DelPort(port) })
			if err != nil {
				t.Error(err)
			}
			types := []string{"ipv4", "ipv4-tcp", "ipv4-udp", "ipv6", "ipv6-tcp", "ipv6-udp"}
			if tt.queues == 1 {
				types = nil
			}
			if info.RxQueues != tt.queues || !slices.Equal(info.RSS.Types, types) || !slices.Equal(info.RSS.Entries, tt.entries) {
				t.Errorf("%+v, want %d queues, %v, entries %v", info, tt.queues, types, tt.entries)
			}
			if tt.want != nil && !bytes.Equal(info.RSS.Key, tt.want) {
				t.Errorf("key %x, want %x", info.RSS.Key, tt.want)
			}
		})
	}
}
