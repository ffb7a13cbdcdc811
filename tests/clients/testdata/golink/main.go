// SPDX-License-Identifier: BSD-3-Clause

// Command golink does with the netlink library that most programs in Go use
// (github.com/vishvananda/netlink) what such programs do, and prints what comes of it: the same on the
// kernel and on Skua. Its argument is the name of another network namespace. A line "# NAME" begins a
// section; one that begins with a kind of link that there is not ends with the error.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

func main() {
	for _, s := range []struct {
		name string
		f    func()
	}{
		{"interfaces of package net", interfaces},
		{"links", links},
		{"addresses", addresses},
		{"routes", routes},
		{"rules", rules},
		{"neighbours", neighbours},
		{"subscriptions", subscriptions},
		{"veth", veth},
		{"namespace", namespace},
		{"traffic control", trafficControl},
		{"families", families},
		{"sockets", sockets},
		{"macvlan", macvlan},
		{"dummy", dummy},
		{"vlan", vlan},
		{"vrf", vrf},
	} {
		fmt.Println("#", s.name)
		s.f()
	}
}

func interfaces() {
	list, err := net.Interfaces()
	for _, l := range list {
		addrs, err := l.Addrs()
		v4 := slice4(addrs)
		fmt.Println(l.Name, l.MTU, l.Flags&net.FlagUp != 0, v4, err)
	}
	fmt.Println(err)
	_, err = net.InterfaceByName("nosuch0")
	fmt.Println(err)
}

// slice4 is the IPv4 part, whatever IPv6 has come to meanwhile.
func slice4(addrs []net.Addr) (v4 []string) {
	for _, a := range addrs {
		if s := a.String(); !strings.Contains(s, ":") {
			v4 = append(v4, s)
		}
	}
	return v4
}

// link finds a link that has to be there.
func link(name string) netlink.Link {
	l, err := netlink.LinkByName(name)
	if err != nil {
		fmt.Println(name, err)
		os.Exit(1)
	}
	return l
}

func prefix(s string) *net.IPNet {
	ip, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	n.IP = ip
	return n
}

func show(l netlink.Link) {
	a := l.Attrs()
	fmt.Println(a.Name, l.Type() != "", a.MTU, a.Flags&net.FlagUp != 0, a.OperState, a.Alias, a.TxQLen, a.AltNames,
		a.Group, a.NumTxQueues > 0, a.Statistics != nil)
}

func links() {
	list, err := netlink.LinkList()
	fmt.Println(len(list), err)
	for _, l := range list {
		show(l)
	}
	l := link("right0")
	same, err := netlink.LinkByIndex(l.Attrs().Index)
	fmt.Println(err, same.Attrs().Name)
	_, err = netlink.LinkByIndex(12345)
	fmt.Println(err, errors.As(err, new(netlink.LinkNotFoundError)))
	_, err = netlink.LinkByName("nosuch0")
	fmt.Println(err)
	fmt.Println(netlink.LinkSetMTU(l, 1400), netlink.LinkSetAlias(l, "to the right"), netlink.LinkSetTxQLen(l, 77),
		netlink.LinkSetGroup(l, 5), netlink.LinkAddAltName(l, "an-alternative-name"), netlink.LinkSetMTU(l, 70000))
	show(link("right0"))
	found, err := netlink.LinkByName("an-alternative-name")
	fmt.Println(err, found.Attrs().Name)
	found, err = netlink.LinkByAlias("to the right")
	fmt.Println(err, found.Attrs().Name)
	fmt.Println(netlink.LinkDelAltName(l, "an-alternative-name"), netlink.LinkSetDown(l))
	show(link("right0"))
	mac, _ := net.ParseMAC("02:00:00:00:07:07")
	fmt.Println(netlink.LinkSetHardwareAddr(l, mac), netlink.LinkSetName(l, "renamed0"), netlink.LinkSetUp(l))
	fmt.Println(link("renamed0").Attrs().HardwareAddr)
	fmt.Println(netlink.LinkSetDown(l), netlink.LinkSetName(l, "left0"), netlink.LinkSetName(l, "right0"), netlink.LinkSetUp(l),
		netlink.LinkSetMTU(l, 1500))
	fmt.Println(netlink.LinkAdd(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "x0"}, LinkType: "nosuchkind"}))
}

func addrs(l netlink.Link, family int) {
	list, err := netlink.AddrList(l, family)
	var lines []string
	for _, a := range list {
		if a.IP.IsLinkLocalUnicast() {
			continue
		}
		lines = append(lines, fmt.Sprint(a.IPNet, a.Label, netlink.Scope(a.Scope), a.Broadcast, a.Peer, a.ValidLft > 0 && a.ValidLft < 4000))
	}
	sort.Strings(lines)
	fmt.Println(err, len(lines))
	for _, s := range lines {
		fmt.Println(s)
	}
}

func addresses() {
	l := link("left0")
	a := &netlink.Addr{IPNet: prefix("10.7.0.1/24")}
	fmt.Println(netlink.AddrAdd(l, a), netlink.AddrAdd(l, a), errors.Is(netlink.AddrAdd(l, a), unix.EEXIST))
	fmt.Println(netlink.AddrAdd(l, &netlink.Addr{IPNet: prefix("10.7.1.1/24"), Label: "left0:x", ValidLft: 3000, PreferedLft: 2000}))
	fmt.Println(netlink.AddrAdd(l, &netlink.Addr{IPNet: prefix("10.7.2.1/32"), Peer: prefix("10.7.2.9/32")}))
	fmt.Println(netlink.AddrAdd(l, &netlink.Addr{IPNet: prefix("2001:db8:77::1/64"), Flags: unix.IFA_F_NODAD}))
	fmt.Println(netlink.AddrReplace(l, &netlink.Addr{IPNet: prefix("10.7.0.1/24"), ValidLft: 1000, PreferedLft: 500}))
	addrs(l, netlink.FAMILY_V4)
	addrs(l, netlink.FAMILY_V6)
	fmt.Println(netlink.AddrDel(l, &netlink.Addr{IPNet: prefix("10.7.0.1/24")}), netlink.AddrDel(l, &netlink.Addr{IPNet: prefix("10.7.1.1/24")}),
		netlink.AddrDel(l, &netlink.Addr{IPNet: prefix("10.7.2.1/32"), Peer: prefix("10.7.2.9/32")}),
		netlink.AddrDel(l, &netlink.Addr{IPNet: prefix("2001:db8:77::1/64")}))
	fmt.Println(netlink.AddrDel(l, a))
	addrs(l, netlink.FAMILY_ALL)
}

func list(family int, filter *netlink.Route, mask uint64) {
	list, err := netlink.RouteListFiltered(family, filter, mask)
	fmt.Println(err, len(list))
	for _, r := range list {
		dev := ""
		if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
			dev = l.Attrs().Name
		}
		fmt.Println(r.Dst, dev, r.Gw, r.Src, r.Table, r.Type, r.Protocol, r.Scope, r.Priority, r.MTU, len(r.MultiPath))
		for _, h := range r.MultiPath {
			fmt.Println(" ", h.Gw, h.Hops)
		}
	}
}

func routes() {
	left, right := link("left0").Attrs().Index, link("right0").Attrs().Index
	dst := prefix("203.0.113.0/24")
	r := &netlink.Route{Dst: dst, Gw: net.ParseIP("192.0.2.2"), Table: 77, Protocol: 99}
	fmt.Println(netlink.RouteAdd(r), netlink.RouteAdd(r), netlink.RouteReplace(r))
	only := &netlink.Route{Table: 77}
	list(netlink.FAMILY_V4, only, netlink.RT_FILTER_TABLE)
	fmt.Println(netlink.RouteReplace(&netlink.Route{Dst: dst, Table: 77, Protocol: 99, MultiPath: []*netlink.NexthopInfo{
		{LinkIndex: left, Gw: net.ParseIP("192.0.2.2")}, {LinkIndex: left, Gw: net.ParseIP("192.0.2.3"), Hops: 3}}}))
	fmt.Println(netlink.RouteAdd(&netlink.Route{Dst: prefix("203.0.114.0/24"), LinkIndex: left, Scope: netlink.SCOPE_LINK, Table: 77, MTU: 1300}),
		netlink.RouteAdd(&netlink.Route{Dst: prefix("203.0.115.0/24"), Table: 77, Type: unix.RTN_BLACKHOLE, Priority: 50}),
		netlink.RouteAppend(&netlink.Route{Dst: prefix("203.0.114.0/24"), Gw: net.ParseIP("192.0.2.4"), Table: 77}))
	list(netlink.FAMILY_V4, only, netlink.RT_FILTER_TABLE)
	list(netlink.FAMILY_V4, &netlink.Route{Table: 77, Dst: dst}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_DST)
	list(netlink.FAMILY_V4, &netlink.Route{LinkIndex: left}, netlink.RT_FILTER_OIF)
	list(netlink.FAMILY_V4, &netlink.Route{Table: 255, LinkIndex: left}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
	fmt.Println(netlink.RouteAdd(&netlink.Route{Dst: prefix("2001:db8:99::/48"), Gw: net.ParseIP("2001:db8:1::2"), Table: 77}),
		netlink.RouteAdd(&netlink.Route{Dst: prefix("2001:db8:99::/48"), Gw: net.ParseIP("2001:db8:1::3"), Table: 77, Priority: 2048}))
	list(netlink.FAMILY_V6, only, netlink.RT_FILTER_TABLE)
	got, err := netlink.RouteGet(net.ParseIP("198.51.100.9"))
	fmt.Println(len(got), err, err == nil && got[0].LinkIndex == right, err == nil && got[0].Src.Equal(net.ParseIP("198.51.100.1")))
	got, err = netlink.RouteGetWithOptions(net.ParseIP("198.51.100.9"), &netlink.RouteGetOptions{Iif: "left0", SrcAddr: net.ParseIP("192.0.2.2")})
	fmt.Println(len(got), err)
	_, err = netlink.RouteGet(net.ParseIP("203.0.113.9"))
	fmt.Println(err, errors.Is(err, unix.ENETUNREACH))
	fmt.Println(netlink.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP("10.99.99.99")}))
	for _, d := range []string{"203.0.113.0/24", "203.0.114.0/24", "203.0.114.0/24", "203.0.115.0/24", "203.0.115.0/24", "2001:db8:99::/48", "2001:db8:99::/48"} {
		fmt.Println(netlink.RouteDel(&netlink.Route{Dst: prefix(d), Table: 77}))
	}
}

func rules() {
	r := netlink.NewRule()
	r.Priority, r.Table, r.Src, r.IifName = 100, 77, prefix("10.0.0.0/8"), "left0"
	six := netlink.NewRule()
	six.Family, six.Priority, six.Table, six.Dst, six.IPProto = netlink.FAMILY_V6, 101, 78, prefix("2001:db8::/32"), unix.IPPROTO_TCP
	six.Dport = netlink.NewRulePortRange(80, 90)
	tos := netlink.NewRule()
	tos.Priority, tos.Table, tos.Tos, tos.Invert = 102, 79, 0x10, true
	fmt.Println(netlink.RuleAdd(r), netlink.RuleAdd(r), netlink.RuleAdd(six), netlink.RuleAdd(tos))
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := netlink.RuleList(family)
		fmt.Println(len(list), err)
		for _, r := range list {
			fmt.Println(r.String(), r.IifName, r.IPProto, r.Dport, r.Tos, r.Invert)
		}
	}
	some, err := netlink.RuleListFiltered(netlink.FAMILY_V4, &netlink.Rule{Table: 77}, netlink.RT_FILTER_TABLE)
	fmt.Println(len(some), err)
	fmt.Println(netlink.RuleDel(r), netlink.RuleDel(r), netlink.RuleDel(six), netlink.RuleDel(tos))
}

func neighbours() {
	l := link("left0")
	mac, _ := net.ParseMAC("02:00:00:00:09:09")
	n := &netlink.Neigh{LinkIndex: l.Attrs().Index, IP: net.ParseIP("192.0.2.77"), HardwareAddr: mac, State: netlink.NUD_PERMANENT}
	fmt.Println(netlink.NeighAdd(n), netlink.NeighAdd(n), netlink.NeighSet(n))
	fmt.Println(netlink.NeighSet(&netlink.Neigh{LinkIndex: n.LinkIndex, IP: net.ParseIP("2001:db8:1::77"), HardwareAddr: mac, State: netlink.NUD_NOARP}))
	fmt.Println(netlink.NeighAdd(&netlink.Neigh{LinkIndex: n.LinkIndex, IP: net.ParseIP("192.0.2.78"), Flags: netlink.NTF_PROXY, Family: netlink.FAMILY_V4}))
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := netlink.NeighList(n.LinkIndex, family)
		fmt.Println(err)
		for _, e := range list {
			if e.HardwareAddr.String() == mac.String() {
				fmt.Println(e.IP, e.HardwareAddr, e.State, e.Flags)
			}
		}
	}
	proxies, err := netlink.NeighProxyList(n.LinkIndex, netlink.FAMILY_V4)
	fmt.Println(len(proxies), err)
	fmt.Println(netlink.NeighDel(n), netlink.NeighDel(n),
		netlink.NeighDel(&netlink.Neigh{LinkIndex: n.LinkIndex, IP: net.ParseIP("2001:db8:1::77")}),
		netlink.NeighDel(&netlink.Neigh{LinkIndex: n.LinkIndex, IP: net.ParseIP("192.0.2.78"), Flags: netlink.NTF_PROXY, Family: netlink.FAMILY_V4}))
}

// await reads updates until one is what is waited for.
func await[T any](ch <-chan T, is func(T) bool) bool {
	timeout := time.After(20 * time.Second)
	for {
		select {
		case u, ok := <-ch:
			if !ok {
				return false
			}
			if is(u) {
				return true
			}
		case <-timeout:
			return false
		}
	}
}

func subscriptions() {
	done := make(chan struct{})
	defer close(done)
	routes, links := make(chan netlink.RouteUpdate, 100), make(chan netlink.LinkUpdate, 100)
	addrs, neighs := make(chan netlink.AddrUpdate, 100), make(chan netlink.NeighUpdate, 100)
	existing := make(chan netlink.AddrUpdate, 100)
	fmt.Println(netlink.RouteSubscribe(routes, done), netlink.LinkSubscribe(links, done), netlink.AddrSubscribe(addrs, done),
		netlink.NeighSubscribe(neighs, done), netlink.AddrSubscribeWithOptions(existing, done, netlink.AddrSubscribeOptions{ListExisting: true}))
	fmt.Println(await(existing, func(u netlink.AddrUpdate) bool { return u.NewAddr && u.LinkAddress.String() == "192.0.2.1/24" }))

	l := link("left0")
	for _, d := range []string{"203.0.113.0/24", "2001:db8:99::/48"} {
		gw := map[bool]string{true: "2001:db8:1::2", false: "192.0.2.2"}[strings.Contains(d, ":")]
		r := &netlink.Route{Dst: prefix(d), Gw: net.ParseIP(gw)}
		fmt.Println(netlink.RouteAdd(r), netlink.RouteDel(r))
		for _, typ := range []uint16{unix.RTM_NEWROUTE, unix.RTM_DELROUTE} {
			fmt.Println(await(routes, func(u netlink.RouteUpdate) bool {
				return u.Type == typ && fmt.Sprint(u.Dst) == d && u.Gw.String() == gw
			}))
		}
	}
	a := &netlink.Addr{IPNet: prefix("10.8.0.1/24")}
	fmt.Println(netlink.AddrAdd(l, a), netlink.AddrDel(l, a))
	for _, added := range []bool{true, false} {
		fmt.Println(await(addrs, func(u netlink.AddrUpdate) bool {
			return u.NewAddr == added && u.LinkAddress.String() == "10.8.0.1/24" && u.LinkIndex == l.Attrs().Index
		}))
	}
	fmt.Println(netlink.LinkSetAlias(l, "seen"))
	fmt.Println(await(links, func(u netlink.LinkUpdate) bool { return u.Attrs().Name == "left0" && u.Attrs().Alias == "seen" }))
	mac, _ := net.ParseMAC("02:00:00:00:09:0a")
	n := &netlink.Neigh{LinkIndex: l.Attrs().Index, IP: net.ParseIP("192.0.2.79"), HardwareAddr: mac, State: netlink.NUD_PERMANENT}
	fmt.Println(netlink.NeighSet(n))
	fmt.Println(await(neighs, func(u netlink.NeighUpdate) bool { return u.IP.Equal(n.IP) && u.HardwareAddr.String() == mac.String() }))
	fmt.Println(netlink.NeighDel(n))

	// A socket of its own, for both families' routes at once.
	s, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	fmt.Println(err)
	local, err := s.GetPid()
	fmt.Println(local != 0, err, s.SetReceiveTimeout(&unix.Timeval{Sec: 20}), s.SetReceiveBufferSize(1<<20, true))
	r := &netlink.Route{Dst: prefix("203.0.116.0/24"), Gw: net.ParseIP("192.0.2.2")}
	fmt.Println(netlink.RouteAdd(r), netlink.RouteDel(r))
	for typ := uint16(0); typ != unix.RTM_DELROUTE; {
		msgs, from, err := s.Receive()
		if err != nil {
			fmt.Println(err)
			break
		}
		for _, m := range msgs {
			typ = m.Header.Type
			fmt.Println(typ, from.Family, from.Pid, from.Groups, m.Header.Pid != 0)
		}
	}
	s.Close()
}

func veth() {
	fmt.Println(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "cv0", MTU: 1300}, PeerName: "cv1"}))
	l := link("cv0")
	v, ok := l.(*netlink.Veth)
	fmt.Println(l.Type(), ok, l.Attrs().MTU, link("cv1").Attrs().ParentIndex == l.Attrs().Index)
	if ok {
		peer, err := netlink.VethPeerIndex(v)
		fmt.Println(peer == link("cv1").Attrs().Index, err)
	}
	fmt.Println(netlink.LinkSetUp(l), netlink.LinkSetUp(link("cv1")))
	fmt.Println(netlink.LinkDel(l), netlink.LinkDel(l))
	_, err := netlink.LinkByName("cv1")
	fmt.Println(err)
}

func namespace() {
	ns, err := netns.GetFromName(os.Args[1])
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()
	list, err := h.LinkList()
	fmt.Println(len(list), err)
	fmt.Println(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "cv0"}, PeerName: "cv1", PeerNamespace: netlink.NsFd(ns)}))
	in, err := h.LinkByName("cv1")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = netlink.LinkByName("cv1")
	fmt.Println(err)
	fmt.Println(h.AddrAdd(in, &netlink.Addr{IPNet: prefix("10.9.0.2/24")}), h.LinkSetUp(in))
	got, err := h.AddrList(in, netlink.FAMILY_V4)
	fmt.Println(len(got), err)
	fmt.Println(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "cv2"}, PeerName: "cv3"}),
		netlink.LinkSetNsFd(link("cv2"), int(ns)))
	in, err = h.LinkByName("cv2")
	fmt.Println(err == nil && in.Attrs().Name == "cv2", err)
	fmt.Println(netlink.LinkDel(link("cv0")), netlink.LinkDel(link("cv3")))
	list, err = h.LinkList()
	fmt.Println(len(list), err)
}

func trafficControl() {
	lo := link("lo")
	list, err := netlink.QdiscList(lo)
	for _, q := range list {
		fmt.Println(q.Type(), q.Attrs())
	}
	fmt.Println(len(list), err)
	filters, err := netlink.FilterList(lo, netlink.HANDLE_MIN_INGRESS)
	fmt.Println(len(filters), err)
	classes, err := netlink.ClassList(lo, 0)
	fmt.Println(len(classes), err)
	fdb, err := netlink.BridgeVlanList()
	fmt.Println(len(fdb), err)
}

func families() {
	f, err := netlink.GenlFamilyGet("nlctrl")
	fmt.Println(err)
	if err == nil {
		fmt.Println(f.ID, f.Name, f.Version)
	}
	f, err = netlink.GenlFamilyGet("ethtool")
	fmt.Println(err)
	if err == nil {
		fmt.Println(f.Name, f.Version)
	}
	_, err = netlink.GenlFamilyGet("nosuch")
	fmt.Println(err)
}

// sockets are those of the host's kernel.
func sockets() {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	list, err := netlink.SocketDiagTCP(unix.AF_INET)
	found := false
	for _, s := range list {
		found = found || int(s.ID.SourcePort) == ln.Addr().(*net.TCPAddr).Port
	}
	fmt.Println(found, err)
}

// made says whether a link of a kind could be made.
func made(l netlink.Link) bool {
	err := netlink.LinkAdd(l)
	fmt.Println(err)
	return err == nil
}

func dummy() {
	if !made(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "cd0", MTU: 1400}}) {
		return
	}
	l := link("cd0")
	_, ok := l.(*netlink.Dummy)
	fmt.Println(l.Type(), ok, netlink.LinkSetUp(l), netlink.AddrAdd(l, &netlink.Addr{IPNet: prefix("10.10.0.1/24")}))
	list(netlink.FAMILY_V4, &netlink.Route{LinkIndex: l.Attrs().Index}, netlink.RT_FILTER_OIF)
	fmt.Println(netlink.LinkDel(l))
}

func vlan() {
	lower := link("left0")
	if !made(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "left0.5", ParentIndex: lower.Attrs().Index}, VlanId: 5}) {
		return
	}
	l := link("left0.5")
	v, ok := l.(*netlink.Vlan)
	fmt.Println(l.Type(), ok)
	if ok {
		fmt.Println(v.VlanId, v.VlanProtocol, v.ParentIndex == lower.Attrs().Index)
	}
	fmt.Println(netlink.LinkAdd(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "x0", ParentIndex: lower.Attrs().Index}, VlanId: 5}))
	fmt.Println(netlink.LinkDel(l))
}

func vrf() {
	if !made(&netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: "red"}, Table: 100}) {
		return
	}
	l, right := link("red"), link("right0")
	v, ok := l.(*netlink.Vrf)
	fmt.Println(l.Type(), ok)
	if ok {
		fmt.Println(v.Table)
	}
	fmt.Println(netlink.LinkSetUp(l), netlink.LinkSetMaster(right, l), link("right0").Attrs().MasterIndex == l.Attrs().Index)
	list(netlink.FAMILY_V4, &netlink.Route{Table: 100}, netlink.RT_FILTER_TABLE)
	fmt.Println(netlink.LinkSetNoMaster(right), link("right0").Attrs().MasterIndex, netlink.LinkDel(l))
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} { // the rule that came with the first VRF
		r := netlink.NewRule()
		r.Family, r.Priority = family, 1000
		_ = netlink.RuleDel(r)
	}
}

func macvlan() {
	lower := link("left0")
	if !made(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "cm0", ParentIndex: lower.Attrs().Index}, Mode: netlink.MACVLAN_MODE_BRIDGE}) {
		return
	}
	l := link("cm0")
	m, ok := l.(*netlink.Macvlan)
	fmt.Println(l.Type(), ok)
	if ok {
		fmt.Println(m.Mode == netlink.MACVLAN_MODE_BRIDGE, m.ParentIndex == lower.Attrs().Index)
	}
	fmt.Println(netlink.LinkSetUp(l), netlink.LinkDel(l))
}
