// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// sysfsSize is what stat() says of every attribute.
const sysfsSize = 4096

// attr is a file of /sys/class/net/NAME (net-sysfs.c).
type attr struct {
	show  func(t *Tree, l *link.Link) (string, error)
	store func(t *Tree, l *link.Link, v uint64) error // nil: read-only, or raw
	raw   func(t *Tree, l *link.Link, text string) error
}

func number(f func(*link.Link) int64) attr {
	return attr{show: func(_ *Tree, l *link.Link) (string, error) { return strconv.FormatInt(f(l), 10), nil }}
}

// running is what attributes say of a link that is up only.
func running(f func(t *Tree, l *link.Link) (string, error)) attr {
	return attr{show: func(t *Tree, l *link.Link) (string, error) {
		if !l.Up() {
			return "", syscall.EINVAL
		}
		return f(t, l)
	}}
}

// constant is an attribute of what Skua has no setting for: the value that the kernel begins with,
// which may be written again and nothing else.
func constant(v uint64) attr {
	a := number(func(*link.Link) int64 { return int64(v) })
	a.store = func(_ *Tree, _ *link.Link, to uint64) error {
		if to != v {
			return syscall.EOPNOTSUPP
		}
		return nil
	}
	return a
}

// change is an attribute whose writing is a change of the link.
func (a attr) change(set func(v uint64) link.Change) attr {
	a.store = func(t *Tree, l *link.Link, v uint64) error { return t.st.Links.Change(l, set(v)) }
	return a
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

var operstates = [...]string{"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}

var attrs = map[string]attr{
	"addr_assign_type": number(addrAssignType),
	"addr_len":         number(func(*link.Link) int64 { return 6 }),
	"address":          {show: func(_ *Tree, l *link.Link) (string, error) { return l.HardAddr.String(), nil }},
	"broadcast":        {show: func(_ *Tree, l *link.Link) (string, error) { return l.Broadcast.String(), nil }},
	"carrier": running(func(_ *Tree, l *link.Link) (string, error) { return flag(l.Carrier), nil }).
		change(func(v uint64) link.Change { on := v != 0; return link.Change{Carrier: &on} }),
	"carrier_changes":      number(func(l *link.Link) int64 { return int64(l.CarrierUpCount + l.CarrierDownCount) }),
	"carrier_down_count":   number(func(l *link.Link) int64 { return int64(l.CarrierDownCount) }),
	"carrier_up_count":     number(func(l *link.Link) int64 { return int64(l.CarrierUpCount) }),
	"dev_id":               {show: func(*Tree, *link.Link) (string, error) { return "0x0", nil }},
	"dev_port":             number(func(*link.Link) int64 { return 0 }),
	"dormant":              running(func(_ *Tree, l *link.Link) (string, error) { return flag(l.OperState == link.OperDormant), nil }),
	"duplex":               running(duplex),
	"flags":                {show: showFlags, store: storeFlags},
	"gro_flush_timeout":    constant(0),
	"ifalias":              {show: func(_ *Tree, l *link.Link) (string, error) { return l.Alias, nil }, raw: storeAlias},
	"ifindex":              number(func(l *link.Link) int64 { return int64(l.Index) }),
	"iflink":               number(ifLink),
	"link_mode":            number(func(l *link.Link) int64 { return int64(l.LinkMode) }),
	"mtu":                  number(func(l *link.Link) int64 { return int64(l.MTU) }).change(func(v uint64) link.Change { m := clip(v); return link.Change{MTU: &m} }),
	"name_assign_type":     number(nameAssignType),
	"napi_defer_hard_irqs": constant(0),
	"netdev_group":         number(func(l *link.Link) int64 { return int64(l.Group) }).change(func(v uint64) link.Change { g := clip(v); return link.Change{Group: &g} }),
	"operstate": {show: func(_ *Tree, l *link.Link) (string, error) {
		return operstates[min(int(l.ShownOperState()), len(operstates)-1)], nil
	}},
	"proto_down":   constant(0),
	"speed":        running(speed),
	"testing":      running(func(_ *Tree, l *link.Link) (string, error) { return flag(l.OperState == link.OperTesting), nil }),
	"threaded":     constant(0),
	"tx_queue_len": number(func(l *link.Link) int64 { return int64(l.TxQLen) }).change(func(v uint64) link.Change { n := clip(v); return link.Change{TxQLen: &n} }),
	"type":         number(func(l *link.Link) int64 { return int64(l.Type) }),
	"uevent":       {show: uevent, raw: func(*Tree, *link.Link, string) error { return nil }},
}

// clip makes of a number what a setting of 32 bits can hold at most.
func clip(v uint64) uint32 { return uint32(min(v, 1<<32-1)) }

func addrAssignType(l *link.Link) int64 {
	const perm, random, set = 0, 1, 3 // NET_ADDR_*
	switch {
	case l.Loopback(), !l.PermAddr.IsZero() && l.HardAddr == l.PermAddr:
		return perm
	case l.PermAddr.IsZero() && l.Kind != "" && l.Kind != "tun":
		return random
	}
	return set // by the configuration
}

func nameAssignType(l *link.Link) int64 {
	const predictable, user = 2, 3 // NET_NAME_*
	if l.Loopback() || l.Kind == "" {
		return predictable
	}
	return user
}

func ifLink(l *link.Link) int64 {
	if l.Lower != nil {
		return int64(l.Lower.Index)
	}
	return int64(l.Index)
}

func uevent(_ *Tree, l *link.Link) (string, error) {
	s := fmt.Sprintf("INTERFACE=%s\nIFINDEX=%d", l.Name, l.Index)
	if l.Kind == "vlan" {
		s = "DEVTYPE=vlan\n" + s
	}
	return s, nil
}

func showFlags(_ *Tree, l *link.Link) (string, error) {
	return fmt.Sprintf("0x%x", l.Flags&^(unix.IFF_RUNNING|unix.IFF_LOWER_UP|unix.IFF_DORMANT)), nil
}

func storeFlags(t *Tree, l *link.Link, v uint64) error {
	return t.st.Links.Change(l, link.Change{Flags: uint32(v), FlagsMask: ^uint32(0)})
}

func storeAlias(t *Tree, l *link.Link, text string) error {
	text = strings.TrimSuffix(text, "\n")
	if len(text) >= 256 { // IFALIASZ
		return syscall.EINVAL
	}
	return t.st.Links.Change(l, link.Change{Alias: &text})
}

// speed is in Mbit/s.
func speed(t *Tree, l *link.Link) (string, error) {
	if t.Speed == nil {
		return "", syscall.EINVAL
	}
	mbps, _, ok := t.Speed(l)
	if !ok {
		return "", syscall.EINVAL
	}
	return strconv.Itoa(mbps), nil
}

func duplex(t *Tree, l *link.Link) (string, error) {
	if t.Speed == nil {
		return "", syscall.EINVAL
	}
	mbps, full, ok := t.Speed(l)
	switch {
	case !ok:
		return "", syscall.EINVAL
	case mbps < 0:
		return "unknown", nil
	case full:
		return "full", nil
	}
	return "half", nil
}

// node is an attribute as a file of l, which is looked up again when it is used.
func (a attr) node(t *Tree, index uint32) *Node {
	n := &Node{Mode: unix.S_IFREG | 0o444, Size: sysfsSize}
	n.Read = func(Caller) (out []byte, err error) {
		t.lock(func() {
			l := t.st.Links.ByIndex(index)
			if l == nil {
				err = syscall.EINVAL
				return
			}
			var s string
			if s, err = a.show(t, l); err == nil {
				out = append([]byte(s), '\n')
			}
		})
		return out, errnoOf(err)
	}
	if a.store == nil && a.raw == nil {
		return n
	}
	n.Mode |= 0o200
	n.Write = func(_ Caller, data []byte) (err error) {
		var v uint64
		if a.store != nil {
			if v, err = parseUlong(string(data)); err != nil {
				return err
			}
		}
		t.lock(func() {
			switch l := t.st.Links.ByIndex(index); {
			case l == nil:
				err = syscall.EINVAL
			case a.store != nil:
				err = a.store(t, l, v)
			default:
				err = a.raw(t, l, string(data))
			}
		})
		return errnoOf(err)
	}
	return n
}

// parseUlong is kstrtoul with base 0: one newline may follow.
func parseUlong(s string) (uint64, error) {
	s = strings.TrimPrefix(strings.TrimSuffix(s, "\n"), "+")
	if strings.ContainsAny(s, "_oObB") { // Go's own, and not the kernel's
		return 0, syscall.EINVAL
	}
	v, err := strconv.ParseUint(s, 0, 64)
	if err == nil {
		return v, nil
	}
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return 0, syscall.ERANGE
	}
	return 0, syscall.EINVAL
}
