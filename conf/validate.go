// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// validator collects what is wrong with the values of a file that parsed.
type validator struct {
	file     string
	lines    lineIndex
	problems Error
}

func (v *validator) at(path, format string, args ...any) {
	v.problems = append(v.problems, Problem{
		File: v.file, Line: v.lines.of(path), Field: path, Msg: fmt.Sprintf(format, args...),
	})
}

func (v *validator) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		v.at(path, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

func (v *validator) within(path string, value, low, high int) {
	if value < low || value > high {
		v.at(path, "%d is out of range: want %d to %d", value, low, high)
	}
}

func (v *validator) config(c *Config) {
	v.appliance(&c.Appliance)
	v.dataplane(&c.Dataplane)
	for reason, p := range c.Punt {
		v.punt(reason, p)
	}
	for key := range c.Sysctl {
		if !strings.HasPrefix(key, "net.") {
			v.at("sysctl."+key, "only net.* is Skua's")
		}
		if link := SysctlLink(key); link != "" && c.link(link) == nil {
			v.at("sysctl."+key, "there is no link %q", link)
		}
	}
	names := map[string]int{}
	for i := range c.Links {
		path := fmt.Sprintf("link[%d]", i)
		v.link(path, &c.Links[i])
		if first, twice := names[c.Links[i].Name]; twice && c.Links[i].Name != "" {
			v.at(path+".name", "%q is also the name of the link in line %d", c.Links[i].Name,
				v.lines.of(fmt.Sprintf("link[%d].name", first)))
			continue
		}
		names[c.Links[i].Name] = i
	}
	v.together(c)
	if c.Appliance.Twins {
		v.twins(c)
	}
	names["lo"] = -1
	for i := range c.Routes {
		v.route(fmt.Sprintf("route[%d]", i), &c.Routes[i], names)
	}
	for i := range c.Neighs {
		v.neigh(fmt.Sprintf("neigh[%d]", i), &c.Neighs[i], names)
	}
}

// together is what links must not be beside each other, and what they want of [dataplane].
func (v *validator) together(c *Config) {
	const overhead = 18 // bytes of a frame around its packet: Ethernet header and a VLAN tag
	devices := map[string]int{}
	for i := range c.Links {
		l, path := &c.Links[i], fmt.Sprintf("link[%d]", i)
		if first, twice := devices[l.device()]; twice && l.device() != "" {
			v.at(path, "its device, %s, is also that of the link in line %d", l.device(),
				v.lines.of(fmt.Sprintf("link[%d]", first)))
			continue
		}
		devices[l.device()] = i
		if l.MTU+overhead > c.Dataplane.MbufSize && l.MTU <= 9600 {
			v.at(path+".mtu", "a packet of %d bytes does not fit into dataplane.mbuf_size %d: want at least %d there",
				l.MTU, c.Dataplane.MbufSize, l.MTU+overhead)
		}
		v.workers(path+".workers", l.Workers, &c.Dataplane)
		v.workers(path+".rps", l.RPS.Workers, &c.Dataplane)
		if l.PCI != "" && c.Dataplane.Hugepages == "off" {
			v.at(path+".pci", "PCI devices need hugepages, and dataplane.hugepages is \"off\"")
		}
	}
}

// maxWorkers is how many the data plane can have.
const maxWorkers = 16

// workers checks a list of workers; how many there are may depend on the machine.
func (v *validator) workers(path string, list []int, d *Dataplane) {
	n := d.workers()
	for i, w := range list {
		switch {
		case w < 0 || w >= maxWorkers:
			v.at(path, "%d is no worker: they are 0 to %d at most", w, maxWorkers-1)
		case n == 1 && w > 0:
			v.at(path, "there is no worker %d: dataplane.workers is 1, and that is worker 0", w)
		case n > 0 && w >= n:
			v.at(path, "there is no worker %d: they are 0 to %d", w, n-1)
		case slices.Contains(list[:i], w):
			v.at(path, "worker %d twice", w)
		}
	}
}

// rssKey checks what a network card hashes with. How long its key is, only the card says.
func (v *validator) rssKey(path, key string) {
	if key == "default" || key == "symmetric" {
		return
	}
	b, err := hex.DecodeString(strings.ReplaceAll(key, ":", ""))
	if err != nil || len(b) < 16 || len(b) > 64 {
		v.at(path, "%q is not default, symmetric or a key: want 16 to 64 bytes, such as \"6d5a...\" or \"6d:5a:...\"", key)
	}
}

func (v *validator) appliance(a *Appliance) {
	if !filepath.IsAbs(a.Socket) {
		v.at("appliance.socket", "%q is no absolute path", a.Socket)
	} else if len(a.Socket) > 107 {
		v.at("appliance.socket", "longer than the 107 bytes of a Unix socket's path")
	}
	if a.SocketGroup != "" {
		if _, err := user.LookupGroup(a.SocketGroup); err != nil {
			v.at("appliance.socket_group", "there is no group %q", a.SocketGroup)
		}
	}
	for _, name := range a.AllowUsers {
		if _, err := user.Lookup(name); err != nil {
			v.at("appliance.allow_users", "there is no user %q", name)
		}
	}
	v.oneOf("appliance.log", a.Log, "debug", "info", "warn", "error")
}

func (v *validator) dataplane(d *Dataplane) {
	if len(d.CPUs) > maxWorkers {
		v.at("dataplane.cpus", "%d workers: at most %d", len(d.CPUs), maxWorkers)
	}
	if n := int(d.Workers); n > 0 {
		v.within("dataplane.workers", n, 1, maxWorkers)
		if len(d.CPUs) > 0 && len(d.CPUs) != n {
			v.at("dataplane.workers", "%d workers, and dataplane.cpus has CPUs for %d", n, len(d.CPUs))
		}
	}
	for i, cpu := range d.CPUs {
		v.within("dataplane.cpus", cpu, 0, 1023)
		if slices.Contains(d.CPUs[:i], cpu) {
			v.at("dataplane.cpus", "CPU %d twice", cpu)
		}
	}
	v.oneOf("dataplane.hugepages", d.Hugepages, "auto", "require", "off")
	v.within("dataplane.memory_mb", d.MemoryMB, 64, 1<<20)
	if d.Mbufs != 0 || d.workers() > 0 {
		v.within("dataplane.mbufs", d.Mbufs, 1024, 1<<24)
	}
	v.within("dataplane.mbuf_size", d.MbufSize, 1024, 16384)
	v.within("dataplane.rx_desc", d.RxDesc, 32, 32768)
	v.within("dataplane.tx_desc", d.TxDesc, 32, 32768)
	v.within("dataplane.multipath_hash_policy", *d.FIBPolicy, 0, 1)
	v.oneOf("dataplane.idle", d.Idle, "sleep", "poll")
	v.within("dataplane.idle_max_sleep_us", d.MaxSleep, 1, 1000000)
}

var (
	pciAddress = regexp.MustCompile(`^([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$`)
	vdevString = regexp.MustCompile(`^((net|eth)_[a-z0-9_]+|virtio_user)[0-9]+(,.*)?$`)
)

func (v *validator) link(path string, l *Link) {
	v.ifname(path+".name", l.Name)
	if l.Name == "lo" {
		v.at(path+".name", "lo is always there: it cannot be configured as a device")
	}
	given := 0
	for _, set := range []bool{l.PCI != "", l.Vdev != "", l.Tap != nil, l.AFPacket != "", l.AFXDP != "", l.Memif != nil} {
		if set {
			given++
		}
	}
	if given != 1 {
		v.at(path, "want exactly one of pci, vdev, tap, af_packet, af_xdp, memif; have %d", given)
	}
	if l.PCI != "" && !pciAddress.MatchString(l.PCI) {
		v.at(path+".pci", "%q is no PCI address: want such as \"0000:03:00.0\"", l.PCI)
	}
	if l.Vdev != "" && !vdevString.MatchString(l.Vdev) {
		v.at(path+".vdev", "%q is no vdev: want such as \"net_null0,copy=1\"", l.Vdev)
	}
	if l.Tap != nil {
		v.ifname(path+".tap.name", l.Tap.Name)
		if strings.ContainsAny(l.Tap.Netns, "/ ") {
			v.at(path+".tap.netns", "%q is no name of a network namespace", l.Tap.Netns)
		}
	}
	if l.AFPacket != "" {
		v.ifname(path+".af_packet", l.AFPacket)
	}
	if l.AFXDP != "" {
		v.ifname(path+".af_xdp", l.AFXDP)
	}
	if l.Memif != nil {
		v.oneOf(path+".memif.role", l.Memif.Role, "server", "client")
		if !filepath.IsAbs(l.Memif.Socket) {
			v.at(path+".memif.socket", "%q is no absolute path", l.Memif.Socket)
		}
		if strings.ContainsAny(l.Memif.Socket, ", ") || len(l.Memif.Socket) > 107 {
			v.at(path+".memif.socket", "%q: want a path of at most 107 bytes, without commas and blanks", l.Memif.Socket)
		}
		v.within(path+".memif.id", l.Memif.ID, 0, 1<<16)
	}
	if l.AFPacket+l.AFXDP != "" || l.Memif != nil {
		if strings.ContainsAny(l.Name, ",=") { // DPDK has it in a list of arguments
			v.at(path+".name", "%q: no commas and equals signs in the name of such a link", l.Name)
		}
	}
	v.within(path+".mtu", l.MTU, 68, 9600)
	v.within(path+".queues", l.Queues, 0, 64)
	v.rssKey(path+".rss_key", l.RSSKey)
	for i, a := range l.Addrs {
		if a.Addr().IsMulticast() || a.Addr().IsUnspecified() {
			v.at(path+".addresses", "%s cannot be the address of a link", a)
		}
		if slices.Contains(l.Addrs[:i], a) {
			v.at(path+".addresses", "%s twice", a)
		}
		if a.Addr().Is6() && l.MTU < 1280 {
			v.at(path+".addresses", "%s: IPv6 needs an MTU of 1280, the link has %d", a, l.MTU)
		}
	}
}

// ifname checks what dev_valid_name does.
func (v *validator) ifname(path, name string) {
	switch {
	case name == "":
		v.at(path, "a name is missing")
	case len(name) > 15:
		v.at(path, "%q is longer than 15 bytes", name)
	case name == "." || name == ".." || strings.ContainsAny(name, "/: \t\n\v\f\r"):
		v.at(path, "%q is no name for a link", name)
	}
}

func (v *validator) route(path string, r *Route, links map[string]int) {
	if !netip.Prefix(r.To).IsValid() {
		v.at(path, "to is missing")
		return
	}
	v.oneOf(path+".type", r.Type, "unicast", "blackhole", "unreachable", "prohibit", "throw")
	v.within(path+".table", r.Table, 1, 1<<31-1)
	v.within(path+".metric", r.Metric, 0, 1<<31-1)
	v.within(path+".mtu", r.MTU, 0, 65535)
	if r.Src.IsValid() && r.Src.Is6() != r.Is6() {
		v.at(path+".src", "%s is not of the family of %s", r.Src, r.To)
	}
	one := r.Via.IsValid() || r.Dev != ""
	switch {
	case r.Type != "unicast" && (one || len(r.Nexts) > 0):
		v.at(path, "a route of type %s has no via, dev or nexthops", r.Type)
	case r.Type == "unicast" && one && len(r.Nexts) > 0:
		v.at(path+".nexthops", "in place of via and dev, not beside them")
	case r.Type == "unicast" && !one && len(r.Nexts) == 0:
		v.at(path, "want via, dev or nexthops")
	}
	v.nexthop(path, &Nexthop{Via: r.Via, Dev: r.Dev, Weight: 1, Onlink: r.Onlink}, r, links)
	for i := range r.Nexts {
		p := path + ".nexthops"
		if !r.Nexts[i].Via.IsValid() && r.Nexts[i].Dev == "" {
			v.at(p, "nexthop %d: want via or dev", i+1)
		}
		v.nexthop(p, &r.Nexts[i], r, links)
	}
}

func (v *validator) nexthop(path string, nh *Nexthop, r *Route, links map[string]int) {
	v.linkName(path+".dev", nh.Dev, links)
	v.within(path+".weight", nh.Weight, 1, 256)
	if nh.Via.IsValid() && nh.Via.Is4() && r.Is6() {
		v.at(path+".via", "%s: an IPv6 route has no IPv4 gateway", nh.Via)
	}
	if nh.Via.IsValid() && (nh.Via.IsMulticast() || nh.Via.IsUnspecified()) {
		v.at(path+".via", "%s cannot be a gateway", nh.Via)
	}
	if nh.Via.IsLinkLocalUnicast() && nh.Via.Is6() && nh.Dev == "" {
		v.at(path+".via", "%s is link-local: name its dev", nh.Via)
	}
	if nh.Onlink && (!nh.Via.IsValid() || nh.Dev == "") {
		v.at(path+".onlink", "needs via and dev")
	}
}

func (v *validator) linkName(path, name string, links map[string]int) {
	if name == "" {
		return
	}
	if _, ok := links[name]; !ok {
		v.at(path, "there is no link %q", name)
	}
}

func (v *validator) neigh(path string, n *Neigh, links map[string]int) {
	if n.Dev == "" {
		v.at(path, "dev is missing")
	}
	v.linkName(path+".dev", n.Dev, links)
	switch {
	case !n.To.IsValid():
		v.at(path, "to is missing")
	case n.To.IsMulticast() || n.To.IsUnspecified():
		v.at(path+".to", "%s cannot be a neighbour", n.To)
	}
	if n.LLAddr == (MAC{}) {
		v.at(path, "lladdr is missing")
	}
}

// known lists the keys of each table, for suggestions.
var known = map[string][]string{
	"":          {"appliance", "dataplane", "punt", "sysctl", "link", "route", "neigh"},
	"appliance": {"socket", "socket_mode", "socket_group", "allow_users", "forwarding", "twins", "log"},
	"dataplane": {"workers", "cpus", "hugepages", "memory_mb", "mbufs", "mbuf_size", "rx_desc", "tx_desc", "eal_args", "multipath_hash_policy",
		"idle", "idle_max_sleep_us"},
	"link":     {"name", "pci", "vdev", "tap", "af_packet", "af_xdp", "memif", "mtu", "mac", "up", "queues", "workers", "rss_key", "rps", "addresses"},
	"link.tap": {"name", "netns"}, "link.memif": {"socket", "id", "role"},
	"route":          {"to", "type", "via", "dev", "src", "table", "metric", "mtu", "onlink", "nexthops"},
	"route.nexthops": {"via", "dev", "weight", "onlink"},
	"neigh":          {"dev", "to", "lladdr"},
}

// suggestion names the keys that there are where an unknown one was found.
func suggestion(k toml.Key) string {
	keys := known[strings.Join(k[:len(k)-1], ".")]
	if len(k) == 3 && k[0] == "punt" {
		keys = []string{"rate", "burst"}
	}
	if len(keys) == 0 {
		return ""
	}
	return "; there are " + strings.Join(keys, ", ")
}
