// SPDX-License-Identifier: BSD-3-Clause

package icmp

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"skua/controlplane/link"
)

// Sysctl are net.ipv4.icmp_*, net.ipv4.route.* and net.ipv6.icmp.*; times are in milliseconds.
type Sysctl struct {
	EchoIgnoreAll          int32
	EchoIgnoreBroadcasts   int32
	ErrorsUseInboundIfaddr int32
	IgnoreBogusErrors      int32
	RateLimit              int32
	RateMask               int32
	MsgsPerSec             int32
	MsgsBurst              int32
	IPDefaultTTL           int32
	RedirectNumber         int32
	RedirectLoad           int32
	RedirectSilence        int32
	ErrorCost              int32
	ErrorBurst             int32
	EchoIgnoreAll6         int32
	EchoIgnoreMulticast6   int32
	EchoIgnoreAnycast6     int32
	ErrorAnycastAsUnicast6 int32
	RateLimit6             int32
	AutoFlowLabels         int32
	AnycastSrcEchoReply    int32
	rateMask6              [256]bool
}

const hz = 250 // CONFIG_HZ; the load and silence of redirects follow from it

func defaults() Sysctl {
	s := Sysctl{
		EchoIgnoreBroadcasts: 1, IgnoreBogusErrors: 1, RateLimit: 1000, RateMask: 0x1818,
		MsgsPerSec: 1000, MsgsBurst: 50, IPDefaultTTL: 64,
		RedirectNumber: 9, RedirectLoad: 20, RedirectSilence: 20 << 10,
		ErrorCost: 1000, ErrorBurst: 5000,
		RateLimit6: 100, AutoFlowLabels: 1,
	}
	for t := range 128 {
		s.rateMask6[t] = t != 2 // packet too big: else path MTU discovery breaks
	}
	return s
}

func (h *Handler) addKnobs() {
	s := &h.Sysctl
	for _, k := range []struct {
		name     string
		value    *int32
		min, max int64
	}{
		{"ipv4.icmp_echo_ignore_all", &s.EchoIgnoreAll, 0, 1},
		{"ipv4.icmp_echo_ignore_broadcasts", &s.EchoIgnoreBroadcasts, 0, 1},
		{"ipv4.icmp_errors_use_inbound_ifaddr", &s.ErrorsUseInboundIfaddr, 0, 1},
		{"ipv4.icmp_ignore_bogus_error_responses", &s.IgnoreBogusErrors, 0, 1},
		{"ipv4.icmp_ratelimit", &s.RateLimit, 0, 1<<31 - 1},
		{"ipv4.icmp_ratemask", &s.RateMask, -1 << 31, 1<<31 - 1},
		{"ipv4.icmp_msgs_per_sec", &s.MsgsPerSec, 0, 1<<31 - 1},
		{"ipv4.icmp_msgs_burst", &s.MsgsBurst, 0, 1<<31 - 1},
		{"ipv4.ip_default_ttl", &s.IPDefaultTTL, 1, 255},
		{"ipv4.route.redirect_number", &s.RedirectNumber, -1 << 31, 1<<31 - 1},
		{"ipv4.route.redirect_load", &s.RedirectLoad, -1 << 31, 1<<31 - 1},
		{"ipv4.route.redirect_silence", &s.RedirectSilence, -1 << 31, 1<<31 - 1},
		{"ipv4.route.error_cost", &s.ErrorCost, -1 << 31, 1<<31 - 1},
		{"ipv4.route.error_burst", &s.ErrorBurst, -1 << 31, 1<<31 - 1},
		{"ipv6.icmp.echo_ignore_all", &s.EchoIgnoreAll6, 0, 1},
		{"ipv6.icmp.echo_ignore_multicast", &s.EchoIgnoreMulticast6, 0, 1},
		{"ipv6.icmp.echo_ignore_anycast", &s.EchoIgnoreAnycast6, 0, 1},
		{"ipv6.icmp.error_anycast_as_unicast", &s.ErrorAnycastAsUnicast6, 0, 1},
		{"ipv6.icmp.ratelimit", &s.RateLimit6, 0, 1<<31 - 1},
		{"ipv6.auto_flowlabels", &s.AutoFlowLabels, 0, 3},
		{"ipv6.anycast_src_echo_reply", &s.AnycastSrcEchoReply, 0, 1},
	} {
		h.links.AddSysctl("net."+k.name, link.Knob{
			Get: func() string { return strconv.Itoa(int(*k.value)) },
			Set: func(value string) error {
				v, err := link.ParseSysctl(value)
				if err != nil || v < k.min || v > k.max {
					return syscall.EINVAL
				}
				*k.value = int32(v)
				return nil
			},
		})
	}
	h.links.AddSysctl("net.ipv6.icmp.ratemask", link.Knob{
		Get: func() string { return formatBitmap(&s.rateMask6) },
		Set: func(value string) error { return parseBitmap(value, &s.rateMask6) },
	})
}

// formatBitmap writes "0-1,3-127" (proc_do_large_bitmap).
func formatBitmap(set *[256]bool) string {
	var parts []string
	for i := 0; i < len(set); i++ {
		if !set[i] {
			continue
		}
		from := i
		for i+1 < len(set) && set[i+1] {
			i++
		}
		if from == i {
			parts = append(parts, strconv.Itoa(i))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", from, i))
		}
	}
	return strings.Join(parts, ",")
}

func parseBitmap(value string, to *[256]bool) error {
	var set [256]bool
	for part := range strings.SplitSeq(strings.TrimSpace(value), ",") {
		if part == "" {
			continue
		}
		first, last, ranged := strings.Cut(part, "-")
		a, err := strconv.ParseUint(first, 10, 8)
		b := a
		if err == nil && ranged {
			b, err = strconv.ParseUint(last, 10, 8)
		}
		if err != nil || b < a {
			return syscall.EINVAL
		}
		for i := a; i <= b; i++ {
			set[i] = true
		}
	}
	*to = set
	return nil
}
