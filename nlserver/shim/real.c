/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include <dlfcn.h>

struct shim_real shim_real_table;

/* Resolve all at once. Not in a constructor alone: constructors of others may run before. */
__attribute__((constructor)) void shim_real_resolve(void)
{
	struct shim_real *r = &shim_real_table;

#define RESOLVE(f) r->f = (__typeof__(r->f))dlsym(RTLD_NEXT, #f)
	RESOLVE(socket);
	RESOLVE(bind);
	RESOLVE(connect);
	RESOLVE(getsockname);
	RESOLVE(getpeername);
	RESOLVE(shutdown);
	RESOLVE(setsockopt);
	RESOLVE(getsockopt);
	RESOLVE(sendmsg);
	RESOLVE(sendto);
	RESOLVE(send);
	RESOLVE(sendmmsg);
	RESOLVE(write);
	RESOLVE(writev);
	RESOLVE(recvmsg);
	RESOLVE(recvfrom);
	RESOLVE(recv);
	RESOLVE(recvmmsg);
	RESOLVE(read);
	RESOLVE(readv);
	RESOLVE(close);
	RESOLVE(dup);
	RESOLVE(dup2);
	RESOLVE(dup3);
	RESOLVE(fcntl);
	RESOLVE(closefrom);
	RESOLVE(close_range);
	RESOLVE(poll);
	RESOLVE(ppoll);
	RESOLVE(epoll_ctl);
	RESOLVE(ioctl);
#undef RESOLVE
}
