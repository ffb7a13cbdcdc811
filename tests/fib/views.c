// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

// Shape and memory of the views, white box: what users would see as slow look-ups or lost memory.
#include <stdio.h>
#include <stdlib.h>

#include <lib/rcu.h>

#include "twin.h"

// Routes that come one by one leave about as flat a trie as routes that are there from the start.
static void shape_round(void)
{
	struct prefix p = {{0x20010db800000000ULL, 0}, 48};
	const struct fib_trie *trie;
	struct fib_trie *fresh;
	struct table t;
	uint32_t i;

	table_init(&t, true);
	for (i = 0; i < 65536; i++) {
		p.key.hi = 0x20010db800000000ULL | (uint64_t)(i * 40503 & 0xffff) << 16;
		CHECK(table_insert(&t, &p, 1 + i % 7) == 0, "insert");
	}
	CHECK(table_kind(&t) == FIB_VIEW_TRIE, "kind");
	trie = (const struct fib_trie *)((const struct fib_table_head *)(void *)t.t6)->view;
	fresh = fib_trie_new(trie->rib, 0);
	CHECK(trie->in_use <= fresh->in_use * 2, "%u units one by one, %u at once", trie->in_use,
	      fresh->in_use);
	fib_trie_free(fresh);
	CHECK(table_depth(&t, p.key) <= 3, "%u nodes on the way to a /48 of a full /32",
	      table_depth(&t, p.key));

	// And when most of them go, so does the memory.
	for (i = 0; i < 65536 - 200; i++) {
		p.key.hi = 0x20010db800000000ULL | (uint64_t)(i * 40503 & 0xffff) << 16;
		CHECK(table_delete(&t, &p) == 0, "delete");
	}
	table_check_nodes(&t);
	CHECK(trie->in_use < 4096 + 1000, "%u units for 200 routes", trie->in_use);
	table_free(&t);
	rcu_barrier();
}

// What a reader may still see is not used again, however long it takes; then it is.
static void grace_round(void)
{
	struct prefix p = {.plen = 24}, more = {.plen = 25};
	uint8_t *seen = calloc(1 << 20, 1);
	uint32_t word, again = 0, i;
	const uint32_t *tbl24;
	struct table t;

	table_init(&t, false);
	for (i = 0; i <= FIB_DIR24_8_ROUTES; i++) {
		p.key.hi = (uint64_t)(0x14000000 + (i << 8)) << 32;
		CHECK(table_insert(&t, &p, 1) == 0, "insert");
	}
	CHECK(table_kind(&t) == FIB_VIEW_DIR24_8, "kind");
	tbl24 = ((const struct fib_table_head *)(void *)t.t4)->view->first;
	CHECK(rcu_init(1) == 0 && rcu_register(0) == 0, "rcu");
	rcu_online(0);
	for (i = 0; i < 2000; i++) {
		if (i == 1000)
			CHECK(again == 0, "%u groups used again under a reader", again);
		if (i >= 1000)
			rcu_quiescent(0);
		more.key.hi = (uint64_t)(0x14000000 + (i << 8)) << 32;
		CHECK(table_insert(&t, &more, 2) == 0, "insert");
		word = tbl24[more.key.hi >> 40];
		CHECK(word & FIB_DIR24_8_EXT, "no group for a /25");
		again += seen[word & FIB_DIR24_8_NH & 0xfffff]++;
		CHECK(table_delete(&t, &more) == 0, "delete");
		CHECK((tbl24[more.key.hi >> 40] & FIB_DIR24_8_EXT) == 0, "a group without a /25");
	}
	CHECK(again > 500, "only %u groups used again without one", again);
	rcu_offline(0);
	rcu_unregister(0);
	table_check_nodes(&t);
	table_free(&t);
	rcu_exit();
	free(seen);
}

void test_views(void)
{
	shape_round();
	grace_round();
	printf("ok views\n");
}
