/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a file. What _FORTIFY_SOURCE and large files make of these calls is here too. */
#include "proc.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);

static mode_t shim_mode(int flags, va_list ap)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
	SHIM_EXPORT int name(const char *path, int flags, ...)                                     \
	{                                                                                          \
		struct shim_path room;                                                             \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = shim_mode(flags, ap);                                                       \
		va_end(ap);                                                                        \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), flags, mode);                \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                               \
	SHIM_EXPORT int name(int dirfd, const char *path, int flags, ...)                          \
	{                                                                                          \
		struct shim_path room;                                                             \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = shim_mode(flags, ap);                                                       \
		va_end(ap);                                                                        \
		return NEXT(name)(dirfd, shim_divert(dirfd, path, &room), flags, mode);            \
	}
OPENAT(openat)
OPENAT(openat64)

#define OPEN_2(name)                                                                               \
	SHIM_EXPORT int name(const char *path, int flags)                                          \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), flags);                      \
	}
OPEN_2(__open_2)
OPEN_2(__open64_2)

#define OPENAT_2(name)                                                                             \
	SHIM_EXPORT int name(int dirfd, const char *path, int flags)                               \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(dirfd, shim_divert(dirfd, path, &room), flags);                  \
	}
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

#define CREAT(name)                                                                                \
	SHIM_EXPORT int name(const char *path, mode_t mode)                                        \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), mode);                       \
	}
CREAT(creat)
CREAT(creat64)

#define FOPEN(name)                                                                                \
	SHIM_EXPORT FILE *name(const char *path, const char *mode)                                 \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), mode);                       \
	}
FOPEN(fopen)
FOPEN(fopen64)

#define FREOPEN(name)                                                                              \
	SHIM_EXPORT FILE *name(const char *path, const char *mode, FILE *f)                        \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), mode, f);                    \
	}
FREOPEN(freopen)
FREOPEN(freopen64)

#define TRUNCATE(name, type)                                                                       \
	SHIM_EXPORT int name(const char *path, type len)                                           \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), len);                        \
	}
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)
