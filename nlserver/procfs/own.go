// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"net"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
)

// addOwn adds files that the kernel does not have: what the shim asks for that netlink has no words
// for.
func (t *Tree) addOwn() {
	t.addFile("skua/link_groups", &Node{
		Mode:  unix.S_IFREG | 0o200,
		Write: func(_ Caller, data []byte) error { return t.linkGroup(string(data)) },
	})
}

// linkGroup takes "add NAME ADDRESS" and "del NAME ADDRESS" (SIOCADDMULTI, SIOCDELMULTI). EINVAL: it
// is neither; ENODEV: there is no such link; else what addrconf says.
func (t *Tree) linkGroup(text string) (err error) {
	word := strings.Fields(text)
	if len(word) != 3 {
		return syscall.EINVAL
	}
	mac, bad := net.ParseMAC(word[2])
	if bad != nil || len(mac) != 6 || word[0] != "add" && word[0] != "del" {
		return syscall.EINVAL
	}
	a := link.HardAddr(mac)
	t.lock(func() {
		switch l := t.st.Links.ByName(word[1]); {
		case l == nil:
			err = syscall.ENODEV
		case word[0] == "add":
			t.st.Addrconf.AddLinkGroup(l, a)
		default:
			err = t.st.Addrconf.DelLinkGroup(l, a)
		}
	})
	return err
}
