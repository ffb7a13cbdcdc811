// SPDX-License-Identifier: BSD-3-Clause

package rule

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/dataplane/dpif"
)

// env is a policy database over two links, p1 (2) and p2 (3), and tables that are never there.
type env struct {
	*testing.T
	rules *Table
	links *link.Table
	net   *rtnl.Net

	tables   []uint32 // made
	unmerged []uint8
	fail     error // of the next Publish
	msgs     []string
}

func newEnv(t *testing.T) *env {
	e := &env{T: t}
	dp := dpif.NewFake()
	e.must(dp.AddNet(0))
	e.net = rtnl.NewNet(0, dp, rtnl.NewManualClock(), nil)
	var err error
	e.links, err = link.New(e.net)
	e.must(err)
	e.rules = New(e.net, e.links)
	e.rules.Routes = e
	e.net.Subscribe(e.rules.Event)
	e.net.OnAnnounce(func(msg any) {
		if m, ok := msg.(Msg); ok {
			e.msgs = append(e.msgs, fmt.Sprint(m.Type == unix.RTM_NEWRULE, " ", m.Rule.Priority))
		}
	})
	e.addLink("p1")
	e.addLink("p2")
	return e
}

func (e *env) Unmerge(family uint8) error       { e.unmerged = append(e.unmerged, family); return nil }
func (e *env) NewTable(_ uint8, id uint32)      { e.tables = append(e.tables, id) }
func (e *env) EmptyTable() uint32               { return 7 }
func (e *env) Publish(uint8) (err error)        { err, e.fail = e.fail, nil; return err }
func (e *env) must(err error)                   { e.Helper(); e.check(err) }
func (e *env) exists(uint32) bool               { return true }
func (e *env) program(l *link.Link) []dpif.Rule { return e.rules.Program(unix.AF_INET, l, e.exists) }
func (e *env) check(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) addLink(name string) *link.Link {
	e.Helper()
	l, err := e.links.Add(link.Config{Name: name, HardAddr: link.HardAddr{2, 0, 0, 0, 0, 1}, Carrier: true})
	e.must(err)
	return l
}

// rule4 is an IPv4 rule of a priority to a table, as far as no change says otherwise.
func rule4(priority, table uint32, change func(*Config)) Config {
	c := Config{HasPriority: true, Exclusive: true}
	c.Family, c.Priority, c.Table, c.Action, c.UID = unix.AF_INET, priority, table, ActionToTable, AnyUID
	c.SuppressPrefixLen, c.SuppressIfGroup = -1, -1
	if change != nil {
		change(&c)
	}
	return c
}

// asks gives the tables that a flow is looked up in, and how it ends.
func (e *env) asks(f Flow) string {
	if f.Family == 0 {
		f.Family = unix.AF_INET
	}
	e.rules.Update(&f)
	var out []string
	errno := e.rules.Lookup(&f, func(_ *Rule, table uint32) syscall.Errno {
		out = append(out, fmt.Sprint(table))
		return unix.EAGAIN
	})
	if errno != unix.ESRCH {
		out = append(out, unix.ErrnoName(errno))
	}
	return strings.Join(out, " ")
}

func (e *env) want(f Flow, want string) {
	e.Helper()
	if got := e.asks(f); got != want {
		e.Errorf("%+v asks %q, want %q", f, got, want)
	}
}

func (e *env) errors(err, want error, text string) {
	e.Helper()
	if !errors.Is(err, want) || text != "" && !strings.Contains(err.Error(), text) {
		e.Errorf("%v, want %v %q", err, want, text)
	}
}

func TestLookupsGoThroughTheDefaultTables(t *testing.T) {
	e := newEnv(t)
	e.want(Flow{}, "255 254 253")
	e.want(Flow{Family: unix.AF_INET6}, "255 254")
	if got, want := e.program(nil), dpif.TableRules(255, 254, 253); !slices.Equal(got, want) {
		t.Errorf("the data plane gets %v, want %v", got, want)
	}
}

func TestSelectors(t *testing.T) {
	a, b := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.2.2.3")
	for name, c := range map[string]struct {
		set     func(*Config)
		hit     Flow
		miss    Flow
		dynamic bool // depends on the packet
	}{
		"from":    {func(c *Config) { c.Src = netip.MustParsePrefix("10.1.9.9/16") }, Flow{Src: a}, Flow{Src: b}, true},
		"to":      {func(c *Config) { c.Dst = netip.MustParsePrefix("10.1.0.0/16") }, Flow{Dst: a}, Flow{Dst: b}, true},
		"iif":     {func(c *Config) { c.Iif = "p1" }, Flow{Iif: 2}, Flow{Iif: 3}, false},
		"oif":     {func(c *Config) { c.Oif = "p1" }, Flow{Oif: 2}, Flow{Oif: 3}, false},
		"tos":     {func(c *Config) { c.TOS = 0x10 }, Flow{TOS: 0x13}, Flow{TOS: 0x08}, true},
		"fwmark":  {func(c *Config) { c.Mark, c.MarkMask = 5, 0xf }, Flow{Mark: 0x15}, Flow{Mark: 6}, true},
		"tun_id":  {func(c *Config) { c.TunID = 9 }, Flow{TunID: 9}, Flow{}, false},
		"uid":     {func(c *Config) { c.UID = UIDRange{100, 200} }, Flow{UID: 200}, Flow{UID: 201}, false},
		"ipproto": {func(c *Config) { c.IPProto = 6 }, Flow{Proto: 6}, Flow{Proto: 17}, true},
		"sport":   {func(c *Config) { c.Sport = PortRange{10, 20} }, Flow{Sport: 20}, Flow{Sport: 21}, true},
		"dport":   {func(c *Config) { c.Dport = PortRange{10, 10} }, Flow{Dport: 10}, Flow{Dport: 9}, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.must(e.rules.Add(rule4(100, 10, c.set)))
			e.want(c.hit, "255 10 254 253")
			e.want(c.miss, "255 254 253")
			p := e.program(nil)
			if got := len(p) == 4 && !p[1].Unconditional(); got != c.dynamic {
				t.Errorf("looked at for each packet: %v, want %v: %+v", got, c.dynamic, p)
			}
			e.must(e.rules.Delete(rule4(100, 0, func(d *Config) { d.Action = 0; c.set(d) })))
			e.want(c.hit, "255 254 253")
			e.must(e.rules.Add(rule4(100, 10, func(d *Config) { c.set(d); d.Flags = FlagInvert })))
			e.want(c.hit, "255 254 253")
			e.want(c.miss, "255 10 254 253")
		})
	}
}

func TestActions(t *testing.T) {
	for action, want := range map[uint8]string{
		ActionNop: "255 254 253", ActionBlackhole: "255 EINVAL", ActionUnreachable: "255 ENETUNREACH",
		ActionProhibit: "255 EACCES", ActionUnspec: "255 EINVAL",
	} {
		e := newEnv(t)
		e.must(e.rules.Add(rule4(100, 0, func(c *Config) { c.Action = action })))
		e.want(Flow{}, want)
	}
}

func TestGotoFindsItsTargetWhenItComes(t *testing.T) {
	e := newEnv(t)
	jump := func(to uint32) func(*Config) {
		return func(c *Config) { c.Action, c.Goto, c.Table = ActionGoto, to, 0 }
	}
	e.errors(e.rules.Add(rule4(100, 0, jump(100))), unix.EINVAL, "Backward goto not supported")
	e.must(e.rules.Add(rule4(100, 0, jump(200))))
	if r := e.rules.Rules(unix.AF_INET)[1]; !r.Unresolved() {
		t.Error("a goto without a target is resolved")
	}
	e.want(Flow{}, "255 254 253")
	e.must(e.rules.Add(rule4(150, 15, nil)))
	e.must(e.rules.Add(rule4(200, 20, nil)))
	e.want(Flow{}, "255 20 254 253")
	if p := e.program(nil); p[1].Action != dpif.RuleGoto || p[1].Target != 3 {
		t.Errorf("the data plane gets %+v", p)
	}
	e.must(e.rules.Add(rule4(200, 21, nil)))
	e.must(e.rules.Delete(rule4(200, 20, nil)))
	e.want(Flow{}, "255 21 254 253")
	e.must(e.rules.Delete(rule4(200, 21, nil)))
	e.want(Flow{}, "255 15 254 253")
	if r := e.rules.Rules(unix.AF_INET)[1]; !r.Unresolved() {
		t.Error("a goto whose target is gone is resolved")
	}
}

func TestPrioritiesAreChosenAboveTheSecondRule(t *testing.T) {
	e := newEnv(t)
	for _, want := range []uint32{32765, 32764} {
		c := rule4(0, 10, nil)
		c.HasPriority = false
		e.must(e.rules.Add(c))
		if got := e.rules.Rules(unix.AF_INET)[1].Priority; got != want {
			t.Errorf("priority %d, want %d", got, want)
		}
	}
	if want := []string{"true 32765", "true 32764"}; !slices.Equal(e.msgs, want) {
		t.Errorf("announced %q, want %q", e.msgs, want)
	}
}

func TestMistakes(t *testing.T) {
	e := newEnv(t)
	e.must(e.rules.Add(rule4(100, 10, nil)))
	e.errors(e.rules.Add(rule4(100, 10, nil)), unix.EEXIST, "")
	e.must(e.rules.Add(rule4(100, 10, func(c *Config) { c.Exclusive = false })))
	e.errors(e.rules.Delete(rule4(101, 10, nil)), unix.ENOENT, "")
	e.errors(e.rules.Add(rule4(1, 10, func(c *Config) { c.TOS = 1 })), unix.EINVAL, "ECN bits must be 0")
	e.errors(e.rules.Add(rule4(1, 10, func(c *Config) { c.TOS = 0x20 })), unix.EINVAL, "Invalid tos")
	e.errors(e.rules.Add(rule4(1, 10, func(c *Config) { c.L3mdev = true })), unix.EINVAL, "mutually exclusive")
	e.errors(e.rules.Add(rule4(1, 0, func(c *Config) { c.Family = unix.AF_INET6 })), unix.EINVAL, "Invalid table")
	e.must(e.rules.Add(rule4(50, 10, func(c *Config) { c.Flags = FlagPermanent })))
	e.errors(e.rules.Delete(rule4(50, 10, nil)), unix.EPERM, "")
	e.fail = unix.ENOMEM
	e.errors(e.rules.Add(rule4(60, 10, nil)), unix.ENOMEM, "")
	e.want(Flow{}, "255 10 10 10 254 253")
}

func TestARuleWithoutATableGetsAnEmptyOne(t *testing.T) {
	e := newEnv(t)
	e.must(e.rules.Add(rule4(100, 0, nil)))
	e.want(Flow{}, "255 7 254 253")
}

func TestRulesFollowTheirLinks(t *testing.T) {
	e := newEnv(t)
	e.must(e.rules.Add(rule4(100, 10, func(c *Config) { c.Iif = "p9" })))
	r := e.rules.Rules(unix.AF_INET)[1]
	if !r.IifDetached() {
		t.Error("a rule of a link that is not there is attached")
	}
	e.want(Flow{Iif: Detached}, "255 10 254 253") // as the kernel has it: the index is -1
	l := e.addLink("p9")
	if r.IifDetached() {
		t.Error("the link is there, the rule is detached")
	}
	e.want(Flow{Iif: l.Index}, "255 10 254 253")
	if p := e.program(l); len(p) != 4 || p[1].Table != 10 {
		t.Errorf("the link's program is %v", p)
	}
	if p := e.program(nil); len(p) != 3 {
		t.Errorf("the net's program is %v", p)
	}
	e.must(e.links.Remove(l))
	if !r.IifDetached() {
		t.Error("the link is gone, the rule is attached")
	}
}
