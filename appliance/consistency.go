// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Consistency is what `skua check --consistency --json` prints.
type Consistency struct {
	Seconds     float64      `json:"seconds"` // that it took
	Nets        []NetEntries `json:"nets"`    // that were compared
	Differences []Difference `json:"differences"`
}

// NetEntries is how much of an instance of the stack was compared.
type NetEntries struct {
	Net      uint32 `json:"net"`
	Links    int    `json:"links"`
	Nexthops int    `json:"nexthops"`
	Prefixes int    `json:"prefixes"` // of the tables local, main and default of both families
}

// Difference is an entry that the control plane and the data plane do not agree on.
type Difference struct {
	Net  uint32 `json:"net"`
	What string `json:"what"`
}

// consistency compares all instances of the stack with the data plane.
func (inst *instance) consistency() *Consistency {
	c := &Consistency{Differences: []Difference{}}
	begin := time.Now()
	inst.stacks.Lock()
	stacks := slices.Clone(inst.stacks.All())
	inst.stacks.Unlock()
	for _, st := range stacks {
		st.Net.Lock()
		if st.Net.Closed() {
			st.Net.Unlock()
			continue
		}
		n := NetEntries{Net: st.Net.ID, Links: len(st.Links.All())}
		_, n.Nexthops = st.Nexthops.Len()
		for _, table := range []uint32{unix.RT_TABLE_LOCAL, unix.RT_TABLE_MAIN, unix.RT_TABLE_DEFAULT} {
			n.Prefixes += st.Routes.Len(unix.AF_INET, table) + st.Routes.Len(unix.AF_INET6, table)
		}
		st.Net.Unlock()
		for _, what := range st.CheckConsistency() {
			c.Differences = append(c.Differences, Difference{n.Net, what})
		}
		c.Nets = append(c.Nets, n)
	}
	c.Seconds = time.Since(begin).Seconds()
	return c
}

// checkConsistency asks the instance and prints what it says.
func checkConsistency(out io.Writer, socket string, asJSON bool) error {
	var c Consistency
	if err := call(socket, "GET", "/consistency", &c); err != nil {
		return err
	}
	switch {
	case asJSON:
		if err := json.NewEncoder(out).Encode(c); err != nil {
			return err
		}
	case len(c.Differences) == 0:
		for _, n := range c.Nets {
			fmt.Fprintf(out, "net %d: consistent: %s, %s, %s\n", n.Net, count(n.Links, "link"),
				count(n.Nexthops, "nexthop"), plural(n.Prefixes, "prefix", "prefixes"))
		}
	default:
		for _, d := range c.Differences {
			fmt.Fprintf(out, "net %d: %s\n", d.Net, d.What)
		}
	}
	if len(c.Differences) > 0 {
		return exitCode(1)
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
