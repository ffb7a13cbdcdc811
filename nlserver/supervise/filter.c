/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filter looks at each system call of the program and its children: those that do not matter
 * cost it a few comparisons.
 */
#include "supervise.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define SUP_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SUP_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH is this?"
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(v)   BPF_STMT(BPF_RET | BPF_K, v)
/* When the accumulator is v, jump to the end of the program less n instructions. */
#define JEQ(v, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, t, f)
#define JGE(v, t, f) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, v, t, f)

/* Calls on a descriptor, which matter when that is high. */
static const int by_fd[] = {
    SYS_sendto,      SYS_recvfrom, SYS_sendmsg,     SYS_recvmsg,    SYS_bind,
    SYS_getsockname, SYS_connect,  SYS_getpeername, SYS_setsockopt, SYS_getsockopt,
    SYS_shutdown,    SYS_write,    SYS_writev,      SYS_sendmmsg,   SYS_recvmmsg,
};

static const int opens[] = {
#ifdef SYS_open
    SYS_open,
#endif
    SYS_openat,
};

#define N_BY_FD (sizeof(by_fd) / sizeof(by_fd[0]))
#define N_OPENS (sizeof(opens) / sizeof(opens[0]))

int sup_filter(void)
{
	struct sock_filter prog[64];
	struct sock_fprog fprog = {.filter = prog};
	unsigned int n = 0, tail, i;
	long fd;

	/* The tail: by_fd, socket, ioctl, open, allow, notify; where each begins is counted. */
	tail = 4 + N_BY_FD + N_OPENS + 2 + 1;
	prog[n++] = (struct sock_filter)LOAD(arch);
	prog[n++] = (struct sock_filter)JEQ(SUP_ARCH, 1, 0);
	prog[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	prog[n++] = (struct sock_filter)LOAD(nr);
	for (i = 0; i < N_BY_FD; i++, n++)
		prog[n] = (struct sock_filter)JEQ((unsigned int)by_fd[i], tail - n - 1, 0);
	for (i = 0; i < N_OPENS; i++, n++)
		prog[n] = (struct sock_filter)JEQ((unsigned int)opens[i], tail + 8 - n - 1, 0);
	prog[n] = (struct sock_filter)JEQ(SYS_socket, tail + 2 - n - 1, 0);
	n++;
	prog[n] = (struct sock_filter)JEQ(SYS_ioctl, tail + 4 - n - 1, 0);
	n++;
	prog[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	/* tail: a descriptor */
	prog[n++] = (struct sock_filter)LOAD(args[0]);
	prog[n++] = (struct sock_filter)JGE(SUP_FIRST_FD, 6, 5);
	/* tail + 2: a domain */
	prog[n++] = (struct sock_filter)LOAD(args[0]);
	prog[n++] = (struct sock_filter)JEQ(AF_NETLINK, 4, 3);
	/* tail + 4: a request, 0x89?? or 0x8b?? */
	prog[n++] = (struct sock_filter)LOAD(args[1]);
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfffffd00);
	prog[n++] = (struct sock_filter)JEQ(0x8900, 1, 0);
	prog[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	/* tail + 8 */
	prog[n++] = (struct sock_filter)RETURN(SECCOMP_RET_USER_NOTIF);
	fprog.len = (unsigned short)n;

	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		     &fprog);
	if (fd < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			     SECCOMP_FILTER_FLAG_NEW_LISTENER |
				 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			     &fprog);
	return (int)fd;
}
