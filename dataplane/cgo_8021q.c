/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/8021q/vlan_core.c"
#include "net/8021q/vlan_dev.c"
