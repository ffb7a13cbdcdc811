// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

type stats struct {
	Time  time.Time
	Links []struct {
		Name      string
		Up        bool
		RxPackets uint64 `json:"rx_packets"`
		TxPackets uint64 `json:"tx_packets"`
		RxBytes   uint64 `json:"rx_bytes"`
	}
	Taps []struct {
		Link      string
		Twin      bool
		RxFrames  uint64 `json:"rx_frames"`
		RxPackets uint64 `json:"rx_packets"`
		TxFrames  uint64 `json:"tx_frames"`
		TxPackets uint64 `json:"tx_packets"`
	}
	Drops, MIBs []struct {
		Name  string
		Value uint64
	}
	Stages []struct {
		Name            string
		Packets         uint64
		CyclesPerPacket float64 `json:"cycles_per_packet"`
	}
	Workers []struct {
		Polls  uint64
		Busy   float64
		Gaps   uint64
		TSCHz  float64                       `json:"tsc_hz"`
		GapLog []struct{ At, Length uint64 } `json:"gap_log"`
	}
}

func readStats(t *testing.T, i *instance) (s stats) {
	t.Helper()
	r := i.skua("stats", "--json")
	if r.code != 0 || r.err != "" {
		t.Fatalf("%+v", r)
	}
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return s
}

func (s *stats) link(name string) (rx, tx uint64) {
	for _, l := range s.Links {
		if l.Name == name {
			return l.RxPackets, l.TxPackets
		}
	}
	return 0, 0
}

func (s *stats) counter(name string) uint64 {
	for _, d := range append(s.Drops, s.MIBs...) {
		if d.Name == name {
			return d.Value
		}
	}
	return 0
}

func TestStats(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	i := w.start(fmt.Sprintf(router, a.name, b.name))
	hosts(a, b)
	forwards(t, a, b)

	before := readStats(t, i)
	a.must("ping", "-n", "-c", "10", "-i", "0.01", "-W", "2", "198.51.100.2")
	// A packet that may go no further: dropped, and the sender is told.
	out, _ := a.command("ping", "-n", "-c", "1", "-t", "1", "-W", "2", "198.51.100.2").CombinedOutput()
	wantContains(t, "ping -t 1", string(out), "From 192.0.2.1 icmp_seq=1 Time to live exceeded")
	out, _ = a.command("ping", "-n", "-c", "1", "-W", "20", "203.0.113.1").CombinedOutput()
	wantContains(t, "ping of nobody", string(out), "From 192.0.2.1 icmp_seq=1 Destination Net Unreachable")
	after := readStats(t, i)

	rx0, _ := before.link("left")
	rx, _ := after.link("left")
	_, tx0 := before.link("right")
	_, tx := after.link("right")
	if rx < rx0+12 || rx > rx0+40 || tx < tx0+10 || tx > tx0+40 {
		t.Errorf("received on left %d, then %d; sent on right %d, then %d", rx0, rx, tx0, tx)
	}
	for name, n := range map[string]uint64{"IP_INHDR": 1, "IP_INNOROUTES": 1, "InHdrErrors": 1, "InNoRoutes": 1, "ForwDatagrams": 20} {
		if d := after.counter(name) - before.counter(name); d < n || d > n+2 {
			t.Errorf("%s: %d more, want %d: %+v %+v", name, d, n, after.Drops, after.MIBs)
		}
	}
	if len(after.Workers) != 1 || after.Workers[0].Polls <= before.Workers[0].Polls || !after.Time.After(before.Time) {
		t.Errorf("workers %+v, then %+v", before.Workers, after.Workers)
	}
	cost := 0.0
	for _, st := range after.Stages {
		cost += st.CyclesPerPacket
	}
	if cost == 0 {
		t.Errorf("no stage costs anything: %+v", after.Stages)
	}

	t.Run("for people", func(t *testing.T) {
		r := i.skua("stats")
		if r.code != 0 || r.err != "" {
			t.Fatalf("%+v", r)
		}
		for _, want := range []string{`(?m)^LINK  +STATE  +RX PACKETS`, `(?m)^left +up +\d+ +\d+ `, `(?m)^DROP REASON +PACKETS$`,
			`(?m)^IP_INHDR +1$`, `(?m)^STAGE +PACKETS`, `(?m)^ip_list_rcv +\d+ `, `(?m)^0 +1? *\d* +\d+\.\d%`} {
			if !regexp.MustCompile(want).MatchString(r.out) {
				t.Errorf("no %s in\n%s", want, r.out)
			}
		}
	})
	t.Run("ip -s shows the same", func(t *testing.T) {
		var links []struct {
			Stats64 struct{ Rx, Tx struct{ Packets uint64 } }
		}
		if err := json.Unmarshal([]byte(i.ip("-j", "-s", "link", "show", "left")), &links); err != nil {
			t.Fatal(err)
		}
		s := readStats(t, i)
		if rx, _ := s.link("left"); links[0].Stats64.Rx.Packets < rx-2 || links[0].Stats64.Rx.Packets > rx {
			t.Errorf("ip: %+v, stats: %d", links, rx)
		}
	})
	t.Run("again and again", func(t *testing.T) {
		lines := follow(t, i.command("stats", "--watch=50ms"))
		for range 3 {
			awaitLine(t, lines, patience, "LINK", "RX PACKETS")
		}
		lines = follow(t, i.command("stats", "--json", "--watch=50ms"))
		for range 3 {
			awaitLine(t, lines, patience, `{"time":`, `"links":[`)
		}
	})
	i.stop(syscall.SIGTERM)
}

// TestCommandLine needs no instance.
func TestCommandLine(t *testing.T) {
	newWorld(t)
	for _, c := range []struct {
		args string
		code int
		want string // regular expression, of both outputs
	}{
		{"version", 0, `^skua \S+ \(DPDK \d+\.\d+.*, go1\.\d+\S* linux/\w+\)\n$`},
		{"completion bash", 0, `complete .*skua`},
		{"help", 0, `(?s)exec .*reload .*run .*stats`},
		{"exec --help", 0, `skua exec -- ip route add`},
		{"run", 1, `^skua: want one configuration file, have 0\nusage: skua run FILE`},
		{"run a b", 1, `^skua: want one configuration file, have 2\n`},
		{"run /nosuch.toml", 1, `^skua: open /nosuch.toml: no such file or directory\n$`},
		{"check", 1, `^skua: want one configuration file, have 0\n`},
		{"nosuch", 1, `^skua: unknown command "nosuch" for "skua"`},
		{"stat", 1, `(?s)unknown command "stat".*stats`},
		{"stats --jsn", 1, `^skua: unknown flag: --jsn\nusage: skua stats \[flags\]\nsee skua stats --help\n$`},
		{"stats --watch=often", 1, `invalid argument "often" for "--watch"`},
		{"stats all", 1, `usage: skua stats`},
		{"exec", 1, `^skua: want a program to run\nusage: skua exec \[flags\] -- COMMAND`},
		{"--socket /nosuch stats", 1, `^skua: no Skua listens at /control.sock: start one with "skua run FILE"`},
	} {
		r := runCmd(exec.Command(filepath.Join(bin, "skua"), strings.Fields(c.args)...))
		if r.code != c.code || !regexp.MustCompile(c.want).MatchString(r.out+r.err) {
			t.Errorf("skua %s: exit %d, want %s\n%s%s", c.args, r.code, c.want, r.out, r.err)
		}
	}
}

// A worker that is stopped for a while says so: how often, when, and for how long.
func TestGapLog(t *testing.T) {
	w := newWorld(t)
	i := w.start(strings.Replace(`CONF
[[link]]
name = "null"
vdev = "net_null0,no-rx=1"
`, "CONF\n", "CONF\nidle = \"poll\"\n", 1))
	before := readStats(t, i).Workers[0]
	pid := i.cmd.Process.Pid
	for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // of which the first is the gap
	}
	after := before
	eventually(t, patience, func() string { // the worker gets a CPU again
		if after = readStats(t, i).Workers[0]; after.Gaps <= before.Gaps {
			return fmt.Sprintf("%d gaps before the stop, %d after it", before.Gaps, after.Gaps)
		}
		return ""
	})
	longest, last := 0.0, uint64(0)
	for _, g := range after.GapLog {
		if g.At < last {
			t.Errorf("a gap at %d after one at %d", g.At, last)
		}
		last = g.At
		longest = max(longest, float64(g.Length)/after.TSCHz)
	}
	if len(after.GapLog) > 64 || longest < 0.05 {
		t.Errorf("stopped for 100 ms, the longest of %d gaps took %.3f s", len(after.GapLog), longest)
	}
}
