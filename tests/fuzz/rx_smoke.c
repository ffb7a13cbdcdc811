/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rx_smoke.c - the packet path answers as it should, asserted in C: quicker than the scripts of
 * tests/script, and under sanitizers. Says each case on stderr, exits 0 when all hold.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "dataplane.h"
#include "router.h"

static int failures;
static uint8_t frame[2048], out[2048];
static uint32_t punts[16];

#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "  %s:%d: not so: %s\n", __FILE__, __LINE__, #cond);       \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

static uint16_t checksum(const void *data, int len)
{
	uint32_t sum = 0;

	for (int i = 0; i < len; i += 2)
		sum += (uint32_t)((const uint8_t *)data)[i] << 8 | ((const uint8_t *)data)[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* A UDP packet of len bytes (L3) for the router on port 0; returns the frame's length. */
static uint32_t udp4(const char *src, const char *dst, uint8_t ttl, uint16_t len)
{
	struct iphdr *ip = (struct iphdr *)(frame + 14);

	memset(frame, 0, sizeof(frame));
	router_mac(frame, 0, 1);
	router_mac(frame + 6, 0, 2);
	frame[12] = 8;
	*ip = (struct iphdr){
	    .version = 4, .ihl = 5, .tot_len = htons(len), .ttl = ttl, .protocol = IPPROTO_UDP};
	inet_pton(AF_INET, src, &ip->saddr);
	inet_pton(AF_INET, dst, &ip->daddr);
	ip->check = checksum(ip, 20);
	for (int i = 34; i < 14 + len; i++)
		frame[i] = (uint8_t)i;
	return 14u + len;
}

static uint32_t udp6(const char *src, const char *dst, uint8_t hops, uint16_t len)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)(frame + 14);

	memset(frame, 0, sizeof(frame));
	router_mac(frame, 0, 1);
	router_mac(frame + 6, 0, 2);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip->ip6_vfc = 0x60;
	ip->ip6_plen = htons((uint16_t)(len - 40));
	ip->ip6_nxt = IPPROTO_UDP;
	ip->ip6_hlim = hops;
	inet_pton(AF_INET6, src, &ip->ip6_src);
	inet_pton(AF_INET6, dst, &ip->ip6_dst);
	for (int i = 54; i < 14 + len; i++)
		frame[i] = (uint8_t)i;
	return 14u + len;
}

/* Sends what is in frame on port 0, one turn; the length of what leaves on port. */
static int through(uint32_t len, unsigned int port)
{
	router_send(0, frame, len);
	router_poll();
	router_punts(punts);
	return router_recv(port, out, sizeof(out));
}

static void to(unsigned int port, unsigned int host)
{
	uint8_t mac[6];

	router_mac(mac, port, host);
	EXPECT(!memcmp(out, mac, 6));
	router_mac(mac, port, 1);
	EXPECT(!memcmp(out + 6, mac, 6));
}

static void forward4(void)
{
	struct iphdr *ip = (struct iphdr *)(out + 14);

	EXPECT(through(udp4("10.0.1.2", "198.18.0.1", 64, 46), 1) == 60);
	to(1, 2);
	EXPECT(ip->ttl == 63 && !checksum(ip, 20));
	EXPECT(through(udp4("10.0.1.2", "10.0.2.2", 2, 46), 1) == 60);
	to(1, 2);
	EXPECT(ip->ttl == 1 && !checksum(ip, 20));
	/* padding goes */
	EXPECT(through(udp4("10.0.1.2", "10.0.2.2", 2, 28) + 18, 1) == 42);
}

static void forward6(void)
{
	struct ip6_hdr *ip = (struct ip6_hdr *)(out + 14);

	EXPECT(through(udp6("2001:db8:1::2", "2001:db8:ffff::1", 64, 60), 1) == 74);
	to(1, 2);
	EXPECT(ip->ip6_hlim == 63);
	EXPECT(through(udp6("2001:db8:1::2", "2001:db8:2::2", 2, 60), 1) == 74);
	to(1, 2);
	EXPECT(ip->ip6_hlim == 1);
}

/* Packets that are dropped, and the reason that is counted; sent: errors to be told. */
static void dropped(uint32_t len, const char *reason, uint32_t sent)
{
	uint64_t before = router_drops(reason);

	EXPECT(through(len, 1) == 0);
	EXPECT(router_drops(reason) == before + 1);
	if (router_drops(reason) != before + 1)
		fprintf(stderr, "  expected %s\n", reason);
	EXPECT(punts[DP_PUNT_ICMP_SEND] == sent);
}

static void drops4(void)
{
	uint32_t len;

	dropped(udp4("10.0.1.2", "198.18.0.1", 1, 46), "IP_INHDR", 1);
	dropped(udp4("10.0.1.2", "192.0.2.1", 9, 46), "BLACKHOLE", 0);
	dropped(udp4("10.0.1.2", "192.0.2.65", 9, 46), "NOT_SPECIFIED", 1);
	dropped(udp4("10.0.1.2", "192.0.2.129", 9, 46), "NOT_SPECIFIED", 1);
	dropped(udp4("10.0.1.2", "8.8.8.8", 9, 46), "IP_INNOROUTES", 1);
	dropped(udp4("10.0.2.1", "198.18.0.1", 9, 46), "IP_LOCAL_SOURCE", 0);
	dropped(udp4("224.0.0.9", "198.18.0.1", 9, 46), "IP_INVALID_SOURCE", 0);
	dropped(udp4("127.0.0.9", "198.18.0.1", 9, 46), "IP_LOCALNET", 0);
	dropped(udp4("10.0.1.2", "0.0.0.0", 9, 46), "IP_INVALID_DEST", 0);
	len = udp4("10.0.1.2", "198.18.0.1", 9, 46);
	frame[24] ^= 1;
	dropped(len, "IP_CSUM", 0);
	len = udp4("10.0.1.2", "198.18.0.1", 9, 46);
	dropped(len - 1, "PKT_TOO_SMALL", 0);
	frame[0] = 4;
	dropped(len, "OTHERHOST", 0);
	len = udp4("10.0.1.2", "198.18.0.1", 9, 46);
	frame[12] = 9;
	dropped(len, "UNHANDLED_PROTO", 0);
}

static void drops6(void)
{
	uint32_t len;

	dropped(udp6("2001:db8:1::2", "2001:db8:ffff::1", 1, 60), "IP_INHDR", 1);
	dropped(udp6("2001:db8:1::2", "2001:db8:a::1", 9, 60), "BLACKHOLE", 0);
	dropped(udp6("2001:db8:1::2", "2001:db8:b::1", 9, 60), "IP_INNOROUTES", 1);
	dropped(udp6("2001:db8:1::2", "2001:db8:c::1", 9, 60), "IP_INNOROUTES", 1);
	dropped(udp6("2001:db8:1::2", "2600::1", 9, 60), "IP_INNOROUTES", 1);
	dropped(udp6("fe80::2", "2001:db8:ffff::1", 9, 60), "IP_INADDRERRORS", 1);
	dropped(udp6("::", "2001:db8:ffff::1", 9, 60), "IP_INADDRERRORS", 0);
	dropped(udp6("::1", "2001:db8:ffff::1", 9, 60), "IP_INHDR", 0);
	dropped(udp6("ff02::5", "2001:db8:ffff::1", 9, 60), "IP_INHDR", 0);
	len = udp6("2001:db8:1::2", "2001:db8:ffff::1", 9, 60);
	dropped(len - 1, "PKT_TOO_SMALL", 0);
}

static void local(void)
{
	uint32_t len;

	EXPECT(through(udp4("10.0.1.2", "10.0.1.1", 9, 46), 0) == 0);
	EXPECT(punts[DP_PUNT_LOCAL] == 1);
	len = udp4("10.0.1.2", "224.0.0.1", 9, 46);
	memcpy(frame, "\1\0\x5e\0\0\1", 6);
	EXPECT(through(len, 0) == 0);
	EXPECT(punts[DP_PUNT_LOCAL] == 1);
	len = udp6("2001:db8:1::2", "2001:db8:1::1", 255, 64);
	frame[20] = 58;
	frame[54] = 135;
	EXPECT(through(len, 0) == 0);
	EXPECT(punts[DP_PUNT_ND] == 1);
	len = udp4("10.0.1.2", "10.0.1.1", 9, 46);
	frame[13] = 6;
	EXPECT(through(len, 0) == 0);
	EXPECT(punts[DP_PUNT_ARP] == 1);
}

static void fragments(void)
{
	struct iphdr *ip = (struct iphdr *)(out + 14);
	struct dp_link l;
	uint32_t cursor = 1;

	EXPECT(dp_link_dump(ROUTER_NET, &cursor, &l, 1) == 1);
	cursor = 2;
	EXPECT(dp_link_dump(ROUTER_NET, &cursor, &l, 1) == 1);
	l.mtu = 576;
	EXPECT(!dp_link_set(&l));
	EXPECT(through(udp4("10.0.1.2", "198.18.0.1", 9, 1020), 1) == 14 + 572);
	EXPECT(ntohs(ip->tot_len) == 572 && ntohs(ip->frag_off) == IP_MF && !checksum(ip, 20));
	EXPECT(router_recv(1, out, sizeof(out)) == 14 + 20 + 448);
	EXPECT(ntohs(ip->frag_off) == 552 / 8 && !checksum(ip, 20));
	EXPECT(out[14 + 20] == (uint8_t)(34 + 552));
	EXPECT(router_recv(1, out, sizeof(out)) == 0);
	udp4("10.0.1.2", "198.18.0.1", 9, 1020);
	frame[20] = 0x40;
	frame[24] = frame[25] = 0;
	memcpy(frame + 24, (uint16_t[]){checksum(frame + 14, 20)}, 2);
	dropped(1034, "PKT_TOO_BIG", 1);
	l.mtu = 1500;
	EXPECT(!dp_link_set(&l));
}

/* The pieces of a packet for us, last first; v6: the same behind a fragment header. */
static void reassembly(void)
{
	static const uint16_t offset[3] = {32, 16, 0};
	uint64_t mib[64];

	for (int i = 0; i < 3; i++) {
		uint32_t len = udp4("10.0.1.2", "10.0.1.1", 9, i ? 36 : 30);

		frame[18] = 7;
		frame[20] = i ? 0x20 : 0;
		frame[21] = (uint8_t)(offset[i] / 8);
		frame[24] = frame[25] = 0;
		memcpy(frame + 24, (uint16_t[]){checksum(frame + 14, 20)}, 2);
		EXPECT(through(len, 0) == 0);
		EXPECT(punts[DP_PUNT_LOCAL] == (i == 2));
	}
	for (int i = 0; i < 3; i++) {
		uint32_t len = udp6("2001:db8:1::2", "2001:db8:1::1", 9, i ? 64 : 58);

		frame[20] = 44;
		memcpy(frame + 54, (uint8_t[8]){17, 0, 0, (uint8_t)(offset[i] | (i > 0))}, 8);
		EXPECT(through(len, 0) == 0);
		EXPECT(punts[DP_PUNT_LOCAL] == (i == 2));
	}
	EXPECT(dp_mib_read(ROUTER_NET, DP_MIB_IP, mib, 64) > 0);
	EXPECT(mib[11] == 3 && mib[12] == 1 && mib[13] == 0); /* ReasmReqds, ReasmOKs, ReasmFails */
	EXPECT(dp_mib_read(ROUTER_NET, DP_MIB_IP6, mib, 64) > 0);
	EXPECT(mib[14] == 3 && mib[15] == 1 && mib[16] == 0);
}

static void neighbours(void)
{
	struct dp_neigh n = {.net = ROUTER_NET, .ifindex = 2, .family = AF_INET, .nud = NUD_STALE};

	inet_pton(AF_INET, "10.0.2.9", n.addr);
	EXPECT(dp_neigh_used(&n) < 0);
	EXPECT(through(udp4("10.0.1.2", "10.0.2.9", 9, 46), 1) == 0);
	EXPECT(punts[DP_PUNT_NEIGH_MISS] == 1);
	EXPECT(through(udp4("10.0.1.2", "10.0.2.9", 10, 46), 1) == 0);
	EXPECT(punts[DP_PUNT_NEIGH_MISS] == 0);
	router_mac(n.lladdr, 1, 9);
	EXPECT(!dp_neigh_set(&n));
	router_poll();
	router_punts(punts);
	EXPECT(punts[DP_PUNT_NEIGH_USED] == 1);
	EXPECT(router_recv(1, out, sizeof(out)) == 60 && out[14 + 8] == 8);
	to(1, 9);
	EXPECT(router_recv(1, out, sizeof(out)) == 60 && out[14 + 8] == 9);
	EXPECT(dp_neigh_used(&n) == 1 && dp_neigh_used(&n) == 0);
	EXPECT(through(udp4("10.0.1.2", "10.0.2.9", 10, 46), 1) == 60);
	EXPECT(punts[DP_PUNT_NEIGH_USED] == 0);
	EXPECT(!dp_neigh_del(&n));

	EXPECT(through(udp4("10.0.1.2", "10.0.2.9", 9, 46), 1) == 0);
	EXPECT(punts[DP_PUNT_NEIGH_MISS] == 1);
	n.nud = NUD_INCOMPLETE;
	EXPECT(!dp_neigh_set(&n));
	n.nud = NUD_FAILED;
	EXPECT(!dp_neigh_set(&n));
	router_poll();
	router_punts(punts);
	EXPECT(punts[DP_PUNT_ICMP_SEND] == 1 && router_drops("NEIGH_FAILED") == 1);
	EXPECT(!dp_neigh_del(&n));
}

static void inject(void)
{
	struct dp_inject inj = {
	    .net = ROUTER_NET, .oif = 2, .kind = DP_INJECT_IP, .family = AF_INET};

	udp4("10.0.2.1", "10.0.2.2", 9, 46);
	inj.len = 46;
	inet_pton(AF_INET, "10.0.2.2", inj.addr);
	EXPECT(!dp_inject(&inj, frame + 14));
	EXPECT(router_poll() == 1);
	EXPECT(router_recv(1, out, sizeof(out)) == 60);
	to(1, 2);
	udp4("10.0.2.1", "224.0.0.5", 1, 46);
	inet_pton(AF_INET, "224.0.0.5", inj.addr);
	EXPECT(!dp_inject(&inj, frame + 14));
	router_poll();
	EXPECT(router_recv(1, out, sizeof(out)) == 60 && !memcmp(out, "\1\0\x5e\0\0\5", 6));
	udp6("2001:db8:2::1", "ff02::1:ff00:2", 255, 60);
	inj.family = AF_INET6;
	inj.len = 60;
	inet_pton(AF_INET6, "ff02::1:ff00:2", inj.addr);
	EXPECT(!dp_inject(&inj, frame + 14));
	router_poll();
	EXPECT(router_recv(1, out, sizeof(out)) == 74 && !memcmp(out, "\x33\x33\xff\0\0\2", 6));
	/* to ourselves over lo */
	udp4("10.0.2.1", "10.0.1.1", 9, 46);
	inj.family = AF_INET;
	inj.oif = 9;
	inj.len = 46;
	inet_pton(AF_INET, "10.0.1.1", inj.addr);
	EXPECT(!dp_inject(&inj, frame + 14));
	router_poll();
	router_poll();
	router_punts(punts);
	EXPECT(punts[DP_PUNT_LOCAL] == 1);
}

static void groups(void)
{
	int left = 0, right = 0;

	for (int i = 1; i < 255; i++) {
		char dst[32];
		uint32_t len;

		snprintf(dst, sizeof(dst), "203.0.113.%d", i);
		len = udp4("10.9.9.9", dst, 9, 46);
		if (through(len, 1) > 0)
			right++;
		else if (router_recv(0, out, sizeof(out)) > 0)
			left++;
	}
	EXPECT(left + right == 254);
	EXPECT(left > 40 && right > 2 * 40);
}

static void stale_nexthop(void)
{
	EXPECT(!dp_nexthop_del(ROUTER_NET, 5));
	dropped(udp4("10.0.1.2", "198.18.0.1", 9, 46), "IP_INNOROUTES", 1);
	EXPECT(!dp_link_del(ROUTER_NET, 2));
	EXPECT(through(udp4("10.0.1.2", "10.0.2.2", 9, 46), 1) == 0);
	EXPECT(through(udp6("2001:db8:1::2", "2001:db8:ffff::1", 9, 60), 1) == 0);
	EXPECT(router_drops("DEV_READY") >= 2);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} cases[] = {
	    {"forward4", forward4},
	    {"forward6", forward6},
	    {"drops4", drops4},
	    {"drops6", drops6},
	    {"local", local},
	    {"fragments", fragments},
	    {"reassembly", reassembly},
	    {"neighbours", neighbours},
	    {"inject", inject},
	    {"groups", groups},
	    {"stale nexthop", stale_nexthop},
	};

	router_start(1);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int before = failures;

		cases[i].fn();
		fprintf(stderr, "%s %s\n", failures == before ? "ok  " : "FAIL", cases[i].name);
	}
	router_stop();
	return failures ? 1 : 0;
}
