/* SPDX-License-Identifier: BSD-3-Clause */
/* recvmmsg: many datagrams to a system call of the connection too. */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

#define BATCH    64 /* datagrams to a call */
#define FIRST    4  /* to the first: often there is but one, and to prepare for many takes time */
#define IOVS_MAX 4  /* pieces of a datagram; whose have more are received one by one */

/* What is behind the client's buffers: the end of a datagram has to be seen (mark.c). Hardly any of
 * it is ever touched. */
struct shim_tails {
	char bytes[BATCH][SKUA_NL_MARKED_MAX];
};

/* One is kept by the socket for the next call. */
static struct shim_tails *shim_tails_take(struct shim_sock *s)
{
	struct shim_tails *t = __atomic_exchange_n(&s->tails, NULL, __ATOMIC_ACQUIRE);

	return t ? t : malloc(sizeof(*t));
}

static void shim_tails_put(struct shim_sock *s, struct shim_tails *t)
{
	struct shim_tails *none = NULL;

	if (!__atomic_compare_exchange_n(&s->tails, &none, t, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		free(t);
}

static bool shim_fits(const struct mmsghdr *msgs, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (msgs[i].msg_hdr.msg_iovlen > IOVS_MAX)
			return false;
	return true;
}

/* One call for up to BATCH datagrams, as shim_recvmsg for one. 0: the connection has ended. */
static int shim_recv_batch(struct shim_sock *s, int fd, struct mmsghdr *msgs, unsigned int n,
			   int flags, struct timespec *timeout, struct shim_tails *tails)
{
	struct iovec iov[BATCH][IOVS_MAX + 1];
	struct mmsghdr m[BATCH];
	uint32_t error;
	unsigned int i;
	int got, k;

	error = __atomic_exchange_n(&s->page->error, 0, __ATOMIC_SEQ_CST);
	if (error) {
		errno = (int)error;
		return -1;
	}
	memset(m, 0, n * sizeof(m[0]));
	for (i = 0; i < n; i++) {
		const struct msghdr *msg = &msgs[i].msg_hdr;

		shim_room(s, msg);
		memcpy(iov[i], msg->msg_iov, msg->msg_iovlen * sizeof(iov[i][0]));
		iov[i][msg->msg_iovlen] = (struct iovec){tails->bytes[i], sizeof(tails->bytes[i])};
		m[i].msg_hdr.msg_iov = iov[i];
		m[i].msg_hdr.msg_iovlen = msg->msg_iovlen + 1;
	}
	got = real(recvmmsg)(fd, m, n, flags | MSG_TRUNC, timeout);
	for (k = 0; k < got && m[k].msg_len; k++)
		msgs[k].msg_len = (unsigned int)shim_received(s, fd, &msgs[k].msg_hdr, iov[k],
							      m[k].msg_len, flags);
	return got < 0 ? -1 : k;
}

/* -1: none, with errno. */
int shim_recvmmsg(struct shim_sock *s, int fd, struct mmsghdr *msgs, unsigned int n, int flags,
		  struct timespec *timeout)
{
	struct shim_tails *tails = NULL;
	unsigned int i = 0, room;
	ssize_t r = 0;

	if (!(flags & MSG_OOB) && n > 1 && shim_fits(msgs, n))
		tails = shim_tails_take(s);
	while (i < n) {
		room = i ? BATCH : FIRST;
		room = n - i < room ? n - i : room;
		r = 0;
		if (tails)
			r = shim_recv_batch(s, fd, msgs + i, room, flags, timeout, tails);
		if (!r) { /* as it is, or to connect again */
			r = shim_recvmsg(s, fd, &msgs[i].msg_hdr, flags & ~MSG_WAITFORONE);
			if (r >= 0) {
				msgs[i].msg_len = (unsigned int)r;
				r = room = 1;
			}
		}
		if (r < 0)
			break;
		i += (unsigned int)r;
		if ((unsigned int)r < room)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	if (tails)
		shim_tails_put(s, tails);
	return i || r >= 0 ? (int)i : -1;
}
