// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Op is what a step does with its object.
type Op int

// Operations.
const (
	Set Op = iota // make it so, from Old if there is one
	Del
)

// Step is one change of a plan. Exactly one object is set: a link, an address of a link, a route, a
// neighbour or a sysctl.
type Step struct {
	Op     Op
	Link   *Link
	Old    *Link // Op Set of a link that is there: what it was
	Addr   *LinkAddr
	Route  *Route
	Neigh  *Neigh
	Sysctl *SysctlSetting
	Hash   *int // multipath_hash_policy
}

// LinkAddr is an address with the link that it is on.
type LinkAddr struct {
	Link string
	Prefix
}

// SysctlSetting is a sysctl with its value; Old is what Undo puts back (the applier fills it in).
type SysctlSetting struct {
	Name, Value, Old string
}

// String names the object as its operator would.
func (s Step) String() string {
	verb := [...]string{"set", "delete"}[s.Op]
	switch {
	case s.Link != nil:
		return fmt.Sprintf("%s link %s", verb, s.Link.Name)
	case s.Addr != nil:
		return fmt.Sprintf("%s address %s dev %s", verb, s.Addr.Prefix, s.Addr.Link)
	case s.Route != nil:
		return fmt.Sprintf("%s route %s table %d", verb, s.Route.To, s.Route.Table)
	case s.Neigh != nil:
		return fmt.Sprintf("%s neigh %s dev %s", verb, s.Neigh.To, s.Neigh.Dev)
	case s.Sysctl != nil:
		return fmt.Sprintf("%s sysctl %s", verb, s.Sysctl.Name)
	default:
		return verb + " multipath_hash_policy"
	}
}

// Applier makes one step true. The returned function takes it back; it may be nil when there is
// nothing to take back.
type Applier interface {
	Apply(Step) (undo func() error, err error)
}

// Apply makes a plan true as a whole: after an error everything that was done is taken back, last
// first, and the error says what failed (and what could not be taken back).
func Apply(a Applier, plan []Step) error {
	var undos []func() error
	for _, step := range plan {
		undo, err := a.Apply(step)
		if err == nil {
			undos = append(undos, undo)
			continue
		}
		err = fmt.Errorf("%s: %w", step, err)
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

// RestartError names settings that only a new start can change.
type RestartError []string

// Error lists the fields.
func (e RestartError) Error() string {
	return fmt.Sprintf("%v: a change takes effect only at the next start of Skua", []string(e))
}

// Plan is what leads from old (nil: nothing yet) to c. Deletions come first, from routes to links;
// then what is new, from links to routes. Objects that operators added by other means are not
// touched. The error is a RestartError.
func Plan(old, c *Config) ([]Step, error) {
	if old == nil {
		old = &Config{}
	} else if fields := needRestart(old, c); len(fields) > 0 {
		return nil, RestartError(fields)
	}
	var del, set []Step
	for _, r := range missing(old.Routes, c.Routes) {
		del = append(del, Step{Op: Del, Route: &r})
	}
	for _, n := range missing(old.Neighs, c.Neighs) {
		del = append(del, Step{Op: Del, Neigh: &n})
	}
	for i := range old.Links {
		l := &old.Links[i]
		next := c.link(l.Name)
		if next == nil || !sameDevice(l, next) {
			del = append(del, Step{Op: Del, Link: l})
			continue
		}
		for _, a := range missing(l.Addrs, next.Addrs) {
			del = append(del, Step{Op: Del, Addr: &LinkAddr{l.Name, a}})
		}
	}

	set = append(set, sysctlSteps(old, c)...)
	if c.Dataplane.FIBPolicy != nil && !reflect.DeepEqual(old.Dataplane.FIBPolicy, c.Dataplane.FIBPolicy) {
		set = append(set, Step{Hash: c.Dataplane.FIBPolicy})
	}
	fresh := map[string]bool{} // links that start from nothing
	for i := range c.Links {
		l := &c.Links[i]
		was := old.link(l.Name)
		if was != nil && !sameDevice(was, l) {
			was = nil
		}
		fresh[l.Name] = was == nil
		if was == nil || !sameLink(was, l) {
			set = append(set, Step{Link: l, Old: was})
		}
		var before []Prefix
		if was != nil {
			before = was.Addrs
		}
		for _, a := range missing(l.Addrs, before) {
			set = append(set, Step{Addr: &LinkAddr{l.Name, a}})
		}
	}
	for i := range c.Neighs {
		n := &c.Neighs[i]
		if fresh[n.Dev] || !contains(old.Neighs, *n) {
			set = append(set, Step{Neigh: n})
		}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		if r.uses(fresh) || !contains(old.Routes, *r) {
			set = append(set, Step{Route: r})
		}
	}
	return append(del, set...), nil
}

// needRestart lists the settings that are decided once.
func needRestart(old, c *Config) []string {
	var fields []string
	a, b := reflect.ValueOf(old.Dataplane), reflect.ValueOf(c.Dataplane)
	for i := range a.NumField() {
		tag := a.Type().Field(i).Tag.Get("toml")
		if tag != "multipath_hash_policy" && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
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

// sysctlSteps sets forwarding and the [sysctl] table, in the order of their names.
func sysctlSteps(old, c *Config) []Step {
	was, want := old.sysctls(), c.sysctls()
	names := make([]string, 0, len(want))
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	var steps []Step
	for _, name := range names {
		if value, ok := was[name]; !ok || value != want[name] {
			steps = append(steps, Step{Sysctl: &SysctlSetting{Name: name, Value: want[name]}})
		}
	}
	return steps
}

func (c *Config) sysctls() map[string]string {
	m := map[string]string{}
	if f := c.Appliance.Forwarding; f != nil {
		value := map[bool]string{false: "0", true: "1"}[*f]
		m["net.ipv4.ip_forward"] = value
		m["net.ipv6.conf.all.forwarding"] = value
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

// uses says whether a route leaves by one of these links.
func (r *Route) uses(links map[string]bool) bool {
	if links[r.Dev] {
		return true
	}
	return slices.ContainsFunc(r.Nexts, func(n Nexthop) bool { return links[n.Dev] })
}

// sameDevice says whether two entries mean one device, so that the link can stay.
func sameDevice(a, b *Link) bool {
	return a.PCI == b.PCI && a.Vdev == b.Vdev && a.AFPacket == b.AFPacket && a.AFXDP == b.AFXDP &&
		a.Queues == b.Queues && reflect.DeepEqual(a.Tap, b.Tap) && reflect.DeepEqual(a.Memif, b.Memif)
}

// sameLink compares what Set of a link changes.
func sameLink(a, b *Link) bool {
	return a.MTU == b.MTU && a.MAC == b.MAC && *a.Up == *b.Up
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
