// SPDX-License-Identifier: BSD-3-Clause

package conf

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// The types of single values: each says in its error what was expected.

// Mode is a file mode, written as a string of octal digits.
type Mode uint32

// UnmarshalText parses "0660".
func (m *Mode) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		return fmt.Errorf("%q is no file mode: want octal digits such as \"0660\"", b)
	}
	*m = Mode(n)
	return nil
}

// MAC is an Ethernet address; the zero value means that none was given.
type MAC [6]byte

// UnmarshalText parses 02:00:00:00:00:01; multicast and zero addresses are refused.
func (m *MAC) UnmarshalText(b []byte) error {
	hw, err := net.ParseMAC(string(b))
	if err != nil || len(hw) != 6 {
		return fmt.Errorf("%q is no Ethernet address: want six bytes such as \"02:00:00:00:00:01\"", b)
	}
	if hw[0]&1 != 0 || [6]byte(hw) == [6]byte{} {
		return fmt.Errorf("%q cannot be the address of a link: it is zero or multicast", b)
	}
	*m = MAC(hw)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// String prints six bytes in hexadecimal with colons.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// Addr is an IP address; the zero value means that none was given.
type Addr struct{ netip.Addr }

// UnmarshalText parses an IPv4 or IPv6 address without zone.
func (a *Addr) UnmarshalText(b []byte) error {
	ip, err := netip.ParseAddr(string(b))
	if err != nil || ip.Zone() != "" || ip.Is4In6() {
		return fmt.Errorf("%q is no IP address", b)
	}
	a.Addr = ip
	return nil
}

// Prefix is an address of a link with its prefix length; host bits are kept.
type Prefix struct{ netip.Prefix }

// UnmarshalText parses 192.0.2.1/24; a bare address is a /32 or /128.
func (p *Prefix) UnmarshalText(b []byte) error {
	pfx, err := parsePrefix(string(b))
	if err != nil {
		return err
	}
	p.Prefix = pfx
	return nil
}

// Dst is the destination of a route: host bits are refused.
type Dst netip.Prefix

// UnmarshalText parses a prefix, an address, "default" (0.0.0.0/0) or "default6" (::/0).
func (d *Dst) UnmarshalText(b []byte) error {
	switch string(b) {
	case "default":
		*d = Dst(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
		return nil
	case "default6":
		*d = Dst(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
		return nil
	}
	pfx, err := parsePrefix(string(b))
	if err != nil {
		return err
	}
	if pfx.Masked() != pfx {
		return fmt.Errorf("%q has bits behind its prefix length: want %q", b, pfx.Masked())
	}
	*d = Dst(pfx)
	return nil
}

// String prints the prefix.
func (d Dst) String() string { return netip.Prefix(d).String() }

func parsePrefix(s string) (netip.Prefix, error) {
	if pfx, err := netip.ParsePrefix(s); err == nil && !pfx.Addr().Is4In6() {
		return pfx, nil
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" || ip.Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is no prefix: want such as \"192.0.2.1/24\" or \"2001:db8::1/64\"", s)
	}
	return netip.PrefixFrom(ip, ip.BitLen()), nil
}

// Sysctl is the value of a sysctl: written as a string, an integer or a boolean.
type Sysctl string

// UnmarshalTOML takes what TOML has for it.
func (s *Sysctl) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		*s = Sysctl(v)
	case int64:
		*s = Sysctl(strconv.FormatInt(v, 10))
	case bool:
		*s = "0"
		if v {
			*s = "1"
		}
	default:
		return fmt.Errorf("a sysctl is a string, an integer or a boolean, not %T", v)
	}
	return nil
}

// Workers is a number of poll-mode workers, or WorkersAuto; 0: none was given.
type Workers int

// WorkersAuto is one worker on every CPU that the process may use but one.
const WorkersAuto Workers = -1

// UnmarshalTOML takes a number or "auto". The range is the validator's to check, but for 0 and
// negative numbers, which mean something else here.
func (w *Workers) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case int64:
		if v < 1 || v > 1<<16 {
			return fmt.Errorf("%d workers: want 1 to 16, or \"auto\"", v)
		}
		*w = Workers(v)
		return nil
	case string:
		if v == "auto" {
			*w = WorkersAuto
			return nil
		}
	}
	return fmt.Errorf("workers are a number or \"auto\", not %v", v)
}

// RPS says which workers the packets of a link are spread over in software. Without anything set
// they stay with the worker that polls.
type RPS struct {
	Auto    bool  // all, when some worker would otherwise poll nothing
	All     bool  // all
	Workers []int // these
}

// UnmarshalTOML takes "auto", a boolean or a list of workers.
func (r *RPS) UnmarshalTOML(v any) error {
	*r = RPS{}
	switch v := v.(type) {
	case bool:
		r.All = v
		return nil
	case string:
		if v == "auto" {
			r.Auto = true
			return nil
		}
	case []any:
		for _, w := range v {
			n, ok := w.(int64)
			if !ok || n < 0 || n > 1<<16 {
				return fmt.Errorf("%v is no worker: they count from 0", w)
			}
			r.Workers = append(r.Workers, int(n))
		}
		if len(v) > 0 {
			return nil
		}
	}
	return fmt.Errorf("rps is \"auto\", true, false or a list of workers, not %v", v)
}
