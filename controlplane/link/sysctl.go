// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Knob is a sysctl that another package adds. Set gets the value trimmed of white space.
type Knob struct {
	Get  func() string
	Gone func() error             // what reading fails with instead; nil: it never does
	Set  func(value string) error // nil: read-only (EACCES)
	Mode uint32                   // permission bits; 0: 0644, and 0444 of what is read-only

	// Host says that the setting is one of the host kernel's sockets: Get and Set are nil, and who
	// serves files goes to the file of that name below the host's own /proc/sys.
	Host bool
}

// AddSysctl adds a sysctl by its dotted name, "net.ipv4.icmp_ratelimit".
func (t *Table) AddSysctl(name string, k Knob) {
	t.knobs[name] = k
	t.addDirs(name)
}

// Sysctl reads a sysctl by its dotted name, or by its path under /proc/sys when there is a slash in
// it (so that a link may have a dot in its name). ENOENT: Skua has none of that name; EACCES: it is
// write-only, or the host's.
func (t *Table) Sysctl(name string) (string, error) {
	k, err := t.knob(name)
	if err != nil {
		return "", err
	}
	if k.Get == nil {
		return "", syscall.EACCES
	}
	if k.Gone != nil {
		if err := k.Gone(); err != nil {
			return "", err
		}
	}
	return k.Get(), nil
}

// SetSysctl writes a sysctl. ENOENT: unknown; EINVAL: not a value of it; EACCES: read-only. What it
// changes is in the data plane when it returns.
func (t *Table) SetSysctl(name, value string) error {
	k, err := t.knob(name)
	if err != nil {
		return err
	}
	if k.Set == nil {
		return syscall.EACCES
	}
	return k.Set(strings.TrimSpace(value))
}

// knob finds a sysctl.
func (t *Table) knob(name string) (Knob, error) {
	sep := "."
	if strings.Contains(name, "/") {
		sep = "/"
	}
	part := strings.Split(strings.Trim(name, sep), sep)
	if k, ok := t.knobs[strings.Join(part, ".")]; ok {
		return k, nil
	}
	if len(part) == 3 && part[0] == "net" && part[1] == "ipv4" && part[2] == "ip_forward" {
		return t.conf4Knob("all", "forwarding")
	}
	if len(part) < 5 || part[0] != "net" {
		return Knob{}, syscall.ENOENT
	}
	// A name with dots in the dotted form stands between the fourth part and the last.
	last := len(part) - 1
	of, key := strings.Join(part[3:last], sep), part[last]
	switch part[1] + "." + part[2] {
	case "ipv4.conf":
		return t.conf4Knob(of, key)
	case "ipv6.conf":
		return t.conf6Knob(of, key)
	case "ipv4.neigh":
		return t.neighKnob(of, key, unix.AF_INET)
	case "ipv6.neigh":
		return t.neighKnob(of, key, unix.AF_INET6)
	}
	return Knob{}, syscall.ENOENT
}

// HasSysctl says whether there is a sysctl of a dotted name.
func (t *Table) HasSysctl(name string) bool {
	_, err := t.knob(name)
	return err == nil
}

// sysctlDigits is how long a number may be (TMPBUFLEN - 1).
const sysctlDigits = 21

// ParseSysctl reads the first number of what is written to a sysctl, as proc_get_long does: decimal,
// 0x and 0 before a number of another base, white space after it. EINVAL: it is none.
func ParseSysctl(s string) (int64, error) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	if i := strings.IndexAny(s, " \t\n"); i >= 0 {
		s = s[:i]
	}
	digits := strings.TrimPrefix(s, "-")
	hex := len(digits) > 1 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')
	if len(s) > sysctlDigits || strings.ContainsAny(s, "_+") || !hex && strings.ContainsAny(s, "oObB") {
		return 0, syscall.EINVAL // the latter are forms of Go's own
	}
	v, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		return 0, syscall.EINVAL
	}
	return v, nil
}

// parseInt reads what proc_dointvec reads.
func parseInt(s string) (int32, error) {
	v, err := ParseSysctl(s)
	if err != nil || v < math.MinInt32 || v > math.MaxInt32 {
		return 0, syscall.EINVAL
	}
	return int32(v), nil
}

// publishAll brings the data plane up to date after a change of "all" or "default".
func (t *Table) publishAll() error {
	for _, l := range t.All() {
		if err := t.net.DP.SetLink(l.dp()); err != nil {
			return err
		}
	}
	return nil
}

// confChanged tells of a changed setting of one link.
func (t *Table) confChanged(l *Link, conf string, old int32) {
	t.net.Notify(Event{Type: ConfChanged, Link: l, Conf: conf, OldConf: old})
}

// netconfOf says which change of a setting is announced.
var netconfOf = map[string]int{
	"forwarding": NetconfForwarding, "rp_filter": NetconfRPFilter, "proxy_arp": NetconfProxyNeigh,
	"proxy_ndp": NetconfProxyNeigh, "ignore_routes_with_linkdown": NetconfIgnoreLinkdown,
	"force_forwarding": NetconfForceForwarding,
}

// conf4Knob is net.ipv4.conf.of.key.
func (t *Table) conf4Knob(of, key string) (Knob, error) {
	i := keyIndex(conf4Keys, key)
	if i < 0 {
		return Knob{}, syscall.ENOENT
	}
	conf, index := &t.All4, int32(NetconfIfindexAll)
	var l *Link
	switch of {
	case "all":
	case "default":
		conf, index = &t.Default4, NetconfIfindexDefault
	default:
		if l = t.names[of]; l == nil || l.Name != of || !l.InDev {
			return Knob{}, syscall.ENOENT
		}
		conf, index = &l.Conf4, int32(l.Index)
	}
	field := conf4Keys[i].field(conf)
	k := Knob{Get: func() string { return strconv.Itoa(int(*field)) }}
	if key == "mc_forwarding" {
		return k, nil
	}
	k.Set = func(value string) error {
		v, err := parseInt(value)
		if err != nil {
			return err
		}
		old := *field
		*field = v
		if l != nil {
			l.set4 |= 1 << i
		}
		if key == "forwarding" && of == "all" && v != old {
			t.forwardChange4(v)
			return t.publishAll()
		}
		if of == "default" && key != "forwarding" {
			t.copyDefault4(i)
		}
		if what := netconfOf[key]; what != 0 && v != old {
			t.netconf(unix.AF_INET, index, what)
		}
		for _, x := range t.affected(l) {
			t.confChanged(x, "ipv4.conf."+key, old)
		}
		return t.publishAll()
	}
	return k, nil
}

// affected are the links that a setting of l acts on; nil: of "all" or "default".
func (t *Table) affected(l *Link) []*Link {
	if l != nil {
		return []*Link{l}
	}
	return t.All()
}

// copyDefault4 is devinet_copy_dflt_conf: links whose setting was never written follow "default".
func (t *Table) copyDefault4(i int) {
	for _, l := range t.All() {
		if l.InDev && l.set4&(1<<i) == 0 {
			*conf4Keys[i].field(&l.Conf4) = *conf4Keys[i].field(&t.Default4)
		}
	}
}

// forwardChange4 is inet_forward_change.
func (t *Table) forwardChange4(on int32) {
	t.All4.AcceptRedirects = 0
	if on == 0 {
		t.All4.AcceptRedirects = 1
	}
	t.Default4.Forwarding = on
	t.netconf(unix.AF_INET, NetconfIfindexAll, NetconfForwarding)
	t.netconf(unix.AF_INET, NetconfIfindexDefault, NetconfForwarding)
	for _, l := range t.All() {
		if !l.InDev {
			continue
		}
		old := l.Conf4.Forwarding
		l.Conf4.Forwarding = on
		t.netconf(unix.AF_INET, int32(l.Index), NetconfForwarding)
		t.confChanged(l, "ipv4.conf.forwarding", old)
	}
}

// scaled6 are the settings of IPv6 that are kept in milliseconds and shown in seconds.
var scaled6 = map[string]int32{
	"router_solicitation_interval": 1000, "router_solicitation_delay": 1000,
	"router_solicitation_max_interval": 1000, "router_probe_interval": 1000,
}

// everywhere6 are those of which "all" sets "default" and all links.
var everywhere6 = map[string]bool{
	"forwarding": true, "disable_ipv6": true, "ignore_routes_with_linkdown": true,
	"addr_gen_mode": true,
}

// conf6Knob is net.ipv6.conf.of.key.
func (t *Table) conf6Knob(of, key string) (Knob, error) {
	conf, index := &t.All6, int32(NetconfIfindexAll)
	var l *Link
	switch of {
	case "all":
	case "default":
		conf, index = &t.Default6, NetconfIfindexDefault
	default:
		if l = t.names[of]; l == nil || l.Name != of || !l.In6Dev {
			return Knob{}, syscall.ENOENT
		}
		conf, index = &l.Conf6, int32(l.Index)
	}
	if key == "stable_secret" {
		return t.secretKnob(of, l), nil
	}
	i := keyIndex(conf6Keys, key)
	if i < 0 {
		return Knob{}, syscall.ENOENT
	}
	field := conf6Keys[i].field(conf)
	scale := max(scaled6[key], 1)
	k := Knob{Get: func() string {
		if v := *field; v > 0 {
			return strconv.Itoa(int(v / scale))
		}
		return strconv.Itoa(int(*field))
	}}
	if key == "ioam6_id_wide" {
		k.Get = func() string { return strconv.FormatUint(uint64(uint32(*field)), 10) }
	}
	if key == "mc_forwarding" {
		return k, nil
	}
	k.Set = func(value string) error {
		v, err := parseInt(value)
		if err != nil {
			return err
		}
		if err := t.check6(l, key, v); err != nil {
			return err
		}
		old := *field
		*field = v * scale
		if key == "force_forwarding" && of == "all" || everywhere6[key] && of == "all" {
			t.setEverywhere6(i, key, v, (old == 0) != (v == 0))
			return t.publishAll()
		}
		if what := netconfOf[key]; what != 0 && (old == 0) != (v == 0) {
			t.netconf(unix.AF_INET6, index, what)
		}
		if of == "default" {
			return nil // links keep theirs
		}
		for _, x := range t.affected(l) {
			if err := t.net.DP.SetLink(x.dp()); err != nil {
				return err
			}
			t.confChanged(x, "ipv6.conf."+key, old)
		}
		return nil
	}
	return k, nil
}

// check6 refuses values out of range. l nil: of "all" or "default".
func (t *Table) check6(l *Link, key string, v int32) error {
	bad := false
	switch key {
	case "hop_limit":
		bad = v < 1 || v > 255
	case "mtu":
		bad = v < MinMTU6 || l != nil && uint32(v) > l.MTU
	case "router_solicitations":
		bad = v < -1
	case "addr_gen_mode":
		return t.checkAddrGenMode(l, v)
	case "force_forwarding":
		bad = v < 0 || v > 1
	case "ndisc_tclass":
		bad = v < 0 || v > 255
	}
	if bad {
		return syscall.EINVAL
	}
	return nil
}

// setEverywhere6 follows a write to "all" on all links: addrconf_forward_change,
// addrconf_disable_change, addrconf_linkdown_change, addrconf_force_forward_change.
func (t *Table) setEverywhere6(i int, key string, v int32, changed bool) {
	what := netconfOf[key]
	if key != "force_forwarding" {
		def := conf6Keys[i].field(&t.Default6)
		if what == NetconfForwarding && (*def == 0) != (v == 0) {
			t.netconf(unix.AF_INET6, NetconfIfindexDefault, what)
		}
		*def = v
	}
	for _, l := range t.All() {
		if !l.In6Dev {
			continue
		}
		if key == "forwarding" && v == 0 {
			l.Conf6.ForceForwarding = 0
		}
		field := conf6Keys[i].field(&l.Conf6)
		old := *field
		*field = v
		if (old == 0) == (v == 0) && key != "addr_gen_mode" || old == v {
			continue
		}
		if err := t.net.DP.SetLink(l.dp()); err != nil {
			t.net.Log.Error("data plane refuses a link", "link", l.Name, "err", err)
		}
		if what != 0 {
			t.netconf(unix.AF_INET6, int32(l.Index), what)
		}
		t.confChanged(l, "ipv6.conf."+key, old)
	}
	if what != 0 && changed {
		t.netconf(unix.AF_INET6, NetconfIfindexAll, what)
	}
}

// secretKnob is stable_secret: writing it turns stable-privacy addresses on. EIO as in the kernel
// where it is not set, and for "all".
func (t *Table) secretKnob(of string, l *Link) Knob {
	secret := &t.DefaultSecret6
	if l != nil {
		secret = &l.Secret6
	}
	return Knob{
		Mode: 0o600,
		Gone: func() error {
			if *secret == nil {
				return syscall.EIO
			}
			return nil
		},
		Get: func() string { return netip.AddrFrom16(**secret).StringExpanded() },
		Set: func(value string) error {
			ip, err := netip.ParseAddr(value)
			if err != nil || ip.Is4() || of == "all" {
				return syscall.EIO
			}
			b := ip.As16()
			*secret = &b
			for _, x := range t.affected(l) {
				x.Conf6.AddrGenMode = AddrGenStablePrivacy
			}
			return nil
		},
	}
}

func keyIndex[C any](keys []confKey[C], name string) int {
	for i, k := range keys {
		if k.name == name && name != "" {
			return i
		}
	}
	return -1
}
