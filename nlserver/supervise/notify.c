/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervise.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

bool sup_valid(const struct sup_call *c)
{
	return !real(ioctl)(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->req.id);
}

static void sup_send(struct sup_call *c, struct seccomp_notif_resp *resp)
{
	resp->id = c->req.id;
	/* When the program is gone there is nobody to tell. */
	real(ioctl)(c->listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
}

void sup_answer(struct sup_call *c, long result)
{
	struct seccomp_notif_resp resp = {0};

	if (result < 0)
		resp.error = (int)result;
	else
		resp.val = result;
	sup_send(c, &resp);
}

void sup_continue(struct sup_call *c)
{
	struct seccomp_notif_resp resp = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	sup_send(c, &resp);
}

int sup_addfd(struct sup_call *c, int fd, int at, bool cloexec)
{
	struct seccomp_notif_addfd add = {
	    .id = c->req.id,
	    .flags = at < 0 ? SECCOMP_ADDFD_FLAG_SEND : SECCOMP_ADDFD_FLAG_SETFD,
	    .srcfd = (unsigned int)fd,
	    .newfd = at < 0 ? 0 : (unsigned int)at,
	    .newfd_flags = cloexec ? 02000000 : 0, /* O_CLOEXEC */
	};

	return real(ioctl)(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0 ? -errno : 0;
}

int sup_read(const struct sup_call *c, uint64_t addr, void *to, size_t len)
{
	struct iovec local = {to, len}, remote = {(void *)(uintptr_t)addr, len};
	ssize_t n;

	if (!len)
		return 0;
	n = process_vm_readv((pid_t)c->req.pid, &local, 1, &remote, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

int sup_write(const struct sup_call *c, uint64_t addr, const void *from, size_t len)
{
	struct iovec local = {(void *)from, len}, remote = {(void *)(uintptr_t)addr, len};
	ssize_t n;

	if (!len)
		return 0;
	n = process_vm_writev((pid_t)c->req.pid, &local, 1, &remote, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

/* A string lies where a page may end: what can be read up to there is enough. */
int sup_read_string(const struct sup_call *c, uint64_t addr, char *to, size_t size)
{
	struct iovec local = {to, size - 1}, remote[2];
	size_t first = 4096 - addr % 4096;
	ssize_t n;

	remote[0] = (struct iovec){(void *)(uintptr_t)addr, first < size - 1 ? first : size - 1};
	remote[1] = (struct iovec){(void *)(uintptr_t)(addr + first),
				   first < size - 1 ? size - 1 - first : 0};
	n = process_vm_readv((pid_t)c->req.pid, &local, 1, remote, remote[1].iov_len ? 2 : 1, 0);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	return memchr(to, '\0', (size_t)n) ? 0 : -ENAMETOOLONG;
}

/* The process that a thread belongs to. */
static pid_t sup_tgid(pid_t tid)
{
	static pid_t last_tid, last_tgid;
	char path[32], text[512] = "", *at;
	FILE *f;
	size_t n;

	if (tid == last_tid)
		return last_tgid;
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strstr(text, "\nTgid:");
	last_tgid = at ? atoi(at + 6) : 0;
	last_tid = last_tgid ? tid : 0;
	return last_tgid;
}

static void sup_one(struct sup_call *c)
{
	c->fd = -1;
	c->tgid = sup_tgid((pid_t)c->req.pid);
	shim_client.tid = (pid_t)c->req.pid;
	shim_client.tgid = c->tgid;
	switch (c->req.data.nr) {
	case SYS_socket:
		sup_socket(c);
		return;
	case SYS_ioctl:
		sup_ioctl(c);
		return;
#ifdef SYS_open
	case SYS_open:
#endif
	case SYS_openat:
		sup_open(c);
		return;
	}
	if (!sup_grab(c, (int)c->req.data.args[0])) {
		sup_continue(c);
		return;
	}
	if (c->req.data.nr == SYS_recvmsg || c->req.data.nr == SYS_recvfrom)
		sup_recv(c); /* which drops it */
	else {
		sup_call(c);
		sup_drop(c);
	}
}

void sup_serve(int listener)
{
	struct pollfd p = {.fd = listener, .events = POLLIN};
	struct sup_call c;

	for (;;) {
		if (real(poll)(&p, 1, -1) < 0 && errno != EINTR)
			return;
		if (p.revents & POLLIN) {
			memset(&c, 0, sizeof(c));
			c.listener = listener;
			if (!real(ioctl)(listener, SECCOMP_IOCTL_NOTIF_RECV, &c.req))
				sup_one(&c);
		} else if (p.revents & (POLLHUP | POLLERR)) {
			return; /* the last process that has the filter is gone */
		}
	}
}
