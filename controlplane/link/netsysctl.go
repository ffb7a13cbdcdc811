// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// addNetKnobs adds the sysctls of the Net that belong to no link.
func (t *Table) addNetKnobs() {
	for _, dir := range []string{"all", "default"} { // what is in them, conf4Knob and its kin know
		t.addDirs("net.ipv4.conf." + dir)
		t.addDirs("net.ipv6.conf." + dir)
	}
	t.addDirs("net.ipv4.ip_forward")
	t.addVRFKnob()
	for i, family := range []struct {
		name string
		af   uint8
	}{{"ipv4", unix.AF_INET}, {"ipv6", unix.AF_INET6}} {
		policy := &t.MultipathHashPolicy[i]
		t.AddSysctl("net."+family.name+".fib_multipath_hash_policy", Knob{
			Get: func() string { return strconv.Itoa(int(*policy)) },
			Set: func(value string) error {
				v, err := parseInt(value)
				if err != nil || v < 0 || v > 1 { // 2 and 3 hash inner headers: not there
					return syscall.EINVAL
				}
				if err := t.net.DP.SetMultipathHashPolicy(t.net.ID, family.af, uint32(v)); err != nil {
					return err
				}
				*policy = uint32(v)
				return nil
			},
		})
		bind := &t.IPNonlocalBind[i]
		t.AddSysctl("net."+family.name+".ip_nonlocal_bind", Knob{
			Get: func() string {
				if *bind {
					return "1"
				}
				return "0"
			},
			Set: func(value string) error {
				v, err := parseInt(value)
				*bind = v != 0
				return err
			},
		})
	}
}
