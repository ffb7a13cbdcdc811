// SPDX-License-Identifier: BSD-3-Clause

package mld

import (
	"math"
	"strconv"
	"syscall"

	"skua/controlplane/link"
)

// addKnobs adds net.ipv6.mld_qrv. Those of links (force_mld_version, mldv1_unsolicited_report_interval,
// mldv2_unsolicited_report_interval) package link has.
func (t *Table) addKnobs() {
	t.links.AddSysctl("net.ipv6.mld_qrv", link.Knob{
		Get: func() string { return strconv.Itoa(t.QRV) },
		Set: func(value string) error {
			v, err := link.ParseSysctl(value)
			if err != nil || v < 1 || v > math.MaxInt32 {
				return syscall.EINVAL
			}
			t.QRV = int(v)
			return nil
		},
	})
}
