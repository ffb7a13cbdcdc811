/* SPDX-License-Identifier: BSD-3-Clause */
/* tun_write.c - frames to a TAP. An error is the frame's end, as on a wire: EIO says that it is
 * down. */
#include <errno.h>

#include <drivers/tun_file.h>

#define TUN_SEGS_MAX 64

void tun_writev(struct tun_file *f, struct virtio_net_hdr *vh, struct iovec *iov, uint32_t n,
		uint32_t packets)
{
	ssize_t rc;

	iov[0] = (struct iovec){.iov_base = vh, .iov_len = sizeof(*vh)};
	f->stats.tx_packets += packets;
	f->stats.tx_frames++;
	do {
		rc = writev(f->fd, iov, (int)n + 1);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		f->stats.tx_dropped += packets;
	else
		f->stats.tx_bytes += (uint64_t)rc - sizeof(*vh);
}

void tun_write(struct tun_file *f, struct rte_mbuf *m)
{
	struct iovec iov[1 + TUN_SEGS_MAX];
	struct virtio_net_hdr vh = {0};
	uint32_t n = 0;

	for (struct rte_mbuf *s = m; s; s = s->next) {
		if (n == TUN_SEGS_MAX) {
			f->stats.tx_dropped++;
			return;
		}
		n++;
		iov[n] = (struct iovec){rte_pktmbuf_mtod(s, void *), s->data_len};
	}
	tun_writev(f, &vh, iov, n, 1);
}
