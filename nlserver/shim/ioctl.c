/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interface ioctls name interfaces of Skua, whatever socket they are called on. The server answers
 * them all; it knows what they point at, and asks for it piece by piece. None reaches the kernel,
 * which would answer for its own interfaces.
 */
#include "shim.h"

#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOCTL_CHUNKS 8      /* pieces of memory of one ioctl */
#define IOCTL_REPLY  262144 /* bytes of an answer */

bool shim_ioctl_ours(unsigned long req)
{
	switch (req) {
	case SIOCOUTQNSD:
	case 0x894c:          /* SIOCGSKNS */
		return false; /* about the socket */
	}
	/* Routes, ARP, interfaces, bridges, bonds, private ones; wireless. */
	return (req >= SIOCADDRT && req < 0x89e0) || (req >= SIOCDEVPRIVATE && req <= 0x89ff) ||
	       (req >= 0x8b00 && req <= 0x8bff);
}

/* Read or write the caller's memory where it pointed: a bad address is EFAULT, no signal. */
static int shim_memory(uint64_t addr, void *buf, size_t len, bool write)
{
	struct iovec local = {buf, len}, remote = {(void *)(uintptr_t)addr, len};
	pid_t pid = shim_client.tid ? shim_client.tid : getpid();
	ssize_t n = write ? process_vm_writev(pid, &local, 1, &remote, 1, 0)
			  : process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n >= 0)
		return (size_t)n == len ? 0 : -EFAULT;
	if (errno == EFAULT || shim_client.tid)
		return -errno;
	/* Not allowed here: then without the check. */
	if (write)
		memcpy(remote.iov_base, buf, len);
	else
		memcpy(buf, remote.iov_base, len);
	return 0;
}

static size_t shim_pad8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Write what an answer says. */
static int shim_ioctl_finish(const char *at, const char *end)
{
	struct skua_nl_chunk c;
	int r = 0;

	while (!r && end - at >= (ptrdiff_t)sizeof(c)) {
		memcpy(&c, at, sizeof(c));
		at += sizeof(c);
		if (c.len > (size_t)(end - at))
			return -EPROTO;
		r = shim_memory(c.addr, (void *)at, c.len, true);
		at += shim_pad8(c.len) < (size_t)(end - at) ? shim_pad8(c.len) : (size_t)(end - at);
	}
	return r;
}

/* Add the piece that an answer wants to the request, which has *len bytes. */
static int shim_ioctl_more(char **req, size_t *len, const char *at, const char *end)
{
	struct skua_nl_chunk c;
	char *grown;

	if (end - at < (ptrdiff_t)sizeof(c))
		return -EPROTO;
	memcpy(&c, at, sizeof(c));
	grown = realloc(*req, *len + sizeof(c) + shim_pad8(c.len));
	if (!grown)
		return -ENOMEM;
	*req = grown;
	memset(grown + *len, 0, sizeof(c) + shim_pad8(c.len));
	c.flags = 0;
	if (shim_memory(c.addr, grown + *len + sizeof(c), c.len, false))
		c.flags = SKUA_NL_CHUNK_FAULT;
	memcpy(grown + *len, &c, sizeof(c));
	*len += sizeof(c) + (c.flags ? 0 : shim_pad8(c.len));
	return 0;
}

/* Ask until the server has seen all that it wants; the result, or a negative errno. */
static int shim_ioctl_ask(struct shim_sock *s, int fd, uint32_t req, uint64_t arg)
{
	struct skua_nl_ioctl head = {arg};
	struct skua_nl_ioctl_reply reply;
	char *frame = malloc(sizeof(head)), *answer = malloc(IOCTL_REPLY);
	size_t len = sizeof(head);
	int r = frame && answer ? 0 : -ENOMEM, turn;
	ssize_t n;

	if (!r)
		memcpy(frame, &head, sizeof(head));
	for (turn = 0; !r && turn <= IOCTL_CHUNKS; turn++) {
		struct iovec iov = {frame, len};

		r = shim_frame_with(s, fd, SKUA_NL_IOCTL, req, &iov);
		if (r)
			break;
		n = real(recv)(fd, answer, IOCTL_REPLY, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue; /* the server has been restarted: once more */
		if (n < (ssize_t)sizeof(reply)) {
			r = -EIO;
			break;
		}
		memcpy(&reply, answer, sizeof(reply));
		if (!reply.more) {
			r = shim_ioctl_finish(answer + sizeof(reply), answer + n);
			if (!r)
				r = reply.result;
			break;
		}
		r = turn < IOCTL_CHUNKS
			? shim_ioctl_more(&frame, &len, answer + sizeof(reply), answer + n)
			: -EPROTO;
	}
	free(answer);
	free(frame);
	return r;
}

int shim_ioctl(uint32_t req, uint64_t arg)
{
	int fd = shim_open(SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), r;
	struct shim_sock *s;

	if (fd < 0)
		return -errno;
	s = shim_get(fd);
	r = shim_ioctl_ask(s, fd, req, arg);
	shim_put(s);
	shim_forget(fd);
	real(close)(fd);
	return r;
}

SHIM_EXPORT int ioctl(int fd, unsigned long req, ...)
{
	void *arg;
	va_list ap;
	int r;

	va_start(ap, req);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (shim_server() && (req == SIOCADDMULTI || req == SIOCDELMULTI)) {
		errno = arg ? shim_link_group(arg, req == SIOCADDMULTI) : EFAULT;
		return errno ? -1 : 0;
	}
	/* A TUN device of the kernel is no link of Skua's. */
	if (shim_server() && req == TUNSETIFF) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (!shim_server() || !shim_ioctl_ours(req) || !shim_inode(fd))
		return real(ioctl)(fd, req, arg);
	r = shim_ioctl((uint32_t)req, (uint64_t)(uintptr_t)arg);
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}
