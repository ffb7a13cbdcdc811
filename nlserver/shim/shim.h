/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skua-shim.so: preloaded into a client, it makes its AF_NETLINK sockets connections to Skua's
 * netlink server (skua_nl.h says how they talk), and answers for the interfaces of Skua where the
 * C library would ask the kernel. SKUA_SOCKET names the server's socket; without it the shim does
 * nothing. All its .c files make one library:
 *   cc -std=gnu11 -O2 -fPIC -shared -o skua-shim.so *.c -ldl -lpthread
 *
 * Out of its reach: programs that are linked statically or make system calls by themselves (Go),
 * which ../supervise runs; programs that gain privilege when they start (AT_SECURE: the loader
 * ignores LD_PRELOAD), what the C library asks the kernel inside getaddrinfo, and netlink sockets
 * inherited through exec.
 *
 *   real.c     the functions that it stands in front of
 *   sock.c     which descriptors are netlink sockets
 *   conn.c     connecting, and connecting again after the server's restart
 *   frame.c    a frame to the server and back; turn.c: by way of the page alone
 *   socket.c   socket bind connect getsockname getpeername shutdown
 *   sockopt.c  setsockopt getsockopt
 *   send.c     send and its kin
 *   recv.c     recv and its kin, recvmmsg.c; mark.c: the end of a datagram
 *   l3mdev.c   SO_BINDTODEVICE of raw sockets to a VRF
 *   fd.c       close dup fcntl
 *   poll.c     poll epoll_ctl
 *   exec.c     starting programs that nothing can be preloaded into
 *   ioctl.c    interface ioctls, which the server answers
 *   ifname.c   if_nametoindex and its kin; ifaddrs.c: getifaddrs
 *   proc*.c    files below /proc/net, /proc/sys/net and /sys/class/net (proc.h)
 */
#ifndef SKUA_SHIM_H
#define SKUA_SHIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "skua_nl.h"

/* What one file has for another stays inside the library. */
#pragma GCC visibility push(hidden)

#define SHIM_EXPORT  __attribute__((visibility("default")))
#define SHIM_FDS_MAX 65536

/* An epoll registration, which must be repeated on a new connection. */
struct shim_epoll {
	struct shim_epoll *next;
	int epfd;
	int fd;
	struct epoll_event event;
};

/* A netlink socket. */
struct shim_sock {
	int refs;       /* descriptors and calls under way; under sock.c's lock */
	uint64_t inode; /* of the connection: tells whether a descriptor is still ours */
	int fd_seen;    /* the descriptor whose inode was compared last, by whom and when */
	pid_t pid_seen;
	uint64_t tick_seen;
	uint64_t netns; /* inode of the namespace that it was opened in */
	struct skua_nl_page *page;
	struct shim_epoll *epolls; /* under sock.c's lock */
	struct shim_tails *tails;  /* of recvmmsg.c */
};

/* real.c */
struct shim_real {
	int (*socket)(int, int, int);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*getsockname)(int, struct sockaddr *, socklen_t *);
	int (*getpeername)(int, struct sockaddr *, socklen_t *);
	int (*shutdown)(int, int);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*getsockopt)(int, int, int, void *, socklen_t *);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
	ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	ssize_t (*send)(int, const void *, size_t, int);
	int (*sendmmsg)(int, struct mmsghdr *, unsigned int, int);
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*writev)(int, const struct iovec *, int);
	ssize_t (*recvmsg)(int, struct msghdr *, int);
	ssize_t (*recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
	ssize_t (*recv)(int, void *, size_t, int);
	int (*recvmmsg)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
	ssize_t (*read)(int, void *, size_t);
	ssize_t (*readv)(int, const struct iovec *, int);
	int (*close)(int);
	int (*dup)(int);
	int (*dup2)(int, int);
	int (*dup3)(int, int, int);
	int (*fcntl)(int, int, ...);
	void (*closefrom)(int);
	int (*close_range)(unsigned int, unsigned int, int);
	int (*poll)(struct pollfd *, nfds_t, int);
	int (*ppoll)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
	int (*epoll_ctl)(int, int, int, struct epoll_event *);
	int (*ioctl)(int, unsigned long, ...);
};
extern struct shim_real shim_real_table;
void shim_real_resolve(void);
#define real(f) (shim_real_table.f ? 0 : (shim_real_resolve(), 0), shim_real_table.f)

/* sock.c */
const char *shim_server(void);      /* SKUA_SOCKET, or NULL */
struct shim_sock *shim_get(int fd); /* NULL: no netlink socket; else shim_put it */
struct shim_sock *shim_get_again(int fd);
bool shim_stale(int fd, ssize_t r); /* what shim_get_again gave was wrong: forgotten */
void shim_put(struct shim_sock *s);
int shim_track(int fd, struct shim_sock *s);
void shim_forget(int fd);
void shim_forget_range(unsigned int first, unsigned int last);
int shim_each_fd(struct shim_sock *s, int (*f)(int fd, void *arg), void *arg);
void shim_lock(void);
void shim_unlock(void);
uint64_t shim_inode(int fd); /* 0: not open or no socket */
uint32_t shim_tid(void);

/* conn.c */
/* Whom a call is made for when it is another process's (../supervise): its thread and its process,
 * as this process knows them. Zero: this one. */
struct shim_client {
	pid_t tid, tgid;
};
extern __thread struct shim_client shim_client;
int shim_open(int type, int protocol);
int shim_reconnect(struct shim_sock *s, int fd); /* 0, or -1 with errno; frame lock held */

/* frame.c */
void shim_frame_lock(struct shim_sock *s);
void shim_frame_unlock(struct shim_sock *s);
int shim_await(struct skua_nl_page *page, int fd, uint32_t seq); /* -1: the server is gone */
int shim_frame(struct shim_sock *s, int fd, uint32_t op, uint32_t a, uint32_t b); /* -errno */
/* A frame with the bytes of iov behind it; -errno, -ENOTSOCK: fd is no descriptor of s. */
int shim_frame_with(struct shim_sock *s, int fd, uint32_t op, uint32_t a, const struct iovec *iov);
ssize_t shim_frame_send(struct shim_sock *s, int fd, uint32_t portid, uint32_t groups,
			const struct iovec *iov, size_t iovlen, size_t len);

/* turn.c; under the frame lock */
long shim_futex(uint32_t *word, int op, uint32_t val, const struct timespec *timeout);
bool shim_post(struct skua_nl_page *page, const struct skua_nl_frame *f, const struct iovec *iov,
	       size_t iovlen);
bool shim_unpost(struct skua_nl_page *page);
void shim_look(struct skua_nl_page *page); /* also without the lock */

/* socket.c, ioctl.c */
bool shim_diverts(int protocol);
bool shim_ioctl_ours(unsigned long req);
int shim_ioctl(uint32_t req, uint64_t arg); /* its result, or a negative errno */

/* l3mdev.c */
/* SO_BINDTODEVICE. False: the kernel is to do it; else *result is 0 or a negative errno. */
bool shim_bind_device(int fd, const void *val, socklen_t len, int *result);
/* An option of a socket was set, which may have joined a group by it. */
void shim_joined(int fd, int level, int opt);

/* mark.c */
size_t shim_unmark(const struct iovec *iov, size_t iovlen, size_t len, uint32_t *group,
		   uint32_t *portid);

/* send.c, recv.c: with errno, for the shim's own sockets too */
ssize_t shim_sendmsg(struct shim_sock *s, int fd, const struct msghdr *msg, int flags);
ssize_t shim_recvmsg(struct shim_sock *s, int fd, struct msghdr *msg, int flags);
int shim_recvmmsg(struct shim_sock *s, int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		  struct timespec *timeout);
size_t shim_room(struct shim_sock *s, const struct msghdr *msg);
size_t shim_received(struct shim_sock *s, int fd, struct msghdr *msg, const struct iovec *iov,
		     size_t len, int flags);

/* procgroup.c: SIOCADDMULTI and SIOCDELMULTI; 0 or an errno */
struct ifreq;
int shim_link_group(const struct ifreq *ifr, bool add);

/* query.c */
struct shim_link {
	int index;
	char name[16];
	unsigned int flags;
	unsigned short type;
	int master; /* 0: none */
	bool vrf;
	unsigned int mtu;
	unsigned int txqlen;
	unsigned int addrlen, brdlen;
	unsigned char addr[32], brd[32];
};
struct nlmsghdr;
/* Ask for one link by index, or by name when index is 0; 0 or a negative errno. */
int shim_link_get(int index, const char *name, struct shim_link *link);
/* Dump: f is called for each message and stops the dump by a result other than 0. */
int shim_dump(int type, int family, int (*f)(const struct nlmsghdr *nlh, void *arg), void *arg);
void shim_link_parse(const struct nlmsghdr *nlh, struct shim_link *link);
struct rtattr;
void shim_attrs(const struct nlmsghdr *nlh, size_t hdrlen, const struct rtattr **tb, int max);

#pragma GCC visibility pop

#endif
