// SPDX-License-Identifier: BSD-3-Clause

package route

import (
	"strconv"
	"syscall"
	"time"

	"skua/controlplane/link"
)

// settings6 are the sysctls of IPv6 routes (net.ipv6.route).
type settings6 struct {
	gcInterval time.Duration // gc_interval
	skipNotify bool          // skip_notify_on_dev_down
}

// addSysctls adds net.ipv6.route.gc_interval, .flush and .skip_notify_on_dev_down.
func (t *Table) addSysctls() {
	t.set6.gcInterval = 30 * time.Second
	t.links.AddSysctl("net.ipv6.route.gc_interval", link.Knob{
		Get: func() string { return strconv.Itoa(int(t.set6.gcInterval / time.Second)) },
		Set: func(value string) error {
			n, err := link.ParseSysctl(value)
			if err != nil {
				return err
			}
			if n < 0 || n > 1<<31/100 { // of jiffies, which would not fit
				return syscall.EINVAL
			}
			t.set6.gcInterval = time.Duration(n) * time.Second
			return nil
		},
	})
	// Nothing is cached; but ended routes go (ipv6_sysctl_rtcache_flush).
	t.links.AddSysctl("net.ipv6.route.flush", link.Knob{Mode: 0o200, Set: func(value string) error {
		if _, err := link.ParseSysctl(value); err != nil {
			return err
		}
		t.gcAt = t.net.Clock.Now()
		t.expire6()
		return nil
	}})
	t.links.AddSysctl("net.ipv6.route.skip_notify_on_dev_down", link.Knob{
		Get: func() string {
			if t.set6.skipNotify {
				return "1"
			}
			return "0"
		},
		Set: func(value string) error {
			n, err := link.ParseSysctl(value)
			if err != nil {
				return err
			}
			if n != 0 && n != 1 {
				return syscall.EINVAL
			}
			t.set6.skipNotify = n == 1
			return nil
		},
	})
}
