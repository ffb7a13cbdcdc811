// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <pthread.h>
#include <signal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "dataplane.h"

// A worker never runs a signal handler of the Go runtime.
static int worker_main(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	return dp_worker_main(arg);
}

static int launch_worker(uint32_t worker, unsigned int lcore)
{
	return rte_eal_remote_launch(worker_main, (void *)(uintptr_t)worker, lcore);
}
*/
import "C"

import (
	"fmt"
	"syscall"
	"time"

	"github.com/yerden/go-dpdk/eal"
)

// launch hands each worker lcore to C, which keeps it until dp_stop.
func (d *Dataplane) launch() error {
	if d.conf.Stepped {
		return nil
	}
	for worker, lcore := range eal.LcoresWorker() {
		if err := errnoOf(C.launch_worker(C.uint32_t(worker), C.uint(lcore))); err != nil {
			return fmt.Errorf("worker %d on lcore %d does not start: %w", worker, lcore, err)
		}
	}
	return nil
}

// stop returns when no lcore polls any more.
func (d *Dataplane) stop() {
	C.dp_stop()
	C.rte_eal_mp_wait_lcore()
}

// Idle is what a worker does that finds no packets: it polls on, or it sleeps until a packet comes.
// A worker that has a queue of a device which cannot tell it sleeps for at most MaxSleep (rounded to
// microseconds, up to a second; 0: 250 microseconds) before it looks again.
type Idle struct {
	Poll     bool
	MaxSleep time.Duration
}

// SetIdle changes what workers without packets do. EINVAL: MaxSleep is out of range.
func (d *Dataplane) SetIdle(i Idle) error {
	mode := C.uint32_t(C.DP_IDLE_SLEEP)
	if i.Poll {
		mode = C.DP_IDLE_POLL
	}
	us := i.MaxSleep.Microseconds()
	if i.MaxSleep == 0 {
		us = 250
	}
	if us < 1 || us > 1e6 {
		return syscall.EINVAL
	}
	return errnoOf(C.dp_idle_conf(mode, C.uint32_t(us)))
}

// EnterWorker makes the calling thread the worker of a stepped data plane. The goroutine has locked
// its thread and stays on it until ExitWorker.
func (d *Dataplane) EnterWorker() error {
	return errnoOf(C.dp_worker_enter(0))
}

// PollWorker does one turn of the poll loop and returns the number of packets that it took. Only
// for the goroutine that called EnterWorker.
func (d *Dataplane) PollWorker() int {
	return int(C.dp_worker_poll(0))
}

// ExitWorker undoes EnterWorker.
func (d *Dataplane) ExitWorker() {
	C.dp_worker_exit(0)
}
