/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif.c - what DPDK's memif driver needs to offer our packet buffers to its peer without a copy.
 *
 * A client that copies nothing hands the peer the file descriptor of EAL's memory, which the driver
 * asks EAL for, and closes when the peer leaves. The descriptor is EAL's, though: its number is
 * somebody else's afterwards, and a second link, or the peer when it comes again, is handed that.
 * So the driver is given a descriptor of its own. No other driver of DPDK 22.11 asks that way.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>

#include <rte_memory.h>

/* Found before EAL's, by the order in which a program's symbols are looked up. */
int rte_memseg_get_fd(const struct rte_memseg *ms)
{
	static int (*eal_fd)(const struct rte_memseg *);
	int fd;

	if (!eal_fd)
		eal_fd = (int (*)(const struct rte_memseg *))dlsym(RTLD_NEXT, "rte_memseg_get_fd");
	if (!eal_fd)
		return -ENOTSUP;
	fd = eal_fd(ms);
	if (fd < 0)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}
