/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * twin.c - the thread of host twins and its rounds: what is urgent for the host, the rest for it,
 * what the host sends, of every TAP its share. It sleeps in epoll_wait() when there is nothing;
 * workers wake it (lib/wait.h) once per turn.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_lcore.h>

#include <drivers/ring.h>
#include <drivers/twin.h>
#include <net/core/dp_local.h>
#include <net/napi.h>

#define TWIN_EVENTS   64
#define TWIN_SLEEP_MS 1000
#define TWIN_FULL_US  50 /* a worker is behind: look again then */

struct twin_thread twin_thread = {.lock = PTHREAD_MUTEX_INITIALIZER, .epfd = -1};

/* --- the thread ------------------------------------------------------------------------------- */

/* Whether every worker has room for what one burst of the longest frames becomes. */
static bool twin_room(const struct twin_thread *t)
{
	for (uint32_t w = 0; w < dp_workers; w++)
		if (rte_ring_free_count(t->rings[w].from) < TUN_PACKETS_MAX)
			return false;
	return true;
}

static void twin_flush(struct twin_thread *t)
{
	for (uint32_t w = 0; w < dp_workers; w++) {
		uint32_t n = t->n_out[w], in;

		if (!n)
			continue;
		in = rte_ring_sp_enqueue_burst(t->rings[w].from, (void **)t->out[w], n, NULL);
		rte_pktmbuf_free_bulk(t->out[w] + in, n - in);
		t->n_out[w] = 0;
		softnet_wake(w);
	}
}

static void twin_to_worker(struct twin_thread *t, struct twin *tw, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct sk_buff *skb = mbuf_skb(m);
	uint64_t h = tw->ifindex;
	uint16_t proto;
	uint32_t w;

	memcpy(&proto, p + 12, 2);
	skb_init(skb);
	skb->dev = tw->dev;
	skb->protocol = proto;
	skb->network_header = (uint16_t)(m->data_off + ETH_HLEN);
	/* what the host's IP layer sends bears its own address twice (IFF_NOARP), or a group */
	skb->pkt_type = PACKET_OUTGOING;
	if ((proto == htons(ETH_P_IP) || proto == htons(ETH_P_IPV6)) &&
	    !memcmp(p + 6, tw->mac, 6) && (p[0] & 1 || !memcmp(p, tw->mac, 6)))
		skb->pkt_type = PACKET_HOST;
	if (proto == htons(ETH_P_IP) && m->data_len >= ETH_HLEN + 20)
		memcpy(&h, p + ETH_HLEN + 12, 8);
	else if (proto == htons(ETH_P_IPV6) && m->data_len >= ETH_HLEN + 40)
		memcpy(&h, p + ETH_HLEN + 32, 8);
	h *= 0x9e3779b97f4a7c15ULL;
	w = (uint32_t)(((h >> 32) * dp_workers) >> 32);
	if (t->n_out[w] == TWIN_BURST)
		twin_flush(t);
	t->out[w][t->n_out[w]++] = m;
}

/* What the host sent by one twin (tun_reader.deliver). */
static void twin_from_host(struct tun_reader *r, struct tun_file *f)
{
	struct twin_thread *t = container_of(r, struct twin_thread, reader);
	struct twin *tw = container_of(f, struct twin, file);

	for (uint32_t i = 0; i < r->n_out; i++)
		twin_to_worker(t, tw, r->out[i]);
}

static uint32_t twin_read(struct twin_thread *t, struct twin *tw)
{
	uint64_t before = tw->file.stats.rx_packets;
	uint32_t frames = 0;

	/* in packets: a frame may become fifty */
	while (frames < TWIN_BURST && tw->file.stats.rx_packets - before < 4 * TWIN_BURST &&
	       tun_read(&tw->file, &t->reader))
		frames++;
	tun_read_flush(&tw->file, &t->reader);
	return frames;
}

/* One round; returns whether there was any work. */
static bool twin_round(struct twin_thread *t)
{
	struct epoll_event events[TWIN_EVENTS];
	uint32_t moved;
	int n;

	pthread_mutex_lock(&t->lock);
	moved = twin_write(t);
	n = epoll_wait(t->epfd, events, TWIN_EVENTS, 0);
	for (int i = 0; i < n; i++) {
		struct twin *tw = events[i].data.ptr;

		if (!tw)
			continue; /* a wake-up */
		if (!twin_room(t)) {
			usleep(TWIN_FULL_US);
			moved++;
			break;
		}
		moved += twin_read(t, tw);
		if (tw->file.dead)
			epoll_ctl(t->epfd, EPOLL_CTL_DEL, tw->file.fd, NULL);
		twin_flush(t);
	}
	pthread_mutex_unlock(&t->lock);
	/* a mutex is not fair, and we come back at once */
	while (atomic_load(&t->wanted))
		sched_yield();
	return moved;
}

static bool twin_waiting(const struct twin_thread *t)
{
	for (uint32_t w = 0; w < dp_workers; w++)
		for (int prio = 0; prio < TWIN_PRIOS; prio++)
			if (!rte_ring_empty(t->rings[w].to[prio]))
				return true;
	return false;
}

static void *twin_main(void *arg)
{
	struct twin_thread *t = arg;

	while (!atomic_load(&t->stop)) {
		struct epoll_event events[TWIN_EVENTS];
		bool woken = false;
		int n = 0;

		if (twin_round(t))
			continue;
		prepare_to_wait(&t->wait);
		if (!twin_waiting(t) && !atomic_load(&t->stop))
			n = epoll_wait(t->epfd, events, TWIN_EVENTS, TWIN_SLEEP_MS);
		for (int i = 0; i < n; i++)
			woken |= !events[i].data.ptr;
		finish_wait(&t->wait, woken);
	}
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct rte_ring *twin_ring(const char *what, uint32_t worker, uint32_t prio, uint32_t size)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "twin_%s%u.%u", what, worker, prio);
	return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int twin_rings_make(struct twin_thread *t)
{
	static const uint32_t sizes[TWIN_PRIOS] = {TWIN_URGENT_SIZE, TWIN_BULK_SIZE};

	for (uint32_t w = 0; w < dp_workers; w++) {
		struct twin_rings *r = &t->rings[w];

		r->from = twin_ring("from", w, 0, TWIN_FROM_SIZE);
		if (!r->from)
			return -ENOMEM;
		for (uint32_t prio = 0; prio < TWIN_PRIOS; prio++) {
			r->to[prio] = twin_ring("to", w, prio, sizes[prio]);
			if (!r->to[prio])
				return -ENOMEM;
		}
	}
	return 0;
}

static void ring_empty(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r && !rte_ring_sc_dequeue(r, (void **)&m))
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

static void twin_thread_free(struct twin_thread *t)
{
	for (uint32_t w = 0; w < DP_MAX_WORKERS; w++) {
		ring_empty(t->rings[w].from);
		for (uint32_t prio = 0; prio < TWIN_PRIOS; prio++)
			ring_empty(t->rings[w].to[prio]);
		t->rings[w] = (struct twin_rings){0};
		if (softnet_data[w])
			softnet_data[w]->twin = NULL;
	}
	if (t->epfd >= 0) {
		close(t->epfd);
		destroy_waitqueue_head(&t->wait);
	}
	t->epfd = -1;
	tun_reader_fini(&t->reader);
}

static int twin_spawn(struct twin_thread *t)
{
	sigset_t all, old;
	pthread_attr_t attr;
	cpu_set_t cpus;
	int rc;

	pthread_attr_init(&attr);
	tun_cpus(&cpus);
	if (CPU_COUNT(&cpus) > 0)
		pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_store(&t->stop, false);
	rc = pthread_create(&t->thread, &attr, twin_main, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc)
		return -rc;
	pthread_setname_np(t->thread, "skua-twins");
	return 0;
}

/* The first twin brings the thread. */
static int twin_thread_start(struct twin_thread *t)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int rc;

	if (t->running)
		return 0;
	t->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (t->epfd < 0)
		return -errno;
	rc = init_waitqueue_head(&t->wait);
	if (!rc && epoll_ctl(t->epfd, EPOLL_CTL_ADD, wait_fd(&t->wait), &ev))
		rc = -errno;
	if (!rc)
		rc = tun_reader_init(&t->reader, skb_pool, twin_from_host);
	if (!rc)
		rc = twin_rings_make(t);
	if (!rc)
		rc = twin_spawn(t);
	if (rc) {
		twin_thread_free(t);
		return rc;
	}
	t->running = true;
	for (uint32_t w = 0; w < dp_workers; w++)
		__atomic_store_n(&softnet_data[w]->twin, &t->rings[w], __ATOMIC_RELEASE);
	return 0;
}

static void twin_close(struct twin_thread *t, struct twin **at)
{
	struct twin *tw = *at;

	__atomic_store_n(at, NULL, __ATOMIC_RELEASE);
	if (!tw->file.dead)
		epoll_ctl(t->epfd, EPOLL_CTL_DEL, tw->file.fd, NULL);
	close(tw->file.fd);
	free(tw);
}

static void twin_net_close(struct twin_thread *t, struct net *net)
{
	if (net->twin)
		twin_close(t, &net->twin);
	for (uint32_t i = 0; i < DP_MAX_LINKS; i++)
		if (net->devs[i] && net->devs[i]->twin)
			twin_close(t, &net->devs[i]->twin);
}

void twin_fini(void)
{
	struct twin_thread *t = &twin_thread;

	if (!t->running)
		return;
	atomic_store(&t->stop, true);
	wake_up(&t->wait);
	pthread_join(t->thread, NULL);
	for (uint32_t i = 0; i < DP_MAX_NETS; i++)
		if (net_table[i])
			twin_net_close(t, net_table[i]);
	twin_thread_free(t);
	t->running = false;
}

/* --- the control plane ------------------------------------------------------------------------ */

static void twin_lock(struct twin_thread *t)
{
	atomic_fetch_add(&t->wanted, 1);
	pthread_mutex_lock(&t->lock);
	atomic_fetch_sub(&t->wanted, 1);
}

/* Where the twin of a link, or of a net, hangs; NULL: there is no such link. */
static struct twin **twin_at(uint32_t id, uint32_t gen, uint32_t ifindex)
{
	struct net *net = dp_net(id);

	if (!net || net->twin_gen != gen || ifindex >= DP_MAX_LINKS)
		return NULL;
	if (!ifindex)
		return &net->twin;
	return net->devs[ifindex] ? &net->devs[ifindex]->twin : NULL;
}

static int twin_add(struct twin_thread *t, struct twin **at, uint32_t id, uint32_t ifindex, int fd)
{
	struct net *net = dp_net(id);
	struct net_device *dev = net->devs[ifindex ? ifindex : 1];
	struct epoll_event ev = {.events = EPOLLIN};
	struct twin *tw;
	int rc;

	if (!dev || !dev->present)
		return -ENODEV;
	rc = twin_thread_start(t);
	if (rc)
		return rc;
	tw = calloc(1, sizeof(*tw));
	if (!tw)
		return -ENOMEM;
	*tw = (struct twin){.file.fd = fd, .net = id, .ifindex = ifindex, .dev = dev};
	ev.data.ptr = tw;
	if (epoll_ctl(t->epfd, EPOLL_CTL_ADD, fd, &ev)) {
		rc = -errno;
		free(tw);
		return rc;
	}
	__atomic_store_n(at, tw, __ATOMIC_RELEASE);
	return 0;
}

int dp_twin_set(uint32_t id, uint32_t gen, uint32_t ifindex, int fd, const uint8_t mac[6])
{
	struct twin_thread *t = &twin_thread;
	struct twin **at;
	int rc = -ENODEV;

	dp_read_lock();
	twin_lock(t);
	at = twin_at(id, gen, ifindex);
	if (!at)
		goto out;
	rc = *at ? -EEXIST : -ENOENT;
	if (fd >= 0 && !*at)
		rc = twin_add(t, at, id, ifindex, fd);
	else if (fd < 0 && *at)
		rc = 0;
	if (!rc)
		memcpy((*at)->mac, mac, 6);
out:
	pthread_mutex_unlock(&t->lock);
	dp_unlock();
	if (rc && fd >= 0)
		close(fd);
	return rc;
}

int dp_twin_del(uint32_t id, uint32_t gen, uint32_t ifindex)
{
	struct twin_thread *t = &twin_thread;
	struct twin **at;
	int rc = -ENOENT;

	dp_read_lock();
	twin_lock(t);
	at = twin_at(id, gen, ifindex);
	if (at && *at) {
		twin_close(t, at);
		rc = 0;
	}
	pthread_mutex_unlock(&t->lock);
	dp_unlock();
	return rc;
}

uint32_t dp_twin_gen(uint32_t id)
{
	uint32_t gen = 0;

	dp_read_lock();
	if (dp_net(id))
		gen = dp_net(id)->twin_gen;
	dp_unlock();
	return gen;
}

void twin_net_exit(struct net *net)
{
	struct twin_thread *t = &twin_thread;

	twin_lock(t);
	twin_net_close(t, net);
	net->twin_gen++;
	pthread_mutex_unlock(&t->lock);
}

int dp_twin_stats(uint32_t id, uint32_t ifindex, struct dp_tun_stats *out)
{
	struct twin_thread *t = &twin_thread;
	struct twin **at;
	int rc = -ENOENT;

	dp_read_lock();
	twin_lock(t);
	at = twin_at(id, dp_net(id) ? dp_net(id)->twin_gen : 0, ifindex);
	if (at && *at) {
		*out = (*at)->file.stats;
		rc = 0;
	}
	pthread_mutex_unlock(&t->lock);
	dp_unlock();
	return rc;
}
