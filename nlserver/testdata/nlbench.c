/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adds COUNT IPv4 /32 routes with NLM_F_ACK, BATCH messages to a send, and reads all answers:
 *   nlbench routes COUNT BATCH     or reads a dump of routes:     nlbench dump
 * Writes how many answers or messages there were, and how many were errors.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct request {
	struct nlmsghdr nlh;
	struct rtmsg rtm;
	struct rtattr a_dst;
	unsigned int dst;
	struct rtattr a_gw;
	unsigned int gw;
	struct rtattr a_oif;
	unsigned int oif;
};

static char buf[1 << 16];
static long answers, errors;

static int drain(int fd, int flags)
{
	struct nlmsghdr *nlh;
	struct nlmsgerr *err;
	ssize_t n;
	size_t at;

	while ((n = recv(fd, buf, sizeof(buf), flags)) > 0) {
		for (at = 0; at + sizeof(*nlh) <= (size_t)n; at += NLMSG_ALIGN(nlh->nlmsg_len)) {
			nlh = (void *)(buf + at);
			err = NLMSG_DATA(nlh);
			answers++;
			if (nlh->nlmsg_type == NLMSG_ERROR && err->error)
				errors++;
			if (nlh->nlmsg_type == NLMSG_DONE)
				return 1;
		}
	}
	if (errno != EAGAIN) {
		perror("recv");
		exit(1);
	}
	return 0;
}

static void add_routes(int fd, long count, long batch)
{
	struct request *reqs = calloc((size_t)batch, sizeof(*reqs)), *r;
	long i, n;

	for (i = 0; i < count; i += n) {
		for (n = 0; n < batch && i + n < count; n++) {
			r = &reqs[n];
			r->nlh = (struct nlmsghdr){.nlmsg_len = sizeof(*r),
						   .nlmsg_type = RTM_NEWROUTE,
						   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
								  NLM_F_CREATE | NLM_F_REPLACE,
						   .nlmsg_seq = (unsigned int)(i + n)};
			r->rtm = (struct rtmsg){.rtm_family = AF_INET,
						.rtm_dst_len = 32,
						.rtm_table = RT_TABLE_MAIN,
						.rtm_protocol = RTPROT_STATIC,
						.rtm_type = RTN_UNICAST};
			r->a_dst = (struct rtattr){8, RTA_DST};
			r->dst = __builtin_bswap32((unsigned int)(0x0b000000 + i + n));
			r->a_gw = (struct rtattr){8, RTA_GATEWAY};
			r->gw = __builtin_bswap32(0xc0000209);
			r->a_oif = (struct rtattr){8, RTA_OIF};
			r->oif = 2;
		}
		if (send(fd, reqs, (size_t)n * sizeof(*reqs), 0) < 0) {
			perror("send");
			exit(1);
		}
		drain(fd, MSG_DONTWAIT);
	}
	free(reqs);
}

static void dump_routes(int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct rtmsg rtm;
	} req = {.nlh = {.nlmsg_len = sizeof(req),
			 .nlmsg_type = RTM_GETROUTE,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		 .rtm = {.rtm_family = AF_INET}};

	send(fd, &req, sizeof(req), 0);
	drain(fd, 0);
}

int main(int argc, char **argv)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), size = 16 << 20;

	if (fd < 0 || argc < 2) {
		perror("socket");
		return 1;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (argc == 4)
		add_routes(fd, strtol(argv[2], NULL, 0), strtol(argv[3], NULL, 0));
	else
		dump_routes(fd);
	printf("%ld answers, %ld errors\n", answers, errors);
	return 0;
}
