/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skb_pool.c - the memory of packets. With hugepages it is DPDK's. Without, DPDK takes small pages,
 * and a burst touches more of them than the first-level TLB has entries, which doubles the cycles
 * of a packet: then the memory is our own, of transparent huge pages.
 */
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include <net/skbuff.h>

#define THP_SIZE (2UL << 20)

static void skb_memory_free(struct rte_mempool_memhdr *chunk, void *opaque)
{
	munmap(chunk->addr, (size_t)(uintptr_t)opaque);
}

/* len bytes, a multiple of THP_SIZE, aligned to it. */
static void *skb_memory(size_t len)
{
	char *p =
	    mmap(NULL, len + THP_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *aligned;

	if (p == MAP_FAILED)
		return NULL;
	aligned = RTE_PTR_ALIGN_CEIL(p, THP_SIZE);
	if (aligned != p)
		munmap(p, (size_t)(aligned - p));
	munmap(aligned + len, (size_t)(p + THP_SIZE - aligned));
	madvise(aligned, len, MADV_HUGEPAGE); /* a wish */
	return aligned;
}

static int skb_pool_populate(struct rte_mempool *pool, uint32_t n, uint32_t elt)
{
	size_t len =
	    (size_t)n * rte_mempool_calc_obj_size(elt, RTE_MEMPOOL_F_NO_IOVA_CONTIG, NULL) +
	    RTE_CACHE_LINE_SIZE;
	void *p;
	int rc;

	len = RTE_ALIGN_CEIL(len, THP_SIZE);
	p = skb_memory(len);
	if (!p)
		return -ENOMEM;
	/* no device does DMA in this mode: any address will do for one */
	rc = rte_mempool_populate_iova(pool, p, (rte_iova_t)(uintptr_t)p, len, skb_memory_free,
				       (void *)(uintptr_t)len);
	if (rc <= 0)
		munmap(p, len);
	return rc < 0 ? rc : rc == (int)n ? 0 : -ENOMEM;
}

struct rte_mempool *skb_pool_create(const char *name, uint32_t n, uint32_t cache, uint16_t room)
{
	struct rte_pktmbuf_pool_private priv = {
	    .mbuf_data_room_size = room,
	    .mbuf_priv_size = sizeof(struct sk_buff),
	};
	uint32_t elt = (uint32_t)(sizeof(struct rte_mbuf) + sizeof(struct sk_buff)) + room;
	struct rte_mempool *pool;

	if (rte_eal_has_hugepages())
		return rte_pktmbuf_pool_create(name, n, cache, sizeof(struct sk_buff), room,
					       SOCKET_ID_ANY);
	/* contiguous for no device: packets may lie across what DPDK holds for page ends */
	pool = rte_mempool_create_empty(name, n, elt, cache, sizeof(priv), SOCKET_ID_ANY,
					RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (!pool)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL))
		goto fail;
	rte_pktmbuf_pool_init(pool, &priv);
	if (skb_pool_populate(pool, n, elt))
		goto fail;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;

fail:
	rte_mempool_free(pool);
	return NULL;
}
