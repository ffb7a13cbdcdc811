/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervise.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void sup_fail(const char *what)
{
	fprintf(stderr, "skua-supervise: %s: %s\n", what, strerror(errno));
	exit(126);
}

/* Pass a descriptor. */
static int sup_pass(int to, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {.buf = {0}};
	struct iovec iov = {"", 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(int));
	return real(sendmsg)(to, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int sup_take(int from)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {.buf = {0}};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	int fd = -1;

	if (real(recvmsg)(from, &msg, MSG_CMSG_CLOEXEC) == 1 &&
	    control.align.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&control.align), sizeof(int));
	return fd;
}

/* The process beside the program: no child of its, and in nobody's way. */
static void sup_beside(int from)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), listener, i;
	char byte = 0;

	setsid();
	if (chdir("/"))
		_exit(1);
	listener = sup_take(from);
	if (listener < 0)
		_exit(1);
	for (i = 0; i < 3; i++)
		dup2(null, i);
	closefrom(3 > listener && 3 > from ? 3 : (listener > from ? listener : from) + 1);
	for (i = 3; i < (listener > from ? listener : from); i++)
		if (i != listener && i != from)
			real(close)(i);
	prctl(PR_SET_NAME, "skua-supervise", 0, 0, 0);
	if (real(write)(from, &byte, 1) == 1)
		real(close)(from);
	sup_serve(listener);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *preload = getenv("SKUA_PRELOAD");
	pid_t child;
	int pair[2], listener, status;
	char byte;

	if (argc < 3)
		return 2;
	if (real(socket) == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		sup_fail("socketpair");
	child = fork();
	if (child < 0)
		sup_fail("fork");
	if (!child) {
		real(close)(pair[1]);
		child = fork();
		if (!child)
			sup_beside(pair[0]);
		_exit(child < 0);
	}
	real(close)(pair[0]);
	if (waitpid(child, &status, 0) != child || status)
		sup_fail("fork");
	/* Yama lets only those look into a process whom that allows. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);

	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	unsetenv("SKUA_PRELOAD");
	listener = sup_filter();
	if (listener < 0 && errno == EBUSY) { /* who started it is supervised already */
		syscall(SYS_execve, argv[1], argv + 2, environ);
		sup_fail(argv[1]);
	}
	if (listener < 0)
		sup_fail("seccomp (needs Linux 5.19)");
	if (sup_pass(pair[1], listener) || real(read)(pair[1], &byte, 1) != 1)
		sup_fail("the process beside the program is gone");
	real(close)(pair[1]);
	real(close)(listener);
	syscall(SYS_execve, argv[1], argv + 2, environ);
	sup_fail(argv[1]);
	return 126;
}
