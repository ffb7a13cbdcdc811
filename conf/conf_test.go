// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestBadFiles compares the errors of every testdata/bad-*.toml with the .golden beside it.
func TestBadFiles(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad-*.toml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), text)
			if err == nil {
				t.Fatal("was taken")
			}
			golden := strings.TrimSuffix(file, ".toml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, _ := os.ReadFile(golden)
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestShippedFilesAreGood(t *testing.T) {
	for _, file := range []string{"skua.toml", "demo.toml", "../vagrant/skua.toml"} {
		if _, err := Load(file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func names(steps []Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, s.String())
	}
	return out
}

const base = `
[[link]]
name = "a"
vdev = "net_null0"
addresses = ["192.0.2.1/24", "192.0.2.2/24"]
[[link]]
name = "b"
vdev = "net_null1"
[[route]]
to = "10.0.0.0/8"
via = "192.0.2.9"
dev = "a"
`

func TestPlan(t *testing.T) {
	fwd := []string{"set sysctl net.ipv4.ip_forward", "set sysctl net.ipv6.conf.all.forwarding"}
	for _, c := range []struct {
		name     string
		old, new string
		want     []string
	}{
		{"first", "", base, append(slices.Clone(fwd), "set sysctl net.ipv4.fib_multipath_hash_policy",
			"set sysctl net.ipv6.fib_multipath_hash_policy", "set link a",
			"set address 192.0.2.1/24 dev a", "set address 192.0.2.2/24 dev a", "set link b", "set route 10.0.0.0/8 table 254")},
		{"same", base, base, nil},
		{"address and route change", base,
			strings.NewReplacer(`, "192.0.2.2/24"`, "", "10.0.0.0/8", "11.0.0.0/8").Replace(base),
			[]string{"delete route 10.0.0.0/8 table 254", "delete address 192.0.2.2/24 dev a", "set route 11.0.0.0/8 table 254"}},
		{"mtu", base, strings.Replace(base, `"net_null1"`, "\"net_null1\"\nmtu = 1600", 1), []string{"set link b"}},
		{"other workers", base, strings.Replace(base, `"net_null1"`, "\"net_null1\"\nworkers = [0]", 1), []string{"set link b"}},
		{"flows are spread", base, strings.Replace(base, `"net_null1"`, "\"net_null1\"\nrps = true", 1), []string{"set link b"}},
		{"another hash key", base, strings.Replace(base, `"net_null1"`, "\"net_null1\"\nrss_key = \"symmetric\"", 1),
			[]string{"delete link b", "set link b"}},
		{"another device takes all that was on it along", base, strings.Replace(base, "net_null0", "net_null7", 1),
			[]string{"delete link a", "set link a", "set address 192.0.2.1/24 dev a", "set address 192.0.2.2/24 dev a", "set route 10.0.0.0/8 table 254"}},
		{"forwarding off", base, "[appliance]\nforwarding = false\n" + base, fwd},
		{"a link that goes is in nobody's way until the end", base + "[[link]]\nname = \"c\"\nvdev = \"net_null2\"\naddresses = [\"198.51.100.1/24\"]\n",
			base + "[[link]]\nname = \"d\"\nvdev = \"net_null3\"\naddresses = [\"198.51.100.1/24\"]\n",
			[]string{"delete address 198.51.100.1/24 dev c", "set link d", "set address 198.51.100.1/24 dev d", "delete link c"}},
		{"unless its device has a new name", base, strings.Replace(base, `"b"`, `"c"`, 1), []string{"delete link b", "set link c"}},
		{"routes by an unnamed link come again", strings.Replace(base, `dev = "a"`, "", 1),
			strings.NewReplacer(`dev = "a"`, "", "net_null0", "net_null7").Replace(base),
			[]string{"delete link a", "set link a", "set address 192.0.2.1/24 dev a", "set address 192.0.2.2/24 dev a", "set route 10.0.0.0/8 table 254"}},
		{"sysctls of a new link before it is up", base, "[sysctl]\n\"net.ipv6.conf.c.accept_dad\" = 0\n" + base + "[[link]]\nname = \"c\"\nvdev = \"net_null2\"\n",
			[]string{"add link c", "set sysctl net.ipv6.conf.c.accept_dad", "set link c"}},
		{"a sysctl goes", "[sysctl]\n\"net.ipv4.conf.all.rp_filter\" = 1\n" + base, base, []string{"delete sysctl net.ipv4.conf.all.rp_filter"}},
		{"a link comes up again, and what was on it", strings.Replace(base, `"net_null0"`, "\"net_null0\"\nup = false", 1), base,
			[]string{"set link a", "set route 10.0.0.0/8 table 254"}},
		{"idle cores poll", base, "[dataplane]\nidle = \"poll\"\n" + base, []string{"set idle poll"}},
		{"idle cores sleep no longer than", "[dataplane]\nidle = \"sleep\"\n" + base, "[dataplane]\nidle_max_sleep_us = 50\n" + base,
			[]string{"set idle sleep"}},
		{"sysctl", base, "[sysctl]\n\"net.ipv4.conf.all.rp_filter\" = 1\n" + base, []string{"set sysctl net.ipv4.conf.all.rp_filter"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var old *Config
			if c.old != "" {
				old = parse(t, c.old)
			}
			steps, err := Plan(old, parse(t, c.new))
			if err != nil {
				t.Fatal(err)
			}
			if got := names(steps); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestPlanRefusesWhatNeedsARestart(t *testing.T) {
	_, err := Plan(parse(t, base), parse(t, "[dataplane]\nmbufs = 4096\n[appliance]\nlog = \"debug\"\n"+base))
	var restart RestartError
	if !errors.As(err, &restart) || !reflect.DeepEqual([]string(restart), []string{"dataplane.mbufs", "appliance.log"}) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsOfValuesNameTheTable(t *testing.T) {
	for n, want := range []string{
		`test.toml:2: link[0].mtu: wrong type: have string, want integer`,
		`test.toml:6: link[1].mtu: wrong type: have string, want integer`,
		`test.toml:10: link[2].mtu: wrong type: have string, want integer`,
	} {
		var text string
		for i := range 3 {
			mtu := "1500"
			if i == n {
				mtu = `"x"`
			}
			text += "[[link]]\nmtu = " + mtu + "\nname = \"a\"\nvdev = \"net_null0\"\n"
		}
		if _, err := Parse("test.toml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestErrorsOfStepsNameTheLine(t *testing.T) {
	c := parse(t, "[sysctl]\n\"net.ipv4.conf.a.rp_filter\" = 1\n"+base)
	plan, err := Plan(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range plan {
		got = append(got, c.Locate(StepError{step, errors.New("no")}).Error())
	}
	for _, want := range []string{
		"test.toml:2: sysctl.net.ipv4.conf.a.rp_filter: set sysctl net.ipv4.conf.a.rp_filter: no",
		"test.toml:4: link[0]: set link a: no",
		"test.toml:7: link[0].addresses: set address 192.0.2.2/24 dev a: no",
		"test.toml:11: route[0]: set route 10.0.0.0/8 table 254: no",
		"set sysctl net.ipv4.ip_forward: no", // no line of the file
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// applier is a world of step names in which some steps fail.
type applier struct {
	done []string
	fail string
}

func (a *applier) Apply(s Step) (func() error, error) {
	if s.String() == a.fail {
		return nil, errors.New("no")
	}
	a.done = append(a.done, s.String())
	return func() error {
		if last := a.done[len(a.done)-1]; last != s.String() {
			return errors.New("out of order: " + last)
		}
		a.done = a.done[:len(a.done)-1]
		return nil
	}, nil
}

func TestApplyIsAllOrNothing(t *testing.T) {
	plan, err := Plan(nil, parse(t, base))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range plan {
		a := &applier{fail: step.String()}
		err := Apply(a, plan)
		var failed StepError
		if !errors.As(err, &failed) || failed.Error() != step.String()+": no" || len(a.done) != 0 {
			t.Errorf("failing %q: left %q, error %v", step, a.done, err)
		}
	}
	a := &applier{}
	if err := Apply(a, plan); err != nil || len(a.done) != len(plan) {
		t.Errorf("did %d of %d: %v", len(a.done), len(plan), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(base))
	for _, file := range []string{"skua.toml", "demo.toml", "../vagrant/skua.toml"} {
		text, _ := os.ReadFile(file)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("fuzz.toml", text)
		if err != nil {
			var e Error
			if !errors.As(err, &e) || len(e) == 0 || e[0].Line < 1 {
				t.Fatalf("an error without a place: %#v", err)
			}
			return
		}
		if steps, err := Plan(c, c); err != nil || len(steps) != 0 {
			t.Fatalf("from itself to itself: %v %v", names(steps), err)
		}
	})
}
