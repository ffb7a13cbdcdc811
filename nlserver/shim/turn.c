/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that need not go through the connection: while the server waits at the page (its turn
 * says so), a small one is put there, and waking the server is all that the kernel is needed for.
 */
#include "shim.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

long shim_futex(uint32_t *word, int op, uint32_t val, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, val, timeout, NULL, 0);
}

/* Take the turn from a server that waits at the page. */
static bool shim_turn(struct skua_nl_page *page, uint32_t to)
{
	uint32_t at = SKUA_NL_TURN_PAGE;

	if (!__atomic_compare_exchange_n(&page->turn, &at, to, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return false;
	shim_futex(&page->turn, FUTEX_WAKE, 1, NULL);
	return true;
}

/* Post a frame; false: it has to go through the connection. */
bool shim_post(struct skua_nl_page *page, const struct skua_nl_frame *f, const struct iovec *iov,
	       size_t iovlen)
{
	unsigned char *to = (unsigned char *)page + SKUA_NL_POST_AT;
	size_t i;

	if (__atomic_load_n(&page->turn, __ATOMIC_ACQUIRE) != SKUA_NL_TURN_PAGE ||
	    f->len > SKUA_NL_POST_MAX - sizeof(*f))
		return false;
	memcpy(to, f, sizeof(*f));
	to += sizeof(*f);
	for (i = 0; i < iovlen; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	return shim_turn(page, SKUA_NL_TURN_POSTED);
}

/* Something is in the connection: a frame, or its end. */
void shim_look(struct skua_nl_page *page)
{
	shim_turn(page, SKUA_NL_TURN_LOOK);
}

/* Take back a frame of a server that is gone. False: it had taken it. */
bool shim_unpost(struct skua_nl_page *page)
{
	uint32_t at = SKUA_NL_TURN_POSTED;

	return __atomic_compare_exchange_n(&page->turn, &at, SKUA_NL_TURN_SOCKET, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}
