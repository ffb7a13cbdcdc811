// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <errno.h>
#include "dataplane.h"
*/
import "C"

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// AddNet implements dpif.Writer.
func (d *Dataplane) AddNet(net uint32) error { return errnoOf(C.dp_net_add(C.uint32_t(net))) }

// DelNet implements dpif.Writer.
func (d *Dataplane) DelNet(net uint32) error { return errnoOf(C.dp_net_del(C.uint32_t(net))) }

// SetMultipathHashPolicy implements dpif.Writer.
func (d *Dataplane) SetMultipathHashPolicy(net uint32, family uint8, policy uint32) error {
	var key C.uint32_t
	switch family {
	case unix.AF_INET:
		key = C.DP_NET_MULTIPATH_HASH_POLICY
	case unix.AF_INET6:
		key = C.DP_NET_MULTIPATH_HASH_POLICY6
	default:
		return syscall.EAFNOSUPPORT
	}
	return errnoOf(C.dp_net_conf(C.uint32_t(net), key, C.uint32_t(policy)))
}
