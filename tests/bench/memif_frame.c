// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/* memif_frame.c - the packets of memif_gen. See memif_gen.h. */
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "inet_table.h"
#include "memif_gen.h"

#define ETH_BYTES  14
#define SADDR4     0xc6120002 /* 198.18.0.2 */
#define HOPS       64
#define EXPERIMENT 253 /* a protocol that needs no header (RFC 3692) */

static const uint8_t eth4[ETH_BYTES] = {2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 0x08, 0x00};
static const uint8_t eth6[ETH_BYTES] = {2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 0x86, 0xdd};
static const uint8_t saddr6[16] = {0x20, 1, 0xd, 0xb8, 0, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};

static uint16_t checksum(const void *data, int len)
{
	uint32_t sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (uint32_t)((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void frame4(uint8_t *p, uint16_t len, uint64_t random)
{
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .tot_len = htons(len - ETH_BYTES),
			   .ttl = HOPS,
			   .protocol = IPPROTO_UDP,
			   .saddr = htonl(SADDR4),
			   .daddr = htonl(0x0a000000 | (uint32_t)(random & 0xffffff))};
	struct udphdr udp = {.source = htons((uint16_t)(1024 + (random >> 24) % 60000)),
			     .dest = htons(9),
			     .len = htons(len - ETH_BYTES - sizeof(ip))};

	ip.check = checksum(&ip, sizeof(ip));
	memcpy(p, eth4, sizeof(eth4));
	memcpy(p + ETH_BYTES, &ip, sizeof(ip));
	memcpy(p + ETH_BYTES + sizeof(ip), &udp, sizeof(udp));
}

static void frame6(uint8_t *p, uint16_t len, uint64_t random)
{
	struct ip6_hdr ip = {.ip6_flow = htonl(0x60000000),
			     .ip6_plen = htons(len - ETH_BYTES - sizeof(ip)),
			     .ip6_nxt = EXPERIMENT,
			     .ip6_hlim = HOPS};
	uint32_t subnet = htonl(0x80000000 | (uint32_t)(random >> 34));

	memcpy(&ip.ip6_src, saddr6, sizeof(saddr6));
	memcpy(&ip.ip6_dst, saddr6, 4);
	memcpy((uint8_t *)&ip.ip6_dst + 4, &subnet, sizeof(subnet));
	memcpy((uint8_t *)&ip.ip6_dst + 8, &random, sizeof(random));
	memcpy(p, eth6, sizeof(eth6));
	memcpy(p + ETH_BYTES, &ip, sizeof(ip));
}

int frames_make(struct frames *f, bool v6, uint16_t len, uint32_t n)
{
	uint64_t random = INET_TABLE_SEED;

	*f = (struct frames){.len = len, .v6 = v6, .n = n, .v = calloc(n, len)};
	if (!f->v)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *p = f->v + (size_t)i * len;

		if (v6)
			frame6(p, len, inet_random(&random));
		else
			frame4(p, len, inet_random(&random));
	}
	return 0;
}

bool frame_is_ours(const struct frames *f, const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t saddr = htonl(SADDR4);

	if (m->pkt_len != f->len)
		return false;
	if (f->v6)
		return !memcmp(p + 12, eth6 + 12, 2) && !memcmp(p + ETH_BYTES + 8, saddr6, 16) &&
		       p[ETH_BYTES + 7] == HOPS - 1;
	return !memcmp(p + 12, eth4 + 12, 2) && !memcmp(p + ETH_BYTES + 12, &saddr, 4) &&
	       p[ETH_BYTES + 8] == HOPS - 1;
}
