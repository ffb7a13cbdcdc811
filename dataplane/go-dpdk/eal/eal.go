// SPDX-License-Identifier: BSD-3-Clause

// Package eal initializes DPDK's environment abstraction layer.
package eal

/*
#cgo pkg-config: libdpdk
#include <signal.h>
#include <stdlib.h>
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

// The lcore threads inherit the mask of the thread that starts them, and none of them may ever run
// a signal handler of the Go runtime.
static int eal_init_masked(int argc, char **argv, int *err)
{
	sigset_t all, old;
	int n;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	n = rte_eal_init(argc, argv);
	*err = rte_errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n;
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/yerden/go-dpdk/common"
)

// PmdPath is the folder that rte_eal_init loads drivers from.
const PmdPath = C.RTE_EAL_PMD_PATH

// mainDone ends the thread that is EAL's main lcore.
var mainDone chan struct{}

// Init runs rte_eal_init with args, of which args[0] is the name of the program, and returns how
// many of them it took. The main lcore is a thread of its own that no goroutine shares: EAL pins
// it, and a pinned thread must not be the parent of the Go runtime's.
func Init(args []string) (int, error) {
	type result struct {
		n   int
		err error
	}
	res := make(chan result)
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		n, err := initThread(args)
		res <- result{n, err}
		if err == nil {
			<-done
		}
	}()
	r := <-res
	if r.err == nil {
		mainDone = done
	}
	return r.n, r.err
}

func initThread(args []string) (int, error) {
	mem := C.calloc(C.size_t(len(args)+1), C.size_t(unsafe.Sizeof((*C.char)(nil))))
	if mem == nil {
		return 0, fmt.Errorf("no memory for %d EAL arguments", len(args))
	}
	defer C.free(mem)
	argv := unsafe.Slice((**C.char)(mem), len(args)+1) // getopt reorders it
	for i, a := range args {
		s := C.CString(a)
		defer C.free(unsafe.Pointer(s))
		argv[i] = s
	}
	var errno C.int
	n := int(C.eal_init_masked(C.int(len(args)), &argv[0], &errno))
	if n >= 0 {
		return n, nil
	}
	if err := common.IntErr(int64(errno)); err != nil {
		return n, err
	}
	return n, fmt.Errorf("rte_eal_init returned %d", n)
}

// StopLcores returns when no lcore runs a function any more, so that rte_eal_remote_launch finds
// them waiting.
func StopLcores() {
	C.rte_eal_mp_wait_lcore()
}

// Cleanup runs rte_eal_cleanup: EAL cannot be used afterwards.
func Cleanup() error {
	err := common.IntErr(int64(C.rte_eal_cleanup()))
	if mainDone != nil {
		close(mainDone)
		mainDone = nil
	}
	return err
}

// LcoresWorker returns the ids of all lcores but the main one.
func LcoresWorker() []uint {
	var ids []uint
	next := func(id C.uint) C.uint { return C.rte_get_next_lcore(id, 1, 0) }
	for id := next(^C.uint(0)); id < C.RTE_MAX_LCORE; id = next(id) {
		ids = append(ids, uint(id))
	}
	return ids
}

// GetMainLcore returns the id of the main lcore.
func GetMainLcore() uint {
	return uint(C.rte_get_main_lcore())
}

// HasHugePages tells whether EAL's memory is in hugepages.
func HasHugePages() bool {
	return C.rte_eal_has_hugepages() != 0
}

// HasPCI tells whether EAL uses the PCI bus (not started with --no-pci).
func HasPCI() bool {
	return C.rte_eal_has_pci() != 0
}
