/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that do not wait. Each is done by the shim on the connection, with copies of the program's
 * arguments. */
#include "supervise.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ADDR_MAX 128
#define OPT_MAX  4096

/* The least free number for a netlink socket in the program; -1: there is none. */
static int sup_free_fd(const struct sup_call *c)
{
	char path[48];
	struct stat st;
	int fd;

	for (fd = SUP_FIRST_FD; fd <= SUP_LAST_FD; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", c->tgid, fd);
		if (syscall(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW))
			return fd;
	}
	return -1;
}

void sup_socket(struct sup_call *c)
{
	int type = (int)c->req.data.args[1], protocol = (int)c->req.data.args[2];
	int fd, at = sup_free_fd(c), r;
	struct shim_sock *s;

	if (!shim_diverts(protocol)) {
		sup_continue(c);
		return;
	}
	if (at < 0) {
		sup_answer(c, -EMFILE);
		return;
	}
	fd = socket(AF_NETLINK, type, protocol);
	if (fd < 0) {
		sup_answer(c, -errno);
		return;
	}
	s = shim_get(fd); /* kept by the table */
	sup_add(s->inode, s);
	r = sup_addfd(c, fd, at, type & SOCK_CLOEXEC);
	sup_answer(c, r ? r : at);
	close(fd);
}

/* A server that was restarted is another connection: the program gets it under the same number. */
void sup_renew(struct sup_call *c)
{
	uint64_t inode = c->sock->shim->inode;

	if (inode != c->sock->inode && !sup_addfd(c, c->fd, (int)c->req.data.args[0], true))
		sup_rename(c->sock, inode);
}

static long sup_bind(struct sup_call *c, bool peer)
{
	socklen_t len = (socklen_t)c->req.data.args[2];
	union {
		struct sockaddr sa;
		char bytes[ADDR_MAX];
	} addr = {0};
	int r;

	if (len > sizeof(addr))
		return -EINVAL;
	r = sup_read(c, c->req.data.args[1], &addr, len);
	if (r)
		return r;
	r = peer ? connect(c->fd, &addr.sa, len) : bind(c->fd, &addr.sa, len);
	return r ? -errno : 0;
}

static long sup_name(struct sup_call *c, bool peer)
{
	uint64_t addrp = c->req.data.args[1], lenp = c->req.data.args[2];
	union {
		struct sockaddr sa;
		char bytes[ADDR_MAX];
	} addr = {0};
	socklen_t len, room;
	int r = sup_read(c, lenp, &room, sizeof(room));

	if (r)
		return r;
	len = sizeof(addr);
	r = peer ? getpeername(c->fd, &addr.sa, &len) : getsockname(c->fd, &addr.sa, &len);
	if (r)
		return -errno;
	r = sup_write(c, addrp, &addr, len < room ? len : room);
	return r ? r : sup_write(c, lenp, &len, sizeof(len));
}

static long sup_setsockopt(struct sup_call *c)
{
	socklen_t len = (socklen_t)c->req.data.args[4];
	char val[OPT_MAX];
	struct sock_fprog {
		unsigned short len;
		void *filter;
	} *prog = (void *)val;
	char filter[8 * 4096];
	int r;

	if (len > sizeof(val))
		return -EINVAL;
	r = sup_read(c, c->req.data.args[3], val, len);
	if (r)
		return r;
	/* A socket filter is behind a pointer. */
	if (c->req.data.args[1] == SOL_SOCKET && c->req.data.args[2] == SO_ATTACH_FILTER) {
		if (len < sizeof(*prog) || prog->len > 4096)
			return -EINVAL;
		r = sup_read(c, (uint64_t)(uintptr_t)prog->filter, filter, 8u * prog->len);
		if (r)
			return r;
		prog->filter = filter;
	}
	r = setsockopt(c->fd, (int)c->req.data.args[1], (int)c->req.data.args[2], val, len);
	return r ? -errno : 0;
}

static long sup_getsockopt(struct sup_call *c)
{
	socklen_t len, room;
	char val[OPT_MAX];
	int r = sup_read(c, c->req.data.args[4], &room, sizeof(room));

	if (r)
		return r;
	len = room < sizeof(val) ? room : sizeof(val);
	room = len;
	r = getsockopt(c->fd, (int)c->req.data.args[1], (int)c->req.data.args[2], val, &len);
	if (r)
		return -errno;
	r = sup_write(c, c->req.data.args[3], val, len < room ? len : room);
	return r ? r : sup_write(c, c->req.data.args[4], &len, sizeof(len));
}

/* Gather what iovecs of the program hold, and send it. */
static long sup_send_iov(struct sup_call *c, const struct msghdr *from, int flags)
{
	struct iovec iov[IOV_MAX], whole = {0};
	union {
		struct sockaddr sa;
		char bytes[ADDR_MAX];
	} addr = {0};
	struct msghdr msg = {.msg_iov = &whole, .msg_iovlen = 1};
	size_t i, at = 0;
	long r;

	if (from->msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	r = sup_read(c, (uint64_t)(uintptr_t)from->msg_iov, iov, from->msg_iovlen * sizeof(*iov));
	if (r)
		return r;
	for (i = 0; i < from->msg_iovlen; i++) {
		if (iov[i].iov_len > SKUA_NL_SEND_MAX - whole.iov_len)
			return -EMSGSIZE;
		whole.iov_len += iov[i].iov_len;
	}
	if (from->msg_name && from->msg_namelen) {
		msg.msg_name = &addr;
		msg.msg_namelen =
		    from->msg_namelen < sizeof(addr) ? from->msg_namelen : sizeof(addr);
		r = sup_read(c, (uint64_t)(uintptr_t)from->msg_name, &addr, msg.msg_namelen);
		if (r)
			return r;
	}
	whole.iov_base = malloc(whole.iov_len ? whole.iov_len : 1);
	if (!whole.iov_base)
		return -ENOMEM;
	for (i = 0; !r && i < from->msg_iovlen; i++) {
		r = sup_read(c, (uint64_t)(uintptr_t)iov[i].iov_base, (char *)whole.iov_base + at,
			     iov[i].iov_len);
		at += iov[i].iov_len;
	}
	/* Memory was read by a number: it must still be the same process's. */
	if (!r && !sup_valid(c))
		r = -ESRCH;
	if (!r) {
		r = shim_sendmsg(c->sock->shim, c->fd, &msg, flags & ~MSG_NOSIGNAL);
		if (r < 0)
			r = -errno;
	}
	free(whole.iov_base);
	return r;
}

static long sup_sendmsg(struct sup_call *c)
{
	struct msghdr msg;
	int r = sup_read(c, c->req.data.args[1], &msg, sizeof(msg));

	return r ? r : sup_send_iov(c, &msg, (int)c->req.data.args[2]);
}

/* sendto() and write() have one buffer, which is an iovec of ours. */
static long sup_send_bytes(struct sup_call *c, int flags, uint64_t name, socklen_t namelen)
{
	struct iovec whole = {0};
	union {
		struct sockaddr sa;
		char bytes[ADDR_MAX];
	} addr = {0};
	struct msghdr msg = {.msg_iov = &whole, .msg_iovlen = 1};
	size_t len = c->req.data.args[2];
	long r = 0;

	if (len > SKUA_NL_SEND_MAX || namelen > sizeof(addr))
		return len > SKUA_NL_SEND_MAX ? -EMSGSIZE : -EINVAL;
	if (name && namelen) {
		r = sup_read(c, name, &addr, namelen);
		msg.msg_name = &addr;
		msg.msg_namelen = namelen;
	}
	whole.iov_base = malloc(len ? len : 1);
	whole.iov_len = len;
	if (!whole.iov_base)
		return -ENOMEM;
	if (!r)
		r = sup_read(c, c->req.data.args[1], whole.iov_base, len);
	if (!r && !sup_valid(c))
		r = -ESRCH;
	if (!r) {
		r = shim_sendmsg(c->sock->shim, c->fd, &msg, flags & ~MSG_NOSIGNAL);
		if (r < 0)
			r = -errno;
	}
	free(whole.iov_base);
	return r;
}

static long sup_writev(struct sup_call *c)
{
	struct msghdr msg = {.msg_iov = (void *)(uintptr_t)c->req.data.args[1],
			     .msg_iovlen = c->req.data.args[2]};

	return sup_send_iov(c, &msg, 0);
}

void sup_call(struct sup_call *c)
{
	const __u64 *a = c->req.data.args;
	long r;

	switch (c->req.data.nr) {
	case SYS_bind:
		r = sup_bind(c, false);
		break;
	case SYS_connect:
		r = sup_bind(c, true);
		break;
	case SYS_getsockname:
		r = sup_name(c, false);
		break;
	case SYS_getpeername:
		r = sup_name(c, true);
		break;
	case SYS_setsockopt:
		r = sup_setsockopt(c);
		break;
	case SYS_getsockopt:
		r = sup_getsockopt(c);
		break;
	case SYS_sendto:
		r = sup_send_bytes(c, (int)a[3], a[4], (socklen_t)a[5]);
		break;
	case SYS_write:
		r = sup_send_bytes(c, 0, 0, 0);
		break;
	case SYS_sendmsg:
		r = sup_sendmsg(c);
		break;
	case SYS_writev:
		r = sup_writev(c);
		break;
	default: /* shutdown, and many messages in one call */
		r = -EOPNOTSUPP;
	}
	sup_renew(c);
	sup_answer(c, r);
}

void sup_ioctl(struct sup_call *c)
{
	uint32_t req = (uint32_t)c->req.data.args[1];
	long r;

	if (!shim_ioctl_ours(req)) {
		sup_continue(c);
		return;
	}
	r = shim_ioctl(req, c->req.data.args[2]);
	sup_answer(c, r);
}
