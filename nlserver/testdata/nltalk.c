/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the netlink calls that standard input names, one a line, and writes what came of each: so
 * that a conversation can be had with the kernel and with a server, and compared. Messages are
 * hexadecimal; a portid that is the process's own is written as "self",
 * one that was invented because that was taken as "invented".
 *
 *   socket TYPE PROTOCOL     use K (the Kth socket)       bind PID GROUPS    connect PID GROUPS
 *   name  peer  close  dup   opt LEVEL OPT VALUE          get LEVEL OPT      memberships
 *   send HEX                 sendto PID GROUPS HEX        repeat N HEX (one send of N copies)
 *   recv SIZE FLAGS          quiet SIZE FLAGS (the length only)    drain SIZE (count until empty)
 *   poll EVENTS              print TEXT
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fds[64], nfds, fd = -1;
static unsigned char buf[1 << 22];

static void result(long r)
{
	if (r < 0)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("%ld\n", r);
}

static size_t unhex(const char *hex, unsigned char *to)
{
	size_t n = 0;
	unsigned int b;

	while (sscanf(hex, "%2x", &b) == 1) {
		to[n++] = (unsigned char)b;
		hex += 2;
		while (*hex == ' ')
			hex++;
	}
	return n;
}

static void hexes(const unsigned char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf("%s%02x", i % 4 ? "" : " ", b[i]);
}

/* A portid in a header. */
static void portid(const unsigned char *b)
{
	unsigned int pid;

	memcpy(&pid, b, 4);
	if (pid == (unsigned int)getpid())
		printf(" self");
	else if ((int)pid < -4096)
		printf(" invented");
	else
		hexes(b, 4);
}

static void messages(const unsigned char *b, size_t n)
{
	struct nlmsghdr h;
	size_t len;

	while (n >= sizeof(h)) {
		memcpy(&h, b, sizeof(h));
		len = h.nlmsg_len < sizeof(h) || h.nlmsg_len > n ? n : h.nlmsg_len;
		printf("\n ");
		hexes(b, 12);
		portid(b + 12);
		hexes(b + 16, len - 16);
		len = NLMSG_ALIGN(len) > n ? n : NLMSG_ALIGN(len);
		b += len;
		n -= len;
	}
	if (n) {
		printf("\n  rest");
		hexes(b, n);
	}
}

static void cmsgs(struct msghdr *msg)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		printf(" cmsg %d/%d", c->cmsg_level, c->cmsg_type);
		hexes(CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	}
}

static void receive(size_t size, int flags, int quiet)
{
	struct sockaddr_nl from = {0};
	char control[256];
	struct iovec iov = {buf, size};
	struct msghdr msg = {&from, sizeof(from), &iov, 1, control, sizeof(control), 0};
	ssize_t n = recvmsg(fd, &msg, flags);

	if (n < 0) {
		result(n);
		return;
	}
	printf("%zd flags %#x from %d/%u groups %#x", n, msg.msg_flags, from.nl_family,
	       from.nl_pid == (unsigned int)getpid() ? 1 : from.nl_pid, from.nl_groups);
	cmsgs(&msg);
	if (!quiet)
		messages(buf, (size_t)n < size ? (size_t)n : size);
	printf("\n");
}

static void drain(size_t size)
{
	long count = 0, bytes = 0;
	ssize_t n;

	while ((n = recv(fd, buf, size, MSG_DONTWAIT)) >= 0) {
		count++;
		bytes += n;
	}
	printf("%ld datagrams, %ld bytes, then %s\n", count, bytes, strerrorname_np(errno));
}

static void repeat(char *arg)
{
	long n = strtol(arg, &arg, 0), i;
	size_t len = unhex(arg + strspn(arg, " "), buf);

	for (i = 1; i < n; i++)
		memcpy(buf + (size_t)i * len, buf, len);
	result(send(fd, buf, (size_t)n * len, 0));
}

static void socket_name(int (*f)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_nl nl = {0};
	socklen_t len = sizeof(nl);

	if (f(fd, (struct sockaddr *)&nl, &len)) {
		result(-1);
		return;
	}
	printf("%u family %d", len, nl.nl_family);
	portid((unsigned char *)&nl.nl_pid);
	printf(" groups %#x\n", nl.nl_groups);
}

static void get(int level, int opt)
{
	int v = -1;
	socklen_t len = sizeof(v);

	if (getsockopt(fd, level, opt, &v, &len))
		result(-1);
	else
		printf("%d (%u)\n", v, len);
}

static void memberships(void)
{
	unsigned char b[16] = {0};
	socklen_t len = 8; /* the number of groups differs: compare the first 64 */

	if (getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, b, &len)) {
		result(-1);
		return;
	}
	hexes(b, 8);
	printf("\n");
}

static void line(char *cmd, char *arg)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	int a = 0, b = 0, c = 0, end = 0;
	struct pollfd p;

	sscanf(arg, "%i %i %n", &a, &b, &end);
	sscanf(arg, "%*i %*i %i", &c);
	nl.nl_pid = (unsigned int)a;
	nl.nl_groups = (unsigned int)b;
	if (!strcmp(cmd, "socket")) {
		fds[nfds++] = fd = socket(AF_NETLINK, a, b);
		result(fd < 0 ? -1 : 0);
	} else if (!strcmp(cmd, "use")) {
		fd = fds[a];
	} else if (!strcmp(cmd, "close")) {
		result(close(fd));
	} else if (!strcmp(cmd, "dup")) {
		fds[nfds++] = fd = dup(fd);
		result(fd < 0 ? -1 : 0);
	} else if (!strcmp(cmd, "bind")) {
		result(bind(fd, (struct sockaddr *)&nl, sizeof(nl)));
	} else if (!strcmp(cmd, "connect")) {
		result(connect(fd, (struct sockaddr *)&nl, sizeof(nl)));
	} else if (!strcmp(cmd, "name")) {
		socket_name(getsockname);
	} else if (!strcmp(cmd, "peer")) {
		socket_name(getpeername);
	} else if (!strcmp(cmd, "opt")) {
		result(setsockopt(fd, a, b, &c, sizeof(c)));
	} else if (!strcmp(cmd, "get")) {
		get(a, b);
	} else if (!strcmp(cmd, "memberships")) {
		memberships();
	} else if (!strcmp(cmd, "send")) {
		result(send(fd, buf, unhex(arg, buf), 0));
	} else if (!strcmp(cmd, "sendto")) {
		result(
		    sendto(fd, buf, unhex(arg + end, buf), 0, (struct sockaddr *)&nl, sizeof(nl)));
	} else if (!strcmp(cmd, "repeat")) {
		repeat(arg);
	} else if (!strcmp(cmd, "recv") || !strcmp(cmd, "quiet")) {
		receive((size_t)a, b, *cmd == 'q');
	} else if (!strcmp(cmd, "drain")) {
		drain((size_t)a);
	} else if (!strcmp(cmd, "poll")) {
		p = (struct pollfd){.fd = fd, .events = (short)a};
		poll(&p, 1, 0);
		printf("%#x\n", (unsigned int)p.revents);
	} else {
		printf("what is %s?\n", cmd);
	}
}

int main(void)
{
	static char text[1 << 20];
	char cmd[32];
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(text, sizeof(text), stdin)) {
		n = 0;
		if (sscanf(text, "%31s %n", cmd, &n) != 1 || *cmd == '#')
			continue;
		text[strcspn(text, "\n")] = '\0';
		printf("%s: ", text);
		if (!strcmp(cmd, "use"))
			printf("\n");
		if (!strcmp(cmd, "print"))
			printf("\n");
		else
			line(cmd, text + n);
	}
	return 0;
}
