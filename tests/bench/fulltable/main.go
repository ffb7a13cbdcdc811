// SPDX-License-Identifier: BSD-3-Clause

// Command fulltable_bench measures how fast a routing daemon fills a router: Debian's FRR on Skua or
// on the kernel, and a BGP speaker that sends it a full Internet table. It prints, as JSON, how long
// it takes until every route forwards, until none does after their withdrawal, and how many packets
// of a flow that has nothing to do with them are lost meanwhile.
//
// Three namespaces (tests/lab): the speaker and the source of the packets are in R1, FRR is in the
// middle, and R3 counts what arrives. It needs root and Debian's package frr.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"skua/tests/lab"
)

// Figures are what a run comes to.
type Figures struct {
	Router    string  `json:"router"`
	Routes4   int     `json:"routes4"`
	Routes6   int     `json:"routes6"`
	Forward   float64 `json:"forward_s"`  // until every route that is looked at forwards
	Withdraw  float64 `json:"withdraw_s"` // from their withdrawal until none does
	Packets   int     `json:"packets"`    // of the flow beside it
	Lost      int     `json:"lost"`
	Installed int     `json:"installed"` // that ip route shows before the withdrawal
}

func main() {
	kind := flag.String("router", "skua", "what is in the middle: skua or kernel")
	n4 := flag.Int("v4", 1000000, "how many IPv4 routes")
	n6 := flag.Int("v6", 200000, "how many IPv6 routes")
	bin := flag.String("bin", "", "folder with skua and skua-shim.so (made when it is empty)")
	flag.Parse()
	t := &bench{}
	result := make(chan *Figures)
	go func() { // a goroutine of its own: Fatal ends it
		defer close(result)
		defer t.cleanup()
		result <- run(t, *kind, *bin, *n4, *n6)
	}()
	f := <-result
	for range result { // closed when everything is put away
	}
	if f == nil {
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	sweepEvery = 100 * time.Millisecond
	patience   = 10 * time.Minute
	flowEvery  = time.Millisecond
	gateways   = 8
)

const bgpd = `router bgp 65002
 bgp router-id 10.0.0.2
 no bgp network import-check
 neighbor 192.0.2.2 remote-as 65002
 neighbor 192.0.2.2 passive
 neighbor 192.0.2.2 timers 60 180
 address-family ipv6 unicast
  neighbor 192.0.2.2 activate
 exit-address-family
`

func run(t *bench, kind, bin string, n4, n6 int) *Figures {
	if bin == "" {
		var err error
		if bin, err = os.MkdirTemp("", "skua-fulltable-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(bin) })
		if err := lab.Build(bin, "."); err != nil {
			t.Fatal(err)
		}
	}
	l := lab.New(t, bin, kind == "skua", 1)
	// R3 is where packets end.
	l.R3.Must("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
	l.R3.Must("ip", "route", "add", "default", "via", "198.51.100.1")
	l.R3.Must("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
	for i := range gateways - 1 {
		l.R3.Must("ip", "addr", "add", fmt.Sprintf("198.51.100.%d/24", 3+i), "dev", "eth0")
		l.R3.Must("ip", "addr", "add", fmt.Sprintf("2001:db8:2::%d/64", 3+i), "dev", "eth0", "nodad")
	}
	frr := l.DUT.StartFRR(map[string]string{"zebra": "", "bgpd": bgpd})

	f := &Figures{Router: kind, Routes4: n4, Routes6: n6}
	table := newTable(n4, n6)
	p, err := newProbes(l, table)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	// Every gateway is a neighbour before the clock runs.
	lab.Eventually(t, 20*time.Second, func() string { return p.gatewaysAnswer(l) })

	s, err := dial(l.R1, "192.0.2.1:179")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	p.startFlow()
	begin := time.Now()
	if err := s.send(table.announce); err != nil {
		t.Fatal(err)
	}
	if err := p.sweepUntil(p.all, patience); err != nil {
		t.Fatalf("%v\n%s", err, frr.Vtysh("show bgp summary", "show zebra router table summary"))
	}
	f.Forward = p.last().Sub(begin).Seconds()
	f.Installed = strings.Count(l.DUT.Must("ip", "-o", "route", "show", "proto", "bgp"), "\n") +
		strings.Count(l.DUT.Must("ip", "-6", "-o", "route", "show", "proto", "bgp"), "\n")
	runtime.GC() // of that text: not while packets are counted

	begin = time.Now()
	if err := s.send(table.withdraw); err != nil {
		t.Fatal(err)
	}
	if err := p.sweepUntil(p.none, patience); err != nil {
		t.Fatal(err)
	}
	f.Withdraw = p.last().Sub(begin).Seconds()
	f.Packets, f.Lost = p.endFlow()
	return f
}
