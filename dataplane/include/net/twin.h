/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin.h - host twins: the TAP of the host's kernel that stands for a link, so that sockets of the
 * host speak and hear through Skua.
 *
 *   socket --> TAP --read()--> twin thread --ring per worker--> twin_rx --> ip_queue_xmit
 *   socket <-- TAP <--write()- twin thread <--rings per worker-- twin_rcv <-- ip_local_deliver
 *
 * One thread serves the twins of all nets; local packets never see Go. What is urgent (routing
 * protocols, ARP, ND, non-IP) has rings of its own, which the thread empties first.
 */
#ifndef SKUA_NET_TWIN_H
#define SKUA_NET_TWIN_H

#include <net/net_namespace.h>
#include <net/punt.h>

struct twin;

/* Frames towards the host, and from it, that wait: powers of two. */
#define TWIN_URGENT_SIZE 1024
#define TWIN_BULK_SIZE   4096
#define TWIN_FROM_SIZE   4096

enum twin_prio { TWIN_URGENT, TWIN_BULK, TWIN_PRIOS };

/* Between one worker and the twin thread: each ring has one writer and one reader. */
struct twin_rings {
	struct rte_ring *to[TWIN_PRIOS]; /* skb->dev: the link whose twin gets it */
	struct rte_ring *from;           /* skb->dev: the link whose twin sent it */
};

/* Whether packets for us that came in on dev go to the host: read by workers as yes or no. */
static inline bool dev_has_twin(const struct net_device *dev)
{
	if (dev->type == DP_LINK_LOOPBACK)
		return __atomic_load_n(&dev_net(dev)->twin, __ATOMIC_RELAXED) != NULL;
	return __atomic_load_n(&dev->twin, __ATOMIC_RELAXED) != NULL;
}

/* Whether there is no link behind dev: what is sent on it is routed, groups too. */
static inline bool dev_is_routed(const struct net_device *dev)
{
	return dev->type == DP_LINK_LOOPBACK || dev->type == DP_LINK_VRF;
}

/* twin.c */

/*
 * A packet for ourselves (its transport header is set) on a device with a twin. True: the host has
 * it, or it was dropped; false: it is the control plane's to answer, and still the caller's.
 */
bool twin_local_rcv(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
		    uint8_t ipproto);
/* Both the control plane and the host's sockets are to see it. Consumes it. */
void twin_mirror(struct softnet_data *sd, struct sk_buff *skb, enum dp_punt_reason reason,
		 uint8_t ipproto);
/* A frame that is no IP. Consumes it. */
void twin_rcv_other(struct softnet_data *sd, struct sk_buff *skb);
/* To the twin of skb->dev. Consumes it. */
void twin_rcv(struct softnet_data *sd, struct sk_buff *skb, enum twin_prio prio);

unsigned int __twin_rx(struct softnet_data *sd, struct twin_rings *r);
void __twin_wake(struct softnet_data *sd);

/* What the host's sockets send, once per turn. Returns packets taken. */
static inline unsigned int twin_rx(struct softnet_data *sd)
{
	struct twin_rings *r = __atomic_load_n(&sd->twin, __ATOMIC_ACQUIRE);

	if (likely(!r) || likely(rte_ring_empty(r->from)))
		return 0;
	return __twin_rx(sd, r);
}

/* Wakes the thread when this turn gave it something. */
static inline void twin_wake(struct softnet_data *sd)
{
	if (unlikely(sd->twin_told))
		__twin_wake(sd);
}

/* drivers/twin.c */

/* Closes the twins of a net that is being deleted. */
void twin_net_exit(struct net *net);
/* Ends the thread and closes what twins there are. No worker runs any more. */
void twin_fini(void);

#endif
