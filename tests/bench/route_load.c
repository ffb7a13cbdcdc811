// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * Loads a full table through a netlink socket, as a routing daemon would: RTM_NEWROUTE in batches,
 * each acknowledged. Runs against whoever answers: the kernel, or Skua when preloaded.
 *
 * usage: route_load [-n DEV] [-t TABLE] 4|6 ROUTES BATCH GATEWAY...
 * prints routes, seconds, routes per second. With -n the gateways become nexthop objects over DEV,
 * ids from 1 on, and routes name them, as zebra's do.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/nexthop.h>
#include <net/if.h>
#include <stdbool.h>
#include <unistd.h>

#include "inet_table.h"
#include "route_netlink.h"

#define MAX_BATCH 1024
#define MSG_ROOM  96

struct request {
	struct nlmsghdr nlh;
	struct rtmsg rtm;
	char attrs[MSG_ROOM];
};

static uint32_t table = RT_TABLE_MAIN;

/* nhid not 0: in place of gw. */
static size_t route_message(char *out, int family, const void *dst, uint8_t plen, const void *gw,
			    uint32_t nhid, uint32_t seq)
{
	size_t alen = family == AF_INET ? 4 : 16;
	struct request req;

	memset(&req, 0, sizeof(req));
	req.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.rtm));
	req.nlh.nlmsg_type = RTM_NEWROUTE;
	req.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	req.nlh.nlmsg_seq = seq;
	req.rtm.rtm_family = family;
	req.rtm.rtm_dst_len = plen;
	req.rtm.rtm_table = RT_TABLE_UNSPEC;
	req.rtm.rtm_protocol = RTPROT_BGP;
	req.rtm.rtm_scope = RT_SCOPE_UNIVERSE;
	req.rtm.rtm_type = RTN_UNICAST;
	add_attr(&req, RTA_DST, dst, alen);
	add_attr(&req, RTA_TABLE, &table, sizeof(table));
	if (nhid)
		add_attr(&req, RTA_NH_ID, &nhid, sizeof(nhid));
	else
		add_attr(&req, RTA_GATEWAY, gw, alen);
	memcpy(out, &req, req.nlh.nlmsg_len);
	return req.nlh.nlmsg_len;
}

/* Makes nexthop object id, or replaces it. */
static void add_nexthop(int fd, int family, uint32_t id, const void *gw, uint32_t ifindex)
{
	struct {
		struct nlmsghdr nlh;
		struct nhmsg nhm;
		char attrs[MSG_ROOM];
	} req = {
	    .nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.nhm)),
	    .nlh.nlmsg_type = RTM_NEWNEXTHOP,
	    .nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
	    .nhm.nh_family = (unsigned char)family,
	    .nhm.nh_protocol = RTPROT_BGP,
	};

	add_attr(&req, NHA_ID, &id, sizeof(id));
	add_attr(&req, NHA_OIF, &ifindex, sizeof(ifindex));
	add_attr(&req, NHA_GATEWAY, gw, family == AF_INET ? 4 : 16);
	if (send(fd, &req, req.nlh.nlmsg_len, 0) < 0) {
		perror("send");
		exit(1);
	}
	read_acks(fd, 1);
}

static double load(int fd, int family, size_t n, unsigned int batch, char (*gws)[16],
		   unsigned int n_gws, bool objects)
{
	static char buf[MAX_BATCH * sizeof(struct request)];
	struct inet_route4 *t4 = NULL;
	struct inet_route6 *t6 = NULL;
	double start;

	if (family == AF_INET) {
		t4 = calloc(n, sizeof(*t4));
		inet_table4(t4, n, INET_TABLE_SEED);
	} else {
		t6 = calloc(n, sizeof(*t6));
		inet_table6(t6, n, INET_TABLE_SEED);
	}
	start = now();
	for (size_t i = 0; i < n;) {
		unsigned int k = 0;
		size_t len = 0;

		for (; k < batch && i < n; k++, i++) {
			const char *gw = gws[i % n_gws];
			uint32_t dst4 = t4 ? htonl(t4[i].dst) : 0;
			const void *dst = t4 ? (const void *)&dst4 : &t6[i].dst;

			len +=
			    route_message(buf + len, family, dst, t4 ? t4[i].plen : t6[i].plen, gw,
					  objects ? (uint32_t)(i % n_gws + 1) : 0, (uint32_t)i + 1);
		}
		if (send(fd, buf, len, 0) != (ssize_t)len) {
			perror("send");
			exit(1);
		}
		read_acks(fd, k);
	}
	free(t4);
	free(t6);
	return now() - start;
}

int main(int argc, char **argv)
{
	int family, fd;
	char gws[16][16];
	unsigned int n_gws = 0, batch;
	uint32_t ifindex = 0;
	double seconds;
	size_t n;
	int opt;

	while ((opt = getopt(argc, argv, "n:t:")) != -1) {
		if (opt == 'n' && !(ifindex = if_nametoindex(optarg))) {
			fprintf(stderr, "no link %s\n", optarg);
			return 2;
		}
		if (opt == 't')
			table = (uint32_t)strtoul(optarg, NULL, 10);
	}
	argc -= optind - 1;
	argv += optind - 1;
	if (argc < 5 || argc > 4 + 16) {
		fprintf(stderr,
			"usage: route_load [-n DEV] [-t TABLE] 4|6 ROUTES BATCH GATEWAY...\n");
		return 2;
	}
	family = atoi(argv[1]) == 4 ? AF_INET : AF_INET6;
	n = strtoul(argv[2], NULL, 10);
	batch = (unsigned int)strtoul(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++)
		if (inet_pton(family, argv[i], gws[n_gws++]) != 1) {
			fprintf(stderr, "%s is no address\n", argv[i]);
			return 2;
		}
	if (n == 0 || batch == 0 || batch > MAX_BATCH) {
		fprintf(stderr, "ROUTES is at least 1, BATCH 1 to %d\n", MAX_BATCH);
		return 2;
	}
	fd = route_socket();
	for (unsigned int i = 0; ifindex && i < n_gws; i++)
		add_nexthop(fd, family, i + 1, gws[i], ifindex);
	seconds = load(fd, family, n, batch, gws, n_gws, ifindex != 0);
	printf("{\"routes\": %zu, \"seconds\": %.3f, \"per_second\": %.0f}\n", n, seconds,
	       (double)n / seconds);
	close(fd);
	return 0;
}
