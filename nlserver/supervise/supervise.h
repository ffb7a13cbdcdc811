/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skua-supervise PROGRAM [ARG ...]: the shim for programs that nothing can be preloaded into, since
 * they are linked statically or make system calls by themselves (Go). PROGRAM takes the place of
 * this process, with a seccomp filter that hands the calls that matter to a process beside it:
 * socket(AF_NETLINK), what is done with such a socket, interface ioctls, and opening files. That
 * process is the shim's own code, which does them in the program's place, reads its arguments from
 * its memory and writes the results there.
 *
 * A netlink socket is a connection to the server, put into the program at a high number by which
 * the filter knows it; poll, read, dup and close work on it by themselves. Which socket a call is
 * about is told by the inode of the connection, so that fork() and dup() need no bookkeeping; a
 * dup() below the first such number is out of reach.
 *
 *   main.c    the two processes
 *   filter.c  which calls are handed over
 *   notify.c  one call: its arguments, the program's memory, the answer
 *   table.c   sockets by inode
 *   calls.c   what the calls do; recv.c: receiving; open.c: files
 */
#ifndef SKUA_SUPERVISE_H
#define SKUA_SUPERVISE_H

#include "../shim/shim.h"

#include <linux/seccomp.h>

/* The first descriptor that is a netlink socket, at least; the last one allowed is 1023. */
#define SUP_FIRST_FD 768
#define SUP_LAST_FD  1023

/* A netlink socket of the program. */
struct sup_sock {
	struct sup_sock *next;
	uint64_t inode;
	struct shim_sock *shim;
	int busy; /* calls under way */
};

/* A call under way. */
struct sup_call {
	int listener;
	struct seccomp_notif req;
	pid_t tgid;
	struct sup_sock *sock;
	int fd; /* of the connection, here; -1: none */
};

/* filter.c: install the filter on this thread; the listener, or -1 with errno. */
int sup_filter(void);

/* notify.c */
void sup_serve(int listener);
bool sup_valid(const struct sup_call *c);
void sup_answer(struct sup_call *c, long result); /* a negative errno, or what it returns */
void sup_continue(struct sup_call *c);            /* let the kernel do it */
int sup_addfd(struct sup_call *c, int fd, int at, bool cloexec); /* at < 0: any, and answer */
int sup_read(const struct sup_call *c, uint64_t addr, void *to, size_t len);
int sup_write(const struct sup_call *c, uint64_t addr, const void *from, size_t len);
int sup_read_string(const struct sup_call *c, uint64_t addr, char *to, size_t size);

/* table.c: under a lock of its own. */
void sup_add(uint64_t inode, struct shim_sock *s);
struct sup_sock *sup_hold(uint64_t inode);
void sup_release(struct sup_sock *k);
void sup_rename(struct sup_sock *k, uint64_t inode); /* its connection is another now */
/* Get the connection behind a descriptor of the program: c->sock and c->fd. */
bool sup_grab(struct sup_call *c, int fd);
void sup_drop(struct sup_call *c);

/* calls.c */
void sup_socket(struct sup_call *c);
void sup_call(struct sup_call *c);
void sup_ioctl(struct sup_call *c);
void sup_renew(struct sup_call *c); /* before the answer */

/* recv.c, open.c */
void sup_recv(struct sup_call *c);
void sup_open(struct sup_call *c);

#endif
