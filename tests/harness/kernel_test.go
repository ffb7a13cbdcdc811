// SPDX-License-Identifier: BSD-3-Clause

package harness

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

var twoPorts = Topology{Ports: []Port{{Name: "p1"}, {Name: "p2"}}}

func must(t *testing.T, r Router, cmd ...string) {
	t.Helper()
	if out, code := r.Exec(cmd...); code != 0 {
		t.Fatalf("%q: exit %d: %s", cmd, code, out)
	}
}

// The kernel answers an ARP request on the port it came in on, and only there.
func TestKernelARP(t *testing.T) {
	r := Kernel(t, twoPorts)
	for _, port := range r.Ports() {
		must(t, r, "ip", "link", "set", port, "addrgenmode", "none")
		must(t, r, "ip", "link", "set", port, "up")
	}
	must(t, r, "ip", "addr", "add", "192.0.2.1/24", "dev", "p1")
	ask := []byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 2, 1, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 2, 1, 192, 0, 2, 9,
		0, 0, 0, 0, 0, 0, 192, 0, 2, 1,
	}
	mac := DefaultMAC(0)
	answer := append([]byte{2, 0, 0, 0, 2, 1}, mac[:]...)
	answer = append(answer, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2)
	answer = append(answer, mac[:]...)
	answer = append(answer, 192, 0, 2, 1, 2, 0, 0, 0, 2, 1, 192, 0, 2, 9)

	r.Send("p1", ask)
	if got := r.Recv("p1", time.Second); !bytes.Equal(got, answer) {
		t.Errorf("p1 sent\n%x, want\n%x", got, answer)
	}
	if got := r.Recv("p2", 0); got != nil {
		t.Errorf("p2 sent %x, want nothing", got)
	}
}

func TestKernelExec(t *testing.T) {
	r := Kernel(t, twoPorts)
	if out, code := r.Exec("ip", "link", "set", "p3", "up"); code != 1 ||
		out != "Cannot find device \"p3\"\n" {
		t.Errorf("ip link set p3 up: exit %d, %q", code, out)
	}
	out, code := r.Exec("ip", "-br", "link", "show", "p2")
	if code != 0 || !strings.Contains(out, "02:00:00:00:01:02") {
		t.Errorf("ip -br link show p2: exit %d, %q", code, out)
	}
}
