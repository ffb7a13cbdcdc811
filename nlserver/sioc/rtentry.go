// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"skua/controlplane/nexthop"
	"skua/controlplane/route"
	"skua/nlserver"
)

// struct rtentry.
const (
	sizeofRtentry = 120
	offRtDst      = 8
	offRtGateway  = 24
	offRtGenmask  = 40
	offRtFlags    = 56
	offRtMetric   = 80
	offRtDev      = 88
	offRtMTU      = 96
	offRtWindow   = 104
	offRtIRTT     = 112
)

// routeIoctl is ip_rt_ioctl.
func (t *Tables) routeIoctl(c *nlserver.Ioctl) error {
	if !c.Admin {
		return unix.EPERM
	}
	b, err := c.Read(c.Arg, sizeofRtentry)
	if err != nil {
		return err
	}
	var dev string
	if p := native.Uint64(b[offRtDev:]); p != 0 {
		name, err := c.Read(p, unix.IFNAMSIZ-1)
		if err != nil {
			return err
		}
		dev = cString(name)
	}
	del := c.Request == unix.SIOCDELRT
	cfg, err := t.rtentryConfig(b, dev, del)
	if err != nil {
		return err
	}
	if !del {
		return t.Routes.Add(cfg)
	}
	if !t.Routes.Exists(unix.AF_INET, cfg.Table) {
		return unix.ESRCH
	}
	return t.Routes.Delete(cfg)
}

// sockaddr4 is the family and the address of a struct sockaddr_in.
func sockaddr4(b []byte) (uint16, netip.Addr) {
	return native.Uint16(b), netip.AddrFrom4([4]byte(b[offAddr:]))
}

// rtentryConfig is rtentry_to_fib_config.
func (t *Tables) rtentryConfig(b []byte, dev string, del bool) (*route.Config, error) {
	flags := native.Uint16(b[offRtFlags:])
	family, dst := sockaddr4(b[offRtDst:])
	if family != unix.AF_INET {
		return nil, unix.EAFNOSUPPORT
	}
	plen := 32
	if flags&unix.RTF_HOST == 0 {
		mf, mask := sockaddr4(b[offRtGenmask:])
		if mf != unix.AF_INET && (mf != 0 || !mask.IsUnspecified()) {
			return nil, unix.EAFNOSUPPORT
		}
		n, ok := maskBits(mask)
		if !ok || netip.PrefixFrom(dst, n).Masked().Addr() != dst {
			return nil, unix.EINVAL
		}
		plen = n
	}
	cfg := &route.Config{Family: unix.AF_INET, Dst: netip.PrefixFrom(dst, plen)}
	if !del {
		cfg.NLFlags, cfg.Protocol = unix.NLM_F_CREATE, unix.RTPROT_BOOT
	}
	if m := native.Uint16(b[offRtMetric:]); m != 0 {
		cfg.Priority = uint32(int32(int16(m))) - 1
	}
	if flags&unix.RTF_REJECT != 0 {
		cfg.Scope, cfg.Type, cfg.Table = unix.RT_SCOPE_HOST, unix.RTN_UNREACHABLE, unix.RT_TABLE_MAIN
		return cfg, nil
	}
	cfg.Scope, cfg.Type = unix.RT_SCOPE_NOWHERE, unix.RTN_UNICAST
	if dev != "" {
		if err := t.rtentryDev(cfg, dev); err != nil {
			return nil, err
		}
	}
	if gf, gw := sockaddr4(b[offRtGateway:]); gf == unix.AF_INET && !gw.IsUnspecified() {
		cfg.Gateway = gw
		if flags&unix.RTF_GATEWAY != 0 && t.Routes.AddrType(gw) == unix.RTN_UNICAST {
			cfg.Scope = unix.RT_SCOPE_UNIVERSE
		}
	}
	if cfg.Table == 0 {
		cfg.Table = unix.RT_TABLE_MAIN
	}
	if del {
		return cfg, nil
	}
	if flags&unix.RTF_GATEWAY != 0 && !cfg.Gateway.IsValid() {
		return nil, unix.EINVAL
	}
	if cfg.Scope == unix.RT_SCOPE_NOWHERE {
		cfg.Scope = unix.RT_SCOPE_LINK
	}
	if flags&(unix.RTF_MTU|unix.RTF_WINDOW|unix.RTF_IRTT) != 0 {
		cfg.Metrics = &nexthop.Metrics{}
		if flags&unix.RTF_MTU != 0 {
			cfg.Metrics.Value[unix.RTAX_ADVMSS] = uint32(native.Uint64(b[offRtMTU:])) - 40
		}
		if flags&unix.RTF_WINDOW != 0 {
			cfg.Metrics.Value[unix.RTAX_WINDOW] = uint32(native.Uint64(b[offRtWindow:]))
		}
		if flags&unix.RTF_IRTT != 0 {
			cfg.Metrics.Value[unix.RTAX_RTT] = uint32(native.Uint16(b[offRtIRTT:])) << 3
		}
	}
	return cfg, nil
}

// rtentryDev takes the link of a route, and, where it is named by a label, its address as source.
func (t *Tables) rtentryDev(cfg *route.Config, dev string) error {
	name, _, labelled := strings.Cut(dev, ":")
	l := t.Links.ByName(name)
	if l == nil {
		return unix.ENODEV
	}
	cfg.Oif = l.Index
	if !labelled {
		return nil
	}
	for _, a := range t.Addrs.OfLink(l, unix.AF_INET) {
		if a.Label == dev {
			cfg.PrefSrc = a.Prefix.Addr()
			return nil
		}
	}
	return unix.ENODEV
}
