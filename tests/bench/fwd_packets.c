// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_packets.c - frames, and the destinations that they are given. See fwd.h.
 *
 * Destinations are drawn in advance into an array per port that is read in turn: one flow, or
 * uniform draws of the world's, or 65,536 flows of which each packet takes one by Zipf's law.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "fwd.h"
#include "inet_table.h"

#define FLOWS  65536u
#define ZIPF_S 1.0

/* The ones' complement sum, not folded, of bytes as they lie in memory. */
static uint32_t sum16(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		uint16_t word = 0;

		memcpy(&word, p + i, len - i < 2 ? 1 : 2);
		sum += word;
	}
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void port_mac(uint8_t mac[6], unsigned int port)
{
	memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 1, (uint8_t)port}, 6);
}

/* 7:4:1, as even as it goes. Sizes on the wire are 64, 594 and 1,518 bytes. */
uint16_t frame_len(enum sizes sizes, unsigned int i)
{
	static const uint16_t imix[12] = {60, 590, 60, 590, 60, 1514, 60, 590, 60, 590, 60, 60};

	switch (sizes) {
	case SIZE_IMIX:
		return imix[i % RTE_DIM(imix)];
	case SIZE_1500:
		return FRAME_1500;
	default:
		return FRAME_64;
	}
}

static struct iphdr header4(unsigned int port, uint16_t len)
{
	return (struct iphdr){.version = 4,
			      .ihl = 5,
			      .tot_len = htons(len),
			      .ttl = 64,
			      .protocol = IPPROTO_UDP,
			      .saddr = htonl(0x0a000002 | port << 8)};
}

static struct ip6_hdr header6(unsigned int port, uint16_t len)
{
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28)};
	const uint8_t src[16] = {0x20, 1, 0xd, 0xb8, (uint8_t)port, [15] = 2};

	ip.ip6_plen = htons((uint16_t)(len - sizeof(ip)));
	ip.ip6_nxt = IPPROTO_NONE;
	ip.ip6_hlim = 64;
	memcpy(&ip.ip6_src, src, 16);
	return ip;
}

/* UDP from port 49152 to 9 (discard), and zeros. */
static void udp_make(struct iphdr *ip, uint8_t *l4, uint16_t len, bool check)
{
	struct udphdr udp = {.uh_sport = htons(49152), .uh_dport = htons(9), .uh_ulen = htons(len)};
	uint32_t sum = sum16(&ip->saddr, 8) + htons(IPPROTO_UDP) + udp.uh_ulen;

	if (check) {
		udp.uh_sum = (uint16_t)~fold(sum + sum16(&udp, sizeof(udp)));
		if (!udp.uh_sum)
			udp.uh_sum = 0xffff;
	}
	memcpy(l4, &udp, sizeof(udp));
}

/*
 * A packet that goes round has no UDP checksum (RFC 768 allows that), because its destination
 * changes. IPv6 packets have no next header: 64 bytes have no room for one of UDP.
 */
void frame_make(uint8_t *frame, uint16_t len, unsigned int port, uint8_t family, const uint8_t *dst)
{
	struct ip6_hdr ip6 = header6(port, len - 14);
	struct iphdr ip = header4(port, len - 14);
	uint8_t *l3 = frame + 14;

	memset(frame, 0, len);
	port_mac(frame, port);
	port_mac(frame + 6, port ^ 1);
	if (family == AF_INET) {
		frame[12] = 8;
		if (dst) {
			memcpy(&ip.daddr, dst, 4);
			ip.check = (uint16_t)~fold(sum16(&ip, sizeof(ip)));
		}
		udp_make(&ip, l3 + sizeof(ip), len - 34, dst);
		memcpy(l3, &ip, sizeof(ip));
	} else {
		frame[12] = 0x86;
		frame[13] = 0xdd;
		if (dst)
			memcpy(&ip6.ip6_dst, dst, 16);
		memcpy(l3, &ip6, sizeof(ip6));
	}
}

struct stamp4 stamp4_make(unsigned int port, const uint8_t *dst, uint8_t ttl, enum sizes sizes)
{
	struct iphdr ip = header4(port, sizes == SIZE_IMIX ? 0 : frame_len(sizes, 0) - 14);
	uint16_t sum;

	ip.ttl = ttl;
	memcpy(&ip.daddr, dst, 4);
	sum = fold(sum16(&ip, sizeof(ip)));
	return (struct stamp4){
	    .daddr = ip.daddr, .check = sizes == SIZE_IMIX ? sum : (uint16_t)~sum, .ttl = ttl};
}

/* The number of a flow, 0 the most frequent, by its rank's share of the sum of all. */
static uint32_t zipf(const double *sums, uint64_t *rnd)
{
	double u = (double)(inet_random(rnd) >> 11) * 0x1p-53 * sums[FLOWS - 1];
	uint32_t low = 0, high = FLOWS - 1;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (sums[mid] < u)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void *room(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		fail("no memory");
	return p;
}

static void stamp_put(const struct bench_case *c, void *stamps, uint32_t i, unsigned int port,
		      const uint8_t *dst)
{
	if (c->world->family == AF_INET)
		((struct stamp4 *)stamps)[i] = stamp4_make(port, dst, 64, c->sizes);
	else
		memcpy(&((struct in6_addr *)stamps)[i], dst, 16);
}

void stamps_make(const struct bench_case *c)
{
	const struct world *w = c->world;
	size_t size = w->family == AF_INET ? sizeof(struct stamp4) : sizeof(struct in6_addr);
	uint8_t(*flows)[16] = room(FLOWS, 16), dst[16] = {0};
	double *sums = room(FLOWS, sizeof(*sums)), sum = 0;
	uint64_t rnd = 7;

	for (uint32_t i = 0; i < FLOWS; i++)
		sums[i] = sum += pow(i + 1, -ZIPF_S);
	for (unsigned int p = 0; p < w->ports; p++) {
		uint32_t n = opt.routes ? RTE_MIN(w->stamps, FLOWS) : w->stamps;
		void *v;

		n = c->traffic == ONE_FLOW ? 1 : n;
		v = room(n, size);

		for (uint32_t i = 0; c->traffic == ZIPF && i < FLOWS; i++)
			w->draw(p, &rnd, flows[i]);
		for (uint32_t i = 0; i < n; i++) {
			if (c->traffic != ZIPF)
				w->draw(p, &rnd, dst);
			stamp_put(c, v, i, p, c->traffic == ZIPF ? flows[zipf(sums, &rnd)] : dst);
		}
		sources[p].stamps = v;
		sources[p].n = n;
		sources[p].at = 0;
	}
	free(sums);
	free(flows);
}

void stamps_free(const struct world *w)
{
	for (unsigned int p = 0; p < w->ports; p++) {
		free((void *)(uintptr_t)sources[p].stamps);
		sources[p].stamps = NULL;
	}
}

void stamp_dst(const struct world *w, unsigned int port, uint32_t i, uint8_t dst[16])
{
	memset(dst, 0, 16);
	if (w->family == AF_INET)
		memcpy(dst, &((const struct stamp4 *)sources[port].stamps)[i].daddr, 4);
	else
		memcpy(dst, &((const struct in6_addr *)sources[port].stamps)[i], 16);
}
