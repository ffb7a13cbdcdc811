/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors come and go: keep the table of netlink sockets true. */
#include "shim.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

SHIM_EXPORT int close(int fd)
{
	shim_forget(fd);
	return real(close)(fd);
}

SHIM_EXPORT void closefrom(int first)
{
	shim_forget_range(first < 0 ? 0 : (unsigned int)first, SHIM_FDS_MAX);
	real(closefrom)(first);
}

SHIM_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!(flags & CLOSE_RANGE_CLOEXEC))
		shim_forget_range(first, last);
	return real(close_range)(first, last, flags);
}

/* to is what a dup of fd gave: another descriptor of the same socket, or of none. */
static int shim_dupped(int fd, int to)
{
	struct shim_sock *s;

	if (to < 0 || to == fd)
		return to;
	s = shim_get(fd);
	if (!s) {
		shim_forget(to);
		return to;
	}
	shim_track(to, s);
	shim_put(s);
	return to;
}

SHIM_EXPORT int dup(int fd)
{
	return shim_dupped(fd, real(dup)(fd));
}

SHIM_EXPORT int dup2(int fd, int to)
{
	return shim_dupped(fd, real(dup2)(fd, to));
}

SHIM_EXPORT int dup3(int fd, int to, int flags)
{
	return shim_dupped(fd, real(dup3)(fd, to, flags));
}

int fcntl64(int fd, int cmd, ...);

SHIM_EXPORT int fcntl(int fd, int cmd, ...)
{
	void *arg;
	va_list ap;
	int r;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	r = real(fcntl)(fd, cmd, arg);
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? shim_dupped(fd, r) : r;
}

SHIM_EXPORT int fcntl64(int fd, int cmd, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fcntl(fd, cmd, arg);
}
