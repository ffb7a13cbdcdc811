/* SPDX-License-Identifier: BSD-3-Clause */
/* Listing directories and going into them. */
#include "proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <glob.h>
#include <sys/inotify.h>
#include <unistd.h>

char *__getcwd_chk(char *buf, size_t len, size_t size);
void __chk_fail(void) __attribute__((noreturn));

SHIM_EXPORT DIR *opendir(const char *path)
{
	struct shim_path room;

	return NEXT(opendir)(shim_divert(AT_FDCWD, path, &room));
}

#define SCANDIR(name, entry)                                                                       \
	SHIM_EXPORT int name(const char *restrict path, struct entry ***restrict list,             \
			     int (*want)(const struct entry *),                                    \
			     int (*order)(const struct entry **, const struct entry **))           \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), list, want, order);          \
	}
SCANDIR(scandir, dirent)
SCANDIR(scandir64, dirent64)

#define SCANDIRAT(name, entry)                                                                     \
	SHIM_EXPORT int name(int dirfd, const char *restrict path, struct entry ***restrict list,  \
			     int (*want)(const struct entry *),                                    \
			     int (*order)(const struct entry **, const struct entry **))           \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(dirfd, shim_divert(dirfd, path, &room), list, want, order);      \
	}
SCANDIRAT(scandirat, dirent)
SCANDIRAT(scandirat64, dirent64)

SHIM_EXPORT int chdir(const char *path)
{
	struct shim_path room;

	return NEXT(chdir)(shim_divert(AT_FDCWD, path, &room));
}

SHIM_EXPORT char *getcwd(char *buf, size_t len)
{
	char *r = NEXT(getcwd)(buf, len);

	shim_undivert(r);
	return r;
}

SHIM_EXPORT char *__getcwd_chk(char *buf, size_t len, size_t size)
{
	if (len > size)
		__chk_fail();
	return getcwd(buf, len);
}

SHIM_EXPORT char *get_current_dir_name(void)
{
	char *r = NEXT(get_current_dir_name)();

	shim_undivert(r);
	return r;
}

SHIM_EXPORT int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	struct shim_path room;

	return NEXT(inotify_add_watch)(fd, shim_divert(AT_FDCWD, path, &room), mask);
}

/* The names that a pattern finds are given as the pattern was. */
#define GLOB(name, type)                                                                           \
	SHIM_EXPORT int name(const char *restrict pattern, int flags,                              \
			     int (*failed)(const char *, int), type *restrict g)                   \
	{                                                                                          \
		struct shim_path room;                                                             \
		int r = NEXT(name)(shim_divert(AT_FDCWD, pattern, &room), flags, failed, g);       \
		size_t i, n = g->gl_offs * !!(flags & GLOB_DOOFFS);                                \
                                                                                                   \
		for (i = 0; !r && i < g->gl_pathc; i++)                                            \
			shim_undivert(g->gl_pathv[n + i]);                                         \
		return r;                                                                          \
	}
GLOB(glob, glob_t)
GLOB(glob64, glob64_t)
