// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"fmt"
	"strings"
	"testing"
)

// wantIP runs ip and compares all that it writes, and its exit code.
func wantIP(t *testing.T, w *world, code int, want string, args ...string) {
	t.Helper()
	got, gotCode := w.ip(args...)
	if got != want || gotCode != code {
		t.Errorf("ip %s: exit code %d, want %d; it says\n%s\nwant\n%s",
			strings.Join(args, " "), gotCode, code, got, want)
	}
}

func TestIPShowsLinksAndAddresses(t *testing.T) {
	w := newWorld(t)
	wantIP(t, w, 0, "lo               UP             00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> \n"+
		"toy0             UP             02:00:00:00:00:07 <BROADCAST,UP,LOWER_UP> \n",
		"-br", "link")
	wantIP(t, w, 0, "toy0             UP             192.0.2.1/24 \n", "-br", "addr", "show", "toy0")
	wantIP(t, w, 0, "2: toy0: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP "+
		"qlen 1000\n    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff\n",
		"link", "show", "dev", "toy0")
	wantIP(t, w, 1, "Device \"toy9\" does not exist.\n", "link", "show", "dev", "toy9")
}

func TestIPChangesRoutes(t *testing.T) {
	w := newWorld(t)
	wantIP(t, w, 0, "", "route", "add", "198.51.100.0/24", "via", "192.0.2.9", "dev", "toy0")
	wantIP(t, w, 2, "RTNETLINK answers: File exists\n",
		"route", "add", "198.51.100.0/24", "via", "192.0.2.9", "dev", "toy0")
	wantIP(t, w, 0, "198.51.100.0/24 via 192.0.2.9 dev toy0 \n", "route", "show")
	wantIP(t, w, 2, "Error: A route of the toy needs a device or a gateway.\n",
		"route", "add", "blackhole", "203.0.113.0/24")
	wantIP(t, w, 2, "RTNETLINK answers: No such process\n", "route", "del", "203.0.113.0/24")
	wantIP(t, w, 2, "RTNETLINK answers: Operation not supported\n", "rule", "add", "prio", "7")
	wantIP(t, w, 255, "RTNETLINK answers: Operation not supported\nDump terminated\n", "rule", "show")
	wantIP(t, w, 0, "", "route", "del", "198.51.100.0/24")
	wantIP(t, w, 0, "", "route", "show")
}

func TestIPBatchAndFlush(t *testing.T) {
	w := newWorld(t)
	var batch strings.Builder
	const n = 500
	for i := range n {
		fmt.Fprintf(&batch, "route add 10.%d.%d.0/24 via 192.0.2.9 dev toy0\n", i/256, i%256)
	}
	if out, code := w.run(batch.String(), "ip", "-batch", "-"); out != "" || code != 0 {
		t.Fatalf("ip -batch: exit code %d, %q", code, out)
	}
	if out, _ := w.ip("route", "show"); strings.Count(out, "\n") != n {
		t.Errorf("ip route shows %d lines, want %d", strings.Count(out, "\n"), n)
	}
	if w.toy.count() != n {
		t.Errorf("%d routes were added, want %d", w.toy.count(), n)
	}
	// Many deletions without ACK in one send, then a look at the queue that must not wait.
	wantIP(t, w, 0, "", "route", "flush", "root", "10.0.0.0/8")
	if w.toy.count() != 0 {
		t.Errorf("%d routes are left after the flush", w.toy.count())
	}
}

func TestProtocolsNotServedAreRefused(t *testing.T) {
	w := newWorld(t)
	wantIP(t, w, 1, "Cannot open netlink socket: Protocol not supported\n", "xfrm", "state")
}
