// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * What a routing daemon has to wait for at a netlink socket: a full table in batches, each
 * acknowledged; single routes changed, each with its ACK before the next; dumps of the table; its
 * withdrawal. Runs against whoever answers: the kernel, or Skua when preloaded.
 *
 * usage: route_talk 4|6 ROUTES BATCH GATEWAY...     prints routes, seconds, microseconds of a
 * single change, seconds of the best dump, seconds of the withdrawal
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
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

static size_t route_message(char *out, uint16_t type, int family, const void *dst, uint8_t plen,
			    const void *gw, uint32_t seq)
{
	size_t alen = family == AF_INET ? 4 : 16;
	struct request req;

	memset(&req, 0, sizeof(req));
	req.nlh.nlmsg_len = NLMSG_LENGTH(sizeof(req.rtm));
	req.nlh.nlmsg_type = type;
	req.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (type == RTM_NEWROUTE)
		req.nlh.nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	req.nlh.nlmsg_seq = seq;
	req.rtm.rtm_family = family;
	req.rtm.rtm_dst_len = plen;
	req.rtm.rtm_table = RT_TABLE_MAIN;
	req.rtm.rtm_protocol = RTPROT_BGP;
	req.rtm.rtm_scope = RT_SCOPE_UNIVERSE;
	req.rtm.rtm_type = RTN_UNICAST;
	add_attr(&req.nlh, RTA_DST, dst, alen);
	if (type == RTM_NEWROUTE)
		add_attr(&req.nlh, RTA_GATEWAY, gw, alen);
	memcpy(out, &req, req.nlh.nlmsg_len);
	return req.nlh.nlmsg_len;
}

struct table {
	int family;
	size_t n;
	struct inet_route4 *t4;
	struct inet_route6 *t6;
	char gws[16][16];
	unsigned int n_gws;
};

/* The message that adds or deletes route i. */
static size_t table_message(const struct table *t, char *out, uint16_t type, size_t i,
			    unsigned int gw)
{
	uint32_t dst4 = t->t4 ? htonl(t->t4[i].dst) : 0;
	const void *dst = t->t4 ? (const void *)&dst4 : &t->t6[i].dst;

	return route_message(out, type, t->family, dst, t->t4 ? t->t4[i].plen : t->t6[i].plen,
			     t->gws[gw % t->n_gws], (uint32_t)i + 1);
}

/* All routes in batches; returns seconds. */
static double all(int fd, const struct table *t, uint16_t type, unsigned int batch)
{
	static char buf[MAX_BATCH * sizeof(struct request)];
	double start = now();

	for (size_t i = 0; i < t->n;) {
		unsigned int k = 0;
		size_t len = 0;

		for (; k < batch && i < t->n; k++, i++)
			len += table_message(t, buf + len, type, i, (unsigned int)i);
		if (send(fd, buf, len, 0) != (ssize_t)len) {
			perror("send");
			exit(1);
		}
		read_acks(fd, k);
	}
	return now() - start;
}

#define SINGLES 2001

static int by_length(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Routes get another gateway one by one; returns the median in microseconds, and the least. */
static double one(int fd, const struct table *t, double *least)
{
	static double took[SINGLES];
	char buf[sizeof(struct request)];

	for (size_t k = 0; k < SINGLES; k++) {
		size_t i = k * 2654435761u % t->n;
		size_t len = table_message(t, buf, RTM_NEWROUTE, i, (unsigned int)(i + 1 + k % 2));
		double start = now();

		if (send(fd, buf, len, 0) != (ssize_t)len) {
			perror("send");
			exit(1);
		}
		read_acks(fd, 1);
		took[k] = (now() - start) * 1e6;
	}
	qsort(took, SINGLES, sizeof(took[0]), by_length);
	*least = took[0];
	return took[SINGLES / 2];
}

/* Reads a dump into a buffer like that of ip; returns seconds. */
static double dump(int fd, const struct table *t, size_t *routes)
{
	static char buf[32768];
	struct {
		struct nlmsghdr nlh;
		struct rtmsg rtm;
	} req = {.nlh = {.nlmsg_len = sizeof(req),
			 .nlmsg_type = RTM_GETROUTE,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		 .rtm = {.rtm_family = (unsigned char)t->family}};
	double start = now();
	bool done = false;

	*routes = 0;
	if (send(fd, &req, sizeof(req), 0) != sizeof(req)) {
		perror("send");
		exit(1);
	}
	while (!done) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		unsigned int len = n < 0 ? 0 : (unsigned int)n;

		if (n < 0) {
			perror("recv");
			exit(1);
		}
		for (struct nlmsghdr *nlh = (void *)buf; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			*routes += nlh->nlmsg_type == RTM_NEWROUTE;
			done |= nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
		}
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	struct table t = {0};
	int fd;
	unsigned int batch;
	double seconds;

	if (argc < 5 || argc > 4 + 16) {
		fprintf(stderr, "usage: route_talk 4|6 ROUTES BATCH GATEWAY...\n");
		return 2;
	}
	t.family = atoi(argv[1]) == 4 ? AF_INET : AF_INET6;
	t.n = strtoul(argv[2], NULL, 10);
	batch = (unsigned int)strtoul(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++)
		if (inet_pton(t.family, argv[i], t.gws[t.n_gws++]) != 1) {
			fprintf(stderr, "%s is no address\n", argv[i]);
			return 2;
		}
	if (t.n == 0 || batch == 0 || batch > MAX_BATCH) {
		fprintf(stderr, "ROUTES is at least 1, BATCH 1 to %d\n", MAX_BATCH);
		return 2;
	}
	fd = route_socket();
	if (t.family == AF_INET) {
		t.t4 = calloc(t.n, sizeof(*t.t4));
		inet_table4(t.t4, t.n, INET_TABLE_SEED);
	} else {
		t.t6 = calloc(t.n, sizeof(*t.t6));
		inet_table6(t.t6, t.n, INET_TABLE_SEED);
	}
	seconds = all(fd, &t, RTM_NEWROUTE, batch);
	printf("{\"routes\": %zu, \"seconds\": %.3f, \"per_second\": %.0f", t.n, seconds,
	       (double)t.n / seconds);
	double least, median = one(fd, &t, &least), best = 0;
	size_t dumped = 0;

	for (int i = 0; i < 3; i++) {
		double took = dump(fd, &t, &dumped);

		if (!i || took < best)
			best = took;
	}
	printf(", \"one_us\": %.2f, \"one_least_us\": %.2f", median, least);
	printf(", \"dump_seconds\": %.4f, \"dumped\": %zu", best, dumped);
	/* by prefix: some have another gateway by now */
	printf(", \"withdraw_seconds\": %.3f", all(fd, &t, RTM_DELROUTE, batch));
	printf("}\n");
	free(t.t4);
	free(t.t6);
	close(fd);
	return 0;
}
