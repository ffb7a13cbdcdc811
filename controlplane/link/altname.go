// SPDX-License-Identifier: BSD-3-Clause

package link

import "syscall"

// AddAltName gives the link a further name (netdev_name_node_alt_create). EEXIST: taken; EINVAL.
func (t *Table) AddAltName(l *Link, name string) error {
	if name == "" || len(name) >= 128 {
		return syscall.EINVAL
	}
	if t.names[name] != nil {
		return syscall.EEXIST
	}
	l.AltNames = append(l.AltNames, name)
	t.names[name] = l
	return nil
}

// DelAltName takes a further name away. ENOENT: nobody has it; EINVAL: it is another link's or the
// link's first.
func (t *Table) DelAltName(l *Link, name string) error {
	for i, n := range l.AltNames {
		if n == name {
			l.AltNames = append(l.AltNames[:i:i], l.AltNames[i+1:]...)
			delete(t.names, name)
			return nil
		}
	}
	if t.names[name] == nil {
		return syscall.ENOENT
	}
	return syscall.EINVAL
}

// SetL3Stats asks for counters of hardware (netdev_offload_xstats_enable, _disable), which no link
// has, and says whether that is new.
func (t *Table) SetL3Stats(l *Link, on bool) bool {
	was := l.L3Stats
	l.L3Stats = on
	return was != on
}

// NotifyProps ends a change of further names (netdev_state_change).
func (t *Table) NotifyProps(l *Link) { t.stateChange(l, 0) }
