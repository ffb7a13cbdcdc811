// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"slices"
	"strings"
)

// SysctlEntry is a file or a directory of the tree of sysctls.
type SysctlEntry struct {
	Name string
	Dir  bool
	Mode uint32 // permission bits
	Host bool   // a setting of the host kernel's sockets, which Skua does not have
}

// entry says how a knob is listed.
func (k *Knob) entry(name string) SysctlEntry {
	e := SysctlEntry{Name: name, Mode: k.Mode, Host: k.Host}
	switch {
	case e.Mode != 0:
	case k.Set == nil && !k.Host:
		e.Mode = 0o444
	default:
		e.Mode = 0o644
	}
	return e
}

// addDirs notes the directories that a name stands in.
func (t *Table) addDirs(name string) {
	for {
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return
		}
		dir, base := name[:i], name[i+1:]
		if t.knobDirs[dir] == nil {
			t.knobDirs[dir] = map[string]bool{}
		}
		if t.knobDirs[dir][base] {
			return
		}
		t.knobDirs[dir][base] = true
		name = dir
	}
}

// SysctlStat says what a path below /proc/sys is: "net/ipv4/ip_forward". False: there is no such
// file or directory.
func (t *Table) SysctlStat(path string) (SysctlEntry, bool) {
	base := path[strings.LastIndexByte(path, '/')+1:]
	if k, err := t.knob("/" + path); err == nil {
		return k.entry(base), true
	}
	if t.isSysctlDir(strings.Split(path, "/")) {
		return SysctlEntry{Name: base, Dir: true, Mode: 0o555}, true
	}
	return SysctlEntry{}, false
}

func (t *Table) isSysctlDir(part []string) bool {
	if family, kind, of := devDir(part); of != "" {
		return t.hasDevDir(family, kind, of)
	}
	return t.knobDirs[strings.Join(part, ".")] != nil
}

// devDir takes net/ipv4/conf/NAME and its kin apart.
func devDir(part []string) (family, kind, of string) {
	if len(part) == 4 && part[0] == "net" && (part[1] == "ipv4" || part[1] == "ipv6") &&
		(part[2] == "conf" || part[2] == "neigh") {
		return part[1], part[2], part[3]
	}
	return "", "", ""
}

func (t *Table) hasDevDir(family, kind, of string) bool {
	if of == "default" || of == "all" && kind == "conf" {
		return true
	}
	l := t.names[of]
	return l != nil && l.Name == of && (family == "ipv4" && l.InDev || family == "ipv6" && l.In6Dev)
}

// SysctlDir lists a directory below /proc/sys, sorted by name. False: it is none.
func (t *Table) SysctlDir(path string) ([]SysctlEntry, bool) {
	part := strings.Split(path, "/")
	if !t.isSysctlDir(part) {
		return nil, false
	}
	names := map[string]bool{}
	for name := range t.knobDirs[strings.Join(part, ".")] {
		names[name] = true
	}
	if family, kind, of := devDir(append(slices.Clone(part), "default")); of != "" {
		for _, l := range t.All() {
			if t.hasDevDir(family, kind, l.Name) {
				names[l.Name] = true
			}
		}
	}
	if family, kind, of := devDir(part); of != "" {
		devKeys(family, kind, names)
	}
	list := make([]SysctlEntry, 0, len(names))
	for name := range names {
		if e, ok := t.SysctlStat(path + "/" + name); ok {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b SysctlEntry) int { return strings.Compare(a.Name, b.Name) })
	return list, true
}

// devKeys adds the settings that every link has.
func devKeys(family, kind string, names map[string]bool) {
	switch {
	case kind == "neigh":
		for name := range neighKeys {
			names[name] = true
		}
	case family == "ipv4":
		for _, k := range conf4Keys {
			names[k.name] = true
		}
	default:
		names["stable_secret"] = true
		for _, k := range conf6Keys {
			names[k.name] = true
		}
	}
	delete(names, "")
}
