// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"fmt"
	"maps"
	"slices"
)

// Placement says which workers have to do with what a port receives.
type Placement struct {
	// Workers poll the receive queues of the port: queue q the one at q, counted round. Empty: the
	// queues of all such ports are balanced over all workers.
	Workers []int
	RPS     RPS
}

// RPS says over which workers the packets of a port are spread by software, by flow. The zero value
// leaves them with the worker that polls.
type RPS struct {
	Auto    bool // over all, when the port has fewer queues than there are workers, and some worker would poll none
	All     bool
	Workers []int
}

// SetPortPlacement moves the queues of a port while it runs, without loss.
func (d *Dataplane) SetPortPlacement(id uint16, to Placement) error {
	return d.onPort(id, func(p *port) error {
		if err := to.check(d.workers); err != nil {
			return fmt.Errorf("port %s: %w", p.conf.Name, err)
		}
		was := p.conf.Placement
		p.conf.Placement = to
		err := d.place()
		if err != nil {
			p.conf.Placement = was
		}
		return err
	})
}

func (c *Placement) check(workers int) error {
	for _, list := range []struct {
		field   string
		workers []int
	}{{"workers", c.Workers}, {"rps", c.RPS.Workers}} {
		for _, w := range list.workers {
			if w < 0 || w >= workers {
				return fmt.Errorf("%s: there is no worker %d: they are 0 to %d", list.field, w, workers-1)
			}
		}
	}
	return nil
}

// placed is what a placement comes to.
type placed struct {
	workers []int // of each queue
	rps     []int // that flows are spread over; empty: they stay
}

// place tells C who has to do with which queue. The ports' lock is held.
func (d *Dataplane) place() error {
	ids := slices.Sorted(maps.Keys(d.ports.byID))
	ports := make([]*port, len(ids))
	want := make([]wantedPlace, len(ids))
	for i, id := range ids {
		ports[i] = d.ports.byID[id]
		want[i] = wantedPlace{ports[i].conf.Placement, ports[i].info.RxQueues}
	}
	for i, to := range placeAll(want, d.workers) {
		p := ports[i]
		for q, w := range to.workers {
			if err := errnoOf(C.dp_port_rxq(C.uint16_t(p.id), C.uint16_t(q), C.uint32_t(w))); err != nil {
				return fmt.Errorf("port %s: queue %d to worker %d: %w", p.conf.Name, q, w, err)
			}
		}
		mask := C.uint32_t(0)
		for _, w := range to.rps {
			mask |= 1 << w
		}
		if err := errnoOf(C.dp_port_rps(C.uint16_t(p.id), mask)); err != nil {
			return fmt.Errorf("port %s: rps %v: %w", p.conf.Name, to.rps, err)
		}
	}
	return nil
}

type wantedPlace struct {
	Placement
	queues int
}

// placeAll decides for all ports: first what was said, then the other queues, each to the worker
// that has the fewest of its port and then the fewest of all.
func placeAll(want []wantedPlace, workers int) []placed {
	out := make([]placed, len(want))
	load := make([]int, workers)
	for i, c := range want {
		out[i].workers = make([]int, c.queues)
		if len(c.Workers) == 0 {
			continue
		}
		for q := range c.queues {
			w := c.Workers[q%len(c.Workers)]
			out[i].workers[q] = w
			load[w]++
		}
	}
	for i, c := range want {
		if len(c.Workers) > 0 {
			continue
		}
		of := make([]int, workers)
		for q := range c.queues {
			best := 0
			for w := range workers {
				if of[w] < of[best] || of[w] == of[best] && load[w] < load[best] {
					best = w
				}
			}
			out[i].workers[q] = best
			of[best]++
			load[best]++
		}
	}
	idle := slices.Contains(load, 0)
	for i, c := range want {
		out[i].rps = c.RPS.spread(c.queues, workers, idle)
	}
	return out
}

// spread returns the workers; idle: some worker polls nothing.
func (r *RPS) spread(queues, workers int, idle bool) []int {
	list := slices.Sorted(slices.Values(r.Workers))
	if r.All || r.Auto && idle && queues < workers {
		list = list[:0]
		for w := range workers {
			list = append(list, w)
		}
	}
	if workers == 1 {
		return nil
	}
	return slices.Compact(list)
}
