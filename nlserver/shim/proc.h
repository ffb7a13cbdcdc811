/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files of the kernel's network stack that are Skua's under the shim: what is below
 * /proc/sys/net, /proc/net and its kin, /sys/class/net and /sys/devices/virtual/net. The server
 * has a file system of its own for them beside its socket (nlserver/kernfs); a function that takes
 * a path is given another one, and the rest is the kernel's work: reads, writes with their errno,
 * directories.
 *
 *   proc.c      which paths these are, and where they are
 *   procopen.c  open fopen and their kin
 *   procstat.c  stat access readlink realpath and their kin
 *   procdir.c   opendir scandir chdir glob and their kin
 *   procgroup.c SIOCADDMULTI and SIOCDELMULTI, by a file of the server's
 */
#ifndef SKUA_PROC_H
#define SKUA_PROC_H

#include "shim.h"

#include <limits.h>

#pragma GCC visibility push(hidden)

/* Room for a path that is put in the place of another. */
struct shim_path {
	char text[PATH_MAX];
};

/* path, or where it is with Skua; dirfd as of openat(). errno stays. */
const char *shim_divert(int dirfd, const char *path, struct shim_path *room);
/* The other way round: cut what stands before a diverted path off, in place. */
void shim_undivert(char *path);

/* Where the server has a file of its own for our network namespace. */
bool shim_own_file(const char *name, struct shim_path *room);

/* The function that would have been called without the shim. */
void *shim_next(const char *name);
#define NEXT(f)                                                                                    \
	({                                                                                         \
		static __typeof__(&f) next_;                                                       \
		if (!next_)                                                                        \
			next_ = (__typeof__(&f))shim_next(#f);                                     \
		next_;                                                                             \
	})

#pragma GCC visibility pop

#endif
