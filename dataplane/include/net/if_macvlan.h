/* SPDX-License-Identifier: BSD-3-Clause */
/* if_macvlan.h - macvlans: devices with MAC addresses of their own on another device. */
#ifndef SKUA_NET_IF_MACVLAN_H
#define SKUA_NET_IF_MACVLAN_H

#include <linux/if_link.h> /* MACVLAN_MODE_*: dp_link.macvlan_mode */

#include <net/netdevice.h>

/* The macvlans on a device: replaced as a whole (RCU). */
struct macvlan_port {
	uint32_t n;
	struct {
		uint64_t addr; /* as ETH_ADDR_MASK */
		struct net_device *dev;
	} vlan[];
};

/*
 * Frames received on real, which has macvlans: takes out those for them, and copies what is for
 * several. Returns how many are left, in order.
 */
unsigned int macvlan_handle_frames(struct softnet_data *sd, struct net_device *real,
				   struct rte_mbuf **pkts, unsigned int n);

/* Sends on the real device, or to others on it. */
void macvlan_xmit_list(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		       unsigned int n);

/* The writer's: dev is on real with this address, or (real NULL) no more. 0, -ENOMEM. */
int macvlan_port_set(struct net_device *dev, struct net_device *real, uint64_t addr);

#endif
