// SPDX-License-Identifier: BSD-3-Clause

/*
 * route_netlink.h - a netlink client's part of the programs that fill routing tables: attributes,
 * ACKs, the clock. What fails ends the program.
 */
#ifndef ROUTE_NETLINK_H
#define ROUTE_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* A socket of NETLINK_ROUTE with room for what a full table brings. */
static inline int route_socket(void)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK};
	int room = 8 << 20, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		perror("netlink socket");
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return fd;
}

static inline void add_attr(void *msg, unsigned short type, const void *data, size_t len)
{
	struct nlmsghdr *nlh = msg;
	struct rtattr *rta = (void *)((char *)msg + NLMSG_ALIGN(nlh->nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(rta), data, len);
	nlh->nlmsg_len = NLMSG_ALIGN(nlh->nlmsg_len) + RTA_ALIGN(rta->rta_len);
}

#define ACKS 64

/* One datagram: an ACK, or several. */
static inline unsigned int count_acks(const char *buf, unsigned int len)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	unsigned int n = 0;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		const struct nlmsgerr *err = NLMSG_DATA(nlh);

		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		if (err->error) {
			fprintf(stderr, "route %u: %s\n", nlh->nlmsg_seq, strerror(-err->error));
			exit(1);
		}
		n++;
	}
	return n;
}

/* Reads until want ACKs have come; the first error ends the program. */
static inline void read_acks(int fd, unsigned int want)
{
	static char bufs[ACKS][4096];
	static struct iovec iov[ACKS];
	static struct mmsghdr msgs[ACKS];

	for (int i = 0; i < ACKS; i++) {
		iov[i] = (struct iovec){bufs[i], sizeof(bufs[i])};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	while (want) {
		int n = recvmmsg(fd, msgs, ACKS, MSG_WAITFORONE, NULL);

		if (n < 0) {
			perror("recvmmsg");
			exit(1);
		}
		for (int i = 0; i < n; i++)
			want -= count_acks(bufs[i], msgs[i].msg_len);
	}
}

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

#endif
