// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

// ports are the links of both worlds beside lo.
var ports = []struct {
	name string
	mac  [6]byte
}{
	{"p1", [6]byte{2, 0, 0, 0, 1, 1}},
	{"p2", [6]byte{2, 0, 0, 0, 1, 2}},
	{"p3", [6]byte{2, 0, 0, 0, 1, 3}},
}

// world is where a script runs.
type world interface {
	// command prepares a tool with its arguments, not started.
	command(tool string, args []string) *exec.Cmd
	// start starts a command that command has prepared.
	start(*exec.Cmd) error
	sysctl(name string, value *string) (string, error)
	carrier(port string, up bool) error
	// listens says whether the process that command has started is a member of a multicast group.
	listens(pid int) bool
	// wait lets time pass.
	wait(time.Duration)
	// settle lets what the last command caused come to an end.
	settle()
}

// runner runs a script in a world.
type runner struct {
	t       *testing.T
	w       world
	monitor *exec.Cmd
	printed *printed
}

// printed collects what a process prints while it runs.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// quietTime is how long a monitor must have printed nothing to be taken for silent.
const quietTime = 200 * time.Millisecond

// hangTime is after how long a command is given up.
const hangTime = 20 * time.Second

func run(t *testing.T, w world, s *script) []answer {
	r := &runner{t: t, w: w}
	if !s.addrconf {
		for _, of := range []string{"default", "p1", "p2", "p3"} {
			r.must("net/ipv6/conf/"+of+"/addr_gen_mode", "1")
			r.must("net/ipv6/conf/"+of+"/accept_dad", "0")
		}
	}
	// Nobody answers to solicitations, and nobody is to be heard.
	for _, of := range []string{"default", "p1", "p2", "p3"} {
		r.must("net/ipv6/conf/"+of+"/router_solicitations", "0")
	}
	var answers []answer
	for _, st := range s.steps {
		answers = append(answers, r.step(st))
	}
	if r.monitor != nil {
		r.endMonitor()
	}
	return answers
}

func (r *runner) must(name, value string) {
	r.t.Helper()
	if _, err := r.w.sysctl(name, &value); err != nil {
		r.t.Fatalf("%s = %s: %v", name, value, err)
	}
}

func (r *runner) step(st step) answer {
	switch st.verb {
	case "ip", "bridge", "tc", "ethtool", "ifconfig", "route", "arp", "genl":
		return r.tool(st.verb, st.args, "")
	case "run":
		return r.tool(st.args[0], st.args[1:], "")
	case "batch":
		return r.tool("ip", append(st.args, "-batch", "-"), st.stdin)
	case "sysctl":
		return r.sysctl(st.args[0])
	case "carrier":
		if err := r.w.carrier(st.args[0], st.args[1] == "up"); err != nil {
			r.t.Fatalf("line %d: %v", st.line, err)
		}
		r.w.settle()
	case "wait":
		r.w.wait(st.wait)
	case "monitor":
		r.startMonitor("ip", st.args)
	case "watch":
		r.startMonitor(st.args[0], st.args[1:])
	case "monitor-end":
		return r.endMonitor()
	}
	return answer{}
}

func (r *runner) tool(tool string, args []string, stdin string) answer {
	cmd := r.w.command(tool, args)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Stdin = &out, &errs, strings.NewReader(stdin)
	err := r.w.start(cmd)
	if err == nil {
		hung := time.AfterFunc(hangTime, func() {
			r.t.Errorf("%s %v does not end", tool, args)
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			_ = cmd.Process.Kill()
		})
		err = cmd.Wait()
		hung.Stop()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%s %v: %v", tool, args, err)
	}
	r.w.settle()
	return answer{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

func (r *runner) sysctl(arg string) answer {
	name, value, write := strings.Cut(arg, "=")
	var v *string
	if write {
		v = &value
	}
	got, err := r.w.sysctl(name, v)
	r.w.settle()
	a := answer{stdout: got + "\n"}
	if err != nil {
		a.stderr, a.code = fmt.Sprintln(errno(err)), 1
	}
	return a
}

func (r *runner) startMonitor(tool string, args []string) {
	if r.monitor != nil {
		r.t.Fatal("one monitor at a time")
	}
	r.monitor, r.printed = r.w.command(tool, args), &printed{}
	r.monitor.Stdout = r.printed
	if err := r.w.start(r.monitor); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(hangTime); !r.w.listens(r.monitor.Process.Pid); {
		if time.Now().After(end) {
			r.t.Fatalf("%s %v does not listen", tool, args)
		}
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(quietTime / 4) // for the groups beyond the 32nd, which it joins one by one
}

func (r *runner) endMonitor() answer {
	if r.monitor == nil {
		r.t.Fatal("there is no monitor")
	}
	for before := -1; before != len(r.printed.String()); {
		before = len(r.printed.String())
		time.Sleep(quietTime)
	}
	_ = r.monitor.Process.Kill()
	_ = r.monitor.Wait()
	r.monitor = nil
	return answer{stdout: r.printed.String()}
}
