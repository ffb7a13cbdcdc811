// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestRefused: what tc and bridge ask for that Skua does not have is refused with a text, and nothing
// has changed. What it answers as Linux 6.1 does, and later kernels otherwise, is here too.
func TestRefused(t *testing.T) {
	if _, err := exec.LookPath("tc"); err != nil {
		t.Skip("needs tc (Debian: iproute2)")
	}
	w := newSkua(t, shim(t))
	say := func(line string) (string, int) {
		args := strings.Fields(line)
		out, err := w.command(args[0], args[1:]).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if exit != nil {
			return string(out), exit.ExitCode()
		}
		return string(out), 0
	}
	const discs, action = "Error: Queueing disciplines are not supported.\n", "\nWe have an error talking to the kernel\n"
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"ip link set p1 up", "", 0},
		{"tc qdisc show dev p1", "qdisc noqueue 0: root refcnt 2 \n", 0},
		{"tc qdisc add dev p1 root fq_codel", discs, 2},
		{"tc qdisc replace dev p1 root handle 1: htb default 1", discs, 2},
		{"tc qdisc add dev p1 clsact", discs, 2},
		{"tc qdisc add dev p1 ingress", discs, 2},
		{"tc qdisc del dev p1 root noqueue", "Error: Cannot delete qdisc with handle of zero.\n", 2},
		{"tc qdisc del dev p1 root pfifo", "Error: Invalid qdisc name.\n", 2},
		{"tc class add dev p1 parent 1: classid 1:1 htb rate 1mbit", "RTNETLINK answers: No such file or directory\n", 2},
		{"tc filter add dev p1 parent 1: protocol ip u32 match u32 0 0", "Error: Parent Qdisc doesn't exists." + action, 2},
		{"tc actions add action gact drop", "Error: Actions are not supported." + action, 255},
		{"tc qdisc show dev p1", "qdisc noqueue 0: root refcnt 2 \n", 0},

		{"bridge fdb add 02:00:00:00:00:77 dev p1", "Error: Further unicast addresses of devices are not supported.\n", 255},
		{"bridge fdb del 02:00:00:00:00:77 dev p1", "Error: Further unicast addresses of devices are not supported.\n", 255},
		{"bridge fdb add 01:80:c2:00:00:0e dev p1", "Error: Further unicast addresses of devices are not supported.\n", 255},
		{"bridge fdb show dev p1", "33:33:00:00:00:01 self permanent\n01:00:5e:00:00:01 self permanent\n33:33:ff:00:01:01 self permanent\n", 0},
		{"bridge mdb add dev p1 port p2 grp 239.1.1.1", "Error: bridge: Device is not a bridge.\n", 255},
		{"bridge mdb del dev p1 port p2 grp 239.1.1.1", "Error: bridge: Device is not a bridge.\n", 255},
		{"bridge vlan set vid 5 dev p1 state 3", "Error: bridge: The device is not a valid bridge or bridge port.\n", 255},
		{"bridge vlan global set vid 5 dev p1 mcast_snooping 1", "Error: bridge: The device is not a valid bridge or bridge port.\n", 255},
		{"bridge -d vlan show", "port              vlan-id  \n", 0},
		{"bridge -s vlan show", "port              vlan-id\n", 0},
		{"bridge vlan global show", "port              vlan-id  \n", 0},
		{"ip link add br0 type bridge", "Error: Unknown device type.\n", 2},
	} {
		if got, code := say(c.line); got != c.want || code != c.code {
			t.Errorf("%s: exit code %d, want %d; it says\n%s\nwant\n%s", c.line, code, c.code, got, c.want)
		}
	}
}
