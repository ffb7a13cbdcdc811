// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <rte_eal.h>
#include <rte_version.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/yerden/go-dpdk/eal"
	"golang.org/x/sys/unix"
)

// Version returns the version of the DPDK in use: "DPDK 22.11.11".
func Version() string {
	return C.GoString(C.rte_version())
}

// Bytes of EAL memory that an mbuf takes beside its data: struct rte_mbuf, sk_buff, headroom, the
// pool's header.
const mbufOverhead = 128 + 64 + 128 + 64

// memoryMiB returns what EAL memory the configuration comes to: the packet pool, and as much again
// as rings, hash tables and drivers take.
func (c *Config) memoryMiB() int {
	return c.Mbufs*(c.MbufSize+mbufOverhead)>>20 + 192
}

// useHugepages decides where EAL's memory comes from.
func (c *Config) useHugepages(h host) (bool, error) {
	free, need := h.freeHugeMiB(), c.memoryMiB()
	switch c.Hugepages {
	case HugepagesOff:
		if len(c.PCI) > 0 {
			return false, fmt.Errorf("PCI devices need hugepages, and hugepages = %q", HugepagesOff)
		}
		return false, nil
	case HugepagesRequire:
		if free < need {
			return false, fmt.Errorf("%d MiB of hugepages are free, %d are needed: %s", free, need,
				hugepageAdvice(need))
		}
		return true, nil
	case HugepagesAuto, "":
		if free < need && len(c.PCI) > 0 {
			return false, fmt.Errorf("PCI devices need hugepages: %d MiB are free, %d are needed: %s",
				free, need, hugepageAdvice(need))
		}
		return free >= need, nil
	}
	return false, fmt.Errorf("hugepages = %q: it is one of %q, %q, %q", c.Hugepages,
		HugepagesAuto, HugepagesRequire, HugepagesOff)
}

func hugepageAdvice(mib int) string {
	return fmt.Sprintf("reserve them with `sysctl vm.nr_hugepages=%d` "+
		"(or hugepages=%d on the kernel's command line)", mib/2+1, mib/2+1)
}

// ealArgs says how EAL is to be initialized, argv[0] included.
func (c *Config) ealArgs(h host, cpus lcoreCPUs) ([]string, error) {
	huge, err := c.useHugepages(h)
	if err != nil {
		return nil, err
	}
	args := []string{"skua", "--lcores=" + cpus.String(), "--file-prefix=" + filePrefix()}
	if huge {
		// In one file, so that a memif's peer can map our buffers.
		args = append(args, "--in-memory", "--single-file-segments")
	} else {
		// Without hugepages EAL maps all of it at start, but pages count when first touched.
		mib := max(c.MemoryMB, c.memoryMiB())
		args = append(args, "--no-huge", "--no-shconf", "-m", strconv.Itoa(mib))
	}
	if len(c.PCI) == 0 {
		args = append(args, "--no-pci")
	}
	for _, addr := range c.PCI {
		name, err := pciName(addr)
		if err != nil {
			return nil, err
		}
		if err := h.checkPCI(name); err != nil {
			return nil, err
		}
		args = append(args, "-a", name)
	}
	level := c.LogLevel
	if level == "" {
		level = "error"
	}
	args = append(args, "--log-level="+level)
	if !slices.Contains(c.EALArgs, "--telemetry") {
		args = append(args, "--no-telemetry")
	}
	return append(args, c.EALArgs...), nil
}

// filePrefix keeps the EAL files of processes apart.
func filePrefix() string {
	return "skua-" + strconv.Itoa(os.Getpid())
}

// runtimeDir is the folder that EAL makes for its sockets and leaves behind.
func runtimeDir() string {
	base := "/var/run"
	if os.Getuid() != 0 {
		if base = os.Getenv("XDG_RUNTIME_DIR"); base == "" {
			base = "/tmp"
		}
	}
	return filepath.Join(base, "dpdk", filePrefix())
}

// removeRuntimeDir removes it, and the one around it when nobody else has something there.
func removeRuntimeDir() {
	os.RemoveAll(runtimeDir())
	os.Remove(filepath.Dir(runtimeDir()))
}

// initEAL runs rte_eal_init, and says what an error means.
func (c *Config) initEAL(h host, cpus lcoreCPUs) error {
	args, err := c.ealArgs(h, cpus)
	if err != nil {
		return err
	}
	if _, err := eal.Init(args); err != nil {
		removeRuntimeDir()
		return fmt.Errorf("DPDK does not start (%w)%s; it was given: %s", err, ealAdvice(err, args),
			strings.Join(args[1:], " "))
	}
	eal.StopLcores()        // from now on they run C
	os.Remove(runtimeDir()) // nothing is in it but with --telemetry
	return nil
}

func ealAdvice(err error, args []string) string {
	huge := slices.Contains(args, "--in-memory")
	switch {
	case errors.Is(err, unix.EALREADY):
		return ": this process started it before"
	case huge && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)):
		return `: no permission for hugepages: run as root, or set hugepages = "off"`
	case huge && errors.Is(err, unix.ENOMEM):
		return `: not enough hugepages on the NUMA node of the CPUs: raise vm.nr_hugepages, ` +
			`or set hugepages = "off"`
	case errors.Is(err, unix.ENOMEM):
		return ": not enough memory: lower mbufs or memory_mb, or look at `ulimit -v` and the cgroup"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return ": no permission: run as root"
	case errors.Is(err, unix.EINVAL):
		return ": it refuses an argument; its own message is above"
	}
	return ""
}

// errnoOf is the error of a C call that returns 0 or a negative errno.
func errnoOf(rc C.int) error {
	if rc >= 0 {
		return nil
	}
	return syscall.Errno(-rc)
}
