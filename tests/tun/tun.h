/* SPDX-License-Identifier: BSD-3-Clause */
/* tun.h - files of TAPs that are socket pairs: what the tests of drivers/tun_*.c stand on. */
#ifndef SKUA_TESTS_TUN_H
#define SKUA_TESTS_TUN_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include "drivers/tun_gro.h"
#include "net/skbuff.h"

#define GOT_MAX 4096

static struct rte_mempool *pool;
static struct rte_mbuf *got[GOT_MAX]; /* packets that were read */
static unsigned int n_got;

void *dp_mempool(void)
{
	return pool;
}

static void deliver(struct tun_reader *r, struct tun_file *f)
{
	(void)f;
	for (uint32_t i = 0; i < r->n_out; i++) {
		if (n_got == GOT_MAX)
			abort();
		got[n_got++] = r->out[i];
	}
}

static void start(void)
{
	char *args[] = {"tun", "--no-huge", "--no-shconf",   "--no-pci",
			"-m",  "64",        "--log-level=1", "--lcores=0@0-1"};

	if (rte_eal_init(RTE_DIM(args), args) < 0)
		abort();
	pool = rte_pktmbuf_pool_create("tun", 8191, 0, sizeof(struct sk_buff), 2048, SOCKET_ID_ANY);
	if (!pool)
		abort();
}

/* A file, and the end at which its kernel is. */
static struct tun_file file(int *kernel)
{
	int ends[2], room = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends))
		abort();
	for (int i = 0; i < 2; i++)
		if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) &&
		    setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)))
			abort();
	*kernel = ends[1];
	return (struct tun_file){.fd = ends[0]};
}

#endif
