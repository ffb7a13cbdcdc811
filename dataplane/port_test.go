// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/dataplane"
	"skua/dataplane/dpif"
	"skua/tests/harness"
)

// A kernel on either side pings the other through ports of the kinds that need no hardware.
//
//	kernel 192.0.2.9 --- .1 Skua 203.0.113.1 --- 203.0.113.9 kernel
func TestPingThroughPorts(t *testing.T) {
	for _, kind := range []dataplane.PortKind{dataplane.PortTap, dataplane.PortAFPacket} {
		t.Run(string(kind), func(t *testing.T) {
			a, b := harness.Kernel(t, harness.Topology{}), harness.Kernel(t, harness.Topology{})
			r := harness.Skua(t, harness.Topology{})
			p1 := connect(t, r, a, kind, ifP1, "192.0.2")
			p2 := connect(t, r, b, kind, ifP2, "203.0.113")
			defer func() {
				r.Do(func() {
					for _, p := range []uint16{p1, p2} {
						if err := r.DP.DelPort(p); err != nil {
							t.Error(err)
						}
					}
				})
			}()
			if err := r.DP.SetTables(r.Net, unix.AF_INET, []uint32{tableMain}); err != nil {
				t.Fatal(err)
			}
			var out string
			var code int
			r.Do(func() { out, code = a.Exec("ping", "-c", "3", "-i", "0.01", "-W", "5", "203.0.113.9") })
			if code != 0 || !strings.Contains(out, "ttl=63") || !strings.Contains(out, " 0% packet loss") {
				t.Errorf("ping: exit %d\n%s", code, out)
			}
		})
	}
}

// connect joins a kernel's namespace to a port of Skua's: end .9 is the kernel's, .1 Skua's.
func connect(t *testing.T, r *harness.SkuaRouter, k *harness.KernelRouter, kind dataplane.PortKind,
	ifindex uint32, net24 string) uint16 {
	t.Helper()
	must := func(cmd string) {
		t.Helper()
		if out, code := k.Exec(strings.Fields(cmd)...); code != 0 {
			t.Fatalf("%s: exit %d: %s", cmd, code, out)
		}
	}
	name := fmt.Sprintf("kp%d", ifindex)
	device, kernels := name, name // of a TAP, the kernel's end is the device
	if kind == dataplane.PortAFPacket {
		device = "sk" + name
		must("ip link add " + device + " type veth peer name " + name)
		must("ip link set " + device + " addrgenmode none up")
	}
	port, info, err := r.DP.AddPort(dataplane.PortConfig{Name: name, Kind: kind, Device: device,
		Netns: k.Netns()})
	if err != nil {
		t.Fatal(err)
	}
	if kind == dataplane.PortAFPacket {
		if out, _ := k.Exec("ip", "link", "show", device); !strings.Contains(out,
			net.HardwareAddr(info.MAC[:]).String()) {
			t.Errorf("the port's MAC address is %x, the interface's\n%s", info.MAC, out)
		}
	}
	if link, err := r.DP.PortLink(port); err != nil || link.Up {
		t.Errorf("link of a port whose far end is down: %+v, %v", link, err)
	}
	must("ip link set " + kernels + " addrgenmode none address 02:00:00:00:09:01 up")
	must("ip addr add " + net24 + ".9/24 dev " + kernels)
	must("ip route add default via " + net24 + ".1")
	must("ip neigh add " + net24 + ".1 lladdr " + net.HardwareAddr(info.MAC[:]).String() + " dev " + kernels)
	waitUp(t, r.DP, port)

	for _, err := range []error{
		r.DP.SetLink(dpif.Link{Net: r.Net, Ifindex: ifindex, Name: name, Port: port, Carrier: true,
			Flags: unix.IFF_UP, MTU: 1500, MTU6: 1500, HardAddr: info.MAC,
			Conf4: dpif.ConfEnabled | dpif.ConfForwarding}),
		r.DP.SetNexthop(dpif.Nexthop{Net: r.Net, ID: ifindex, Ifindex: ifindex, Family: unix.AF_INET,
			Type: unix.RTN_UNICAST, Scope: unix.RT_SCOPE_LINK}),
		r.DP.SetNeigh(dpif.Neigh{Net: r.Net, Ifindex: ifindex, NUD: unix.NUD_PERMANENT,
			Addr: netip.MustParseAddr(net24 + ".9"), HardAddr: [6]byte{2, 0, 0, 0, 9, 1}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.DP.SetRoutes([]dpif.Route{{Net: r.Net, Table: tableMain, NexthopID: ifindex,
		Prefix: prefix(net24 + ".0/24")}}); err != nil {
		t.Fatal(err)
	}
	return port
}

// waitUp waits until a port has its link, which the kernel says a moment after both ends are up.
func waitUp(t *testing.T, dp *dataplane.Dataplane, port uint16) {
	t.Helper()
	for range 500 {
		link, err := dp.PortLink(port)
		if err != nil {
			t.Fatal(err)
		}
		if link.Up {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the link does not come up")
}

// What cannot be opened says what to do.
func TestPortErrors(t *testing.T) {
	r := harness.Skua(t, harness.Topology{Ports: []harness.Port{{Name: "p1"}}})
	for _, tt := range []struct {
		conf dataplane.PortConfig
		want string
	}{
		{dataplane.PortConfig{Name: "p1", Kind: dataplane.PortRing}, "port p1 is there already"},
		{dataplane.PortConfig{Name: "", Kind: dataplane.PortRing}, "1 to 15 bytes"},
		{dataplane.PortConfig{Name: "p2", Kind: dataplane.PortRing, MTU: 9000}, "mtu 9000: it can be 68 to 2030"},
		{dataplane.PortConfig{Name: "p2", Kind: dataplane.PortPCI, Device: "eth0"}, "lspci -D"},
		{dataplane.PortConfig{Name: "p2", Kind: dataplane.PortPCI, Device: "ffff:1f:1f.7"}, "lspci -D"},
		{dataplane.PortConfig{Name: "p2", Kind: dataplane.PortAFPacket, Device: "nosuch"},
			"the host has no interface nosuch"},
		{dataplane.PortConfig{Name: "p2", Kind: dataplane.PortTap, Device: "t", Netns: "nosuch"},
			"`ip netns add nosuch`"},
		{dataplane.PortConfig{Name: "p2", Kind: dataplane.PortMemif, Socket: "/nosuch/dir/memif.sock"},
			"folder of the socket"},
	} {
		_, _, err := r.DP.AddPort(tt.conf)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one that says %q", tt.conf, err, tt.want)
		}
	}
	if err := r.DP.DelPort(31); err != unix.ENODEV {
		t.Errorf("deleting a port that is not there: %v", err)
	}
}

// A port's place can be taken again, and what was changed is what is told.
func TestPortLife(t *testing.T) {
	r := harness.Skua(t, harness.Topology{})
	for range 3 {
		id, info, err := r.DP.AddPort(dataplane.PortConfig{Name: "p9", Kind: dataplane.PortRing})
		if err != nil {
			t.Fatal(err)
		}
		if info.Driver != "net_ring" || info.MTU != 1500 || info.MAC == ([6]byte{}) {
			t.Errorf("%+v", info)
		}
		if link, err := r.DP.PortLink(id); err != nil || !link.Up {
			t.Errorf("link %+v, %v; want up", link, err)
		}
		mac := [6]byte{2, 1, 2, 3, 4, 5}
		for _, err := range []error{r.DP.SetPortMTU(id, 1400), r.DP.SetPortMAC(id, mac),
			r.DP.SetPortPromisc(id, true)} {
			if err != nil {
				t.Error(err)
			}
		}
		if err := r.DP.SetPortMTU(id, 4000); err != unix.EINVAL {
			t.Errorf("mtu 4000: %v, want EINVAL", err)
		}
		if info, err = r.DP.PortInfo(id); err != nil || info.MTU != 1400 || info.MAC != mac {
			t.Errorf("%+v, %v", info, err)
		}
		r.Do(func() { err = r.DP.DelPort(id) })
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Two ends of shared memory find each other, and a frame crosses.
func TestMemif(t *testing.T) {
	r := harness.Skua(t, harness.Topology{})
	socket := filepath.Join(t.TempDir(), "memif.sock")
	var ports [2]uint16
	for i := range ports {
		port, info, err := r.DP.AddPort(dataplane.PortConfig{Name: fmt.Sprintf("m%d", i),
			Kind: dataplane.PortMemif, Socket: socket, ID: 7, Client: i == 1})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Do(func() {
			if err := r.DP.DelPort(port); err != nil {
				t.Error(err)
			}
		})
		ports[i] = port
		if err := r.DP.SetLink(dpif.Link{Net: r.Net, Ifindex: uint32(ifP1 + i), Port: port, MTU: 1500,
			Name: fmt.Sprintf("m%d", i), Flags: unix.IFF_UP, Carrier: true, HardAddr: info.MAC,
			Conf4: dpif.ConfEnabled}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range ports {
		waitUp(t, r.DP, p)
	}
	ask := arpRequest(t, macP1, "192.0.2.1", "192.0.2.9")
	if err := r.DP.Inject(dpif.Inject{Net: r.Net, Oif: ifP1, Data: ask}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range 10 {
		r.Run()
		n += r.DP.PollPunts(8, func(p *dpif.Punt) {
			if p.Reason != dpif.PuntARP || p.Iif != ifP2 || !bytes.Equal(p.Data, ask) {
				t.Errorf("punt %+v, want ARP from m1 with\n%x", p, ask)
			}
		})
	}
	if n != 1 {
		t.Errorf("%d punts, want 1", n)
	}
}
