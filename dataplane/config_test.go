// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeHost makes the files of a machine below a temporary root: name to content; a content that
// begins with "->" is a symbolic link.
func fakeHost(t *testing.T, files map[string]string) host {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "->"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return host{root: root}
}

const huge2M = "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

func TestEALArgs(t *testing.T) {
	const nic = "sys/bus/pci/devices/0000:03:00.0/"
	for _, tt := range []struct {
		name  string
		conf  Config
		files map[string]string
		want  []string // among the arguments
		not   []string
		err   string // part of the error
	}{
		{
			name: "no hugepages",
			want: []string{"--no-huge", "--no-shconf", "--no-pci", "--no-telemetry",
				"--lcores=0@(0),1@1"},
			not: []string{"--in-memory"},
		},
		{
			name:  "enough hugepages",
			files: map[string]string{huge2M: "1024\n"},
			want:  []string{"--in-memory", "--single-file-segments"},
			not:   []string{"--no-huge", "-m"},
		},
		{
			name:  "too few hugepages",
			files: map[string]string{huge2M: "8\n"},
			want:  []string{"--no-huge"},
		},
		{
			name:  "hugepages that are not wanted",
			conf:  Config{Hugepages: HugepagesOff, MemoryMB: 4000},
			files: map[string]string{huge2M: "1024\n"},
			want:  []string{"--no-huge", "-m", "4000"},
		},
		{
			name: "hugepages that are required",
			conf: Config{Hugepages: HugepagesRequire},
			err:  "sysctl vm.nr_hugepages=",
		},
		{
			name: "a wrong word",
			conf: Config{Hugepages: "yes"},
			err:  `hugepages = "yes"`,
		},
		{
			name: "arguments as they are",
			conf: Config{EALArgs: []string{"--telemetry", "--force-max-simd-bitwidth=512"}},
			want: []string{"--telemetry", "--force-max-simd-bitwidth=512"},
			not:  []string{"--no-telemetry"},
		},
		{
			name:  "PCI device without hugepages",
			conf:  Config{PCI: []string{"03:00.0"}},
			files: map[string]string{nic + "driver": "->../mlx5_core"},
			err:   "PCI devices need hugepages",
		},
		{
			name:  "PCI device",
			conf:  Config{PCI: []string{"03:00.0"}},
			files: map[string]string{huge2M: "1024", nic + "driver": "->../mlx5_core"},
			want:  []string{"-a", "0000:03:00.0"},
			not:   []string{"--no-pci"},
		},
		{
			name:  "PCI device that is not there",
			conf:  Config{PCI: []string{"0000:04:00.0"}},
			files: map[string]string{huge2M: "1024"},
			err:   "lspci -D",
		},
		{
			name:  "PCI device of the kernel's",
			conf:  Config{PCI: []string{"0000:03:00.0"}},
			files: map[string]string{huge2M: "1024", nic + "driver": "->../ixgbe"},
			err:   "dpdk-devbind.py -b vfio-pci 0000:03:00.0",
		},
		{
			name:  "PCI device without an IOMMU",
			conf:  Config{PCI: []string{"0000:03:00.0"}},
			files: map[string]string{huge2M: "1024", nic + "driver": "->../vfio-pci"},
			err:   "intel_iommu=on",
		},
		{
			name: "PCI device whose group is not there",
			conf: Config{PCI: []string{"0000:03:00.0"}},
			files: map[string]string{huge2M: "1024", nic + "driver": "->../vfio-pci",
				nic + "iommu_group": "->../../kernel/iommu_groups/17"},
			err: "modprobe vfio-pci",
		},
		{
			name: "PCI device by VFIO",
			conf: Config{PCI: []string{"0000:03:00.0"}},
			files: map[string]string{huge2M: "1024", nic + "driver": "->../vfio-pci",
				nic + "iommu_group": "->../../kernel/iommu_groups/17", "dev/vfio/17": ""},
			want: []string{"-a", "0000:03:00.0"},
		},
		{
			name:  "no PCI address",
			conf:  Config{PCI: []string{"eth0"}},
			files: map[string]string{huge2M: "1024"},
			err:   `"eth0" is no PCI address`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.conf.fillDefaults()
			args, err := tt.conf.ealArgs(fakeHost(t, tt.files), lcoreCPUs{main: []int{0}, workers: []int{1}})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range tt.want {
				if !slices.Contains(args, a) {
					t.Errorf("%q is not among %q", a, args)
				}
			}
			for _, a := range tt.not {
				if slices.Contains(args, a) {
					t.Errorf("%q is among %q", a, args)
				}
			}
		})
	}
}

func TestPlaceLcores(t *testing.T) {
	for _, tt := range []struct {
		name    string
		conf    Config
		allowed []int
		want    string // --lcores
		err     string
	}{
		{"the last CPU", Config{}, []int{0, 1}, "0@(0),1@1", ""},
		{"the only CPU", Config{}, []int{3}, "0@(3),1@3", ""},
		{"two of four", Config{Workers: 2}, []int{0, 1, 2, 3}, "0@(0,1),1@2,2@3", ""},
		{"those configured", Config{CPUs: []int{5, 1}}, []int{0, 1, 2, 5}, "0@(0,2),1@5,2@1", ""},
		{"stepped", Config{Stepped: true}, []int{0, 1}, "0@(0,1)", ""},
		{"more than CPUs", Config{Workers: 3}, []int{0, 1}, "", "3 workers want a CPU each"},
		{"a CPU of others", Config{CPUs: []int{7}}, []int{0, 1}, "", "CPU 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.conf.fillDefaults()
			cpus, err := tt.conf.placeLcores(tt.allowed)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil || cpus.String() != tt.want {
				t.Errorf("%s, %v; want %s", cpus, err, tt.want)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	for _, tt := range []struct {
		conf Config
		err  string
	}{
		{Config{}, ""},
		{Config{Workers: 17}, "17 workers"},
		{Config{Workers: 2, CPUs: []int{1}}, "2 workers and 1 CPUs"},
		{Config{Workers: 2, Stepped: true}, "stepped"},
		{Config{MbufSize: 70000}, "mbuf_size 70000"},
	} {
		tt.conf.fillDefaults()
		err := tt.conf.check()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: error %v, want %q", tt.conf, err, tt.err)
		}
	}
}

func TestVdev(t *testing.T) {
	for _, tt := range []struct {
		conf       PortConfig
		shared     int
		name, args string
		err        string
	}{
		{conf: PortConfig{Kind: PortVdev, Device: "net_pcap0,rx_pcap=a,tx_pcap=b"},
			name: "net_pcap0", args: "rx_pcap=a,tx_pcap=b"},
		{conf: PortConfig{Kind: PortVdev, Device: "eth0"}, err: `vdev "eth0"`},
		{conf: PortConfig{Kind: PortNull, Name: "n"}, name: "net_null_n"},
		{conf: PortConfig{Kind: PortAFPacket, Name: "a", Device: "veth0"}, name: "net_af_packet_a",
			args: "iface=veth0,qpairs=2,blocksz=4194304,framesz=2048,framecnt=8192,qdisc_bypass=1"},
		{conf: PortConfig{Kind: PortAFPacket, Name: "a", Device: "veth0", MTU: 9000, Queues: 1},
			name: "net_af_packet_a",
			args: "iface=veth0,qpairs=1,blocksz=4194304,framesz=16384,framecnt=1024,qdisc_bypass=1"},
		{conf: PortConfig{Kind: PortAFXDP, Name: "x", Device: "veth0"}, name: "net_af_xdp_x",
			args: "iface=veth0,start_queue=0,queue_count=1,busy_budget=0"},
		{conf: PortConfig{Kind: PortMemif, Name: "m", Socket: "/run/m", ID: 3, Client: true},
			name: "net_memif_m", args: "role=client,id=3,socket=/run/m,socket-abstract=no"},
		{conf: PortConfig{Kind: PortMemif, Name: "m", Socket: "/run/m", Client: true}, shared: 1600,
			name: "net_memif_m",
			args: "role=client,id=0,socket=/run/m,socket-abstract=no,zero-copy=yes,bsize=1600"},
		{conf: PortConfig{Kind: PortMemif, Name: "m", Socket: "/run/m"}, shared: 1600,
			name: "net_memif_m", args: "role=server,id=0,socket=/run/m,socket-abstract=no"},
		{conf: PortConfig{Kind: PortMemif, Name: "m"}, err: "memif socket"},
		{conf: PortConfig{Kind: "atm"}, err: `"atm" is no kind of port`},
	} {
		name, args, err := tt.conf.vdev(2, tt.shared)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%+v: error %v, want one that says %q", tt.conf, err, tt.err)
			}
		} else if err != nil || name != tt.name || args != tt.args {
			t.Errorf("%+v: %s %s %v, want %s %s", tt.conf, name, args, err, tt.name, tt.args)
		}
	}
}

func TestStableMAC(t *testing.T) {
	a := stableMAC("eth0")
	if a != stableMAC("eth0") || a == stableMAC("eth1") {
		t.Errorf("eth0 is %x, then %x; eth1 is %x", a, stableMAC("eth0"), stableMAC("eth1"))
	}
	if a[0]&3 != 2 {
		t.Errorf("%x is not a local unicast address", a)
	}
}
