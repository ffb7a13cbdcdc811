/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include <string.h>

/* Copy n bytes at offset at out of iov; what iov does not hold is left alone. */
static void shim_gather(const struct iovec *iov, size_t iovlen, size_t at, unsigned char *to,
			size_t n)
{
	size_t i, part;

	for (i = 0; i < iovlen && n; i++) {
		if (at >= iov[i].iov_len) {
			at -= iov[i].iov_len;
			continue;
		}
		part = iov[i].iov_len - at < n ? iov[i].iov_len - at : n;
		memcpy(to, (unsigned char *)iov[i].iov_base + at, part);
		to += part;
		n -= part;
		at = 0;
	}
}

/* The length of a received datagram of len bytes without its marker, and what that says. */
size_t shim_unmark(const struct iovec *iov, size_t iovlen, size_t len, uint32_t *group,
		   uint32_t *portid)
{
	struct nlmsghdr mark = {0};

	*group = 0;
	*portid = 0;
	if (len < SKUA_NL_MARK_LEN || len > SKUA_NL_MARKED_MAX)
		return len;
	shim_gather(iov, iovlen, len - SKUA_NL_MARK_LEN, (unsigned char *)&mark, sizeof(mark));
	if (mark.nlmsg_len != SKUA_NL_MARK_LEN || mark.nlmsg_type != NLMSG_NOOP ||
	    mark.nlmsg_flags != SKUA_NL_MARK)
		return len;
	*group = mark.nlmsg_seq;
	*portid = mark.nlmsg_pid;
	return len - SKUA_NL_MARK_LEN;
}
