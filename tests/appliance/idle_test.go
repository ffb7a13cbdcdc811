// SPDX-License-Identifier: BSD-3-Clause

package appliance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spent is what the polling threads of an instance have had of CPUs, and have waited for one that
// another thread had.
func (i *instance) spent() (ran, waited time.Duration) {
	i.w.t.Helper()
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", i.cmd.Process.Pid))
	threads := 0
	for _, task := range tasks {
		comm, _ := os.ReadFile(task + "/comm")
		if !bytes.HasPrefix(comm, []byte("rte-worker")) && !bytes.HasPrefix(comm, []byte("lcore-worker")) {
			continue
		}
		text, err := os.ReadFile(task + "/schedstat")
		if err != nil {
			i.w.t.Skipf("this kernel does not say who ran: %v", err)
		}
		var r, w time.Duration
		if _, err := fmt.Sscan(string(text), &r, &w); err != nil {
			i.w.t.Fatal(err)
		}
		ran, waited = ran+r, waited+w
		threads++
	}
	if threads == 0 {
		i.w.t.Fatal("no thread polls")
	}
	return ran, waited
}

// sleeps waits until the polling threads use less than so much of a CPU in a second.
func (i *instance) sleeps(percent int) {
	i.w.t.Helper()
	eventually(i.w.t, patience, func() string {
		before, _ := i.spent()
		time.Sleep(time.Second)
		after, _ := i.spent()
		if n := int(100 * (after - before).Seconds()); n >= percent {
			return fmt.Sprintf("%d %% of a CPU, want less than %d", n, percent)
		}
		return ""
	})
}

// polls waits until the polling threads want all of a CPU for a second; others may have some of it.
func (i *instance) polls() {
	i.w.t.Helper()
	eventually(i.w.t, patience, func() string {
		start := time.Now()
		ran, waited := i.spent()
		time.Sleep(time.Second)
		ran1, waited1 := i.spent()
		if share := (ran1 - ran + waited1 - waited).Seconds() / time.Since(start).Seconds(); share < 0.9 {
			return fmt.Sprintf("it wants %.0f %% of a CPU", 100*share)
		}
		return ""
	})
}

type lcores struct {
	Seconds float64
	Lcores  []struct {
		CPU                            int
		Polls                          []struct{ Link string }
		Busy, Idle, Asleep, Share      float64
		Packets, Sleeps, Wakeups, Gaps uint64
		CyclesPerPacket                float64                    `json:"cycles_per_packet"`
		Turn                           struct{ P50, Max float64 } `json:"turn_ns"`
	}
}

func (i *instance) lcores(args ...string) (l lcores) {
	i.w.t.Helper()
	r := i.skua(append([]string{"stats", "--lcores", "--json"}, args...)...)
	if r.code != 0 || r.err != "" {
		i.w.t.Fatalf("%+v", r)
	}
	if err := json.Unmarshal([]byte(r.out), &l); err != nil || len(l.Lcores) != 1 {
		i.w.t.Fatalf("%v: %s", err, r.out)
	}
	return l
}

// TestIdle: a core that has nothing to do sleeps, and every packet wakes it; one that is told to
// poll polls.
func TestIdle(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	text := fmt.Sprintf(router, a.name, b.name)
	i := w.start(text)
	hosts(a, b)
	forwards(t, a, b)

	i.sleeps(5)
	before := i.lcores()
	for range 20 { // each finds the core asleep
		a.must("ping", "-n", "-c", "1", "-W", "20", "198.51.100.2")
	}
	over := i.lcores()
	was, is := before.Lcores[0], over.Lcores[0]
	if is.Packets < was.Packets+40 || is.Wakeups < was.Wakeups+20 || is.Sleeps < is.Wakeups {
		t.Errorf("20 pings: %+v, then %+v", was, is)
	}
	if is.Asleep < 0.5 || is.Busy > 0.5 || is.Share != 1 || is.CyclesPerPacket == 0 || is.Turn.P50 == 0 ||
		is.Turn.Max < is.Turn.P50 || len(is.Polls) != 2 {
		t.Errorf("%+v", is)
	}

	reload := func(line string) result {
		w.write("skua.toml", strings.Replace(text, "CONF\n", "CONF\n"+line+"\n", 1))
		return i.skua("reload")
	}
	if r := reload(`idle = "poll"`); r.code != 0 || r.out != "set idle poll\n" {
		t.Fatalf("%+v", r)
	}
	i.polls()
	if l := i.lcores("-i", "200ms"); l.Lcores[0].Asleep != 0 || l.Seconds < 0.2 || l.Lcores[0].Sleeps != 0 {
		t.Errorf("told to poll: %+v", l)
	}
	forwards(t, a, b)
	if r := reload(`idle = "nap"`); r.code != 1 || !strings.Contains(r.err, `skua.toml:7: dataplane.idle: "nap" is not one of sleep, poll`) {
		t.Errorf("%+v", r)
	}
	if r := reload(`idle = "sleep"`); r.code != 0 || r.out != "set idle sleep\n" {
		t.Fatalf("%+v", r)
	}
	i.sleeps(5)
	forwards(t, a, b)
	i.stop(syscall.SIGTERM)
}

// TestIdleWithASilentDevice: with a device among them that cannot wake it, the core looks for itself,
// more and more seldom.
func TestIdleWithASilentDevice(t *testing.T) {
	w := newWorld(t)
	a, b := w.netns(), w.netns()
	i := w.start(fmt.Sprintf(router, a.name, b.name) + fmt.Sprintf(
		"[[link]]\nname = \"silent\"\nmemif = { socket = %q }\n", w.path("memif.sock")))
	hosts(a, b)
	i.sleeps(30)
	before := i.lcores().Lcores[0]
	forwards(t, a, b)
	if after := i.lcores().Lcores[0]; after.Sleeps < before.Sleeps+3 || after.Asleep == 0 {
		t.Errorf("%+v, then %+v", before, after)
	}
	i.stop(syscall.SIGTERM)
}
