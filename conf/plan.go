// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Op is what a step does with its object.
type Op int

// Operations.
const (
	Set Op = iota // make it so, from Old if there is one
	Del
)

// Step is one change of a plan. Exactly one object is set: a link, an address of a link, a route, a
// neighbour, a sysctl, or what idle cores do.
type Step struct {
	Op     Op
	Link   *Link
	Old    *Link // Op Set of a link that is there: what the file said before
	Hold   bool  // Op Set of a link: leave it down, its sysctls come first
	Addr   *LinkAddr
	Route  *Route
	Neigh  *Neigh
	Sysctl *SysctlSetting
	Idle   *Idle
}

// Idle is what cores without packets do.
type Idle struct {
	Mode     string // "sleep", "poll"
	MaxSleep int    // microseconds
}

// LinkAddr is an address with the link that it is on.
type LinkAddr struct {
	Link string
	Prefix
}

// SysctlSetting is a sysctl with its value. Op Del: it becomes what it was before any file set it.
type SysctlSetting struct{ Name, Value string }

// String names the object as its operator would.
func (s Step) String() string {
	verb := [...]string{"set", "delete"}[s.Op]
	switch {
	case s.Link != nil && s.Hold:
		return "add link " + s.Link.Name
	case s.Link != nil:
		return fmt.Sprintf("%s link %s", verb, s.Link.Name)
	case s.Addr != nil:
		return fmt.Sprintf("%s address %s dev %s", verb, s.Addr.Prefix, s.Addr.Link)
	case s.Route != nil:
		return fmt.Sprintf("%s route %s table %d", verb, s.Route.To, s.Route.Table)
	case s.Neigh != nil:
		return fmt.Sprintf("%s neigh %s dev %s", verb, s.Neigh.To, s.Neigh.Dev)
	case s.Sysctl != nil && strings.HasPrefix(s.Sysctl.Name, puntSysctl):
		return fmt.Sprintf("%s punt %s", verb, s.Sysctl.Name[len(puntSysctl):])
	case s.Sysctl != nil:
		return fmt.Sprintf("%s sysctl %s", verb, s.Sysctl.Name)
	case s.Idle != nil:
		return fmt.Sprintf("%s idle %s", verb, s.Idle.Mode)
	}
	return "nothing"
}

// Applier makes one step true. The returned function takes it back; it may be nil when there is
// nothing to take back.
type Applier interface {
	Apply(Step) (undo func() error, err error)
}

// Apply makes a plan true as a whole: after an error everything that was done is taken back, last
// first, and the error, a StepError, says what failed (and what could not be taken back).
func Apply(a Applier, plan []Step) error {
	var undos []func() error
	for _, step := range plan {
		undo, err := a.Apply(step)
		if err == nil {
			undos = append(undos, undo)
			continue
		}
		err = StepError{step, err}
		for _, undo := range slices.Backward(undos) {
			if undo == nil {
				continue
			}
			if uerr := undo(); uerr != nil {
				err = errors.Join(err, fmt.Errorf("taking back: %w", uerr))
			}
		}
		return err
	}
	return nil
}

// StepError is a step that failed.
type StepError struct {
	Step Step
	Err  error
}

// Error says which step, and why.
func (e StepError) Error() string { return fmt.Sprintf("%s: %v", e.Step, e.Err) }

// Unwrap is why.
func (e StepError) Unwrap() error { return e.Err }

// RestartError names settings that only a new start can change.
type RestartError []string

// Error lists the fields.
func (e RestartError) Error() string {
	return strings.Join(e, ", ") + ": a change takes effect only at the next start of Skua"
}

// Plan is what leads from old (nil: nothing yet) to c. What is new comes from links to routes, after
// the deletion of what may be in its way; links that are in nobody's way go last, so that an error
// before costs them nothing. Objects that operators added by other means are not touched. The error
// is a RestartError.
func Plan(old, c *Config) ([]Step, error) {
	first := old == nil // the data plane is started with what needs no step
	if first {
		old = &Config{}
	} else if fields := needRestart(old, c); len(fields) > 0 {
		return nil, RestartError(fields)
	}
	p := planner{old: old, c: c, shaken: map[string]bool{}}
	if idle := c.Dataplane.idle(); !first && idle != old.Dataplane.idle() {
		p.add(Step{Idle: &idle})
	}
	p.deletions()
	p.sysctls("")
	for i := range c.Links {
		p.link(&c.Links[i])
	}
	for i := range c.Neighs {
		n := &c.Neighs[i]
		if p.shaken[n.Dev] || !contains(old.Neighs, *n) {
			p.add(Step{Neigh: n})
		}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		if p.shakes(r) || !contains(old.Routes, *r) {
			p.add(Step{Route: r})
		}
	}
	return append(p.steps, p.last...), nil
}

type planner struct {
	old, c *Config
	steps  []Step
	last   []Step
	// shaken are the links that what is on them may have gone from: they are new, or went down.
	shaken map[string]bool
}

func (p *planner) add(s ...Step) { p.steps = append(p.steps, s...) }

// deletions is what of the old file is not in the new one.
func (p *planner) deletions() {
	for _, r := range missing(p.old.Routes, p.c.Routes) {
		p.add(Step{Op: Del, Route: &r})
	}
	for _, n := range missing(p.old.Neighs, p.c.Neighs) {
		p.add(Step{Op: Del, Neigh: &n})
	}
	wanted := map[string]bool{}
	for i := range p.c.Links {
		wanted[p.c.Links[i].device()] = true
	}
	for i := range p.old.Links {
		l := &p.old.Links[i]
		next := p.c.link(l.Name)
		if next != nil && sameDevice(l, next) {
			p.deletedAddrs(l, missing(l.Addrs, next.Addrs))
			continue
		}
		p.shaken[l.Name] = true
		if next != nil || wanted[l.device()] {
			p.add(Step{Op: Del, Link: l})
			continue
		}
		p.deletedAddrs(l, l.Addrs)
		p.last = append(p.last, Step{Op: Del, Link: l})
	}
	p.deletedSysctls()
}

func (p *planner) deletedAddrs(l *Link, addrs []Prefix) {
	for _, a := range addrs {
		p.shaken[l.Name] = true // with its last address go its routes
		p.add(Step{Op: Del, Addr: &LinkAddr{l.Name, a}})
	}
}

func (p *planner) deletedSysctls() {
	want := p.c.sysctls()
	for _, name := range sysctlOrder(p.old.sysctls()) {
		if _, stays := want[name]; stays {
			continue
		}
		if link := SysctlLink(name); link == "" || p.c.link(link) != nil {
			p.add(Step{Op: Del, Sysctl: &SysctlSetting{Name: name}})
		}
	}
}

// link sets a link, what belongs to it, and its addresses.
func (p *planner) link(l *Link) {
	was := p.old.link(l.Name)
	if was != nil && !sameDevice(was, l) {
		was = nil
	}
	var before []Prefix
	switch {
	case was == nil && p.hasSysctls(l.Name):
		p.shaken[l.Name] = true
		p.add(Step{Link: l, Hold: true})
		p.sysctls(l.Name)
		if *l.Up {
			p.add(Step{Link: l})
		}
	case was == nil:
		p.shaken[l.Name] = true
		p.add(Step{Link: l})
	default:
		before = was.Addrs
		if *was.Up != *l.Up || was.MTU != l.MTU && min(was.MTU, l.MTU) < 1280 {
			p.shaken[l.Name] = true
		}
		if !sameLink(was, l) {
			p.add(Step{Link: l, Old: was})
		}
		p.sysctls(l.Name)
	}
	for _, a := range missing(l.Addrs, before) {
		p.add(Step{Addr: &LinkAddr{l.Name, a}})
	}
}

// shakes says whether a route may be gone: it leaves by a shaken link, or by one that the kernel is
// to find.
func (p *planner) shakes(r *Route) bool {
	if len(p.shaken) == 0 {
		return false
	}
	found := func(n Nexthop) bool { return p.shaken[n.Dev] || n.Via.IsValid() && n.Dev == "" }
	return r.Src.IsValid() || found(Nexthop{Via: r.Via, Dev: r.Dev}) || slices.ContainsFunc(r.Nexts, found)
}

// idle is what a file says of idle cores.
func (d *Dataplane) idle() Idle { return Idle{d.Idle, d.MaxSleep} }

// needRestart lists the settings that are decided once.
func needRestart(old, c *Config) []string {
	var fields []string
	atOnce := []string{"multipath_hash_policy", "idle", "idle_max_sleep_us"}
	a, b := reflect.ValueOf(old.Dataplane), reflect.ValueOf(c.Dataplane)
	for i := range a.NumField() {
		tag := a.Type().Field(i).Tag.Get("toml")
		if !slices.Contains(atOnce, tag) && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			fields = append(fields, "dataplane."+tag)
		}
	}
	x, y := old.Appliance, c.Appliance
	x.Forwarding, y.Forwarding = nil, nil
	a, b = reflect.ValueOf(x), reflect.ValueOf(y)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			fields = append(fields, "appliance."+a.Type().Field(i).Tag.Get("toml"))
		}
	}
	return fields
}

// sysctls sets those of a link; "": those of none.
func (p *planner) sysctls(link string) {
	was, want := p.old.sysctls(), p.c.sysctls()
	for _, name := range sysctlOrder(want) {
		of := SysctlLink(name)
		if of != link {
			continue
		}
		value, ok := was[name]
		if !ok || value != want[name] || of != "" && (p.old.link(of) == nil || !sameDevice(p.old.link(of), p.c.link(of))) {
			p.add(Step{Sysctl: &SysctlSetting{Name: name, Value: want[name]}})
		}
	}
}

func (p *planner) hasSysctls(link string) bool {
	for name := range p.c.Sysctl {
		if SysctlLink(name) == link {
			return true
		}
	}
	return false
}

// Sysctls that fields of other tables stand for. Forwarding changes others: it comes first.
const (
	forward4 = "net.ipv4.ip_forward"
	forward6 = "net.ipv6.conf.all.forwarding"
	hash4    = "net.ipv4.fib_multipath_hash_policy"
	hash6    = "net.ipv6.fib_multipath_hash_policy"
)

func sysctlOrder(m map[string]string) []string {
	names := slices.Sorted(maps.Keys(m))
	slices.SortStableFunc(names, func(a, b string) int {
		first := func(name string) int {
			switch name {
			case forward4:
				return -2
			case forward6:
				return -1
			}
			return 0
		}
		return first(a) - first(b)
	})
	return names
}

// SysctlLink is the link that a sysctl is about; "": none, or "all", "default", "lo".
func SysctlLink(name string) string {
	sep := "."
	if strings.Contains(name, "/") {
		sep = "/"
	}
	part := strings.Split(name, sep)
	if len(part) < 5 || part[2] != "conf" && part[2] != "neigh" {
		return ""
	}
	switch of := strings.Join(part[3:len(part)-1], sep); of {
	case "all", "default", "lo":
		return ""
	default:
		return of
	}
}

func (c *Config) sysctls() map[string]string {
	m := map[string]string{}
	if f := c.Appliance.Forwarding; f != nil {
		value := map[bool]string{false: "0", true: "1"}[*f]
		m[forward4], m[forward6] = value, value
	}
	if h := c.Dataplane.FIBPolicy; h != nil {
		m[hash4], m[hash6] = strconv.Itoa(*h), strconv.Itoa(*h)
	}
	for reason, p := range c.Punt {
		m[puntSysctl+reason] = p.sysctl()
	}
	for name, value := range c.Sysctl {
		m[name] = string(value)
	}
	return m
}

func (c *Config) link(name string) *Link {
	for i := range c.Links {
		if c.Links[i].Name == name {
			return &c.Links[i]
		}
	}
	return nil
}

// device names the device of a link, the same for two entries that would both want it; "": none.
func (l *Link) device() string {
	switch {
	case l.PCI != "":
		addr := strings.ToLower(l.PCI)
		if strings.Count(addr, ":") == 1 {
			addr = "0000:" + addr
		}
		return "pci " + addr
	case l.Vdev != "":
		name, _, _ := strings.Cut(l.Vdev, ",")
		return "vdev " + name
	case l.Tap != nil:
		return "tap " + l.Tap.Netns + "/" + l.Tap.Name
	case l.Memif != nil:
		return fmt.Sprintf("memif %s %d %s", l.Memif.Socket, l.Memif.ID, l.Memif.Role)
	}
	if l.AFPacket+l.AFXDP == "" {
		return ""
	}
	return "host's interface " + l.AFPacket + l.AFXDP
}

// sameDevice says whether two entries mean one device, so that the link can stay.
func sameDevice(a, b *Link) bool {
	return a.PCI == b.PCI && a.Vdev == b.Vdev && a.AFPacket == b.AFPacket && a.AFXDP == b.AFXDP &&
		a.Queues == b.Queues && a.RSSKey == b.RSSKey && reflect.DeepEqual(a.Tap, b.Tap) && reflect.DeepEqual(a.Memif, b.Memif)
}

// sameLink compares what Set of a link changes.
func sameLink(a, b *Link) bool {
	return a.MTU == b.MTU && a.MAC == b.MAC && *a.Up == *b.Up && SamePlacement(a, b)
}

// SamePlacement says whether the same workers have to do with what two links receive.
func SamePlacement(a, b *Link) bool {
	return slices.Equal(a.Workers, b.Workers) && reflect.DeepEqual(a.RPS, b.RPS)
}

// missing is what of a is not in b.
func missing[T any](a, b []T) []T {
	var out []T
	for _, x := range a {
		if !contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

func contains[T any](list []T, x T) bool {
	return slices.ContainsFunc(list, func(y T) bool { return reflect.DeepEqual(x, y) })
}
