// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// fill writes a file of /proc/net, under RTNL.
type fill func(t *Tree, b *bytes.Buffer)

// netFiles are those of Skua's own. Where it has none of a thing, there is the header alone, as in
// a kernel that has none.
var netFiles = map[string]fill{
	"anycast6":          (*Tree).anycast6,
	"arp":               (*Tree).arp,
	"arp_tables_names":  empty,
	"dev":               (*Tree).dev,
	"dev_mcast":         (*Tree).devMcast,
	"fib_trie":          (*Tree).fibTrie,
	"fib_triestat":      (*Tree).fibTriestat,
	"if_inet6":          (*Tree).ifInet6,
	"igmp":              (*Tree).igmp,
	"igmp6":             (*Tree).igmp6,
	"ip6_flowlabel":     text("Label S Owner  Users  Linger Expires  Dst                              Opt\n"),
	"ip6_mr_cache":      text("Group                            Origin                           Iif      Pkts  Bytes     Wrong  Oifs\n"),
	"ip6_mr_vif":        text("Interface      BytesIn  PktsIn  BytesOut PktsOut Flags\n"),
	"ip6_tables_names":  empty,
	"ip_mr_cache":       text("Group    Origin   Iif     Pkts    Bytes    Wrong Oifs\n"),
	"ip_mr_vif":         text("Interface      BytesIn  PktsIn  BytesOut PktsOut Flags Local    Remote\n"),
	"ip_tables_matches": empty,
	"ip_tables_names":   empty,
	"ip_tables_targets": empty,
	"ipv6_route":        (*Tree).ipv6Route,
	"mcfilter":          text("Idx Device        MCA        SRC    INC    EXC\n"),
	"mcfilter6":         text("Idx Device                Multicast Address                   Source Address    INC    EXC\n"),
	"psched":            text("000003e8 00000040 000f4240 3b9aca00\n"),
	"ptype":             (*Tree).ptype,
	"route":             (*Tree).route,
	"rt6_stats":         (*Tree).rt6Stats,
	"rt_cache":          text(fmt.Sprintf("%-127s\n", "Iface\tDestination\tGateway \tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\tIRTT\tTOS\tHHRef\tHHUptod\tSpecDst")),
	"softnet_stat":      (*Tree).softnetStat,
	"stat/rt_cache":     (*Tree).rtCache,
	"wireless": text("Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n" +
		" face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"),
}

// hostFiles are about sockets, which are the host kernel's.
var hostFiles = []string{"icmp", "icmp6", "netlink", "packet", "protocols", "raw", "raw6", "sockstat",
	"sockstat6", "tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "unix", "xfrm_stat"}

func text(s string) fill             { return func(_ *Tree, b *bytes.Buffer) { b.WriteString(s) } }
func empty(_ *Tree, _ *bytes.Buffer) {}

// addNet puts the files of /proc/net into the tree.
func (t *Tree) addNet() {
	for name, f := range netFiles {
		t.addFile("proc/net/"+name, t.text(f))
	}
	for _, name := range hostFiles {
		t.addFile("proc/net/"+name, hostNet(name))
	}
	t.addFile("proc/net/snmp", t.withHost("snmp", (*Tree).snmp))
	t.addFile("proc/net/netstat", t.withHost("netstat", (*Tree).netstat))
	t.addFile("proc/net/snmp6", t.withHost("snmp6", (*Tree).snmp6))
}

// text is a file that f writes.
func (t *Tree) text(f fill) *Node {
	return &Node{Mode: unix.S_IFREG | 0o444, Read: func(Caller) ([]byte, error) {
		var b bytes.Buffer
		t.lock(func() { f(t, &b) })
		return b.Bytes(), nil
	}}
}

// addFile adds a fixed file with the directories that it is in.
func (t *Tree) addFile(path string, n *Node) {
	t.files[path] = n
	mode := uint32(unix.S_IFREG)
	for {
		i := strings.LastIndexByte(path, '/')
		in, base := path[:i], path[i+1:]
		if !slices.ContainsFunc(t.names[in], func(e Entry) bool { return e.Name == base }) {
			t.names[in] = append(t.names[in], Entry{base, mode})
			slices.SortFunc(t.names[in], func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		}
		if in == "proc/net" || in == "skua" || t.files[in] != nil {
			t.files[in] = dir(0o555, func() []Entry { return t.list(in) })
			return
		}
		t.files[in] = dir(0o555, func() []Entry { return t.list(in) })
		path, mode = in, unix.S_IFDIR
	}
}

// list is a directory of fixed files, and the directories of links that stand in it.
func (t *Tree) list(in string) []Entry {
	out := slices.Clone(t.names[in])
	if in == "proc/net" {
		out = append(out, Entry{"dev_snmp6", unix.S_IFDIR}, Entry{"vlan", unix.S_IFDIR})
	}
	return out
}

// perLink are files and directories below /proc/net that come and go with links.
func (t *Tree) perLink(path string) *Node {
	rest, ok := strings.CutPrefix(path, "proc/net/")
	if !ok {
		return nil
	}
	in, name, _ := strings.Cut(rest, "/")
	switch in {
	case "vlan":
		return t.vlan(name)
	case "dev_snmp6":
	default:
		return nil
	}
	if name == "" {
		return dir(0o555, func() (out []Entry) {
			t.lock(func() {
				for _, l := range t.st.Links.All() {
					if l.In6Dev {
						out = append(out, Entry{l.Name, unix.S_IFREG})
					}
				}
			})
			return out
		})
	}
	var l *link.Link
	t.lock(func() {
		if l = t.byName(name); l != nil && !l.In6Dev {
			l = nil
		}
	})
	if l == nil {
		return nil
	}
	return t.text(func(t *Tree, b *bytes.Buffer) { t.devSnmp6(b, l) })
}

// byName finds a link by its own name, as directories are named. Nil: none.
func (t *Tree) byName(name string) *link.Link {
	if l := t.st.Links.ByName(name); l != nil && l.Name == name {
		return l
	}
	return nil
}

// hex6 is %pi6: 32 digits.
func hex6(a netip.Addr) string {
	b := a.As16()
	return fmt.Sprintf("%x", b[:])
}

// hex4 is %08X of an IPv4 address in network order, as a little-endian machine prints it.
func hex4(a netip.Addr) string {
	if !a.Is4() {
		return "00000000"
	}
	b := a.As4()
	return fmt.Sprintf("%02X%02X%02X%02X", b[3], b[2], b[1], b[0])
}
