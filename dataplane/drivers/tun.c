/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tun.c - the thread between a TUN/TAP file descriptor and the rings of a port.
 *
 * DPDK's own net_tap polls with a system call per empty poll (its signals are Go's), so an lcore
 * would do nothing else. Here lcores see rings only, and a thread that is no lcore does the
 * system calls. It sleeps in poll() when there is nothing to move, so the lcores must wake it:
 * a transmit callback, which runs before the driver enqueues, announces the frames and writes to
 * an eventfd when the thread said that it sleeps. Announced before enqueued means that a thread
 * which sees announced frames missing from the ring waits for them a little instead of sleeping.
 *
 * The TAP gives and takes frames of many packets (tun_file.h).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>

#include "drivers/ring.h"
#include "drivers/tun_gro.h"
#include "net/napi.h"

#define TUN_IDLE_MS   100  /* a lost wakeup costs no more than this */
#define TUN_AWAIT_MS  1    /* sleep for frames that are announced */
#define TUN_AWAIT_MAX 16   /* so many times; then they were dropped at a full ring */
#define TUN_SPIN      2000 /* pauses before that, some 20 us */

/* On the worker: nb frames are about to be enqueued. */
static uint16_t tun_announce(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t nb,
			     void *arg)
{
	struct tun_queue *q = arg;
	struct tun_thread *t = q->tun;
	uint64_t one = 1;

	(void)port;
	(void)queue;
	(void)pkts;
	atomic_store(&q->announced, atomic_load_explicit(&q->announced, memory_order_relaxed) + nb);
	if (atomic_load(&t->asleep) && atomic_exchange(&t->asleep, false)) {
		if (write(t->wake, &one, sizeof(one)) < 0)
			return nb; /* the counter is full: it is awake */
	}
	return nb;
}

static uint64_t tun_announced(struct tun_thread *t)
{
	uint64_t sum = 0;

	for (int q = 0; q < DP_MAX_WORKERS; q++)
		sum += atomic_load(&t->queue[q].announced);
	return sum;
}

/* What the TAP gave (tun_reader.deliver). */
static void tun_deliver(struct tun_reader *r, struct tun_file *f)
{
	struct tun_thread *t = container_of(r, struct tun_thread, reader);
	uint32_t n;

	for (uint32_t i = 0; i < r->n_out; i++)
		r->out[i]->port = t->port;
	n = rte_ring_enqueue_burst(t->rx, (void **)r->out, r->n_out, NULL);
	rte_pktmbuf_free_bulk(r->out + n, r->n_out - n);
	f->stats.rx_dropped += r->n_out - n;
	softnet_wake_rxq(t->port, 0);
}

/* Whether the rx ring takes what a frame may become: the rest waits in the kernel. */
static bool tun_room(const struct tun_thread *t)
{
	return rte_ring_free_count(t->rx) >= TUN_PACKETS_MAX;
}

/* From the TAP to the stack. */
static uint32_t tun_rx(struct tun_thread *t)
{
	uint64_t before = t->file.stats.rx_packets;
	uint32_t frames = 0;

	while (t->file.stats.rx_packets - before < TUN_BURST && tun_room(t) && !t->file.dead &&
	       tun_read(&t->file, &t->reader))
		frames++;
	tun_read_flush(&t->file, &t->reader);
	return frames;
}

static uint32_t tun_tx(struct tun_thread *t)
{
	struct rte_mbuf *pkts[TUN_BURST];
	unsigned int n = rte_ring_dequeue_burst(t->tx, (void **)pkts, TUN_BURST, NULL);
	struct gro gro;

	if (n == 0)
		return 0;
	tun_gro_init(&gro);
	for (unsigned int i = 0; i < n && !t->file.dead; i++) {
		tun_gro_prefetch(pkts[RTE_MIN(i + GRO_PREFETCH, n - 1)]);
		tun_gro_receive(&gro, &t->file, pkts[i]);
	}
	tun_gro_flush(&gro);
	rte_pktmbuf_free_bulk(pkts, n);
	t->taken += n;
	t->waits = 0;
	return n;
}

/* Sleeps until a frame waits on either side. */
static void tun_sleep(struct tun_thread *t)
{
	struct pollfd fds[2] = {
	    {.fd = t->wake, .events = POLLIN},
	    {.fd = t->file.fd, .events = POLLIN},
	};
	int timeout = TUN_IDLE_MS;
	nfds_t n_fds = 2;
	uint64_t count;

	atomic_store(&t->asleep, true);
	if (tun_announced(t) != t->taken) {
		for (int i = 0; i < TUN_SPIN && rte_ring_empty(t->tx); i++)
			rte_pause();
		timeout = TUN_AWAIT_MS;
		if (++t->waits > TUN_AWAIT_MAX) {
			t->taken = tun_announced(t);
			t->waits = 0;
		}
	}
	if (t->file.dead) {
		n_fds = 1;
	} else if (!tun_room(t) || t->reader.n_spare == 0) {
		n_fds = 1; /* nowhere to read to: look again soon */
		timeout = TUN_AWAIT_MS;
	}
	if (rte_ring_empty(t->tx) && poll(fds, n_fds, timeout) > 0) {
		if ((fds[0].revents & POLLIN) && read(t->wake, &count, sizeof(count)) < 0)
			count = 0;
		if (n_fds == 2 && (fds[1].revents & (POLLERR | POLLNVAL | POLLHUP)))
			t->file.dead = true;
	}
	atomic_store(&t->asleep, false);
}

static void *tun_main(void *arg)
{
	struct tun_thread *t = arg;

	while (!atomic_load(&t->stop)) {
		uint32_t moved = tun_rx(t);

		moved += tun_tx(t);
		if (moved == 0)
			tun_sleep(t);
	}
	return NULL;
}

void tun_cpus(cpu_set_t *cpus)
{
	unsigned int lcore;

	if (sched_getaffinity(getpid(), sizeof(*cpus), cpus) < 0)
		CPU_ZERO(cpus);
	RTE_LCORE_FOREACH_WORKER (lcore) {
		rte_cpuset_t polled = rte_lcore_cpuset(lcore);

		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (CPU_ISSET(cpu, &polled))
				CPU_CLR(cpu, cpus);
		}
	}
}

static int tun_spawn(struct tun_thread *t)
{
	pthread_attr_t attr;
	sigset_t all, old;
	cpu_set_t cpus;
	char name[16];
	int rc;

	pthread_attr_init(&attr);
	tun_cpus(&cpus);
	if (CPU_COUNT(&cpus) > 0)
		pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&t->thread, &attr, tun_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc != 0)
		return -rc;
	t->started = true;
	snprintf(name, sizeof(name), "skua-tun%u", t->port);
	pthread_setname_np(t->thread, name);
	return 0;
}

int tun_start(struct ring_port *rp, int fd)
{
	struct tun_thread *t = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*t));
	int flags = fcntl(fd, F_GETFL), rc;

	if (!t) {
		close(fd);
		return -ENOMEM;
	}
	*t = (struct tun_thread){
	    .file = {.fd = fd, .forwards = true}, .rx = rp->rx, .tx = rp->tx, .port = rp->port};
	rp->tun = t; /* from here on tun_stop() cleans up */
	t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = tun_reader_init(&t->reader, dp_mempool(), tun_deliver);
	if (rc)
		return rc;
	if (t->wake < 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	for (uint16_t q = 0; q < DP_MAX_WORKERS; q++) {
		t->queue[q].tun = t;
		t->queue[q].cb = rte_eth_add_tx_callback(rp->port, q, tun_announce, &t->queue[q]);
		if (!t->queue[q].cb)
			return rte_errno ? -rte_errno : -ENOTSUP;
	}
	return tun_spawn(t);
}

void tun_stop(struct ring_port *rp)
{
	struct tun_thread *t = rp->tun;
	uint64_t one = 1;

	if (!t)
		return;
	rp->tun = NULL;
	if (t->started) {
		atomic_store(&t->stop, true);
		while (write(t->wake, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		pthread_join(t->thread, NULL);
	}
	/* The next device with this port id would inherit them. */
	for (uint16_t q = 0; q < DP_MAX_WORKERS && t->queue[q].cb; q++) {
		rte_eth_remove_tx_callback(rp->port, q, t->queue[q].cb);
		rte_free((void *)(uintptr_t)t->queue[q].cb);
	}
	tun_reader_fini(&t->reader);
	if (t->wake >= 0)
		close(t->wake);
	close(t->file.fd);
	free(t);
}
