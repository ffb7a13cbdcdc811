// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// class is /sys/class/net: a symbolic link for every link.
func (t *Tree) class(name string) *Node {
	if name == "" {
		return dir(0o755, func() []Entry { return t.linkEntries(unix.S_IFLNK) })
	}
	if name == "bonding_masters" || strings.Contains(name, "/") || !t.there(name) {
		return nil
	}
	return symlink("../../devices/virtual/net/" + name)
}

func symlink(target string) *Node { return &Node{Mode: unix.S_IFLNK | 0o777, Target: target} }

func (t *Tree) there(name string) (ok bool) {
	t.lock(func() { ok = t.byName(name) != nil })
	return ok
}

func (t *Tree) linkEntries(mode uint32) (out []Entry) {
	t.lock(func() {
		for _, l := range t.st.Links.All() {
			out = append(out, Entry{l.Name, mode})
		}
	})
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// device is below /sys/devices/virtual/net. Links of the hardware are there too: their device is
// Skua's, and not one that the kernel has a driver for.
func (t *Tree) device(path string) *Node {
	if path == "" {
		return dir(0o755, func() []Entry { return t.linkEntries(unix.S_IFDIR) })
	}
	name, rest, _ := strings.Cut(path, "/")
	var n *Node
	t.lock(func() {
		if l := t.byName(name); l != nil {
			n = t.deviceFile(l, rest)
		}
	})
	return n
}

func (t *Tree) deviceFile(l *link.Link, rest string) *Node {
	in, name, _ := strings.Cut(rest, "/")
	switch in {
	case "":
		list := t.deviceEntries(l)
		return dir(0o755, func() []Entry { return list })
	case "subsystem":
		if name == "" {
			return symlink("../../../../class/net")
		}
		return nil
	case "statistics":
		return t.statistics(l, name)
	case "queues":
		return t.queues(l, name)
	case "power":
		return power(name)
	}
	if name != "" {
		return nil
	}
	if a, ok := attrs[in]; ok {
		return a.node(t, l.Index)
	}
	for _, r := range t.relations(l) {
		if r.name == in {
			return symlink("../" + r.to.Name)
		}
	}
	return nil
}

// relation is a symbolic link to another link.
type relation struct {
	name string
	to   *link.Link
}

// relations are master, upper_NAME and lower_NAME (netdev_adjacent_sysfs_add).
func (t *Tree) relations(l *link.Link) (out []relation) {
	if l.Master != nil {
		out = append(out, relation{"master", l.Master}, relation{"upper_" + l.Master.Name, l.Master})
	}
	if l.Lower != nil && l.Kind == "vlan" {
		out = append(out, relation{"lower_" + l.Lower.Name, l.Lower})
	}
	for _, x := range t.st.Links.All() {
		if x.Master == l {
			out = append(out, relation{"lower_" + x.Name, x})
		}
		if x.Lower == l && x.Kind == "vlan" {
			out = append(out, relation{"upper_" + x.Name, x})
		}
	}
	return out
}

func (t *Tree) deviceEntries(l *link.Link) []Entry {
	out := []Entry{
		{"power", unix.S_IFDIR}, {"queues", unix.S_IFDIR}, {"statistics", unix.S_IFDIR}, {"subsystem", unix.S_IFLNK},
	}
	for name := range attrs {
		out = append(out, Entry{name, unix.S_IFREG})
	}
	for _, r := range t.relations(l) {
		out = append(out, Entry{r.name, unix.S_IFLNK})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// statAttrs are the files of statistics (NETSTAT_ENTRY).
var statAttrs = map[string]func(*dpif.LinkStats) uint64{
	"collisions":          none,
	"multicast":           func(s *dpif.LinkStats) uint64 { return s.Multicast },
	"rx_bytes":            func(s *dpif.LinkStats) uint64 { return s.RxBytes },
	"rx_compressed":       none,
	"rx_crc_errors":       none,
	"rx_dropped":          func(s *dpif.LinkStats) uint64 { return s.RxDropped },
	"rx_errors":           func(s *dpif.LinkStats) uint64 { return s.RxErrors },
	"rx_fifo_errors":      none,
	"rx_frame_errors":     none,
	"rx_length_errors":    func(s *dpif.LinkStats) uint64 { return s.RxLengthError },
	"rx_missed_errors":    func(s *dpif.LinkStats) uint64 { return s.RxMissed },
	"rx_nohandler":        func(s *dpif.LinkStats) uint64 { return s.RxNohandler },
	"rx_over_errors":      none,
	"rx_packets":          func(s *dpif.LinkStats) uint64 { return s.RxPackets },
	"tx_aborted_errors":   none,
	"tx_bytes":            func(s *dpif.LinkStats) uint64 { return s.TxBytes },
	"tx_carrier_errors":   none,
	"tx_compressed":       none,
	"tx_dropped":          func(s *dpif.LinkStats) uint64 { return s.TxDropped },
	"tx_errors":           func(s *dpif.LinkStats) uint64 { return s.TxErrors },
	"tx_fifo_errors":      none,
	"tx_heartbeat_errors": none,
	"tx_packets":          func(s *dpif.LinkStats) uint64 { return s.TxPackets },
	"tx_window_errors":    none,
}

func none(*dpif.LinkStats) uint64 { return 0 }

func (t *Tree) statistics(l *link.Link, name string) *Node {
	if name == "" {
		return dir(0o755, func() []Entry { return sorted(statAttrs) })
	}
	f := statAttrs[name]
	if f == nil {
		return nil
	}
	return attr{show: func(t *Tree, l *link.Link) (string, error) {
		s := t.stats(l)
		return strconv.FormatUint(f(&s), 10), nil
	}}.node(t, l.Index)
}

func sorted[V any](m map[string]V) (out []Entry) {
	for name := range m {
		out = append(out, Entry{name, unix.S_IFREG})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Settings of queues by direction: Skua has none of them, and shows what a kernel begins with.
var queueAttrs = map[string]map[string]attr{
	"rx": {"rps_cpus": constant(0), "rps_flow_cnt": constant(0)},
	"tx": {
		"traffic_class": constant(0), "tx_maxrate": constant(0), "tx_timeout": number(func(*link.Link) int64 { return 0 }),
		"xps_cpus": constant(0), "xps_rxqs": constant(0),
	},
}

func (t *Tree) queues(l *link.Link, path string) *Node {
	of := map[string]uint32{"rx": l.NumRxQueues, "tx": l.NumTxQueues}
	if path == "" {
		var out []Entry
		for _, way := range []string{"rx", "tx"} {
			for i := range of[way] {
				out = append(out, Entry{fmt.Sprintf("%s-%d", way, i), unix.S_IFDIR})
			}
		}
		return dir(0o755, func() []Entry { return out })
	}
	queue, name, _ := strings.Cut(path, "/")
	way, num, _ := strings.Cut(queue, "-")
	i, err := strconv.ParseUint(num, 10, 32)
	if err != nil || uint32(i) >= of[way] || queue != fmt.Sprintf("%s-%d", way, i) {
		return nil
	}
	if name == "" {
		return dir(0o755, func() []Entry { return sorted(queueAttrs[way]) })
	}
	if a, ok := queueAttrs[way][name]; ok {
		return a.node(t, l.Index)
	}
	return nil
}

// power is what every device has.
func power(name string) *Node {
	values := map[string]string{
		"autosuspend_delay_ms": "", "control": "auto", "runtime_active_time": "0",
		"runtime_status": "unsupported", "runtime_suspended_time": "0",
	}
	if name == "" {
		return dir(0o755, func() []Entry { return sorted(values) })
	}
	v, ok := values[name]
	if !ok {
		return nil
	}
	return &Node{Mode: unix.S_IFREG | 0o444, Size: sysfsSize, Read: func(Caller) ([]byte, error) {
		if v == "" {
			return nil, syscall.EIO
		}
		return []byte(v + "\n"), nil
	}}
}
