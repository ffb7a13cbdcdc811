/* SPDX-License-Identifier: BSD-3-Clause */
#include "proc.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Longest that stands before a diverted path: the socket's, ".fs/", an inode number. */
#define PREFIX_MAX 320

void *shim_next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* The inode of a network namespace; 0: it cannot be had. */
static uint64_t shim_netns_of(const char *file)
{
	struct stat st;

	return syscall(SYS_newfstatat, AT_FDCWD, file, &st, 0) ? 0 : st.st_ino;
}

/*
 * What stands before the paths of a network namespace. It is looked for until it is there: a
 * server that cannot mount a file system leaves these files to the kernel.
 */
static bool shim_prefix(char *prefix, const char *nsfile)
{
	static uint64_t seen;
	uint64_t ino = shim_netns_of(nsfile);

	if (!ino)
		return false;
	if (snprintf(prefix, PREFIX_MAX, "%s.fs/%lu", shim_server(), (unsigned long)ino) >=
	    PREFIX_MAX)
		return false;
	if (__atomic_load_n(&seen, __ATOMIC_RELAXED) == ino)
		return true;
	if (syscall(SYS_faccessat, AT_FDCWD, prefix, F_OK) && errno == ENOENT)
		return false;
	__atomic_store_n(&seen, ino, __ATOMIC_RELAXED);
	return true;
}

/* Put path, absolute and with no more than one slash and no dots, into out. */
static bool shim_normal(const char *dir, const char *path, char *out)
{
	const char *part[2] = {*path == '/' ? "" : dir, path};
	size_t len = 0, n;
	const char *p;
	int i;

	for (i = 0; i < 2; i++) {
		for (p = part[i]; *p; p += n) {
			while (*p == '/')
				p++;
			n = strcspn(p, "/");
			if (!n || (n == 1 && p[0] == '.'))
				continue;
			if (n == 2 && p[0] == '.' && p[1] == '.') {
				while (len && out[--len] != '/')
					;
				continue;
			}
			if (len + n + 2 > PATH_MAX)
				return false;
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
	}
	/* A slash at the end says that a directory is meant. */
	n = strlen(path);
	if (len && n && path[n - 1] == '/')
		out[len++] = '/';
	out[len] = '\0';
	return true;
}

/* What follows head in path, when path is it or below it. */
static const char *shim_below(const char *path, const char *head)
{
	size_t n = strlen(head);

	if (strncmp(path, head, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

/* Skip a number, or "self", and so on: the length of a component if it is one of pids. */
static size_t shim_pid_part(const char *p)
{
	size_t n = strcspn(p, "/");

	if ((n == 4 && !strncmp(p, "self", n)) || (n == 11 && !strncmp(p, "thread-self", n)))
		return n;
	return n && strspn(p, "0123456789") == n ? n : 0;
}

/*
 * /proc/net, /proc/PID/net, /proc/PID/task/TID/net: what follows, and in nsfile what says whose
 * network namespace it is.
 */
static const char *shim_proc_net(const char *path, char *nsfile, size_t size)
{
	const char *p = shim_below(path, "/proc"), *rest = p ? shim_below(p, "/net") : NULL;
	size_t n, who;

	if (rest || !p || *p != '/')
		return rest;
	n = shim_pid_part(p + 1);
	if (!n)
		return NULL;
	who = 1 + n;
	if (!strncmp(p + who, "/task/", 6)) {
		n = shim_pid_part(p + who + 6);
		if (!n)
			return NULL;
		who += 6 + n;
	}
	rest = shim_below(p + who, "/net");
	if (rest && strncmp(p, "/self/net", 9) && strncmp(p, "/thread-self/net", 16))
		snprintf(nsfile, size, "/proc%.*s/ns/net", (int)who, p);
	return rest;
}

/* Quick, for all other paths: could this be one of ours? */
static bool shim_may_divert(const char *path)
{
	if (!path || !shim_server())
		return false;
	if (path[0] == '/') {
		while (path[1] == '/')
			path++;
		return !strncmp(path, "/proc", 5) || !strncmp(path, "/sys", 4) ||
		       strstr(path, "..") || strstr(path, "/./");
	}
	return !strncmp(path, "net", 3) || strstr(path, "/net") || strstr(path, "..");
}

/* The directory that a relative path begins at. */
static bool shim_dir(int dirfd, char *dir)
{
	char file[32] = "/proc/self/cwd";
	ssize_t n;

	if (dirfd != AT_FDCWD)
		snprintf(file, sizeof(file), "/proc/self/fd/%d", dirfd);
	n = syscall(SYS_readlinkat, AT_FDCWD, file, dir, PATH_MAX - 1);
	if (n <= 0)
		return false;
	dir[n] = '\0';
	return dir[0] == '/';
}

static const char *shim_place(const char *norm, struct shim_path *room, const char *path)
{
	char prefix[PREFIX_MAX], nsfile[64] = "/proc/thread-self/ns/net";
	const char *rest, *head;

	if ((rest = shim_below(norm, "/proc/sys/net")))
		head = "/proc/sys/net";
	else if ((rest = shim_below(norm, "/sys/class/net")))
		head = "/sys/class/net";
	else if ((rest = shim_below(norm, "/sys/devices/virtual/net")))
		head = "/sys/devices/virtual/net";
	else if ((rest = shim_proc_net(norm, nsfile, sizeof(nsfile))))
		head = "/proc/net";
	else
		return path;
	if (!shim_prefix(prefix, nsfile) || snprintf(room->text, sizeof(room->text), "%s%s%s",
						     prefix, head, rest) >= (int)sizeof(room->text))
		return path;
	return room->text;
}

bool shim_own_file(const char *name, struct shim_path *room)
{
	char prefix[PREFIX_MAX];

	return shim_prefix(prefix, "/proc/thread-self/ns/net") &&
	       snprintf(room->text, sizeof(room->text), "%s/skua/%s", prefix, name) <
		   (int)sizeof(room->text);
}

const char *shim_divert(int dirfd, const char *path, struct shim_path *room)
{
	char norm[PATH_MAX], dir[PATH_MAX] = "/";
	int saved = errno;

	if (!shim_may_divert(path))
		return path;
	if ((path[0] == '/' || shim_dir(dirfd, dir)) && shim_normal(dir, path, norm))
		path = shim_place(norm, room, path);
	errno = saved;
	return path;
}

void shim_undivert(char *path)
{
	size_t n, digits;

	if (!path || !shim_server())
		return;
	n = strlen(shim_server());
	if (strncmp(path, shim_server(), n) || strncmp(path + n, ".fs/", 4))
		return;
	n += 4;
	digits = strspn(path + n, "0123456789");
	if (digits && path[n + digits] == '/')
		memmove(path, path + n + digits, strlen(path + n + digits) + 1);
}
