// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
	"skua/nlserver"
	"skua/nlserver/genetlink"
)

// TestEthtoolOfAPort is about what has no equal in a kernel without such a card: ethtool on a port
// whose driver can much.
func TestEthtoolOfAPort(t *testing.T) {
	if _, err := exec.LookPath("ethtool"); err != nil {
		t.Skip("needs ethtool (make deps)")
	}
	dp := &dpif.FakePorts{Fake: dpif.NewFake(), Devices: map[uint16]*dpif.FakePort{7: {
		Driver:   dpif.PortDriver{Driver: "net_card", Version: "22.11", Firmware: "8.1", Bus: "0000:03:00.0"},
		Medium:   dpif.PortMedium{Up: true, Speed: 25000, Full: true, Autoneg: true, Capable: dpif.Speed10G | dpif.Speed25G},
		Counters: []dpif.Counter{{Name: "rx_good_packets", Value: 11}, {Name: "tx_good_packets", Value: 12}},
		RSS:      dpif.PortRSS{Key: []byte{1, 2, 3, 4}, Table: []uint32{0, 1, 0, 1}, Types: []string{"ipv4", "ipv4-tcp"}},
		Rings:    dpif.PortRings{Rx: 1024, Tx: 512, RxMax: 4096, TxMax: 4096},
		Queues:   dpif.PortQueues{Rx: 2, Tx: 1, RxMax: 8, TxMax: 1},
		Pause:    &dpif.PortPause{Rx: true},
		FEC:      &dpif.PortFEC{Configured: dpif.FECRS, Active: dpif.FECRS},
		Regs:     []byte{0xab, 0, 0, 0, 0xcd, 0, 0, 0},
		EEPROM:   []byte("an eeprom"),
	}}}
	stack, family := assemble(t, dp, rtnl.NewManualClock())
	stack.Net.Lock()
	_, err := stack.Links.Add(link.Config{Name: "wan", Port: 7, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 2},
		PermAddr: link.HardAddr{2, 0, 0, 0, 0, 9}, Carrier: true})
	if err == nil {
		err = stack.Links.Change(stack.Links.ByName("wan"), link.Change{Flags: 1, FlagsMask: 1})
	}
	stack.Net.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "nl")
	srv, err := nlserver.New(nlserver.Config{Path: path, Families: []*nlserver.Family{family,
		genetlink.New(genetlink.Tables{Net: stack.Net, Links: stack.Links, Devices: stack.Devices})}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(context.Background()) }()
	t.Cleanup(func() { srv.Close(); <-done })
	env := append(os.Environ(), "LD_PRELOAD="+shim(t), "SKUA_SOCKET="+path)

	for _, c := range []struct{ args, want string }{
		{"wan", "Speed: 25000Mb/s|Duplex: Full|Auto-negotiation: on|10000baseT/Full|25000baseCR/Full|Link detected: yes"},
		{"-i wan", "driver: net_card|version: 22.11|firmware-version: 8.1|bus-info: 0000:03:00.0|" +
			"supports-statistics: yes|supports-eeprom-access: yes|supports-register-dump: yes"},
		{"-S wan", "rx_good_packets: 11|tx_good_packets: 12"},
		{"-S wan --groups eth-mac", "eth-mac-FramesTransmittedOK: 12|eth-mac-FramesReceivedOK: 11"},
		{"-g wan", "RX:		4096|RX:		1024|TX:		512"},
		{"-G wan rx 2048", ""},
		{"-g wan", "RX:		2048|TX:		512"},
		{"-l wan", "RX:		8|RX:		2|TX:		1"},
		{"-L wan rx 4", ""},
		{"-l wan", "RX:		4"},
		{"-a wan", "Autonegotiate:	off|RX:		on|TX:		off"},
		{"-A wan tx on", ""},
		{"-a wan", "RX:		on|TX:		on"},
		{"-k wan", "receive-hashing: on [fixed]|generic-receive-offload: off [fixed]"},
		{"--show-fec wan", "Active FEC encoding: RS"},
		{"--set-fec wan encoding baser", ""},
		{"--show-fec wan", "Active FEC encoding: BaseR"},
		{"-x wan", "    0:      0     1     0     1|01:02:03:04|toeplitz: on"},
		{"-n wan rx-flow-hash tcp4", "IP SA|L4 bytes 2 & 3 [TCP/UDP dst port]"},
		{"-n wan rx-flow-hash udp4", ""},
		{"-d wan", "0x0000:		ab 00 00 00 cd 00 00 00"},
		{"-e wan", "61 6e 20 65 65 70 72 6f 6d"},
		{"-P wan", "Permanent address: 02:00:00:00:00:09"},
		{"-T wan", "software-receive|PTP Hardware Clock: none"},
	} {
		cmd := exec.Command("ethtool", strings.Fields(c.args)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("ethtool %s: %v\n%s", c.args, err, out)
			continue
		}
		for _, w := range strings.Split(c.want, "|") {
			if !strings.Contains(string(out), w) {
				t.Errorf("ethtool %s: no %q in\n%s", c.args, w, out)
			}
		}
	}
}
