/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking about a file. The functions with an x are those of programs linked before glibc 2.33. */
#include "proc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int __xstat(int ver, const char *path, struct stat *st);
int __xstat64(int ver, const char *path, struct stat64 *st);
int __lxstat(int ver, const char *path, struct stat *st);
int __lxstat64(int ver, const char *path, struct stat64 *st);
int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags);
int __fxstatat64(int ver, int dirfd, const char *path, struct stat64 *st, int flags);
ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t size);
ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t len, size_t size);
char *__realpath_chk(const char *path, char *out, size_t size);
void __chk_fail(void) __attribute__((noreturn));

#define STAT(name, type)                                                                           \
	SHIM_EXPORT int name(const char *path, struct type *st)                                    \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), st);                         \
	}
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
STAT(statfs, statfs)
STAT(statfs64, statfs64)
STAT(statvfs, statvfs)
STAT(statvfs64, statvfs64)

#define XSTAT(name, type)                                                                          \
	SHIM_EXPORT int name(int ver, const char *path, struct type *st)                           \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(ver, shim_divert(AT_FDCWD, path, &room), st);                    \
	}
XSTAT(__xstat, stat)
XSTAT(__xstat64, stat64)
XSTAT(__lxstat, stat)
XSTAT(__lxstat64, stat64)

#define STATAT(name, type)                                                                         \
	SHIM_EXPORT int name(int dirfd, const char *path, struct type *st, int flags)              \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(dirfd, shim_divert(dirfd, path, &room), st, flags);              \
	}
STATAT(fstatat, stat)
STATAT(fstatat64, stat64)

#define XSTATAT(name, type)                                                                        \
	SHIM_EXPORT int name(int ver, int dirfd, const char *path, struct type *st, int flags)     \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(ver, dirfd, shim_divert(dirfd, path, &room), st, flags);         \
	}
XSTATAT(__fxstatat, stat)
XSTATAT(__fxstatat64, stat64)

SHIM_EXPORT int statx(int dirfd, const char *restrict path, int flags, unsigned int mask,
		      struct statx *restrict st)
{
	struct shim_path room;

	return NEXT(statx)(dirfd, shim_divert(dirfd, path, &room), flags, mask, st);
}

#define ACCESS(name)                                                                               \
	SHIM_EXPORT int name(const char *path, int mode)                                           \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), mode);                       \
	}
ACCESS(access)
ACCESS(eaccess)
ACCESS(euidaccess)

SHIM_EXPORT int faccessat(int dirfd, const char *path, int mode, int flags)
{
	struct shim_path room;

	return NEXT(faccessat)(dirfd, shim_divert(dirfd, path, &room), mode, flags);
}

/* ls -l asks for lists of access rights. */
#define GETXATTR(name)                                                                             \
	SHIM_EXPORT ssize_t name(const char *path, const char *attr, void *value, size_t size)     \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), attr, value, size);          \
	}
GETXATTR(getxattr)
GETXATTR(lgetxattr)

#define LISTXATTR(name)                                                                            \
	SHIM_EXPORT ssize_t name(const char *path, char *list, size_t size)                        \
	{                                                                                          \
		struct shim_path room;                                                             \
                                                                                                   \
		return NEXT(name)(shim_divert(AT_FDCWD, path, &room), list, size);                 \
	}
LISTXATTR(listxattr)
LISTXATTR(llistxattr)

/* What /proc/self/fd/N and /proc/self/cwd show begins with where the files really are. */
static ssize_t shim_readlink(int dirfd, const char *path, char *buf, size_t len)
{
	struct shim_path room;
	char text[PATH_MAX];
	ssize_t n =
	    NEXT(readlinkat)(dirfd, shim_divert(dirfd, path, &room), text, sizeof(text) - 1);

	if (n < 0)
		return n;
	text[n] = '\0';
	shim_undivert(text);
	n = (ssize_t)strlen(text);
	if ((size_t)n > len)
		n = (ssize_t)len;
	memcpy(buf, text, (size_t)n);
	return n;
}

SHIM_EXPORT ssize_t readlinkat(int dirfd, const char *restrict path, char *restrict buf, size_t len)
{
	if (!shim_server() || !len)
		return NEXT(readlinkat)(dirfd, path, buf, len);
	return shim_readlink(dirfd, path, buf, len);
}

SHIM_EXPORT ssize_t readlink(const char *restrict path, char *restrict buf, size_t len)
{
	if (!shim_server() || !len)
		return NEXT(readlink)(path, buf, len);
	return shim_readlink(AT_FDCWD, path, buf, len);
}

SHIM_EXPORT ssize_t __readlink_chk(const char *path, char *buf, size_t len, size_t size)
{
	if (len > size)
		__chk_fail();
	return readlink(path, buf, len);
}

SHIM_EXPORT ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t len,
				     size_t size)
{
	if (len > size)
		__chk_fail();
	return readlinkat(dirfd, path, buf, len);
}

SHIM_EXPORT char *realpath(const char *restrict path, char *restrict out)
{
	struct shim_path room;
	char *r = NEXT(realpath)(shim_divert(AT_FDCWD, path, &room), out);

	shim_undivert(r);
	return r;
}

SHIM_EXPORT char *__realpath_chk(const char *path, char *out, size_t size)
{
	if (size < PATH_MAX)
		__chk_fail();
	return realpath(path, out);
}

SHIM_EXPORT char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}
