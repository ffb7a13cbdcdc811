// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"skua/dataplane"
	"skua/dataplane/dpif"
	"skua/tests/harness"
)

// A port of DPDK's null driver says what it is, and its rings and queues change while it is polled.
func TestPortData(t *testing.T) {
	r := harness.Skua(t, harness.Topology{})
	var id uint16
	r.Do(func() {
		var err error
		if id, _, err = r.DP.AddPort(dataplane.PortConfig{
			Name: "pd0", Kind: dataplane.PortVdev, Device: "net_null_pd0,no-rx=1", Queues: 1,
		}); err != nil {
			t.Fatal(err)
		}
		if err := r.DP.SetLink(dpif.Link{Net: r.Net, Ifindex: 77, Name: "pd0", Port: id, MTU: 1500}); err != nil {
			t.Fatal(err)
		}
	})
	defer r.Do(func() {
		if err := r.DP.DelLink(r.Net, 77); err != nil {
			t.Error(err)
		}
		if err := r.DP.DelPort(id); err != nil {
			t.Error(err)
		}
	})
	drv, err := r.DP.PortDriver(id)
	if err != nil || drv.Driver != "net_null" || drv.Bus != "net_null_pd0" || drv.Version == "" {
		t.Errorf("driver %+v, %v", drv, err)
	}
	if m, err := r.DP.PortMedium(id); err != nil || m.Speed != 10000 || !m.Full || m.Capable != 0 {
		t.Errorf("medium %+v, %v", m, err)
	}
	counters, err := r.DP.PortCounters(id)
	if err != nil || !slices.ContainsFunc(counters, func(c dpif.Counter) bool { return c.Name == "rx_good_packets" }) {
		t.Errorf("counters %v, %v", counters, err)
	}
	if _, err := r.DP.PortPause(id); err != unix.ENOTSUP {
		t.Errorf("flow control of a device that has none: %v", err)
	}
	r.Do(func() {
		if err := r.DP.SetPortRings(id, 256, 512); err != nil {
			t.Error(err)
		}
		if err := r.DP.SetPortQueues(id, 2); err != nil {
			t.Error(err)
		}
	})
	if rings, err := r.DP.PortRings(id); err != nil || rings.Rx != 256 || rings.Tx != 512 {
		t.Errorf("rings %+v, %v", rings, err)
	}
	workers, err := r.DP.Workers()
	if err != nil {
		t.Fatal(err)
	}
	polled := 0
	for _, w := range workers {
		for _, q := range w.Queues {
			if q.Port == id {
				polled++
			}
		}
	}
	if polled != 2 {
		t.Errorf("%d queues are polled, want 2", polled)
	}
	if err := r.DP.SetPortQueues(id, 0); err != unix.EINVAL {
		t.Errorf("no queue: %v", err)
	}
	if _, err := r.DP.PortRings(id + 100); err != unix.ENODEV {
		t.Errorf("a port that is not there: %v", err)
	}
}
