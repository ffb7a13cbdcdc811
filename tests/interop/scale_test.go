// SPDX-License-Identifier: BSD-3-Clause

package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"skua/tests/lab"
)

// TestThousands is the load of FRR's issue 18680, where zebra missed routes of the kernel's: a
// concentrator makes thousands of interfaces at once, each with an address and a route of its own,
// and takes them away again. What zebra missed there it had been told of, by ENOBUFS, when it peeked at
// its socket; so its queue (-s) has to hold what it is late with. SKUA_LINKS=12000 is as many as there;
// zebra then works for minutes.
func TestThousands(t *testing.T) {
	t.Parallel()
	if bin == "" {
		t.Skip("network namespaces and devices need root")
	}
	n := 1000
	if s := os.Getenv("SKUA_LINKS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 3 || n > 12000 {
			t.Fatalf("SKUA_LINKS=%s", s)
		}
	}
	r := &scaled{lab.NewAlone(t, bin), t}
	if out, err := r.Skua("sysctl", "net.ipv6.conf.all.forwarding=1"); err != nil {
		t.Fatal(err, out)
	}
	for _, parent := range []string{"par0", "par1"} {
		r.Must("ip", "link", "add", parent, "type", "dummy")
		r.Must("ip", "link", "set", parent, "up")
	}
	f := r.StartFRR(map[string]string{"zebra": ""})

	var add, del strings.Builder
	for i := range n {
		if i%3 < 2 {
			fmt.Fprintf(&add, "link add link par%d name ipoe%d type vlan id %d\n", i%3, i, i/3+1)
		} else {
			fmt.Fprintf(&add, "link add ipoe%d type dummy\n", i)
		}
		fmt.Fprintf(&add, "link set ipoe%d up\n", i)
		fmt.Fprintf(&add, "addr add 10.%d.%d.1/32 dev ipoe%d\n", i>>8, i&255, i)
		fmt.Fprintf(&add, "route add 100.%d.%d.2/32 dev ipoe%d\n", 64+(i>>8), i&255, i)
		fmt.Fprintf(&del, "link del ipoe%d\n", i)
	}
	r.batch("add", add.String())
	r.whole(n)
	within := 60*time.Second + time.Duration(n)*30*time.Millisecond
	lab.Eventually(t, within, func() string {
		return zebraHas(f, n)
	})
	r.whole(n)

	r.batch("del", del.String())
	r.whole(0)
	lab.Eventually(t, within, func() string { return zebraHas(f, 0) })
}

// scaled is the router of the test.
type scaled struct {
	*lab.Router
	t *testing.T
}

// batch hands lines to one ip.
func (r *scaled) batch(name, lines string) {
	r.t.Helper()
	file := filepath.Join(r.Dir, name)
	if err := os.WriteFile(file, []byte(lines), 0o644); err != nil {
		r.t.Fatal(err)
	}
	begin := time.Now()
	r.Must("ip", "-batch", file)
	r.t.Logf("%s: %d requests in %v", name, strings.Count(lines, "\n"), time.Since(begin).Round(time.Millisecond))
}

// whole checks that dumps show n links of the test with all that they have, and that the data plane
// has the same.
func (r *scaled) whole(n int) {
	r.t.Helper()
	for _, dump := range [][]string{{"-o", "link"}, {"-o", "-4", "addr"}, {"route"}} {
		got := 0
		for line := range strings.Lines(r.Must(append([]string{"ip"}, dump...)...)) {
			if strings.Contains(line, " ipoe") {
				got++
			}
		}
		if got != n {
			r.t.Errorf("ip %s shows %d, want %d", strings.Join(dump, " "), got, n)
		}
	}
	if out, err := r.Skua("check", "--consistency"); err != nil {
		r.t.Errorf("skua check --consistency: %v\n%.2000s", err, out)
	}
}

// zebraHas says what zebra lacks of n links and their routes, or has too many.
func zebraHas(f *lab.FRR, n int) string {
	links := strings.Count(f.Vtysh("show interface brief"), "\nipoe")
	routes := strings.Count(f.Vtysh("show ip route kernel"), "K>* 100.")
	if links != n || routes != n {
		return fmt.Sprintf("zebra has %d links and %d routes of %d", links, routes, n)
	}
	return ""
}
