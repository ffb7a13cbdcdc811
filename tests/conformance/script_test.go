// SPDX-License-Identifier: BSD-3-Clause

package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// part is one run of a script: those that have options run group by group, so that what stops one
// group stops no other.
type part struct {
	script, group string
	command       []string
	folder        string        // to run it in, below the cache
	limit         time.Duration // then what is left of it has failed
}

// scripts are the kernel's; groups: what their option -t takes.
var scripts = []struct {
	name, options, groups string
}{
	{"fib_nexthops.sh", "-v", `basic basic_res ipv4_fcnal ipv4_grp_fcnal ipv4_res_grp_fcnal
		ipv4_withv6_fcnal ipv4_fcnal_runtime ipv4_large_grp ipv4_large_res_grp ipv4_compat_mode
		ipv4_fdb_grp_fcnal ipv4_torture ipv4_res_torture ipv6_fcnal ipv6_grp_fcnal ipv6_res_grp_fcnal
		ipv6_fcnal_runtime ipv6_large_grp ipv6_large_res_grp ipv6_compat_mode ipv6_fdb_grp_fcnal
		ipv6_torture ipv6_res_torture`},
	{"fib_tests.sh", "-v", `unregister down carrier nexthop suppress ipv6_rt ipv4_rt
		ipv6_addr_metric ipv4_addr_metric ipv6_route_metrics ipv4_route_metrics ipv4_route_v6_gw
		rp_filter ipv4_del_addr ipv4_mangle ipv6_mangle ipv4_bcast_neigh`},
	{"fib_rule_tests.sh", "", `fib_rule6 fib_rule4`},
	{"vrf_strict_mode_test.sh", "", ``},
	{"fib-onlink-tests.sh", "-v", ``},
	{"rtnetlink.sh", "", ``},
}

// scriptLimit is for a part that hangs: what is left of it has failed then.
const scriptLimit = 4 * time.Minute

// parts lists all runs, in the order of the table.
func parts(cache string) []part {
	var out []part
	for _, s := range scripts {
		p := part{script: s.name, folder: "selftests", limit: scriptLimit, command: []string{"bash", "./" + s.name}}
		if s.options != "" {
			p.command = append(p.command, s.options)
		}
		if s.groups == "" {
			out = append(out, p)
		}
		whole := p.command
		for _, g := range strings.Fields(s.groups) {
			p.group = g
			p.command = append(slices.Clone(whole), "-t", g)
			out = append(out, p)
		}
	}
	tests, _ := filepath.Glob(filepath.Join(cache, "testsuite/tests/*/*.t"))
	deeper, _ := filepath.Glob(filepath.Join(cache, "testsuite/tests/*/*/*.t"))
	for _, t := range append(tests, deeper...) {
		name, _ := filepath.Rel(filepath.Join(cache, "testsuite"), t)
		out = append(out, part{
			script: "iproute2", group: strings.TrimPrefix(name, "tests/"), folder: "testsuite",
			limit: scriptLimit, command: []string{"sh", "-c", iproute2Test, name},
		})
	}
	return out
}

// iproute2Test does what the testsuite's Makefile does for a test, with the installed programs.
const iproute2Test = `
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
export STD_ERR=$dir/err STD_OUT=$dir/out ERRF=$dir/failed DEV=lo
export IP=ip TC=tc SS=ss BRIDGE=bridge SNAME=iproute2 IPVER=$0
unshare -n "$0"
case $? in
127) echo "SKIP: $0" ;;
*) if [ -e "$ERRF" ]; then cat "$ERRF"; echo "FAIL: $0"; else echo "PASS: $0"; fi ;;
esac`

// run runs a part and gives what it printed.
func (p *part) run(t *testing.T, cache, bin string) string {
	t.Helper()
	dir := t.TempDir()
	world, err := filepath.Abs("world")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{bin, dir, strconv.Itoa(int(p.limit.Seconds()))}, p.command...)
	cmd := exec.Command(world, args...)
	cmd.Dir = filepath.Join(cache, p.folder)
	out, err := cmd.CombinedOutput()
	if err != nil {
		out = fmt.Appendf(out, "conformance: %v\n", err)
	}
	if keep := os.Getenv("CONFORMANCE_LOGS"); keep != "" {
		name := filepath.Join(keep, strings.ReplaceAll(p.name(), "/", "-")+".log")
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		err := os.MkdirAll(keep, 0o755)
		if err == nil {
			err = os.WriteFile(name, append(append(out, "--- skua\n"...), log...), 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
	return string(out)
}

// name is what the part is called in the table.
func (p *part) name() string {
	if p.group == "" {
		return p.script
	}
	return p.script + " " + p.group
}

// longestFirst orders the parts so that none begins late that takes long.
func longestFirst(all []part) []int {
	long := []string{"rtnetlink.sh", "torture", "fcnal_runtime", "res_grp", "ipv6_rt", "ipv4_rt", "metric"}
	rank := func(i int) int {
		n := slices.IndexFunc(long, func(s string) bool { return strings.Contains(all[i].name(), s) })
		if n < 0 {
			return len(long)
		}
		return n
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	return order
}
