// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"syscall"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
	"skua/tests/harness"
)

//	p1            p2
//
// h1 --------------- Skua --------------- h2 --- 198.51.100.0/24
// 192.0.2.9   192.0.2.1   203.0.113.1   203.0.113.9   2001:db8:64::/48
// 2001:db8:1::9     ::1   2001:db8:2::1          ::9
const (
	ifP1 = 2
	ifP2 = 3

	nhConn1, nhConn2, nhVia = 11, 12, 13 // IPv4
	nhLocal                 = 14
	nh6Conn1, nh6Conn2      = 21, 22
	nh6Via, nh6Local        = 23, 24

	tableMain, tableLocal = 254, 255
)

var (
	macP1, macP2 = harness.DefaultMAC(0), harness.DefaultMAC(1)
	macH1, macH2 = [6]byte{2, 0, 0, 0, 2, 1}, [6]byte{2, 0, 0, 0, 2, 2}

	h1, h2   = netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("203.0.113.9")
	h16, h26 = netip.MustParseAddr("2001:db8:1::9"), netip.MustParseAddr("2001:db8:2::9")
	far      = netip.MustParseAddr("198.51.100.7")
	far6     = netip.MustParseAddr("2001:db8:64::7")
)

// router is what the tests set, and what the dumps have to give back.
type router struct {
	*harness.SkuaRouter
	links  []dpif.Link
	addrs  []dpif.Addr
	nhs    []dpif.Nexthop
	routes []dpif.Route
	neighs []dpif.Neigh
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func newRouter(t *testing.T) *router {
	t.Helper()
	s := harness.Skua(t, harness.Topology{Ports: []harness.Port{{Name: "p1"}, {Name: "p2"}}})
	r := &router{SkuaRouter: s}
	p1, _ := s.Port("p1")
	p2, _ := s.Port("p2")
	const conf = dpif.ConfEnabled | dpif.ConfForwarding
	link := func(ifindex uint32, name string, port uint16, mac [6]byte) dpif.Link {
		return dpif.Link{Net: s.Net, Ifindex: ifindex, Name: name, Port: port, Carrier: true,
			Flags: unix.IFF_UP, MTU: 1500, MTU6: 1500, Conf4: conf, Conf6: conf, HardAddr: mac}
	}
	r.links = []dpif.Link{link(ifP1, "p1", p1, macP1), link(ifP2, "p2", p2, macP2)}
	addr := func(ifindex uint32, a string) dpif.Addr {
		return dpif.Addr{Net: s.Net, Ifindex: ifindex, Addr: netip.MustParseAddr(a)}
	}
	r.addrs = []dpif.Addr{addr(ifP1, "192.0.2.1"), addr(ifP1, "2001:db8:1::1"),
		addr(ifP2, "203.0.113.1"), addr(ifP2, "2001:db8:2::1")}
	nh := func(id uint32, ifindex uint32, family, typ, scope uint8, gw netip.Addr) dpif.Nexthop {
		return dpif.Nexthop{Net: s.Net, ID: id, Ifindex: ifindex, Family: family, Type: typ,
			Scope: scope, Gateway: gw}
	}
	const link253, host254 = unix.RT_SCOPE_LINK, unix.RT_SCOPE_HOST
	none := netip.Addr{}
	r.nhs = []dpif.Nexthop{
		nh(nhConn1, ifP1, unix.AF_INET, unix.RTN_UNICAST, link253, none),
		nh(nhConn2, ifP2, unix.AF_INET, unix.RTN_UNICAST, link253, none),
		nh(nhVia, ifP2, unix.AF_INET, unix.RTN_UNICAST, 0, h2),
		nh(nhLocal, ifP1, unix.AF_INET, unix.RTN_LOCAL, host254, none),
		nh(nh6Conn1, ifP1, unix.AF_INET6, unix.RTN_UNICAST, link253, none),
		nh(nh6Conn2, ifP2, unix.AF_INET6, unix.RTN_UNICAST, link253, none),
		nh(nh6Via, ifP2, unix.AF_INET6, unix.RTN_UNICAST, 0, h26),
		nh(nh6Local, ifP1, unix.AF_INET6, unix.RTN_LOCAL, host254, none),
	}
	route := func(table uint32, p string, id uint32) dpif.Route {
		return dpif.Route{Net: s.Net, Table: table, Prefix: prefix(p), NexthopID: id}
	}
	r.routes = []dpif.Route{
		route(tableMain, "192.0.2.0/24", nhConn1),
		route(tableMain, "198.51.100.0/24", nhVia),
		route(tableMain, "203.0.113.0/24", nhConn2),
		route(tableLocal, "192.0.2.1/32", nhLocal),
		route(tableMain, "2001:db8:1::/64", nh6Conn1),
		route(tableMain, "2001:db8:2::/64", nh6Conn2),
		route(tableMain, "2001:db8:64::/48", nh6Via),
		route(tableLocal, "2001:db8:1::1/128", nh6Local),
	}
	neigh := func(ifindex uint32, a netip.Addr, mac [6]byte) dpif.Neigh {
		return dpif.Neigh{Net: s.Net, Ifindex: ifindex, Addr: a, NUD: unix.NUD_REACHABLE,
			HardAddr: mac}
	}
	r.neighs = []dpif.Neigh{neigh(ifP1, h1, macH1), neigh(ifP1, h16, macH1),
		neigh(ifP2, h2, macH2), neigh(ifP2, h26, macH2)}
	r.set(t)
	return r
}

func (r *router) set(t *testing.T) {
	t.Helper()
	ok := func(what any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%+v: %v", what, err)
		}
	}
	for _, l := range r.links {
		ok(l, r.DP.SetLink(l))
	}
	for _, a := range r.addrs {
		ok(a, r.DP.SetAddr(a))
	}
	for _, n := range r.nhs {
		ok(n, r.DP.SetNexthop(n))
	}
	for _, f := range []uint8{unix.AF_INET, unix.AF_INET6} {
		ok(f, r.DP.SetTables(r.Net, f, []uint32{tableLocal, tableMain}))
	}
	n, err := r.DP.SetRoutes(r.routes)
	ok(n, err)
	if n != len(r.routes) {
		t.Fatalf("%d routes set, of %d", n, len(r.routes))
	}
	for _, e := range r.neighs {
		ok(e, r.DP.SetNeigh(e))
	}
}

// frame builds an Ethernet frame of the layers above.
func frame(t *testing.T, src, dst [6]byte, typ layers.EthernetType, above ...gopacket.SerializableLayer) []byte {
	t.Helper()
	all := append([]gopacket.SerializableLayer{&layers.Ethernet{
		SrcMAC: src[:], DstMAC: dst[:], EthernetType: typ,
	}}, above...)
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, all...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func udp4(t *testing.T, srcMAC, dstMAC [6]byte, src, dst netip.Addr, ttl uint8) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: ttl, Protocol: layers.IPProtocolUDP, Id: 7,
		SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	udp := &layers.UDP{SrcPort: 1000, DstPort: 2000}
	udp.SetNetworkLayerForChecksum(ip)
	return frame(t, srcMAC, dstMAC, layers.EthernetTypeIPv4, ip, udp, gopacket.Payload("over the hill, where nobody pads a frame"))
}

func udp6(t *testing.T, srcMAC, dstMAC [6]byte, src, dst netip.Addr, hops uint8) []byte {
	t.Helper()
	ip := &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: layers.IPProtocolUDP,
		SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	udp := &layers.UDP{SrcPort: 1000, DstPort: 2000}
	udp.SetNetworkLayerForChecksum(ip)
	return frame(t, srcMAC, dstMAC, layers.EthernetTypeIPv6, ip, udp, gopacket.Payload("and far away, where nobody pads it either"))
}

func expect(t *testing.T, r *router, port string, want []byte) {
	t.Helper()
	if got := r.Recv(port, 0); !bytes.Equal(got, want) {
		t.Errorf("%s sent\n%x, want\n%x", port, got, want)
	}
	for _, p := range r.Ports() {
		if got := r.Recv(p, 0); got != nil {
			t.Errorf("%s sent %x as well", p, got)
		}
	}
}

func TestForward(t *testing.T) {
	r := newRouter(t)
	t.Run("IPv4", func(t *testing.T) {
		r.Send("p1", udp4(t, macH1, macP1, h1, far, 64))
		expect(t, r, "p2", udp4(t, macP2, macH2, h1, far, 63))
	})
	t.Run("IPv6", func(t *testing.T) {
		r.Send("p1", udp6(t, macH1, macP1, h16, far6, 64))
		expect(t, r, "p2", udp6(t, macP2, macH2, h16, far6, 63))
	})
	stats, err := r.DP.LinkStats(r.Net, ifP2)
	if err != nil || stats.TxPackets != 2 {
		t.Errorf("p2 counts %+v, %v; want 2 packets transmitted", stats, err)
	}
}

func TestDumpsAreWhatWasSet(t *testing.T) {
	r := newRouter(t)
	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n%+v, want\n%+v", what, err, got, want)
		}
	}
	links, err := r.DP.DumpLinks(r.Net)
	check("links", links, r.links, err)
	addrs, err := r.DP.DumpAddrs(r.Net)
	check("addresses", addrs, r.addrs, err)
	nhs, err := r.DP.DumpNexthops(r.Net)
	slices.SortFunc(nhs, func(a, b dpif.Nexthop) int { return int(a.ID) - int(b.ID) })
	check("nexthops", nhs, r.nhs, err)
	neighs, err := r.DP.DumpNeighs(r.Net)
	slices.SortFunc(neighs, func(a, b dpif.Neigh) int {
		if a.Ifindex != b.Ifindex {
			return int(a.Ifindex) - int(b.Ifindex)
		}
		return a.Addr.Compare(b.Addr)
	})
	check("neighbours", neighs, r.neighs, err)

	var routes []dpif.Route
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		tables, err := r.DP.DumpTables(r.Net, family)
		slices.Sort(tables)
		check("tables", tables, []uint32{tableMain, tableLocal}, err)
		for _, table := range tables {
			if err := r.DP.DumpRoutes(r.Net, table, family, func(rt dpif.Route) bool {
				routes = append(routes, rt)
				return true
			}); err != nil {
				t.Error(err)
			}
		}
	}
	check("routes", routes, r.routes, nil)
}

func TestLookup(t *testing.T) {
	r := newRouter(t)
	ids := make([]uint32, 3)
	dst := []netip.Addr{far, h1, netip.MustParseAddr("8.8.8.8")}
	if err := r.DP.Lookup(r.Net, tableMain, dst, ids); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ids, []uint32{nhVia, nhConn1, 0}) {
		t.Errorf("nexthops of %v are %v", dst, ids)
	}
}

func TestRouteGone(t *testing.T) {
	r := newRouter(t)
	del := dpif.Route{Net: r.Net, Table: tableMain, Prefix: prefix("198.51.100.0/24")}
	if n, err := r.DP.SetRoutes([]dpif.Route{del}); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	r.Send("p1", udp4(t, macH1, macP1, h1, far, 64))
	if got := r.Recv("p2", 0); got != nil {
		t.Errorf("p2 sent %x without a route", got)
	}
	punts := r.punts()
	if len(punts) != 1 || punts[0].Reason != dpif.PuntICMPSend || punts[0].ICMPType != 3 ||
		punts[0].ICMPCode != 0 {
		t.Errorf("punts %+v, want one that asks for network unreachable", punts)
	}
}

func TestSetRoutesStopsAtTheFirstError(t *testing.T) {
	r := newRouter(t)
	route := func(p string, id uint32) dpif.Route {
		return dpif.Route{Net: r.Net, Table: tableMain, Prefix: prefix(p), NexthopID: id}
	}
	n, err := r.DP.SetRoutes([]dpif.Route{
		route("10.1.0.0/16", nhVia), {Net: r.Net, Table: tableMain}, route("10.2.0.0/16", nhVia),
	})
	if n != 1 || !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%d, %v; want 1, EINVAL", n, err)
	}
	n, err = r.DP.SetRoutes([]dpif.Route{route("10.3.0.0/16", nhVia), route("10.4.0.0/16", 1<<20)})
	if n != 1 || err == nil {
		t.Errorf("%d, %v; want 1 and an error", n, err)
	}
	ids := make([]uint32, 4)
	dst := []netip.Addr{netip.MustParseAddr("10.1.0.1"), netip.MustParseAddr("10.2.0.1"),
		netip.MustParseAddr("10.3.0.1"), netip.MustParseAddr("10.4.0.1")}
	if err := r.DP.Lookup(r.Net, tableMain, dst, ids); err != nil ||
		!slices.Equal(ids, []uint32{nhVia, 0, nhVia, 0}) {
		t.Errorf("nexthops %v, %v; want those before the errors", ids, err)
	}
}

// More routes than one C call takes.
func TestManyRoutes(t *testing.T) {
	r := newRouter(t)
	const n = 10000
	routes := make([]dpif.Route, n)
	for i := range routes {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		routes[i] = dpif.Route{Net: r.Net, Table: 100, Prefix: netip.PrefixFrom(a, 24), NexthopID: nhVia}
	}
	if done, err := r.DP.SetRoutes(routes); done != n || err != nil {
		t.Fatalf("%d set, %v", done, err)
	}
	seen := 0
	if err := r.DP.DumpRoutes(r.Net, 100, unix.AF_INET, func(rt dpif.Route) bool {
		if rt != routes[seen] {
			t.Errorf("route %d is %+v, want %+v", seen, rt, routes[seen])
			return false
		}
		seen++
		return true
	}); err != nil || seen != n {
		t.Errorf("%d routes dumped, %v; want %d", seen, err, n)
	}
	r.DP.AheadRoutes(routes[:200]) // changes nothing
	r.DP.AheadRoutes([]dpif.Route{{Net: r.Net, Table: 4711, Prefix: routes[0].Prefix}})
	some := []dpif.Route{routes[7], routes[n-1], {Net: r.Net, Table: 100, Prefix: prefix("10.0.7.0/25")},
		{Net: r.Net, Table: 4711, Prefix: routes[7].Prefix}, {Net: r.Net, Table: 100, Prefix: prefix("2001:db8::/32")}}
	want := []uint32{nhVia, nhVia, 0, 0, 0}
	for i := range some {
		some[i].NexthopID = 99
	}
	if err := r.DP.FindRoutes(some); err != nil {
		t.Fatal(err)
	}
	for i := range some {
		if some[i].NexthopID != want[i] {
			t.Errorf("%v of table %d leads to %d, want %d", some[i].Prefix, some[i].Table, some[i].NexthopID, want[i])
		}
	}
	three := make([]dpif.Route, 3)
	if k, err := r.DP.NextRoutes(unix.AF_INET, routes[n-3], three); k != 2 || err != nil || three[0] != routes[n-2] || three[1] != routes[n-1] {
		t.Errorf("after route %d come %d, %v: %+v", n-3, k, err, three)
	}
	if k, err := r.DP.NextRoutes(unix.AF_INET, routes[n-1], three); k != 0 || err != nil {
		t.Errorf("after the last route come %d, %v", k, err)
	}
	if err := r.DP.FlushTable(r.Net, unix.AF_INET, 100); err != nil {
		t.Fatal(err)
	}
	if err := r.DP.DumpRoutes(r.Net, 100, unix.AF_INET, func(rt dpif.Route) bool {
		t.Errorf("%+v is left in a flushed table", rt)
		return false
	}); err != nil && err != syscall.ENOENT {
		t.Error(err)
	}
}

func TestGroup(t *testing.T) {
	r := newRouter(t)
	group := dpif.Nexthop{Net: r.Net, ID: 30, Family: unix.AF_INET, Type: unix.RTN_UNICAST,
		Members: []dpif.Member{{ID: nhVia, Weight: 1}, {ID: nhConn1, Weight: 3}}}
	if err := r.DP.SetNexthop(group); err != nil {
		t.Fatal(err)
	}
	nhs, err := r.DP.DumpNexthops(r.Net)
	i := slices.IndexFunc(nhs, func(n dpif.Nexthop) bool { return n.ID == group.ID })
	if err != nil || i < 0 || !reflect.DeepEqual(nhs[i], group) {
		t.Fatalf("nexthops %+v, %v; want %+v among them", nhs, err, group)
	}
	taken := map[uint32]int{}
	for hash := uint64(0); hash < 1<<32; hash += 1 << 20 {
		taken[r.DP.SelectNexthop(r.Net, group.ID, uint32(hash))]++
	}
	if a, b := taken[nhVia], taken[nhConn1]; a+b != 4096 || b < 2*a || b > 4*a {
		t.Errorf("flows took %v, want one to three", taken)
	}
}

func TestDropsAndMIBs(t *testing.T) {
	r := newRouter(t)
	bad := udp4(t, macH1, macP1, h1, far, 64)
	bad[14+10] ^= 0xff // the header's checksum
	before := drop(t, r, "IP_CSUM")
	r.Send("p1", bad)
	if got := r.Recv("p2", 0); got != nil {
		t.Errorf("p2 sent %x", got)
	}
	if n := drop(t, r, "IP_CSUM") - before; n != 1 {
		t.Errorf("%d packets dropped for IP_CSUM, want 1", n)
	}
	mib, err := r.DP.MIB(r.Net, dpif.MIBIP)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]uint64{"InReceives": 1, "ForwDatagrams": 0}
	for _, c := range mib {
		if v, ok := want[c.Name]; ok && c.Value != v {
			t.Errorf("%s is %d, want %d", c.Name, c.Value, v)
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("no counters %v in %+v", want, mib)
	}
}

func drop(t *testing.T, r *router, reason string) uint64 {
	t.Helper()
	workers, err := r.DP.Workers()
	if err != nil || len(workers) != 1 {
		t.Fatalf("workers %+v, %v", workers, err)
	}
	for _, c := range workers[0].Drops {
		if c.Name == reason {
			return c.Value
		}
	}
	return 0
}
