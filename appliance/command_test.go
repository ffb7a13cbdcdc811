// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"skua/controlplane"
	"skua/controlplane/rtnl"
	"skua/dataplane"
	"skua/dataplane/dpif"
)

// skua runs a command line and returns what it printed.
func skua(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	root := rootCommand()
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(args)
	err = root.Execute()
	return out.String(), errs.String(), err
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	good := write(t, "[[link]]\nname = \"a\"\nvdev = \"net_null0\"\n")
	out, _, err := skua(t, "check", good)
	if want := good + ": good: 1 link, 0 routes, 0 neighbours\n"; err != nil || out != want {
		t.Errorf("good file: %q %v, want %q", out, err, want)
	}
	bad := write(t, "[[link]]\nname = \"a\"\nvdev = \"net_null0\"\nmtu = 12\n")
	_, stderr, err := skua(t, "check", bad)
	var code exitCode
	if want := bad + ":4: link[0].mtu: 12 is out of range: want 68 to 9600\n"; stderr != want || !errors.As(err, &code) || code != 1 {
		t.Errorf("bad file: %q %v, want %q", stderr, err, want)
	}
	if _, _, err := skua(t, "check", "/does/not/exist"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing file: %v", err)
	}
}

// A running instance says what its data plane holds and its tables do not, and the exit status says
// that there is something.
func TestCheckConsistency(t *testing.T) {
	dp := dpif.NewFake()
	stacks, err := controlplane.NewStacks(controlplane.Options{DP: dp, Clock: rtnl.NewManualClock()})
	if err != nil {
		t.Fatal(err)
	}
	inst := &instance{stacks: stacks, stack: stacks.Host(), failed: make(chan error, 1)}
	socket := filepath.Join(t.TempDir(), "netlink.sock")
	if err := inst.serveControl(t.Context(), controlSocket(socket), 0o600, nil); err != nil {
		t.Fatal(err)
	}
	out, _, err := skua(t, "check", "--consistency", "-s", socket)
	if want := "net 0: consistent: 1 link, 0 nexthops, 0 prefixes\n"; out != want || err != nil {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
	if err := dp.SetNexthop(dpif.Nexthop{ID: 9, Family: unix.AF_INET, Type: unix.RTN_BLACKHOLE}); err != nil {
		t.Fatal(err)
	}
	out, _, err = skua(t, "check", "--consistency", "-s", socket)
	var code exitCode
	if want := "net 0: nexthop 9 is only in the data plane\n"; out != want || !errors.As(err, &code) || code != 1 {
		t.Errorf("%q, %v, want %q and exit status 1", out, err, want)
	}
	out, _, err = skua(t, "check", "--consistency", "--json", "-s", socket)
	if want := `"differences":[{"net":0,"what":"nexthop 9 is only in the data plane"}]`; !strings.Contains(out, want) || !errors.As(err, &code) {
		t.Errorf("%s, %v, want %s", out, err, want)
	}
	for _, args := range [][]string{{"check", "--consistency", "file"}, {"check", "--json", "file"}, {"check"}} {
		if _, _, err := skua(t, args...); err == nil || !strings.Contains(err.Error(), "usage: skua check") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// What `skua run` would refuse on every machine, `skua check` refuses, with the line.
func TestCheckAppliesTheFileOnPaper(t *testing.T) {
	const link = "[[link]]\nname = \"a\"\ntap = {}\naddresses = [\"192.0.2.1/24\", \"2001:db8::1/64\"]\n"
	for _, c := range []struct{ text, want string }{
		{link + "[[route]]\nto = \"default\"\nvia = \"198.51.100.1\"\n",
			"5: route[0]: set route 0.0.0.0/0 table 254: network is unreachable: Nexthop has invalid gateway"},
		{link + "[[route]]\nto = \"10.0.0.0/8\"\nvia = \"192.0.2.2\"\nsrc = \"192.0.2.3\"\n",
			"5: route[0]: set route 10.0.0.0/8 table 254: invalid argument: Invalid prefsrc address"},
		{strings.Replace(link, "tap = {}", "tap = {}\nup = false", 1) + "[[route]]\nto = \"10.0.0.0/8\"\ndev = \"a\"\n",
			"6: route[0]: set route 10.0.0.0/8 table 254: network is down: Device for nexthop is not up"},
		{"[sysctl]\n\"net.ipv4.conf.a.no_such\" = 1\n" + link,
			"2: sysctl.net.ipv4.conf.a.no_such: set sysctl net.ipv4.conf.a.no_such: Skua has no such sysctl"},
		{"[sysctl]\n\"net.ipv4.conf.a.rp_filter\" = \"on\"\n" + link,
			"2: sysctl.net.ipv4.conf.a.rp_filter: set sysctl net.ipv4.conf.a.rp_filter: to \"on\": invalid argument"},
		{"[sysctl]\n\"net.ipv6.conf.a.disable_ipv6\" = 1\n" + link,
			"6: link[0].addresses: set address 2001:db8::1/64 dev a: "},
		{link + strings.Repeat("[[link]]\nname = \"lN\"\ntap = {}\n", 40), ""},
	} {
		for n := 0; strings.Contains(c.text, "lN"); n++ {
			c.text = strings.Replace(c.text, "lN", fmt.Sprint("l", n), 1)
			c.want = fmt.Sprintf("%d: link[%d]: set link l%d: DPDK has no more than %d ports",
				5+3*(dataplane.MaxPorts-1), dataplane.MaxPorts, dataplane.MaxPorts-1, dataplane.MaxPorts)
		}
		file := write(t, c.text)
		_, stderr, err := skua(t, "check", file)
		if want := file + ":" + c.want; err == nil || !strings.HasPrefix(stderr, want) {
			t.Errorf("got  %s\nwant %s\n%s", stderr, want, c.text)
		}
	}
	good := write(t, link+"[sysctl]\n\"net.ipv4.conf.a.rp_filter\" = 1\n\"net.ipv4.icmp_ratelimit\" = 0\n"+
		"[[route]]\nto = \"default\"\nvia = \"192.0.2.9\"\n[[route]]\nto = \"default6\"\nvia = \"fe80::1\"\ndev = \"a\"\n"+
		"[[route]]\nto = \"10.0.0.0/8\"\nnexthops = [{ via = \"192.0.2.2\" }, { via = \"192.0.2.3\", weight = 2 }]\n")
	if _, stderr, err := skua(t, "check", good); err != nil {
		t.Error(stderr)
	}
}

func TestCommandsSayWhatToDoWithoutAnInstance(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "netlink.sock")
	for _, args := range [][]string{{"stats"}, {"reload"}, {"exec", "--", "true"}} {
		_, _, err := skua(t, append([]string{"--socket", socket}, args...)...)
		if args[0] == "exec" && err != nil && strings.Contains(err.Error(), "run make build") {
			continue // the test binary has no shim beside it
		}
		if err == nil || !strings.Contains(err.Error(), "no Skua listens at") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestSocketIsFlagThenEnvironmentThenDefault(t *testing.T) {
	t.Setenv("SKUA_SOCKET", "")
	if got := findSocket(""); got != defaultSocket {
		t.Error(got)
	}
	t.Setenv("SKUA_SOCKET", "/env")
	if got := findSocket(""); got != "/env" {
		t.Error(got)
	}
	if got := findSocket("/flag"); got != "/flag" {
		t.Error(got)
	}
}

func TestStaticProgramsAreSupervised(t *testing.T) {
	src := filepath.Join(t.TempDir(), "main.c")
	if err := os.WriteFile(src, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, static := range []bool{false, true} {
		bin := filepath.Join(t.TempDir(), "prog")
		args := []string{"-o", bin, src}
		if static {
			args = append(args, "-static")
		}
		if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := ownCalls(bin); got != static {
			t.Errorf("static %v: %v", static, got)
		}
	}
}

func TestStatsTable(t *testing.T) {
	s := Stats{
		Time: time.Unix(0, 0),
		Links: []LinkStats{
			{Name: "wan", Up: true, LinkStats: dpif.LinkStats{RxPackets: 10, RxBytes: 640, TxPackets: 3, TxBytes: 180, RxDropped: 1}},
			{Name: "lan"},
		},
		Taps: []TapStats{
			{Link: "lan", TunStats: dataplane.TunStats{RxFrames: 2, RxPackets: 90, TxFrames: 1, TxPackets: 1}},
			{Link: "lan", Twin: true, TunStats: dataplane.TunStats{RxDropped: 3, TxFrames: 4, TxPackets: 160, TxDropped: 5}},
		},
		Drops:  []dpif.Counter{{Name: "IP_CSUM", Value: 4}},
		Stages: []StageStats{{Name: "ip_rcv", Packets: 10, PacketsPerBurst: 2.5, CyclesPerPacket: 12.34}, {Name: "unused"}},
		Workers: []WorkerStats{{Worker: 0, Lcore: 1, Busy: 0.25, Punted: map[string]uint64{"icmp": 2, "arp": 1},
			Policed: map[string]uint64{"icmp": 9}, Full: map[string]uint64{"arp": 3}}},
		Neighs:     []NeighStats{{Name: "arp_cache", Entries: 2, Allocs: 5, Destroys: 3, ResFailed: 1, UnresolvedDiscard: 7}},
		NeighDrops: []dpif.Counter{{Name: "ARP_PKT_TOO_SMALL", Value: 6}},
	}
	var out bytes.Buffer
	s.print(&out)
	want := `LINK  STATE  RX PACKETS  RX BYTES  RX DROPPED  TX PACKETS  TX BYTES  TX DROPPED
wan   up     10          640       1           3           180       0
lan   down   0           0         0           0           0         0

TAP  IS    RX FRAMES  RX PACKETS  RX DROPPED  TX FRAMES  TX PACKETS  TX DROPPED
lan  port  2          90          0           1          1           0
lan  twin  0          0           3           4          160         5

DROP REASON  PACKETS
IP_CSUM      4

STAGE   PACKETS  PACKETS/BURST  CYCLES/PACKET
ip_rcv  10       2.5            12.3

WORKER  LCORE  BUSY   PUNTED         POLICED  FULL
0       1      25.0%  arp 1, icmp 2  icmp 9   arp 3

NEIGHBOURS  ENTRIES  ALLOCS  DESTROYS  RES_FAILED  UNRESOLVED_DISCARDS  TABLE_FULLS
arp_cache   2        5       3         1           7                    0

ARP, ND DROP REASON  PACKETS
ARP_PKT_TOO_SMALL    6
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
