/* SPDX-License-Identifier: BSD-3-Clause */
/* Uses netlink sockets as programs do, and says what it saw: nlshim descriptors|names|restart|
 * blocked|both|threads|large. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_netlink(int flags)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | flags, NETLINK_ROUTE);

	if (fd < 0) {
		perror("socket");
		exit(1);
	}
	return fd;
}

/* Ask for an ACK and take it: "ok", or what went wrong. */
static const char *ping(int fd, unsigned int seq)
{
	struct nlmsghdr req = {sizeof(req), NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, seq, 0};
	union {
		struct nlmsghdr nlh;
		char buf[4096];
	} ans;
	ssize_t n;

	if (send(fd, &req, sizeof(req), 0) != sizeof(req))
		return strerrorname_np(errno);
	n = recv(fd, &ans, sizeof(ans), MSG_DONTWAIT);
	if (n < 0)
		return strerrorname_np(errno);
	if (ans.nlh.nlmsg_type != NLMSG_ERROR || ans.nlh.nlmsg_seq != seq)
		return "another answer";
	return "ok";
}

/* A result, and the errno of a failure. */
static void said(const char *what, long r)
{
	if (r < 0)
		printf("%s %s\n", what, strerrorname_np(errno));
	else
		printf("%s %ld\n", what, r);
}

static void descriptors(void)
{
	int fd = open_netlink(SOCK_CLOEXEC), other = dup(fd), third, p[2];
	char b[8] = "";

	printf("cloexec %d\n", fcntl(fd, F_GETFD));
	printf("dup %s\n", ping(other, 1));
	third = fcntl(fd, F_DUPFD, 50);
	close(fd);
	printf("dup of a closed one %s", ping(other, 2));
	printf(", %s\n", ping(third, 3));
	fflush(stdout);
	if (!fork()) {
		close(other);
		printf("child %s\n", ping(third, 4));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("parent %s\n", ping(other, 5));
	if (!vfork()) {
		close(other);
		_exit(0);
	}
	wait(NULL);
	printf("after a vfork %s\n", ping(other, 6));
	dup2(third, other);
	printf("dup2 %s\n", ping(other, 7));

	/* Behind the shim's back: the numbers are a pipe's now. */
	syscall(SYS_close, other);
	syscall(SYS_close, third);
	if (pipe(p) || dup2(p[1], 50) != 50)
		exit(1);
	printf("pipe at %s\n",
	       p[0] == other || p[1] == other ? "the old number" : "another number");
	said("write", write(50, "hello", 5));
	said("read", read(p[0], b, 5));
	printf("pipe says %s\n", b);

	fd = open_netlink(0);
	closefrom(fd);
	printf("closed %s\n", ping(fd, 8));
	fd = open_netlink(SOCK_NONBLOCK);
	printf("nonblocking %d\n", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	said("recv", recv(fd, b, 1, 0));
	said("empty", write(fd, b, 0));
	said("shutdown", shutdown(fd, SHUT_RDWR));
}

static void address(const char *what, const struct sockaddr *sa)
{
	char text[64];

	if (!sa)
		return;
	if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "packet %d/%02x",
			 ((const struct sockaddr_ll *)sa)->sll_ifindex,
			 ((const struct sockaddr_ll *)sa)->sll_addr[5]);
	printf(" %s %s", what, text);
}

static void ask(int fd, const char *what, unsigned long req, const char *name)
{
	struct ifreq ifr = {0};

	strcpy(ifr.ifr_name, name);
	printf("%s %s:", what, name);
	if (ioctl(fd, req, &ifr)) {
		printf(" %s\n", strerrorname_np(errno));
		return;
	}
	if (req == SIOCGIFADDR || req == SIOCGIFNETMASK)
		address("is", &ifr.ifr_addr);
	else if (req == SIOCGIFHWADDR)
		printf(" %02x", (unsigned char)ifr.ifr_hwaddr.sa_data[5]);
	else if (req == SIOCGIFFLAGS)
		printf(" %#x", (unsigned int)ifr.ifr_flags & 0xffff);
	else
		printf(" %d", ifr.ifr_ifindex);
	printf("\n");
}

static void names(void)
{
	struct if_nameindex *list = if_nameindex(), *at;
	char name[IF_NAMESIZE] = "";
	struct ifaddrs *addrs, *a;
	struct ifreq reqs[8];
	struct ifconf conf = {.ifc_len = sizeof(reqs), .ifc_req = reqs};
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i;

	for (at = list; at && at->if_name; at++)
		printf("link %u %s\n", at->if_index, at->if_name);
	if_freenameindex(list);
	said("toy0", if_nametoindex("toy0"));
	said("toy9", if_nametoindex("toy9") ? 1 : -1);
	printf("2 is %s\n", if_indextoname(2, name));
	said("9", if_indextoname(9, name) ? 1 : -1);

	if (getifaddrs(&addrs))
		exit(1);
	for (a = addrs; a; a = a->ifa_next) {
		printf("%s %#x", a->ifa_name, a->ifa_flags);
		address("addr", a->ifa_addr);
		address("mask", a->ifa_netmask);
		printf("\n");
	}
	freeifaddrs(addrs);

	ask(fd, "index", SIOCGIFINDEX, "toy0");
	ask(fd, "flags", SIOCGIFFLAGS, "toy0");
	ask(fd, "mtu", SIOCGIFMTU, "toy0");
	ask(fd, "mtu", SIOCGIFMTU, "toy0:1");
	ask(fd, "queue", SIOCGIFTXQLEN, "toy0");
	ask(fd, "mac", SIOCGIFHWADDR, "toy0");
	ask(fd, "address", SIOCGIFADDR, "toy0");
	ask(fd, "mask", SIOCGIFNETMASK, "toy0");
	ask(fd, "mtu", SIOCGIFMTU, "toy9");
	ask(fd, "set flags", SIOCSIFFLAGS, "lo");
	ask(fd, "ethtool", SIOCETHTOOL, "lo");
	ask(open_netlink(0), "index on a netlink socket", SIOCGIFINDEX, "toy0");
	said("a bad pointer", ioctl(fd, SIOCGIFMTU, (void *)16));
	ifr.ifr_ifindex = 2;
	said("name of 2", ioctl(fd, SIOCGIFNAME, &ifr));
	printf("it is %s\n", ifr.ifr_name);
	said("tun", ioctl(fd, TUNSETIFF, &ifr));
	if (ioctl(fd, SIOCGIFCONF, &conf))
		exit(1);
	for (i = 0; i < conf.ifc_len / (int)sizeof(*reqs); i++) {
		printf("conf %s", reqs[i].ifr_name);
		address("addr", &reqs[i].ifr_addr);
		printf("\n");
	}
}

/* Tell the test that something is to happen now, and wait until it has. */
static void sync_with_test(const char *what)
{
	char line[16];

	printf("%s\n", what);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static void name(int fd)
{
	struct sockaddr_nl nl;
	socklen_t len = sizeof(nl);

	getsockname(fd, (struct sockaddr *)&nl, &len);
	printf("portid %#x groups %#x\n", nl.nl_pid, nl.nl_groups);
}

static void restart(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_pid = 0x551, .nl_groups = 0x40};
	struct epoll_event ev = {.events = EPOLLIN};
	int fd = open_netlink(SOCK_NONBLOCK), sender = open_netlink(0), ep = epoll_create1(0);
	int other = dup(fd), on = 1;
	struct pollfd p = {fd, POLLIN, 0};
	char buf[4096];

	bind(fd, (struct sockaddr *)&nl, sizeof(nl));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	sync_with_test("stop and start the server");

	printf("the sender %s\n", ping(sender, 1));
	said("its answer", recv(sender, buf, sizeof(buf), 0));
	printf("the sender %s\n", ping(sender, 2));
	printf("epoll %d\n", epoll_wait(ep, &ev, 1, 5000));
	said("recv", recv(fd, buf, sizeof(buf), 0));
	said("recv", recv(fd, buf, sizeof(buf), 0));
	printf("poll %d\n", poll(&p, 1, 0));
	printf("epoll %d\n", epoll_wait(ep, &ev, 1, 0));
	name(fd);
	name(other);
	on = 0;
	getsockopt(other, SOL_NETLINK, NETLINK_EXT_ACK, &on, &(socklen_t){sizeof(on)});
	printf("extended ACK %d\n", on);
	sync_with_test("notify");

	printf("epoll %d\n", epoll_wait(ep, &ev, 1, 5000));
	said("recv", recv(other, buf, sizeof(buf), 0));
}

/* A monitor that blocks in its receive while the server is away. */
static void blocked(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = 0x40};
	int fd = open_netlink(0);
	char buf[4096];

	bind(fd, (struct sockaddr *)&nl, sizeof(nl));
	printf("ready\n");
	fflush(stdout);
	said("recv", recv(fd, buf, sizeof(buf), 0));
	fflush(stdout);
	said("recv", recv(fd, buf, sizeof(buf), 0));
}

static int shared;

static void *receiver(void *arg)
{
	char buf[4096];

	(void)arg;
	said("thread", recv(shared, buf, sizeof(buf), 0));
	said("thread", recv(shared, buf, sizeof(buf), 0));
	return NULL;
}

/* One thread blocks in its receive, the other one sends, when the server was restarted. */
static void both(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = 0x40};
	struct nlmsghdr req = {sizeof(req), NLMSG_NOOP, NLM_F_REQUEST, 0, 0};
	pthread_t t;

	shared = open_netlink(0);
	bind(shared, (struct sockaddr *)&nl, sizeof(nl));
	pthread_create(&t, NULL, receiver, NULL);
	sync_with_test("stop and start the server");
	if (send(shared, &req, sizeof(req), 0) != sizeof(req))
		exit(1);
	usleep(300000); /* the other thread has seen the end of the old connection */
	sync_with_test("notify");
	pthread_join(t, NULL);
}

static void *thread(void *arg)
{
	unsigned int i, self = (unsigned int)(long)arg;
	struct nlmsghdr req = {sizeof(req), NLMSG_NOOP, NLM_F_REQUEST, 0, 0};
	long bad = 0;
	int fd;

	for (i = 0; i < 200; i++) {
		fd = open_netlink(0);
		bad += strcmp(ping(fd, self * 1000 + i), "ok") != 0;
		close(fd);
		bad += send(shared, &req, sizeof(req), 0) != sizeof(req);
	}
	return (void *)bad;
}

static void threads(void)
{
	pthread_t t[8];
	long i, bad = 0;
	void *r;

	shared = open_netlink(0);
	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, thread, (void *)i);
	for (i = 0; i < 8; i++) {
		pthread_join(t[i], &r);
		bad += (long)r;
	}
	printf("%ld bad, then %s\n", bad, ping(shared, 7));
}

/* A send of 1 MB in one piece, more than a frame takes. */
static void large(void)
{
	int fd = open_netlink(0), size = 2 << 20, n = 65536, i;
	struct nlmsghdr *reqs = calloc((size_t)n, sizeof(*reqs));

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	for (i = 0; i < n; i++)
		reqs[i] = (struct nlmsghdr){sizeof(*reqs), NLMSG_NOOP, NLM_F_REQUEST, 0, 0};
	reqs[n - 1].nlmsg_flags |= NLM_F_ACK;
	reqs[n - 1].nlmsg_seq = 77;
	printf("sent %zd\n", send(fd, reqs, (size_t)n * sizeof(*reqs), 0));
	recv(fd, reqs, 4096, MSG_DONTWAIT);
	printf("answer to %u\n", reqs[0].nlmsg_seq);
	free(reqs);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*f)(void);
	} tests[] = {
	    {"descriptors", descriptors},
	    {"names", names},
	    {"restart", restart},
	    {"blocked", blocked},
	    {"both", both},
	    {"threads", threads},
	    {"large", large},
	};
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].f();
			return 0;
		}
	}
	return 2;
}
