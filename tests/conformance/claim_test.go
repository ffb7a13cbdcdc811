// SPDX-License-Identifier: BSD-3-Clause

package conformance

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// needs begins the reason of a case that Skua is not measured by.
const needs = "needs device type "

// notClaimed are the cases that need a device type which Skua does not have (refusesNotClaimed): they do
// not count, whatever they come to. Nothing else is left out: what is not there and is no device
// type (traffic control, MPLS, IPsec, netfilter, FOU) counts as failed.
var notClaimed = []struct {
	part, name *regexp.Regexp
	device     string
}{
	{regexp.MustCompile(`^fib_nexthops.sh ipv[46]_fdb_grp_fcnal$`), regexp.MustCompile(`^Fdb (mac|entry) `), "vxlan"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`\bneta\b|gre tunnel|gretap|erspan`), "gre"},
	// the last one: of the dummy that is a port of the bridge
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`bridge setup|test-br0|testbr-vlan1|netconf show test-dummy0`), "bridge"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`vxlan|fdb get`), "vxlan"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`macsec`), "macsec"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`ipsec_offload|bridge_parent_id`), "netdevsim"},
	{regexp.MustCompile(`^iproute2 bridge/`), regexp.MustCompile(``), "bridge"},
	{regexp.MustCompile(`^iproute2 ip/link/add_type_bareudp`), regexp.MustCompile(``), "bareudp"},
	{regexp.MustCompile(`^iproute2 ip/link/add_type_xfrm`), regexp.MustCompile(``), "xfrm"},
	{regexp.MustCompile(`^iproute2 ip/tunnel/`), regexp.MustCompile(``), "gre"},
}

// device gives the device type that a case needs and Skua has not, or "".
func device(part, name string) string {
	for _, n := range notClaimed {
		if n.part.MatchString(part) && n.name.MatchString(name) {
			return n.device
		}
	}
	return ""
}

// known are the reasons of cases that their output does not say, or says at length.
var known = []struct {
	part, name *regexp.Regexp
	why        string
}{
	{regexp.MustCompile(`^fib_nexthops.sh`), regexp.MustCompile(`MPLS encap`), "no MPLS encapsulation"},
	{regexp.MustCompile(`^fib_tests.sh rp_filter$`), regexp.MustCompile(``), "no traffic control, by which it redirects packets"},
	{regexp.MustCompile(`^fib_tests.sh ipv[46]_mangle$`), regexp.MustCompile(``), "no netfilter"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`^tc htb`), "no traffic control"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`^ipsec$`), "no IPsec"},
	{regexp.MustCompile(`^rtnetlink.sh$`), regexp.MustCompile(`\bfou\b`), "no FOU"},
	{regexp.MustCompile(`^iproute2 tc/`), regexp.MustCompile(``), "no traffic control"},
}

func knownWhy(part, name string) string {
	for _, k := range known {
		if k.part.MatchString(part) && k.name.MatchString(name) {
			return k.why
		}
	}
	return ""
}

// unchecked are tests that print "PASS" whatever they are answered: with Skua all of their commands
// fail, and so do they.
var unchecked = []string{"tests/tc/cbq.t", "tests/tc/policer.t"}

// unreached are the cases of parts that give up before the first one: each counts.
var unreached = map[string][]string{
	"fib_tests.sh rp_filter": {"rp_filter passes local packets", "rp_filter passes loopback packets"},
	"fib_tests.sh ipv4_mangle": {
		"    Connection with correct parameters", "    Connection with incorrect parameters",
		"    Connection with correct parameters - mangling", "    Connection with correct parameters - no mangling",
		"    Connection check - server side",
	},
	"fib_tests.sh ipv6_mangle": {
		"    Connection with correct parameters", "    Connection with incorrect parameters",
		"    Connection with correct parameters - mangling", "    Connection with correct parameters - no mangling",
		"    Connection check - server side",
	},
}

// kinds are what `ip link add` wants to hear to ask for a device type.
var kinds = map[string]string{
	"vxlan": "vxlan id 1 dstport 4789", "gre": "gre local 192.0.2.1 remote 192.0.2.2", "bridge": "bridge",
	"macsec": "macsec", "netdevsim": "netdevsim", "bareudp": "bareudp dstport 6635 ethertype ip", "xfrm": "xfrm if_id 1",
	"dummy": "dummy",
}

// refusesNotClaimed: a device type that cases are excused for is one that Skua refuses to make.
func refusesNotClaimed(t *testing.T, cache, bin string) {
	ask := "ip link set lo up\n"
	for kind, args := range kinds {
		ask += fmt.Sprintf("echo %s: $(ip link add x-%s link lo type %s 2>&1 || echo failed)\n", kind, kind, args)
	}
	p := part{script: "kinds", folder: "selftests", limit: time.Minute, command: []string{"sh", "-c", ask}}
	out := p.run(t, cache, bin)
	if !strings.Contains(out, "dummy:\n") {
		t.Errorf("no dummy:\n%s", out)
	}
	for _, n := range notClaimed {
		if !strings.Contains(out, n.device+": Error: Unknown device type. failed\n") {
			t.Errorf("Skua does not refuse %s: cases that need it count. It says:\n%s", n.device, out)
		}
	}
}
