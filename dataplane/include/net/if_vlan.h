/* SPDX-License-Identifier: BSD-3-Clause */
/* if_vlan.h - 802.1Q and 802.1ad: VLANs on a device, tags on frames. */
#ifndef SKUA_NET_IF_VLAN_H
#define SKUA_NET_IF_VLAN_H

#include <arpa/inet.h>
#include <net/ethernet.h>

#include <net/netdevice.h>

#ifndef ETH_P_8021AD
#define ETH_P_8021AD 0x88a8
#endif

#define VLAN_HLEN     4
#define VLAN_ETH_HLEN 18
#define VLAN_VID_MASK 0x0fff
#define VLAN_N_VID    4096

/* VLANs on a device, by protocol and id: parts are made when needed, and stay. */
#define VLAN_PART_LEN 512
struct vlan_group {
	struct net_device **part[2][VLAN_N_VID / VLAN_PART_LEN];
};

/* EtherType in network order. */
static inline bool eth_type_vlan(uint16_t protocol)
{
	return protocol == htons(ETH_P_8021Q) || protocol == htons(ETH_P_8021AD);
}

/* The VLAN of a tag; NULL: there is none. protocol in network order. */
static inline struct net_device *vlan_find_dev(const struct net_device *dev, uint16_t protocol,
					       uint16_t vid)
{
	struct vlan_group *g = __atomic_load_n(&dev->vlgrp, __ATOMIC_ACQUIRE);
	struct net_device **part;

	if (!g)
		return NULL;
	part = __atomic_load_n(&g->part[protocol == htons(ETH_P_8021AD)][vid / VLAN_PART_LEN],
			       __ATOMIC_ACQUIRE);
	return part ? __atomic_load_n(&part[vid % VLAN_PART_LEN], __ATOMIC_ACQUIRE) : NULL;
}

/* The writer's: 0, -ENOMEM. */
int vlan_group_set(struct net_device *real, uint16_t protocol, uint16_t vid,
		   struct net_device *vlan);

/*
 * A tagged frame received on dev: the tag is taken out. True: the frame is the device's own
 * (priority), or nobody's, and skb->protocol is what was behind the tag. False: it waits for
 * vlan_receive_list(), or is disposed of.
 */
bool skb_vlan_untag(struct softnet_data *sd, struct net_device *dev, struct sk_buff *skb);
/* What skb_vlan_untag() put aside of a burst, by VLAN. */
void vlan_receive_list(struct softnet_data *sd, struct net_device *dev);

/* Tags frames and sends them on the real device. */
void vlan_xmit_list(struct softnet_data *sd, struct net_device *dev, struct sk_buff **list,
		    unsigned int n);

#endif
