/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inject.c - packets of the control plane on their way down. Worker 0 takes them all: they are
 * few, and their order is kept. The request rides in the headroom before the packet.
 */
#include <errno.h>
#include <pthread.h>

#include <rte_mempool.h>

#include <net/ip.h>
#include <net/ipv6.h>
#include <net/netdevice.h>
#include <net/punt.h>

/* Above that, injecting answers -ENOBUFS until worker 0 has taken some. */
#define INJECT_RING 1024

/*
 * A pool of its own: its consumers are threads that may be preempted half-way through a dequeue,
 * and workers must not wait behind them.
 */
static struct rte_mempool *inject_pool;
static pthread_mutex_t inject_lock = PTHREAD_MUTEX_INITIALIZER;

_Static_assert(sizeof(struct dp_inject) + ETH_HLEN <= RTE_PKTMBUF_HEADROOM, "rides in headroom");

int dp_inject(const struct dp_inject *inj, const void *data)
{
	struct net *net = inj->net < DP_MAX_NETS ? net_table[inj->net] : NULL;
	uint32_t l2 = inj->kind == DP_INJECT_IP ? ETH_HLEN : 0;
	struct net_device *dev;
	struct rte_mbuf *m;
	struct sk_buff *skb;
	int rc;

	if (!net || !softnet_data[0])
		return -ENODEV;
	dev = inj->oif < DP_MAX_LINKS ? net->devs[inj->oif] : NULL;
	if (!dev || !dev->present)
		return -ENODEV;
	if (inj->kind > DP_INJECT_RX || inj->len < (l2 ? sizeof(struct iphdr) : ETH_HLEN))
		return -EINVAL;

	/* also because the ring has one producer */
	pthread_mutex_lock(&inject_lock);
	m = rte_pktmbuf_alloc(inject_pool);
	rc = -ENOBUFS;
	if (!m)
		goto out;
	rc = -EMSGSIZE;
	if (inj->len + l2 > rte_pktmbuf_tailroom(m))
		goto out_free;
	memcpy(m->buf_addr, inj, sizeof(*inj));
	memset(rte_pktmbuf_mtod(m, char *), 0, l2);
	memcpy(rte_pktmbuf_mtod_offset(m, char *, l2), data, inj->len);
	m->data_len = (uint16_t)(inj->len + l2);
	m->pkt_len = m->data_len;
	skb = mbuf_skb(m);
	skb_init(skb);
	skb->dev = dev;
	skb->network_header = (uint16_t)(m->data_off + ETH_HLEN);
	rc = -ENOBUFS;
	if (rte_ring_sp_enqueue(softnet_data[0]->inject, m))
		goto out_free;
	rc = 0;
	goto out;

out_free:
	rte_pktmbuf_free(m);
out:
	pthread_mutex_unlock(&inject_lock);
	return rc;
}

static void inject_ip(struct softnet_data *sd, struct sk_buff *skb, const struct dp_inject *inj)
{
	uint8_t version = skb_network_header(skb)[0] >> 4;

	if (version == 4) {
		skb->protocol = htons(ETH_P_IP);
		skb->ip.flags = IPSKB_LOCAL_OUT;
		ip_local_out(sd, skb->dev, skb, inj->family, inj->addr);
	} else if (version == 6 && skb_network_len(skb) >= sizeof(struct ipv6hdr)) {
		struct in6_addr key;

		memcpy(&key, inj->addr, 16);
		skb->protocol = htons(ETH_P_IPV6);
		skb->ip6.flags = IP6SKB_LOCAL_OUT;
		ip6_local_out(sd, skb->dev, skb, &key);
	} else {
		kfree_skb_reason(sd, skb, SKB_DROP_REASON_IP_INHDR);
	}
}

unsigned int inject_rx(struct softnet_data *sd)
{
	struct rte_mbuf *pkts[NAPI_BURST];
	unsigned int n;

	if (!sd->inject)
		return 0;
	n = rte_ring_sc_dequeue_burst(sd->inject, (void **)pkts, NAPI_BURST, NULL);
	if (likely(!n))
		return 0;
	for (unsigned int i = 0; i < n; i++) {
		struct sk_buff *skb = mbuf_skb(pkts[i]);
		struct dp_inject inj;

		memcpy(&inj, pkts[i]->buf_addr, sizeof(inj));
		switch (inj.kind) {
		case DP_INJECT_XMIT:
			dev_queue_xmit(sd, skb->dev, skb);
			break;
		case DP_INJECT_IP:
			inject_ip(sd, skb, &inj);
			break;
		case DP_INJECT_RX:
			netif_receive_skb_list(sd, skb->dev, &pkts[i], 1);
			break;
		}
	}
	sd->stats.injected += n;
	stage_end(sd, STAGE_INJECT, n);
	return n;
}

int inject_init(uint32_t mbuf_data)
{
	inject_pool = skb_pool_create("skua_inject", INJECT_RING * 2 - 1, 0,
				      (uint16_t)(mbuf_data + RTE_PKTMBUF_HEADROOM));
	softnet_data[0]->inject = rte_ring_create("skua_inject", INJECT_RING, SOCKET_ID_ANY,
						  RING_F_SP_ENQ | RING_F_SC_DEQ);
	return inject_pool && softnet_data[0]->inject ? 0 : -ENOMEM;
}

void inject_fini(void)
{
	struct rte_mbuf *m;

	if (softnet_data[0] && softnet_data[0]->inject) {
		while (!rte_ring_sc_dequeue(softnet_data[0]->inject, (void **)&m))
			rte_pktmbuf_free(m);
		rte_ring_free(softnet_data[0]->inject);
		softnet_data[0]->inject = NULL;
	}
	rte_mempool_free(inject_pool);
	inject_pool = NULL;
}
