// SPDX-License-Identifier: BSD-3-Clause

package clients_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"skua/tests/lab"
)

// sockets are some of each kind in the namespace of a router.
type sockets struct {
	path string // of a Unix socket
	here net.Conn
}

// openSockets makes listeners in the router's namespace, and a connection to its neighbour's.
func openSockets(t *testing.T, l *lab.Lab) *sockets {
	t.Helper()
	s := &sockets{path: filepath.Join(l.DUT.Dir, "listener")}
	keep := func(c interface{ Close() error }, err error) error {
		if err == nil {
			t.Cleanup(func() { c.Close() })
		}
		return err
	}
	if err := l.R1.Inside(func() error {
		ln, err := net.Listen("tcp4", "192.0.2.2:4001")
		if err == nil {
			go func() {
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					t.Cleanup(func() { c.Close() })
				}
			}()
		}
		return keep(ln, err)
	}); err != nil {
		t.Fatal(err)
	}
	if err := l.DUT.Inside(func() error {
		for addr, network := range map[string]string{"192.0.2.1:4002": "tcp4", "[::]:4003": "tcp6"} {
			ln, err := net.Listen(network, addr)
			if err := keep(ln, err); err != nil {
				return err
			}
		}
		udp, err := net.ListenPacket("udp4", "0.0.0.0:4004")
		if err := keep(udp, err); err != nil {
			return err
		}
		unix, err := net.Listen("unix", s.path)
		if err := keep(unix, err); err != nil {
			return err
		}
		d := net.Dialer{Timeout: 20 * time.Second}
		s.here, err = d.Dial("tcp4", "192.0.2.2:4001") // by the twin
		return keep(s.here, err)
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSS: the sockets of programs are in the host's kernel, and so is what ss says of them: all of
// it is what the kernel says to an ss that is not under skua exec.
func TestSS(t *testing.T) {
	need(t, "ss", "iproute2")
	l := newLab(t, true)
	s := openSockets(t, l)
	// Those move by themselves, or are all namespaces'.
	clocks := regexp.MustCompile(`\b(last(snd|rcv|ack)|rto|ato|rtt|minrtt|rcv_rtt|delivery_rate|pacing_rate|send|busy|app_limited)[: ][^ ]*|(TCP|closed|orphaned|timewait)[: ]+\d+`)
	local := regexp.QuoteMeta(s.here.LocalAddr().String())
	me := fmt.Sprintf(`users:\(\("clients.test",pid=%d,fd=\d+\)\)`, os.Getpid())
	for _, c := range []struct {
		args string
		want []string // expressions
	}{
		{"-tuln", []string{`tcp +LISTEN .* 192\.0\.2\.1:4002 `, `tcp +LISTEN .*\[::\]:4003 `, `udp +UNCONN .* 0\.0\.0\.0:4004 `}},
		{"-tn", []string{`ESTAB .*` + local + ` +192\.0\.2\.2:4001`}},
		{"-tnp", []string{local + ` .*` + me}},
		{"-tlnpe", []string{`192\.0\.2\.1:4002 .*` + me + ` ino:\d+`}},
		{"-tni", []string{local + ` .*\n.* cwnd:\d+`}},
		{"-tnm", []string{`skmem:\(`}},
		{"-4Htn state established ( dport = :4001 )", []string{`^\d+ +\d+ +` + local}},
		{"-6tln", []string{`\[::\]:4003`}},
		{"-s", []string{`(?m)^TCP\s+3\s+2\s+1\s`, `(?m)^FRAG\s`}},
		{"-xl src " + s.path, []string{`u_str +LISTEN .*` + regexp.QuoteMeta(s.path)}},
		{"-wan", nil},
		{"-0", nil},
		{"-tan state nonsense", nil},
	} {
		args := append([]string{"ss"}, strings.Fields(c.args)...)
		lab.Eventually(t, 20*time.Second, func() string { // until nothing happened between the two
			theirs, ours := runCmd(kernel(l.DUT, args...)), runCmd(l.DUT.Command(args...))
			theirs.out, ours.out = clocks.ReplaceAllString(theirs.out, "$1"), clocks.ReplaceAllString(ours.out, "$1")
			if theirs != ours {
				return fmt.Sprintf("ss %s: the kernel says: %v\nunder skua exec: %v", c.args, theirs, ours)
			}
			for _, w := range c.want {
				if ours.code != 0 || !regexp.MustCompile(w).MatchString(ours.out) {
					return fmt.Sprintf("ss %s: no %s: %v", c.args, w, ours)
				}
			}
			return ""
		})
	}
	// It writes too: a connection is destroyed, as the kernel's administrator may.
	r := runCmd(l.DUT.Command("ss", "-K", "-tn", "dport", "=", ":4001"))
	if strings.Contains(r.err, "Operation not supported") {
		return // a kernel without CONFIG_INET_DIAG_DESTROY
	}
	if r.code != 0 || !strings.Contains(r.out, "192.0.2.2:4001") {
		t.Errorf("ss -K: %v", r)
	}
	_ = s.here.SetDeadline(time.Now().Add(20 * time.Second))
	if n, err := s.here.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the connection that was destroyed reads %d bytes, %v", n, err)
	}
}
