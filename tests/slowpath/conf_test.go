// SPDX-License-Identifier: BSD-3-Clause

package slowpath_test

import (
	"slices"
	"testing"

	"skua/conf"
	"skua/dataplane/dpif"
)

// What the file calls a reason is what the data plane calls it, and the file's rates get there and
// go again with the entry.
func TestPuntTableOfTheFile(t *testing.T) {
	var reasons []string
	for r := range dpif.PuntMax {
		reasons = append(reasons, r.String())
	}
	if !slices.Equal(reasons, conf.PuntReasons) {
		t.Errorf("the file has %v, the data plane %v", conf.PuntReasons, reasons)
	}
	w := newWorld(t)
	rate, burst, err := w.DP.PuntRate(dpif.PuntNeighMiss)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.DP.Police(dpif.PuntNeighMiss, rate, burst) })
	c, err := conf.Parse("test.toml", []byte("[punt]\nneigh_miss = { rate = 77, burst = 5 }\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := conf.Plan(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(plan, func(s conf.Step) bool { return s.String() == "set punt neigh_miss" })
	if i < 0 {
		t.Fatalf("the plan is %v", plan)
	}
	w.sysctl(plan[i].Sysctl.Name, plan[i].Sysctl.Value)
	if r, b, err := w.DP.PuntRate(dpif.PuntNeighMiss); r != 77 || b != 5 || err != nil {
		t.Errorf("the rate is %d, the burst %d, %v", r, b, err)
	}
	empty, err := conf.Parse("test.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := conf.Plan(c, empty)
	if err != nil || len(back) != 1 || back[0].String() != "delete punt neigh_miss" {
		t.Errorf("without the entry the plan is %v, %v", back, err)
	}
}
