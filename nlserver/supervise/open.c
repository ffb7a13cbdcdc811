/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening files: those of the network stack below /proc and /sys are Skua's, as under the shim
 * (../shim/proc.h). Paths that are not absolute, and looking at a file without opening it, stay
 * with the kernel.
 */
#include "../shim/proc.h"
#include "supervise.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void sup_open(struct sup_call *c)
{
	const __u64 *a = c->req.data.args;
	bool at = c->req.data.nr == SYS_openat;
	char path[256];
	struct shim_path room;
	const char *to;
	int flags = (int)a[at ? 2 : 1], fd, r;

	if (sup_read_string(c, a[at ? 1 : 0], path, sizeof(path)) ||
	    (strncmp(path, "/proc/", 6) && strncmp(path, "/sys/", 5))) {
		sup_continue(c);
		return;
	}
	to = shim_divert(AT_FDCWD, path, &room);
	if (to == path) {
		sup_continue(c);
		return;
	}
	fd = (int)syscall(SYS_openat, AT_FDCWD, to, flags | O_CLOEXEC, (mode_t)a[at ? 3 : 2]);
	if (fd < 0) {
		sup_answer(c, -errno);
		return;
	}
	r = sup_addfd(c, fd, -1, flags & O_CLOEXEC);
	if (r)
		sup_answer(c, r);
	real(close)(fd);
}
