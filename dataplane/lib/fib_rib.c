/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's trie of all prefixes of a table: see lib/fib_rib.h. */
#include <errno.h>

#include <lib/fib_rib.h>

static const size_t fib_rib_limit =
    2UL << 30; /* address space: 128 million nodes of IPv4, 64 of IPv6 */

int fib_rib_init(struct fib_rib *rib, bool wide)
{
	int err;

	*rib = (struct fib_rib){.wide = wide, .nr = FIB_RIB_ROOT + 1};
	err = fib_arena_init(&rib->arena, fib_rib_limit);
	if (err)
		return err;
	err = fib_arena_commit(&rib->arena, 4096); /* the root: all zero */
	if (err)
		fib_arena_free(&rib->arena);
	return err;
}

void fib_rib_free(struct fib_rib *rib)
{
	fib_arena_free(&rib->arena);
}

/* A change needs two nodes at most: ask before anything is linked. */
static int fib_rib_reserve(struct fib_rib *rib)
{
	if (rib->free != 0 && fib_rib_node(rib, rib->free)->child[0] != 0)
		return 0;
	return fib_arena_commit(&rib->arena, ((size_t)rib->nr + 2) << (rib->wide ? 5 : 4));
}

static uint32_t fib_rib_alloc(struct fib_rib *rib, struct fib_key key, unsigned int plen,
			      uint32_t nh)
{
	uint32_t idx = rib->free;
	struct fib_rib_node *n;

	if (idx != 0)
		rib->free = fib_rib_node(rib, idx)->child[0];
	else
		idx = rib->nr++;

	n = fib_rib_node(rib, idx);
	n->child[0] = n->child[1] = 0;
	n->nh_plen = nh | plen << 24;
	if (rib->wide) {
		n->key6[0] = key.hi;
		n->key6[1] = key.lo;
	} else {
		n->key4 = key.hi >> 32;
	}
	return idx;
}

static void fib_rib_release(struct fib_rib *rib, uint32_t idx)
{
	fib_rib_node(rib, idx)->child[0] = rib->free;
	rib->free = idx;
}

static void fib_rib_cover(struct fib_rib_change *chg, const struct fib_rib_node *n)
{
	if (fib_rib_nh(n) != 0 && fib_rib_plen(n) != 0) {
		chg->cover_nh = fib_rib_nh(n);
		chg->cover_plen = fib_rib_plen(n);
	}
}

int fib_rib_insert(struct fib_rib *rib, struct fib_key key, unsigned int plen, uint32_t nh,
		   struct fib_rib_change *chg)
{
	struct fib_rib_node *n = fib_rib_node(rib, FIB_RIB_ROOT), *m;
	uint32_t c, fresh, fork;
	unsigned int b, shared;

	if (fib_rib_reserve(rib) != 0)
		return -ENOMEM;

	/* Here and below n covers key/plen, n->plen <= plen. */
	*chg = (struct fib_rib_change){0};
	while (fib_rib_plen(n) != plen) {
		fib_rib_cover(chg, n);
		b = fib_key_bit(key, fib_rib_plen(n));
		c = n->child[b];
		if (c == 0) {
			n->child[b] = fib_rib_alloc(rib, key, plen, nh);
			rib->count++;
			return 0;
		}

		m = fib_rib_node(rib, c);
		shared = fib_key_shared(key, fib_rib_key(rib, m));
		if (shared >= fib_rib_plen(m) && fib_rib_plen(m) <= plen) {
			n = m;
			continue;
		}

		fresh = fib_rib_alloc(rib, key, plen, nh);
		rib->count++;
		if (shared >= plen) { /* between n and m */
			fib_rib_node(rib, fresh)->child[fib_key_bit(fib_rib_key(rib, m), plen)] = c;
			n->child[b] = fresh;
			return 0;
		}
		fork = fib_rib_alloc(rib, fib_key_mask(key, shared), shared, 0);
		fib_rib_node(rib, fork)->child[fib_key_bit(key, shared)] = fresh;
		fib_rib_node(rib, fork)->child[!fib_key_bit(key, shared)] = c;
		n->child[b] = fork;
		return 0;
	}

	chg->old_nh = fib_rib_nh(n);
	rib->count += chg->old_nh == 0;
	n->nh_plen = nh | plen << 24;
	return 0;
}

int fib_rib_delete(struct fib_rib *rib, struct fib_key key, unsigned int plen,
		   struct fib_rib_change *chg)
{
	struct fib_rib_node *n = fib_rib_node(rib, FIB_RIB_ROOT), *up = NULL;
	uint32_t idx = FIB_RIB_ROOT, *link = NULL, *uplink = NULL;

	*chg = (struct fib_rib_change){0};
	while (fib_rib_plen(n) < plen) {
		fib_rib_cover(chg, n);
		uplink = link;
		up = n;
		link = &n->child[fib_key_bit(key, fib_rib_plen(n))];
		idx = *link;
		if (idx == 0)
			return -ESRCH;
		n = fib_rib_node(rib, idx);
		if (fib_key_shared(key, fib_rib_key(rib, n)) < fib_rib_plen(n))
			return -ESRCH;
	}
	if (fib_rib_plen(n) != plen || fib_rib_nh(n) == 0)
		return -ESRCH;

	chg->old_nh = fib_rib_nh(n);
	rib->count--;
	n->nh_plen = plen << 24;
	if (link == NULL || (n->child[0] != 0 && n->child[1] != 0))
		return 0; /* the root, or still a branch */

	*link = n->child[0] | n->child[1];
	fib_rib_release(rib, idx);
	if (*link == 0 && uplink != NULL && fib_rib_nh(up) == 0) { /* up branches no more */
		idx = *uplink;
		*uplink = up->child[0] | up->child[1];
		fib_rib_release(rib, idx);
	}
	return 0;
}

void fib_rib_ahead(const struct fib_rib *rib, const struct fib_key *keys, const uint8_t *plens,
		   unsigned int n)
{
	uint32_t at[FIB_RIB_AHEAD], i, left;

	if (n > FIB_RIB_AHEAD)
		n = FIB_RIB_AHEAD;
	for (i = 0; i < n; i++)
		at[i] = FIB_RIB_ROOT;
	do {
		left = 0;
		for (i = 0; i < n; i++) {
			const struct fib_rib_node *node = fib_rib_node(rib, at[i]);
			uint32_t next = 0;

			if (at[i] != 0 && fib_rib_plen(node) < plens[i])
				next = node->child[fib_key_bit(keys[i], fib_rib_plen(node))];
			__builtin_prefetch(fib_rib_node(rib, next));
			at[i] = next;
			left |= next;
		}
	} while (left);
}

uint32_t fib_rib_within(const struct fib_rib *rib, struct fib_key key, unsigned int plen,
			uint32_t *cover_nh)
{
	const struct fib_rib_node *n = fib_rib_node(rib, FIB_RIB_ROOT);
	struct fib_rib_change chg = {0};
	uint32_t idx = FIB_RIB_ROOT;
	unsigned int shared;

	while (fib_rib_plen(n) < plen) {
		fib_rib_cover(&chg, n);
		idx = n->child[fib_key_bit(key, fib_rib_plen(n))];
		if (idx == 0)
			break;
		n = fib_rib_node(rib, idx);
		shared = fib_key_shared(key, fib_rib_key(rib, n));
		if (shared < fib_rib_plen(n) && shared < plen) {
			idx = 0;
			break;
		}
	}
	*cover_nh = chg.cover_nh;
	return idx;
}

uint32_t fib_rib_get(const struct fib_rib *rib, struct fib_key key, unsigned int plen)
{
	uint32_t cover, idx = fib_rib_within(rib, key, plen, &cover);
	const struct fib_rib_node *n = fib_rib_node(rib, idx);

	return idx != 0 && fib_rib_plen(n) == plen ? fib_rib_nh(n) : 0;
}

/* Puts on the stack, last first, what follows (key, plen) in the order of a dump. */
static unsigned int fib_rib_seek(const struct fib_rib *rib, struct fib_key key, unsigned int plen,
				 uint32_t *stack)
{
	const struct fib_rib_node *n = fib_rib_node(rib, FIB_RIB_ROOT);
	unsigned int depth = 0, b;
	struct fib_key nkey;
	uint32_t idx;

	while (fib_rib_plen(n) < plen) {
		b = fib_key_bit(key, fib_rib_plen(n));
		if (b == 0 && n->child[1] != 0)
			stack[depth++] = n->child[1];
		idx = n->child[b];
		if (idx == 0)
			return depth;
		n = fib_rib_node(rib, idx);
		nkey = fib_rib_key(rib, n);
		if (fib_key_shared(key, nkey) < fib_rib_plen(n) || fib_rib_plen(n) > plen) {
			/* Not on the path to (key, plen): all of it comes after, or all before. */
			if (!fib_key_less(nkey, key))
				stack[depth++] = idx;
			return depth;
		}
	}
	if (n->child[1] != 0)
		stack[depth++] = n->child[1];
	if (n->child[0] != 0)
		stack[depth++] = n->child[0];
	return depth;
}

unsigned int fib_rib_dump(const struct fib_rib *rib, struct fib_rib_cursor *cur,
			  struct fib_route *out, unsigned int n)
{
	uint32_t stack[130]; /* one per bit, and a pair */
	const struct fib_rib_node *node;
	unsigned int depth, got = 0;

	if (cur->started) {
		depth = fib_rib_seek(rib, cur->key, cur->plen, stack);
	} else {
		stack[0] = FIB_RIB_ROOT;
		depth = 1;
	}

	while (depth > 0 && got < n) {
		node = fib_rib_node(rib, stack[--depth]);
		if (node->child[1] != 0)
			stack[depth++] = node->child[1];
		if (node->child[0] != 0)
			stack[depth++] = node->child[0];
		if (fib_rib_nh(node) != 0) {
			out[got].key = fib_rib_key(rib, node);
			out[got].plen = fib_rib_plen(node);
			out[got].nh = fib_rib_nh(node);
			got++;
		}
	}
	if (got > 0) {
		cur->key = out[got - 1].key;
		cur->plen = out[got - 1].plen;
		cur->started = true;
	}
	return got;
}
