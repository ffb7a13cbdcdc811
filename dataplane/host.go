// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// host is what the machine has, as /sys, /proc and /dev say; root is "" but in tests.
type host struct {
	root string
}

func (h host) path(elem ...string) string {
	return filepath.Join(append([]string{"/", h.root}, elem...)...)
}

func (h host) number(elem ...string) (int, error) {
	b, err := os.ReadFile(h.path(elem...))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// freeHugeMiB returns how many MiB are in hugepages that nobody uses.
func (h host) freeHugeMiB() int {
	dirs, err := filepath.Glob(h.path("sys/kernel/mm/hugepages/hugepages-*kB"))
	if err != nil {
		return 0
	}
	kib := 0
	for _, dir := range dirs {
		var size int
		if _, err := fmt.Sscanf(filepath.Base(dir), "hugepages-%dkB", &size); err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, "free_hugepages"))
		if err != nil {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil {
			continue
		}
		kib += n * size
	}
	return kib / 1024
}

// allowedCPUs returns the CPUs that this process may run on, in order.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("which CPUs are allowed: %w", err)
	}
	var cpus []int
	for cpu := 0; cpu < len(set)*64; cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

var pciAddress = regexp.MustCompile(`^([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$`)

// pciName returns a PCI address with its domain, in lower case: what the kernel and DPDK call it.
func pciName(addr string) (string, error) {
	if !pciAddress.MatchString(addr) {
		return "", fmt.Errorf("%q is no PCI address: it looks like 0000:03:00.0, see lspci -D", addr)
	}
	if strings.Count(addr, ":") == 1 {
		addr = "0000:" + addr
	}
	return strings.ToLower(addr), nil
}

// Drivers of the kernel through which DPDK reaches a device; mlx* share it with the kernel.
var pciDrivers = map[string]bool{
	"vfio-pci": true, "uio_pci_generic": true, "igb_uio": true, "uio_hv_generic": true,
	"mlx4_core": true, "mlx5_core": true, "mana": true,
}

// checkPCI tells why DPDK cannot have a device, and what to do. addr is as pciName gives it.
func (h host) checkPCI(addr string) error {
	dev := h.path("sys/bus/pci/devices", addr)
	if _, err := os.Stat(dev); err != nil {
		return fmt.Errorf("PCI device %s is not there: lspci -D lists those that are", addr)
	}
	link, err := os.Readlink(filepath.Join(dev, "driver"))
	if err != nil {
		return fmt.Errorf("PCI device %s has no driver: bind it with "+
			"`modprobe vfio-pci && dpdk-devbind.py -b vfio-pci %s`", addr, addr)
	}
	driver := filepath.Base(link)
	if !pciDrivers[driver] {
		return fmt.Errorf("PCI device %s belongs to the kernel's driver %s: take it with "+
			"`modprobe vfio-pci && dpdk-devbind.py -b vfio-pci %s` (its interface leaves the kernel)",
			addr, driver, addr)
	}
	if driver == "vfio-pci" {
		return h.checkVFIO(addr, dev)
	}
	return nil
}

func (h host) checkVFIO(addr, dev string) error {
	group, err := os.Readlink(filepath.Join(dev, "iommu_group"))
	if err != nil {
		return fmt.Errorf("PCI device %s has no IOMMU group: switch VT-d or AMD-Vi on in the firmware "+
			"and boot with intel_iommu=on iommu=pt; in a VM without an IOMMU, "+
			"`echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode` and bind again", addr)
	}
	node := h.path("dev/vfio", filepath.Base(group))
	f, err := os.OpenFile(node, os.O_RDWR, 0)
	switch {
	case err == nil:
		f.Close()
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission on %s: run as root, or `chown $USER %s`", node, node)
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(h.path("dev/vfio", "noiommu-"+filepath.Base(group))); err == nil {
			return nil
		}
		return fmt.Errorf("%s is not there: `modprobe vfio-pci`, and bind all devices of the group",
			node)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("%s is in use by another process, so is PCI device %s", node, addr)
	}
	return fmt.Errorf("PCI device %s: %w", addr, err)
}
