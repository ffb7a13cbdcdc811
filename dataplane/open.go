// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include "dataplane.h"
*/
import "C"

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"github.com/yerden/go-dpdk/eal"
	"github.com/yerden/go-dpdk/mempool"

	"skua/dataplane/dpif"
)

// Values of Config.Hugepages.
const (
	HugepagesAuto    = "auto"    // when enough are free
	HugepagesRequire = "require" // or fail
	HugepagesOff     = "off"
)

// WorkersAuto is one worker on each CPU that the process may use, but for one that is left to Go.
const WorkersAuto = -1

// Config is what is decided once, when the data plane starts.
type Config struct {
	Workers int   // poll-mode lcores, 1..16, or WorkersAuto; 0: as many as CPUs, or 1
	CPUs    []int // the CPU of each worker; empty: the last CPUs that the process may use

	Hugepages string   // HugepagesAuto, ...; "" is auto
	MemoryMB  int      // MiB of DPDK memory without hugepages; 0: what Mbufs come to
	PCI       []string // PCI devices, which have to be known now
	EALArgs   []string // for EAL as they are
	LogLevel  string   // of DPDK's own messages on stderr: error (default), warning, notice, ...

	Mbufs     int       // packet buffers; 0: 32768, or 16384 per worker when that is more
	MbufSize  int       // bytes of a packet that a buffer holds, 64..65407; 0: 2048
	RxDesc    int       // descriptors of a receive queue; 0: 1024
	TxDesc    int       // descriptors of a transmit queue; 0: 1024
	NeighMax  int       // neighbours per net and family; 0: 131072
	PuntBytes int       // about that much for punts per worker, a power of two; 0: 4 MiB
	HashSeed  *[40]byte // key of the flow hash; nil: random

	Idle Idle // what a worker without packets does

	// Stepped starts no lcore: the caller is the one worker (EnterWorker, PollWorker). For tests.
	Stepped bool
}

// Dataplane is the data plane in C. There is one per process, once: DPDK cannot start again.
type Dataplane struct {
	conf    Config
	workers int
	cpus    lcoreCPUs

	ports  portTable
	routes routeBatch
	punts  puntReader
	inject injector
}

var (
	_ dpif.Dataplane = (*Dataplane)(nil)

	openOnce sync.Mutex
	opened   bool
)

// countWorkers makes a number of WorkersAuto.
func (c *Config) countWorkers(allowed int) {
	switch {
	case c.Workers != WorkersAuto:
	case len(c.CPUs) > 0:
		c.Workers = len(c.CPUs)
	default:
		c.Workers = min(max(1, allowed-1), C.DP_MAX_WORKERS)
	}
}

func (c *Config) fillDefaults() {
	orDefault := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	orDefault(&c.Workers, max(1, len(c.CPUs)))
	orDefault(&c.Mbufs, max(32768, 16384*c.Workers))
	orDefault(&c.MbufSize, 2048)
	orDefault(&c.RxDesc, 1024)
	orDefault(&c.TxDesc, 1024)
}

func (c *Config) check() error {
	switch {
	case c.Workers < 1 || c.Workers > C.DP_MAX_WORKERS:
		return fmt.Errorf("%d workers: it is 1..%d", c.Workers, C.DP_MAX_WORKERS)
	case len(c.CPUs) > 0 && len(c.CPUs) != c.Workers:
		return fmt.Errorf("%d workers and %d CPUs for them", c.Workers, len(c.CPUs))
	case c.Stepped && c.Workers != 1:
		return fmt.Errorf("a stepped data plane has one worker, not %d", c.Workers)
	case c.MbufSize < 64 || c.MbufSize > 65407:
		return fmt.Errorf("mbuf_size %d: it is 64..65407", c.MbufSize)
	}
	return nil
}

// Open starts DPDK and the workers. Its errors say what to do. After an error the process can try
// again only when DPDK itself was not reached.
func Open(c Config) (*Dataplane, error) {
	openOnce.Lock()
	defer openOnce.Unlock()
	if opened {
		return nil, errors.New("the data plane was opened before: there is one per process")
	}
	allowed, err := allowedCPUs()
	if err != nil {
		return nil, err
	}
	c.countWorkers(len(allowed))
	c.fillDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	cpus, err := c.placeLcores(allowed)
	if err != nil {
		return nil, err
	}
	if err := cpus.keepOff(); err != nil {
		return nil, err
	}
	cpus.limitGo()
	if err := c.initEAL(host{}, cpus); err != nil {
		return nil, err
	}
	opened = true
	d := &Dataplane{conf: c, workers: c.Workers, cpus: cpus}
	if err := d.init(); err != nil {
		eal.Cleanup()
		removeRuntimeDir()
		return nil, err
	}
	if err := d.launch(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Dataplane) init() error {
	conf := C.struct_dp_conf{
		workers:    C.uint32_t(d.workers),
		mbufs:      C.uint32_t(d.conf.Mbufs),
		mbuf_data:  C.uint32_t(d.conf.MbufSize),
		neigh_max:  C.uint32_t(d.conf.NeighMax),
		punt_bytes: C.uint32_t(d.conf.PuntBytes),
	}
	var seed [40]byte
	if d.conf.HashSeed != nil {
		seed = *d.conf.HashSeed
	} else if _, err := rand.Read(seed[:]); err != nil {
		return err
	}
	for i, b := range seed {
		conf.hash_seed[i] = C.uint8_t(b)
	}
	if err := errnoOf(C.dp_init(&conf)); err != nil {
		if errors.Is(err, syscall.ENOMEM) {
			return fmt.Errorf("no memory for %d packet buffers of %d bytes and the tables: "+
				"lower mbufs, or raise memory_mb or vm.nr_hugepages", d.conf.Mbufs, d.conf.MbufSize)
		}
		return fmt.Errorf("the data plane does not start: %w", err)
	}
	if err := errors.Join(d.SetIdle(d.conf.Idle), d.punts.open()); err != nil {
		C.dp_fini()
		return err
	}
	return nil
}

// Close stops the workers, takes the ports down and ends DPDK. Nothing may use d any more.
func (d *Dataplane) Close() error {
	d.stop()
	err := d.closePorts()
	d.punts.close()
	C.dp_fini()
	err = errors.Join(err, eal.Cleanup())
	removeRuntimeDir()
	return err
}

// Mempool returns the pool of packet buffers.
func (d *Dataplane) Mempool() *mempool.Mempool {
	return (*mempool.Mempool)(unsafe.Pointer(C.dp_mempool()))
}

// WorkerCPUs returns the CPUs that the workers poll on, by worker; empty when stepped.
func (d *Dataplane) WorkerCPUs() []int {
	return append([]int(nil), d.cpus.workers...)
}

// Hugepages tells whether DPDK's memory is in hugepages.
func (d *Dataplane) Hugepages() bool {
	return eal.HasHugePages()
}
