// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// What random changes do not reach: errors, cursors while the table changes, want of memory, and
// the rules of RCU themselves.
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <lib/rcu.h>

#include "twin.h"

static struct in6_addr in6(const char *text)
{
	struct in6_addr a;

	CHECK(inet_pton(AF_INET6, text, &a) == 1, "%s", text);
	return a;
}

static void edges4(void)
{
	struct fib_table *tb = fib_new_table("a name that is longer than what is kept of it");
	uint32_t nh;

	CHECK(strlen(fib_table_name(tb)) == FIB_TABLE_NAMSIZ - 1, "%s", fib_table_name(tb));
	CHECK(fib_table_lookup(tb, 0x0a000001) == 0, "empty");
	CHECK(fib_table_insert(tb, 0x0a000001, 24, 1) == -EINVAL, "host bits");
	CHECK(fib_table_insert(tb, 1, 0, 1) == -EINVAL, "host bits of the default route");
	CHECK(fib_table_insert(tb, 0, 33, 1) == -EINVAL, "plen");
	CHECK(fib_table_insert(tb, 0, 0, 0) == -EINVAL, "id 0");
	CHECK(fib_table_insert(tb, 0, 0, FIB_NH_ID_MAX + 1) == -EINVAL, "id too large");
	CHECK(fib_table_delete(tb, 0, 0) == -ESRCH, "not there");
	CHECK(fib_table_delete(tb, 0x0a000001, 24) == -EINVAL, "host bits");
	CHECK(fib_table_count(tb) == 0, "count");

	CHECK(fib_table_insert(tb, 0, 0, FIB_NH_ID_MAX) == 0, "default");
	CHECK(fib_table_insert(tb, 0x0a000000, 24, 5) == 0, "10.0.0.0/24");
	CHECK(fib_table_insert(tb, 0x0a000000, 32, 6) == 0, "10.0.0.0/32");
	CHECK(fib_table_insert(tb, 0xffffffff, 32, 7) == 0, "255.255.255.255/32");
	CHECK(fib_table_lookup(tb, 0x0a000000) == 6, "host");
	CHECK(fib_table_lookup(tb, 0x0a0000ff) == 5, "net");
	CHECK(fib_table_lookup(tb, 0x0a000100) == FIB_NH_ID_MAX, "default");
	CHECK(fib_table_lookup(tb, 0xffffffff) == 7, "last address");
	CHECK(fib_table_lookup(tb, 0xfffffffe) == FIB_NH_ID_MAX, "last but one");
	CHECK(fib_table_insert(tb, 0x0a000000, 24, 8) == 0, "replace");
	CHECK(fib_table_get(tb, 0x0a000000, 24) == 8 && fib_table_get(tb, 0x0a000000, 25) == 0,
	      "get");
	CHECK(fib_table_count(tb) == 4, "count %u", fib_table_count(tb));
	fib_table_lookup_bulk(tb, NULL, &nh, 0);
	CHECK(fib_table_delete(tb, 0, 0) == 0, "default goes");
	CHECK(fib_table_lookup(tb, 0x0a000100) == 0, "no route");
	fib_free_table(tb);
	fib_free_table(NULL);
}

static void edges6(void)
{
	struct in6_addr any = in6("::"), net = in6("2001:db8::"), host = in6("2001:db8::1");
	struct fib6_table *tb = fib6_new_table("six");

	CHECK(fib6_table_insert(tb, &host, 64, 1) == -EINVAL, "host bits");
	CHECK(fib6_table_insert(tb, &any, 129, 1) == -EINVAL, "plen");
	CHECK(fib6_table_delete(tb, &net, 64) == -ESRCH, "not there");
	CHECK(fib6_table_insert(tb, &any, 0, 1) == 0, "default");
	CHECK(fib6_table_insert(tb, &net, 64, 2) == 0, "net");
	CHECK(fib6_table_insert(tb, &host, 128, 3) == 0, "host");
	CHECK(fib6_table_lookup(tb, &host) == 3, "host");
	host = in6("2001:db8::2");
	CHECK(fib6_table_lookup(tb, &host) == 2, "net");
	host = in6("2001:db8:0:1::2");
	CHECK(fib6_table_lookup(tb, &host) == 1, "default");
	fib6_free_table(tb);
}

// A dump between whose parts half of the table goes and others come shows what stays exactly once.
static void cursor_round(bool v6)
{
	const size_t size = 4000;
	struct rnd r = {99};
	struct prefix *pool = prefix_pool(v6, size, &r);
	uint8_t *shown = calloc(size, 1);
	struct fib_cursor cur = {0};
	struct fib_route got[7];
	struct twin twin;
	struct table t;
	unsigned int n, k;
	size_t i;

	twin_init(&twin, v6, pool, size);
	table_init(&t, v6);
	// A third stays, a third goes, a third comes.
	for (i = 0; i < size; i++) {
		twin.nh[i] = i + 1;
		if (i % 3 != 2)
			table_insert(&t, &pool[i], i + 1);
	}
	i = 0;
	do {
		n = table_dump(&t, &cur, got, 7);
		for (k = 0; k < n; k++) {
			CHECK(got[k].nh <= size && shown[got[k].nh - 1] == 0, "%u shown again",
			      got[k].nh);
			shown[got[k].nh - 1] = 1;
		}
		// The cursor stands on a prefix that goes, as often as not.
		if (n != 0 && got[n - 1].nh % 3 == 2)
			table_delete(&t, &pool[got[n - 1].nh - 1]);
		for (k = 0; k < 14 && i < size; k++, i++) {
			if (i % 3 == 1)
				table_delete(&t, &pool[i]);
			else if (i % 3 == 2)
				table_insert(&t, &pool[i], i + 1);
		}
	} while (n == 7);
	for (i = 0; i < size; i += 3)
		CHECK(shown[i], "%s/%u stayed and was not shown", key_string(pool[i].key, v6),
		      pool[i].plen);
	table_free(&t);
	twin_free(&twin);
	free(shown);
	free(pool);
}

void test_edges(void)
{
	edges4();
	edges6();
	cursor_round(false);
	cursor_round(true);
	printf("ok edges\n");
}

static long data_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmData: %ld kB", &kib) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kib;
}

// A change that fails for want of memory leaves every address as it was; with memory it succeeds.
static void no_memory_round(bool v6, size_t size, size_t room_kib)
{
	struct rnd r = {4711};
	struct prefix *pool = prefix_pool(v6, size, &r);
	struct rlimit old, now;
	unsigned int failed = 0;
	struct twin twin;
	struct table t;
	size_t i;
	int err;

	twin_init(&twin, v6, pool, size);
	table_init(&t, v6);
	// The pool is allocated, so its pages are; all that grows from here on is the table.
	CHECK(getrlimit(RLIMIT_DATA, &old) == 0, "getrlimit");
	now = old;
	now.rlim_cur = ((rlim_t)data_kib() + room_kib) << 10;
	CHECK(setrlimit(RLIMIT_DATA, &now) == 0, "setrlimit");
	for (i = 0; i < size && failed < 300; i++) {
		err = table_insert(&t, &pool[i], i + 1);
		CHECK(err == 0 || err == -ENOMEM, "insert: %d", err);
		if (err == 0)
			twin_set(&twin, i, i + 1);
		else
			failed++;
	}
	CHECK(setrlimit(RLIMIT_DATA, &old) == 0, "setrlimit");
	CHECK(failed > 0, "memory did not run out");
	table_check_dump(&t, &twin, &r);
	for (i = 0; i < size; i++) {
		struct fib_key addr = prefix_probe(&pool[i], v6, &r);
		uint32_t nh;

		table_lookup(&t, &addr, &nh, 1);
		CHECK(nh == twin_lookup(&twin, addr), "%s is %u, twin says %u",
		      key_string(addr, v6), nh, twin_lookup(&twin, addr));
	}
	for (i = 0; i < size; i++) {
		err = table_insert(&t, &pool[i], i + 1);
		CHECK(err == 0, "insert with memory: %d", err);
		twin_set(&twin, i, i + 1);
	}
	table_check_dump(&t, &twin, &r);
	table_check_nodes(&t);
	printf("ok no memory v%d: %u changes refused, of kind %d in the end\n", v6 ? 6 : 4, failed,
	       table_kind(&t));
	table_free(&t);
	rcu_barrier();
	twin_free(&twin);
	free(pool);
}

void test_no_memory(void)
{
	no_memory_round(false, 20000, 1500);
	no_memory_round(true, 20000, 1500);
	no_memory_round(false, 120000, 90000);
}

// ---- RCU ----

static int rcu_ran;

static void rcu_note(void *arg)
{
	rcu_ran += *(int *)arg;
}

static void rcu_again(void *arg)
{
	CHECK(rcu_defer(rcu_note, arg) == 0, "a deferred function may defer");
}

static void *rcu_reader(void *arg)
{
	unsigned int i;

	rcu_online(1);
	for (i = 0; i < 100000 && !__atomic_load_n((bool *)arg, __ATOMIC_RELAXED); i++)
		rcu_quiescent(1);
	while (!__atomic_load_n((bool *)arg, __ATOMIC_RELAXED))
		rcu_quiescent(1);
	rcu_offline(1);
	return NULL;
}

void test_rcu(void)
{
	pthread_t thread;
	bool stop = false;
	uint64_t cookie;
	int one = 1, i;

	// Without rcu_init() there are no readers.
	CHECK(rcu_register(0) == -ENODEV, "register before init");
	CHECK(rcu_defer(rcu_note, &one) == 0, "defer");
	rcu_barrier();
	CHECK(rcu_ran == 1, "ran %d", rcu_ran);

	CHECK(rcu_init(0) == -EINVAL, "no readers");
	CHECK(rcu_init(2) == 0, "init");
	CHECK(rcu_init(2) == -EBUSY, "twice");
	CHECK(rcu_register(2) == -EINVAL, "out of range");
	CHECK(rcu_register(0) == 0 && rcu_register(1) == 0, "register");

	// An online reader holds things up until it is quiescent; the writer does not wait.
	rcu_ran = 0;
	rcu_online(0);
	cookie = start_poll_synchronize_rcu();
	CHECK(!poll_state_synchronize_rcu(cookie), "reader is online");
	for (i = 0; i < 1000; i++)
		CHECK(rcu_defer(rcu_note, &one) == 0, "defer");
	CHECK(rcu_reclaim() == 1000 && rcu_ran == 0, "%d ran under a reader", rcu_ran);
	rcu_quiescent(0);
	CHECK(poll_state_synchronize_rcu(cookie), "reader was quiescent");
	CHECK(rcu_reclaim() > 0 && rcu_ran > 0, "the first grace period is over");
	rcu_quiescent(0);
	CHECK(rcu_reclaim() == 0 && rcu_ran == 1000, "%d ran", rcu_ran);

	// A reader that is offline holds nothing up.
	rcu_offline(0);
	synchronize_rcu();
	CHECK(rcu_defer(rcu_again, &one) == 0, "defer");
	rcu_barrier();
	rcu_barrier();
	CHECK(rcu_ran == 1001, "%d ran", rcu_ran);

	// With one that is at work, grace periods end.
	CHECK(pthread_create(&thread, NULL, rcu_reader, &stop) == 0, "thread");
	for (i = 0; i < 1000; i++) {
		CHECK(rcu_defer(rcu_note, &one) == 0, "defer");
		if (i % 100 == 0)
			synchronize_rcu();
	}
	rcu_barrier();
	CHECK(rcu_ran == 2001, "%d ran", rcu_ran);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CHECK(rcu_unregister(0) == 0 && rcu_unregister(1) == 0, "unregister");
	rcu_exit();
	printf("ok rcu\n");
}
