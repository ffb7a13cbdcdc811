// SPDX-License-Identifier: BSD-3-Clause

package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"skua/tests/pkt"
)

// Router is what a script runs on.
type Router interface {
	// AddLink makes an Ethernet link, down, whose other end is in the hands of the test.
	AddLink(name string, mac [6]byte, mtu int) error
	// IP runs the ip command and returns what it printed.
	IP(args ...string) (string, error)
	Sysctl(name, value string) error
	SetCarrier(link string, up bool) error
	Send(link string, frame []byte) error
	// Recv returns the next frame that the router has sent on a link, waiting up to wait for it
	// where the router runs by itself; nil: none.
	Recv(link string, wait time.Duration) []byte
	// Advance lets time pass.
	Advance(d time.Duration)
}

const (
	patience = 10 * time.Second      // for a frame that is expected
	silence  = 60 * time.Millisecond // for one that is not
)

// Run is a script on a router.
type Run struct {
	Script *Script
	Router Router
	// Log receives every step and frame.
	Log func(format string, args ...any)

	waiting map[string][][]byte // received, and passed over by "expect LINK any"
}

// setup is what every script starts from, said to both routers, so that the defaults of the host
// do not matter; LINK stands for each of the links.
var setup = []string{
	"net.ipv4.ip_forward=1",
	"net.ipv6.conf.all.forwarding=1",
	"net.ipv4.conf.all.rp_filter=0",
	"net.ipv4.conf.LINK.rp_filter=0",
	"net.ipv4.conf.LINK.accept_source_route=1",
	"net.ipv4.icmp_ratelimit=0",
	"net.ipv6.icmp.ratelimit=0",
	"net.ipv6.conf.LINK.accept_dad=0",
}

// Setup makes the topology.
func (r *Run) Setup() error {
	r.waiting = map[string][][]byte{}
	for _, l := range r.Script.Links {
		mtu := l.MTU
		if mtu == 0 {
			mtu = 1500
		}
		if err := r.Router.AddLink(l.Name, l.MAC, mtu); err != nil {
			return fmt.Errorf("link %s: %w", l.Name, err)
		}
	}
	for _, line := range setup {
		name, value, _ := strings.Cut(line, "=")
		if r.Script.DAD && strings.HasSuffix(name, ".accept_dad") {
			continue
		}
		names := []string{name}
		if strings.Contains(name, "LINK") {
			names = nil
			for _, l := range r.Script.Links {
				if l.MTU != 0 && l.MTU < 1280 && strings.HasPrefix(name, "net.ipv6.") {
					continue // there is no IPv6 on it
				}
				names = append(names, strings.ReplaceAll(name, "LINK", l.Name))
			}
		}
		for _, name := range names {
			if err := r.Router.Sysctl(name, value); err != nil {
				return fmt.Errorf("sysctl %s: %w", name, err)
			}
		}
	}
	for _, l := range r.Script.Links {
		if err := r.configure(&l); err != nil {
			return err
		}
	}
	for _, h := range r.Script.Hosts {
		for _, a := range h.Addrs {
			if h.Unresolved {
				continue
			}
			mac := fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", h.MAC[0], h.MAC[1], h.MAC[2], h.MAC[3], h.MAC[4], h.MAC[5])
			if err := r.ip("neigh", "add", a.String(), "lladdr", mac, "nud", "permanent", "dev", h.Link); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Run) configure(l *Link) error {
	if !l.Down {
		if err := r.ip("link", "set", l.Name, "up"); err != nil {
			return err
		}
	}
	for _, p := range l.Addrs {
		args := []string{"addr", "add", p.String(), "dev", l.Name}
		if p.Addr().Is4() {
			args = append(args, "brd", "+")
		} else if !r.Script.DAD {
			args = append(args, "nodad")
		}
		if err := r.ip(args...); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) ip(args ...string) error {
	out, err := r.Router.IP(args...)
	r.log("ip %s: %s", strings.Join(args, " "), strings.TrimSpace(out))
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(out))
	}
	return nil
}

func (r *Run) log(format string, args ...any) {
	if r.Log != nil {
		r.Log(format, args...)
	}
}

// Case runs a section; the error says the line.
func (r *Run) Case(c *Case) error {
	for i := range c.Steps {
		st := &c.Steps[i]
		for range st.Repeat {
			if err := r.step(st); err != nil {
				return fmt.Errorf("%s:%d: %w", r.Script.Name, st.Line, err)
			}
		}
	}
	if err := r.none("", silence); err != nil {
		return fmt.Errorf("%s: at the end of %s: %w", r.Script.Name, c.Name, err)
	}
	return nil
}

func (r *Run) step(st *Step) error {
	switch st.Verb {
	case "ip":
		err := r.ip(st.Words...)
		if st.Fails {
			if err == nil {
				return fmt.Errorf("ip %s succeeded", strings.Join(st.Words, " "))
			}
			return nil
		}
		return err
	case "sysctl":
		name, value, _ := strings.Cut(st.Words[0], "=")
		return r.Router.Sysctl(name, value)
	case "carrier":
		return r.Router.SetCarrier(st.Words[0], st.Words[1] == "up")
	case "advance":
		d, err := time.ParseDuration(st.Words[0])
		if err == nil {
			r.Router.Advance(d)
		}
		return err
	case "drain":
		for _, l := range r.Script.Links {
			for r.next(l.Name, silence) != nil {
			}
		}
		return nil
	case "send":
		if st.Repeat == 1 {
			if err := r.none("", 0); err != nil {
				return err
			}
		}
		return r.send(st.Words[0], st.Packet)
	case "flows":
		return r.flows(st)
	case "expect":
		return r.expect(st)
	}
	return fmt.Errorf("no verb %s", st.Verb)
}

func (r *Run) send(link string, layers []pkt.Layer) error {
	frame, err := pkt.Build(layers)
	if err != nil {
		return err
	}
	r.log("> %s %s", link, pkt.String(layers))
	return r.Router.Send(link, frame)
}

func (r *Run) expect(st *Step) error {
	link := st.Words[0]
	switch {
	case link == "none":
		return r.none("", silence)
	case len(st.Words) == 2 && st.Words[1] == "none":
		return r.none(link, silence)
	}
	if len(st.Words) == 2 && st.Words[1] == "any" {
		return r.expectAny(st)
	}
	count := 1
	if len(st.Words) == 3 && st.Words[1] == "count" {
		n, err := strconv.Atoi(st.Words[2])
		if err != nil {
			return err
		}
		count = n
	}
	for i := range count {
		frame := r.next(link, patience)
		if frame == nil {
			return fmt.Errorf("%s: nothing, expected { %s } (%d of %d)%s", link, st.Text, i+1, count, r.elsewhere())
		}
		got := pkt.Decode(frame)
		if err := pkt.Match(st.Packet, got); err != nil {
			return fmt.Errorf("%s: %w\n  got      %s\n  expected %s", link, err, got, st.Text)
		}
	}
	return nil
}

// expectAny takes the first frame that is the expected one, and leaves those before it.
func (r *Run) expectAny(st *Step) error {
	link := st.Words[0]
	var passed [][]byte
	defer func() { r.waiting[link] = append(passed, r.waiting[link]...) }()
	others := ""
	for {
		frame := r.next(link, patience)
		if frame == nil {
			return fmt.Errorf("%s: none of what came is { %s }%s%s", link, st.Text, others, r.elsewhere())
		}
		got := pkt.Decode(frame)
		err := pkt.Match(st.Packet, got)
		if err == nil {
			return nil
		}
		others += fmt.Sprintf("\n  %v: %s", err, got)
		passed = append(passed, frame)
	}
}

// elsewhere says what waits on other links, for a frame that was not found.
func (r *Run) elsewhere() string {
	s := ""
	for _, l := range r.Script.Links {
		if frame := r.next(l.Name, 0); frame != nil {
			s += fmt.Sprintf("\n  but %s: %s", l.Name, pkt.Decode(frame))
		}
	}
	return s
}

// none fails when a frame waits that no line expected; link "": on any.
func (r *Run) none(link string, wait time.Duration) error {
	for _, l := range r.Script.Links {
		if link != "" && link != l.Name {
			continue
		}
		if frame := r.next(l.Name, wait); frame != nil {
			return fmt.Errorf("%s: unexpected %s", l.Name, pkt.Decode(frame))
		}
		wait = min(wait, silence/10) // the first link waited for all
	}
	return nil
}

// next takes the next frame from a link, but for those that are ignored.
func (r *Run) next(link string, wait time.Duration) []byte {
	if w := r.waiting[link]; len(w) > 0 {
		r.waiting[link] = w[1:]
		return w[0]
	}
	for {
		frame := r.Router.Recv(link, wait)
		if frame == nil {
			return nil
		}
		got := pkt.Decode(frame)
		if !r.Script.Noise && ignored(got) {
			continue
		}
		r.log("< %s %s", link, got)
		return frame
	}
}

// ignored is the filter of README.md: what a host says by itself when a link comes up or it joins
// a group: IGMP and MLD reports, router solicitations.
func ignored(p *pkt.Packet) bool {
	for _, l := range p.Layers {
		t, _ := l.Field("type")
		switch l.Name {
		case "igmp":
			return true
		case "icmp6":
			return t == "131" || t == "132" || t == "143" || t == "133"
		}
	}
	return false
}

// flows sends N flows, twice each, and sees that each keeps to one way and that all ways are used.
func (r *Run) flows(st *Step) error {
	n, err := strconv.Atoi(st.Words[0])
	if err != nil || len(st.Words) != 2 || len(st.After) < 2 || st.After[0] != "over" {
		return fmt.Errorf("flows N LINK { packet with %%n } over LINK LINK ...")
	}
	ways := st.After[1:]
	took := map[string]int{}
	for i := range n {
		layers, err := pkt.Parse(strings.ReplaceAll(st.Text, "%n", strconv.Itoa(i)), r.Script.Names)
		if err != nil {
			return err
		}
		var way [2]string
		for again := range way {
			if err := r.send(st.Words[1], layers); err != nil {
				return err
			}
			for deadline := 0; way[again] == "" && deadline < 50; deadline++ {
				for _, l := range ways {
					if r.next(l, time.Millisecond) != nil {
						way[again] = l
					}
				}
			}
			if way[again] == "" {
				return fmt.Errorf("flow %d came out nowhere", i)
			}
		}
		if way[0] != way[1] {
			return fmt.Errorf("flow %d went over %s, then over %s", i, way[0], way[1])
		}
		took[way[0]]++
	}
	for _, l := range ways {
		if took[l] < n/len(ways)/3 {
			return fmt.Errorf("%d flows went %v: too few over %s", n, took, l)
		}
	}
	return nil
}
