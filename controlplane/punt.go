// SPDX-License-Identifier: BSD-3-Clause

package controlplane

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/dataplane/dpif"
)

// PuntSysctl is the sysctl of how many packets of a reason a worker may hand up: "skua.punt.arp".
// Its value is packets a second, 0 without a limit, and packets at once: "200000 20000".
func PuntSysctl(reason dpif.PuntReason) string { return "skua.punt." + reason.String() }

// addPuntKnobs adds them. The data plane has the defaults.
func (s *Stack) addPuntKnobs() {
	for reason := range dpif.PuntMax {
		s.Links.AddSysctl(PuntSysctl(reason), link.Knob{
			Get: func() string {
				rate, burst, err := s.Net.DP.PuntRate(reason)
				if err != nil {
					return ""
				}
				return fmt.Sprintf("%d\t%d", rate, burst)
			},
			Set: func(value string) error {
				f := strings.Fields(value)
				if len(f) != 2 {
					return unix.EINVAL
				}
				rate, err := strconv.ParseUint(f[0], 10, 32)
				if err != nil {
					return unix.EINVAL
				}
				burst, err := strconv.ParseUint(f[1], 10, 32)
				if err != nil {
					return unix.EINVAL
				}
				return s.Net.DP.Police(reason, uint32(rate), uint32(burst))
			},
		})
	}
}
