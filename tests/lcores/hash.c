// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * hash.c - the hash that picks the worker of a received frame: the same for both directions of a
 * flow, for all fragments of a packet, with and without tags and extension headers; even over the
 * workers; and never reads behind the frame.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "dataplane.h"
#include "router.h"

#include <net/flow.h>
#include <net/skbuff.h>

struct flow {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t proto;
	bool v6;
};

/* How a frame of a flow looks. */
enum {
	TAGGED = 1,      /* a VLAN, and a tag of priority before it */
	EXTHDRS = 2,     /* IPv6: hop-by-hop and destination options; IPv4: a word of options */
	FIRST_FRAG = 4,  /* has its ports */
	SECOND_FRAG = 8, /* has something else there */
	BACK = 16,       /* from dst to src */
};

static uint64_t rnd_state = 88172645463325252ull;
static int failures;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static uint32_t put(uint8_t *f, uint32_t at, const void *p, uint32_t len)
{
	memcpy(f + at, p, len);
	return at + len;
}

static uint32_t put_ports(uint8_t *f, uint32_t at, const struct flow *w, int look)
{
	uint16_t sport = htons(look & BACK ? w->dport : w->sport);
	uint16_t dport = htons(look & BACK ? w->sport : w->dport);

	if (look & SECOND_FRAG)
		sport = dport = (uint16_t)rnd();
	at = put(f, at, &sport, 2);
	return put(f, at, &dport, 2) + 16;
}

static uint32_t put_ipv4(uint8_t *f, uint32_t at, const struct flow *w, int look)
{
	uint32_t hlen = look & EXTHDRS ? 24 : 20;

	f[at] = (uint8_t)(0x40 | hlen / 4);
	f[at + 6] = look & FIRST_FRAG ? 0x20 : 0;
	f[at + 7] = look & SECOND_FRAG ? 185 : 0;
	f[at + 8] = (uint8_t)rnd(); /* no part of the flow */
	f[at + 9] = w->proto;
	memcpy(f + at + 12, look & BACK ? w->dst : w->src, 4);
	memcpy(f + at + 16, look & BACK ? w->src : w->dst, 4);
	return put_ports(f, at + hlen, w, look);
}

static uint32_t put_ipv6(uint8_t *f, uint32_t at, const struct flow *w, int look)
{
	uint8_t *next = f + at + 6;

	f[at] = 0x60;
	f[at + 3] = (uint8_t)rnd(); /* flow label: differs by direction */
	memcpy(f + at + 8, look & BACK ? w->dst : w->src, 16);
	memcpy(f + at + 24, look & BACK ? w->src : w->dst, 16);
	at += 40;
	if (look & EXTHDRS) {
		*next = 0;
		next = f + at;
		at += 8;
		*next = 60;
		next = f + at;
		f[at + 1] = 1;
		at += 16;
	}
	if (look & (FIRST_FRAG | SECOND_FRAG)) {
		*next = 44;
		next = f + at;
		f[at + 3] = look & FIRST_FRAG ? 1 : 185 & 0xf8;
		at += 8;
	}
	*next = w->proto;
	return put_ports(f, at, w, look);
}

static uint32_t frame(uint8_t *f, const struct flow *w, int look)
{
	uint32_t at = 12;

	memset(f, 0, 256);
	if (look & TAGGED)
		at = put(f, at, (uint8_t[8]){0x88, 0xa8, 0xe0, 0, 0x81, 0, 0, 7}, 8);
	at = put(f, at, w->v6 ? (uint8_t[2]){0x86, 0xdd} : (uint8_t[2]){8, 0}, 2);
	return w->v6 ? put_ipv6(f, at, w, look) : put_ipv4(f, at, w, look);
}

/* The bytes lie at the end of memory of their own, so that ASan sees a read behind them. */
static uint32_t hash_bytes(const uint8_t *f, uint32_t len)
{
	uint8_t *buf = malloc(len);
	struct rte_mbuf m = {
	    .buf_addr = buf, .data_len = (uint16_t)len, .pkt_len = len, .nb_segs = 1};
	struct rte_mbuf *list = &m;
	uint32_t hash;

	memcpy(buf, f, len);
	skb_get_hash_list(&list, &hash, 1);
	free(buf);
	return hash;
}

static uint32_t hash(const struct flow *w, int look)
{
	uint8_t f[256];

	return hash_bytes(f, frame(f, w, look));
}

static struct flow flow_random(bool v6)
{
	struct flow w = {.v6 = v6, .proto = rnd() & 1 ? IPPROTO_UDP : IPPROTO_TCP};

	for (int i = 0; i < 16; i++) {
		w.src[i] = (uint8_t)rnd();
		w.dst[i] = (uint8_t)rnd();
	}
	w.sport = (uint16_t)rnd();
	w.dport = (uint16_t)rnd();
	if (!(rnd() % 8)) /* both ends on one host */
		memcpy(w.dst, w.src, 16);
	return w;
}

static void expect(bool ok, const char *what, const struct flow *w)
{
	if (ok)
		return;
	if (failures++ < 20)
		printf("%s: IPv%c, protocol %u, ports %u and %u\n", what, w->v6 ? '6' : '4',
		       w->proto, w->sport, w->dport);
}

static void same(void)
{
	for (int i = 0; i < 20000; i++) {
		struct flow w = flow_random(i & 1), other = w;
		uint32_t h = hash(&w, 0), frag = hash(&w, FIRST_FRAG);
		uint8_t f[256];

		expect(h != 0, "no hash", &w);
		expect(hash(&w, BACK) == h, "the other direction", &w);
		expect(hash(&w, TAGGED) == h, "with tags", &w);
		expect(hash(&w, EXTHDRS) == h, "with options", &w);
		expect(hash(&w, EXTHDRS | TAGGED | BACK) == h, "with all of it", &w);
		expect(hash(&w, SECOND_FRAG) == frag, "fragments of a packet", &w);
		expect(hash(&w, SECOND_FRAG | BACK) == frag, "fragments of the other direction",
		       &w);
		other.sport++;
		expect(hash(&other, 0) != h, "another flow", &other);
		for (uint32_t len = frame(f, &w, EXTHDRS | TAGGED); len; len--)
			hash_bytes(f, len);
	}
}

/* Flows that differ in one thing only, over 16 workers as netif_rps() takes them. */
static void even(const char *what, bool v6, void (*vary)(struct flow *w, uint32_t i))
{
	enum { FLOWS = 1 << 14, WORKERS = 16 };
	struct flow w = flow_random(v6);
	uint32_t count[WORKERS] = {0};

	w.proto = IPPROTO_UDP;
	for (uint32_t i = 0; i < FLOWS; i++) {
		vary(&w, i);
		count[(uint64_t)hash(&w, 0) * WORKERS >> 32]++;
	}
	for (int i = 0; i < WORKERS; i++)
		expect(count[i] > FLOWS / WORKERS * 3 / 4 && count[i] < FLOWS / WORKERS * 5 / 4,
		       what, &w);
}

static void vary_sport(struct flow *w, uint32_t i)
{
	w->sport = (uint16_t)i;
}

static void vary_dst(struct flow *w, uint32_t i)
{
	w->dst[w->v6 ? 15 : 3] = (uint8_t)i;
	w->dst[w->v6 ? 14 : 2] = (uint8_t)(i >> 8);
}

static void vary_prefix(struct flow *w, uint32_t i)
{
	w->src[w->v6 ? 6 : 0] = (uint8_t)i;
	w->src[w->v6 ? 7 : 1] = (uint8_t)(i >> 8);
}

static void none(void)
{
	struct flow w = {0};
	uint8_t f[64] = {[12] = 8, [13] = 6}; /* ARP */

	expect(hash_bytes(f, 60) == 0, "ARP has a hash", &w);
	f[13] = 0;
	expect(hash_bytes(f, 20) == 0, "IPv4 cut short has a hash", &w);
	expect(hash_bytes(f, 13) == 0, "a frame cut short has a hash", &w);
}

int main(void)
{
	uint8_t seed[40];

	for (int i = 0; i < 40; i++)
		seed[i] = (uint8_t)rnd();
	flow_hash_init(seed);
	same();
	for (int v6 = 0; v6 < 2; v6++) {
		even("uneven by port", v6, vary_sport);
		even("uneven by destination", v6, vary_dst);
		even("uneven by network", v6, vary_prefix);
	}
	none();
	return failures != 0;
}
