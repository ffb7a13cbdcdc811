/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * napi.c - what a worker does when there is nothing to do.
 *
 *   busy ──turn without packets──► idle ──NAPI_SPIN_US of them──► asleep
 *    ▲                              │ ▲                             │
 *    └────────────packet────────────┘ └──────woken, or a packet─────┘
 *
 * A worker whose queues can all say that a packet came (a ring port wakes us by softnet_wake_rxq(),
 * a card by its interrupt) sleeps until one does. With a queue among them that cannot (memif,
 * AF_PACKET, AF_XDP), it sleeps for a while that doubles up to idle_max_sleep_us, and looks.
 *
 * Before it sleeps it says so, and takes one more turn: what came before it said so is found by the
 * turn, what comes later wakes it (lib/wait.h). While it sleeps it is no reader of RCU, so nobody
 * waits for it; and since it may be asleep while queues come and go, whoever publishes a list of
 * queues wakes it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <sys/epoll.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>

#include <drivers/ring.h>
#include <net/core/dp_local.h>
#include <net/inet_frag.h>
#include <net/napi.h>
#include <net/neigh_hold.h>

#define NAPI_SPIN_US      50   /* a wake-up costs about that: so a sleep is never the dearer half */
#define NAPI_STEP_US      10   /* the first sleep when not all queues can wake us */
#define NAPI_HELD_MS      100  /* packets are held: their clocks want a look */
#define NAPI_SLEEP_MS     1000 /* nobody needs it; what would forget to wake us shows as a second */
#define NAPI_MAX_SLEEP_US 250  /* default of idle_max_sleep_us */
#define NAPI_EVENTS       16

static _Atomic uint32_t napi_mode = DP_IDLE_POLL;
static _Atomic uint32_t napi_max_sleep = NAPI_MAX_SLEEP_US;

/* --- which queues can wake their worker; the writer's ---------------------------------------- */

void napi_wake_all(void)
{
	for (uint32_t w = 0; w < dp_workers; w++)
		softnet_wake(w);
}

static int napi_intr_ctl(uint16_t port, uint16_t queue, uint32_t worker, int op)
{
	return rte_eth_dev_rx_intr_ctl_q(port, queue, softnet_data[worker]->epfd, op, NULL);
}

void napi_rxq_add(uint16_t port, uint16_t queue)
{
	struct netdev_port *p = &netdev_ports[port];
	uint8_t signal = RXQ_SILENT;

	if (ring_port_wakes(port)) {
		signal = RXQ_WAKES;
	} else if (!rte_eth_dev_rx_intr_enable(port, queue)) {
		rte_eth_dev_rx_intr_disable(port, queue);
		if (!napi_intr_ctl(port, queue, p->rxq_worker[queue], RTE_INTR_EVENT_ADD))
			signal = RXQ_INTERRUPTS;
	}
	p->rxq_signal[queue] = signal;
	napi_wake_all(); /* what a sleeper relies on has changed */
}

void napi_rxq_del(uint16_t port, uint16_t queue)
{
	struct netdev_port *p = &netdev_ports[port];

	if (p->rxq_signal[queue] == RXQ_INTERRUPTS)
		napi_intr_ctl(port, queue, p->rxq_worker[queue], RTE_INTR_EVENT_DEL);
	p->rxq_signal[queue] = RXQ_SILENT;
}

void softnet_wake_rxq(uint16_t port, uint16_t queue)
{
	uint32_t w;

	/* pairs with rxq_lists_publish(): the new poller looks, or we know it */
	atomic_thread_fence(memory_order_seq_cst);
	w = __atomic_load_n(&netdev_ports[port].rxq_worker[queue], __ATOMIC_RELAXED);
	if (w < dp_workers)
		softnet_wake(w);
}

int dp_idle_conf(uint32_t mode, uint32_t max_sleep_us)
{
	if (mode > DP_IDLE_POLL || !max_sleep_us || max_sleep_us > 1000000)
		return -EINVAL;
	atomic_store(&napi_max_sleep, max_sleep_us);
	atomic_store(&napi_mode, mode);
	napi_wake_all();
	return 0;
}

/* --- the worker ------------------------------------------------------------------------------ */

/* The end of a turn that handed packets to other workers. */
void napi_told(struct softnet_data *sd)
{
	for (; sd->rps_told; sd->rps_told &= sd->rps_told - 1)
		softnet_wake((uint32_t)__builtin_ctz(sd->rps_told));
}

static bool napi_sleepless(const struct softnet_data *sd)
{
	return atomic_load_explicit(&napi_mode, memory_order_relaxed) == DP_IDLE_POLL ||
	       atomic_load_explicit(&dp_stopping, memory_order_relaxed) ||
	       sd->backlog_head != sd->backlog_tail;
}

/* Whether every queue can wake us now; *armed: interrupts are on, napi_disarm() has to follow. */
static bool napi_arm(struct softnet_data *sd, bool *armed)
{
	const struct rxq_list *l = __atomic_load_n(&sd->rxq, __ATOMIC_ACQUIRE);
	bool all = true;

	for (uint32_t i = 0; l && i < l->n; i++)
		if (netdev_ports[l->rxq[i].port].rxq_signal[l->rxq[i].queue] == RXQ_SILENT)
			return false;
	for (uint32_t i = 0; l && i < l->n; i++) {
		uint16_t port = l->rxq[i].port, queue = l->rxq[i].queue;

		if (netdev_ports[port].rxq_signal[queue] != RXQ_INTERRUPTS)
			continue;
		*armed = true;
		all &= !rte_eth_dev_rx_intr_enable(port, queue);
	}
	return all;
}

/* By now the list may be another: what it has is off, and what it lost is its new poller's. */
static void napi_disarm(struct softnet_data *sd)
{
	const struct rxq_list *l = __atomic_load_n(&sd->rxq, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; l && i < l->n; i++)
		if (netdev_ports[l->rxq[i].port].rxq_signal[l->rxq[i].queue] == RXQ_INTERRUPTS)
			rte_eth_dev_rx_intr_disable(l->rxq[i].port, l->rxq[i].queue);
}

/* Blocks for at most us microseconds; returns whether something ended it. */
static bool napi_block(struct softnet_data *sd, uint64_t us, bool armed, bool *woken)
{
	struct timespec ts = {.tv_sec = (time_t)(us / 1000000),
			      .tv_nsec = (long)(us % 1000000 * 1000)};
	struct pollfd fds[2] = {
	    {.fd = wait_fd(&sd->wait), .events = POLLIN},
	    {.fd = sd->epfd, .events = POLLIN},
	};
	uint64_t start = rte_rdtsc();
	int n;

	rcu_offline(sd->worker);
	n = ppoll(fds, armed ? 2 : 1, &ts, NULL);
	rcu_online(sd->worker);
	*woken = n > 0 && fds[0].revents;
	if (n > 0 && fds[1].revents) {
		struct rte_epoll_event events[NAPI_EVENTS];

		rte_epoll_wait(sd->epfd, events, NAPI_EVENTS, 0); /* which reads the interrupts */
	}
	sd->stats.sleep_cycles += rte_rdtsc() - start;
	sd->stats.sleeps++;
	if (n > 0)
		sd->stats.wakeups++;
	sd->turn_tsc = 0;
	return n > 0;
}

static uint64_t napi_held_us(const struct softnet_data *sd)
{
	bool held = atomic_load_explicit(&sd->hold->packets, memory_order_relaxed) ||
		    (sd->frags && sd->frags->queues);

	return (held ? NAPI_HELD_MS : NAPI_SLEEP_MS) * 1000ULL;
}

static __rte_noinline void napi_sleep(struct softnet_data *sd)
{
	uint64_t step = NAPI_STEP_US;
	bool armed = false, woken = false;

	prepare_to_wait(&sd->wait);
	for (;;) {
		bool all = napi_arm(sd, &armed);
		uint64_t most = atomic_load_explicit(&napi_max_sleep, memory_order_relaxed);

		if (net_rx_action(sd) || napi_sleepless(sd) ||
		    napi_block(sd, all ? napi_held_us(sd) : RTE_MIN(step, most), armed, &woken))
			break;
		step = RTE_MIN(2 * step, most);
	}
	finish_wait(&sd->wait, woken);
	if (armed)
		napi_disarm(sd);
	sd->idle_tsc = 0;
}

void napi_idle(struct softnet_data *sd)
{
	rte_pause();
	if (atomic_load_explicit(&napi_mode, memory_order_relaxed) == DP_IDLE_POLL)
		return;
	if (!sd->idle_tsc)
		sd->idle_tsc = sd->now;
	else if ((sd->now - sd->idle_tsc) * (1000000 / NAPI_SPIN_US) > sd->stats.tsc_hz)
		napi_sleep(sd);
}

int napi_init(struct softnet_data *sd)
{
	int rc = init_waitqueue_head(&sd->wait);

	sd->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (!rc && sd->epfd < 0)
		rc = -errno;
	return rc;
}

void napi_fini(struct softnet_data *sd)
{
	destroy_waitqueue_head(&sd->wait);
	if (sd->epfd >= 0)
		close(sd->epfd);
	sd->epfd = -1;
}

void napi_reset(void)
{
	atomic_store(&napi_mode, DP_IDLE_POLL);
	atomic_store(&napi_max_sleep, NAPI_MAX_SLEEP_US);
}
