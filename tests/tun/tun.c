// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * tun.c - frames of a TAP against a slow obvious cutter: what is read is what the cutter makes of
 * it, and what is written, cut by it, is what was to be written, stream by stream.
 *
 * usage: tun ROUNDS SEED
 */
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

#include "tun.h"

struct packet {
	uint32_t len;
	uint8_t data[TUN_FRAME_MAX];
};

static uint64_t state;
static uint8_t noise[2 * 65536];

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) % n);
}

static void fail(const char *what, unsigned int round)
{
	fprintf(stderr, "round %u: %s\n", round, what);
	exit(1);
}

/* --- slow and obvious ------------------------------------------------------------------------- */

static uint32_t sum16(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t pseudo(const uint8_t *ip, uint32_t len)
{
	if (ip[0] >> 4 == 4)
		return sum16(ip + 12, 8, IPPROTO_TCP + len);
	return sum16(ip + 8, 32, IPPROTO_TCP + len);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* Lengths and checksums of a packet whose headers are at l3 and l4. */
static void complete(uint8_t *p, uint32_t len, uint32_t l3, uint32_t l4)
{
	uint8_t *ip = p + l3, *tcp = p + l4;

	if (ip[0] >> 4 == 4) {
		put16(ip + 2, len - l3);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum16(ip, (ip[0] & 15) * 4u, 0));
	} else {
		put16(ip + 4, len - l3 - 40);
	}
	put16(tcp + 16, 0);
	put16(tcp + 16, ~sum16(tcp, len - l4, pseudo(ip, len - l4)));
}

/* Packet nth of a frame, 0 to ..; false: it has no more. */
static bool cut(const struct packet *frame, const struct virtio_net_hdr *vh, uint32_t l3,
		uint32_t nth, struct packet *to)
{
	uint32_t l4 = vh->csum_start, hdr = l4 + (frame->data[l4 + 12] >> 4) * 4u;
	uint32_t off = nth * vh->gso_size, part = frame->len - hdr - off;
	const uint8_t *seq = frame->data + l4 + 4;
	uint32_t v;

	if (hdr + off >= frame->len)
		return false;
	if (part > vh->gso_size)
		part = vh->gso_size;
	memcpy(to->data, frame->data, hdr);
	memcpy(to->data + hdr, frame->data + hdr + off, part);
	to->len = hdr + part;
	v = (get16(seq) << 16 | get16(seq + 2)) + off;
	put16(to->data + l4 + 4, v >> 16);
	put16(to->data + l4 + 6, v);
	if (nth)
		to->data[l4 + 13] &= 0x7f; /* CWR */
	if (hdr + off + part < frame->len)
		to->data[l4 + 13] &= (uint8_t) ~(TH_FIN | TH_PUSH);
	if (to->data[l3] >> 4 == 4)
		put16(to->data + l3 + 4, get16(to->data + l3 + 4) + nth);
	complete(to->data, to->len, l3, l4);
	return true;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* A TCP frame of data bytes for one of a few streams; returns the offset of its IP header. */
static uint32_t tcp_frame(struct packet *f, uint32_t stream, uint32_t seq, uint32_t options,
			  uint32_t data, uint32_t tags)
{
	bool v4 = stream % 2;
	uint32_t l3 = 14, l4;
	uint8_t *p = f->data;

	memset(p, 0, 128);
	p[5] = 1;
	p[11] = 2;
	for (uint32_t n = tags; n; n--, l3 += 4)
		put16(p + l3 - 2, n == 2 ? 0x88a8 : 0x8100);
	put16(p + l3 - 2, v4 ? 0x0800 : 0x86dd);
	l4 = l3 + (v4 ? 20 : 40);
	if (v4) {
		p[l3] = 0x45;
		put16(p + l3 + 6, stream % 4 == 1 ? 0x4000 : 0);
		p[l3 + 8] = 64;
		p[l3 + 9] = IPPROTO_TCP;
		put16(p + l3 + 14, stream);
	} else {
		p[l3] = 0x60;
		p[l3 + 6] = IPPROTO_TCP;
		p[l3 + 7] = 64;
		put16(p + l3 + 22, stream);
	}
	put16(p + l4, 1000 + stream);
	put16(p + l4 + 2, 7);
	put16(p + l4 + 4, seq >> 16);
	put16(p + l4 + 6, seq);
	p[l4 + 12] = (uint8_t)((20 + options) / 4 << 4);
	p[l4 + 13] = TH_ACK;
	for (uint32_t i = 0; i < options; i++)
		p[l4 + 20 + i] = 1;
	memcpy(p + l4 + 20 + options, noise + rnd(65536), data);
	f->len = l4 + 20 + options + data;
	return l3;
}

static void send_frame(int kernel, const struct virtio_net_hdr *vh, const struct packet *f)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)vh, sizeof(*vh)},
			       {(void *)(uintptr_t)f->data, f->len}};

	if (writev(kernel, iov, 2) != (ssize_t)(sizeof(*vh) + f->len))
		abort();
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct tun_file in;
static struct tun_reader reader;
static int in_kernel;

static void read_round(unsigned int round)
{
	static const uint16_t sizes[] = {48, 536, 1023, 1024, 1388, 1428, 1448, 1448, 1448, 1790};
	static uint32_t options, mss, stream, tags;
	static struct packet f, want;
	uint32_t l3, l4, data, n = 0;
	struct virtio_net_hdr vh = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_offset = 16};

	if (!mss || !rnd(4)) { /* else like the one before, as a socket's are */
		options = rnd(11) * 4;
		mss = sizes[rnd(RTE_DIM(sizes))];
		stream = rnd(8);
		tags = rnd(4) ? 0 : rnd(3);
	}
	data = rnd(3) ? 1 + rnd(65400 - options) : 1 + rnd(2 * mss);
	l3 = tcp_frame(&f, stream, rnd(UINT32_MAX), options, data, tags);
	vh.csum_start = l4 = l3 + (f.data[l3] >> 4 == 4 ? 20 : 40);
	vh.gso_size = (uint16_t)mss;
	f.data[l4 + 13] |= (uint8_t)rnd(256) & (TH_PUSH | TH_FIN | 0xc0);
	if (data > mss)
		vh.gso_type =
		    f.data[l3] >> 4 == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
	complete(f.data, f.len, l3, l4);
	put16(f.data + l4 + 16, pseudo(f.data + l3, f.len - l4));
	send_frame(in_kernel, &vh, &f);
	if (!tun_read(&in, &reader))
		fail("nothing is read", round);
	tun_read_flush(&in, &reader);
	while (cut(&f, &vh, l3, n, &want)) {
		const struct rte_mbuf *m = got[n];

		if (n == n_got)
			fail("packets are missing of a frame", round);
		if (m->pkt_len != want.len || m->data_len != want.len || m->nb_segs != 1 ||
		    memcmp(rte_pktmbuf_mtod(m, void *), want.data, want.len) != 0)
			fail("a packet is another", round);
		n++;
	}
	if (n != n_got)
		fail("too many packets", round);
	rte_pktmbuf_free_bulk(got, n_got);
	n_got = 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

#define BURST   200
#define STREAMS 12 /* more than are merged at once */

static struct tun_file out;
static int out_kernel;
static unsigned int merged;

/* Packets of several streams, and what comes between. */
static unsigned int make_burst(struct rte_mbuf **pkts)
{
	static uint32_t seq[STREAMS], id[STREAMS];
	static struct packet f;
	unsigned int n = 1 + rnd(BURST);
	uint32_t streams = 1 + rnd(STREAMS), mss = 100 + rnd(1300);

	for (unsigned int i = 0; i < n; i++) {
		uint32_t s = rnd(streams), data = rnd(20) ? mss : rnd(mss), l3, l4;
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		l3 = tcp_frame(&f, s, seq[s], 12, data, rnd(40) ? 0 : rnd(3));
		l4 = l3 + (s % 2 ? 20 : 40);
		seq[s] += data + (rnd(30) == 0);
		if (s % 2)
			put16(f.data + l3 + 4, id[s]++);
		if (rnd(40) == 0)
			id[s] += 5;
		if (rnd(40) == 0)
			f.data[l3 + (s % 2 ? 8 : 7)] = 63; /* TTL */
		if (rnd(40) == 0)
			f.data[l4 + 11] = 1; /* the last byte of what it acknowledges */
		if (rnd(40) == 0)
			f.data[l4 + 13] |= 1u << rnd(8);
		if (rnd(40) == 0 && s % 2)
			f.data[l3 + 6] = 0x20; /* a fragment */
		if (rnd(40) == 0)
			f.data[5] = 3;
		complete(f.data, f.len, l3, l4);
		if (rnd(40) == 0)
			f.data[f.len - 1] ^= 1; /* on the way */
		else if (rnd(2))
			m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		memcpy(rte_pktmbuf_append(m, (uint16_t)f.len), f.data, f.len);
		pkts[i] = m;
	}
	return n;
}

/* What must not be fragmented needs no number (RFC 6864). */
static bool same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	if (a[12] == 8 && a[20] & 0x40)
		return !memcmp(a, b, 18) && !memcmp(a + 20, b + 20, 4) &&
		       !memcmp(a + 26, b + 26, len - 26);
	return !memcmp(a, b, len);
}

/* The next packet of the stream that p is of; it is taken away. */
static bool take(struct rte_mbuf **pkts, unsigned int n, const struct packet *p)
{
	const uint8_t *a = p->data;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *b;
		uint32_t at = a[14] >> 4 == 4 ? 34 : 54;

		if (!pkts[i])
			continue;
		b = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		/* a stream: addresses of the link, type, ports */
		if (memcmp(a, b, 14) != 0 || a[14] >> 4 != b[14] >> 4 ||
		    memcmp(a + at, b + at, 4) != 0)
			continue;
		if (pkts[i]->pkt_len != p->len || !same(a, b, p->len))
			return false;
		rte_pktmbuf_free(pkts[i]);
		pkts[i] = NULL;
		return true;
	}
	return false;
}

static void write_round(unsigned int round)
{
	static struct packet f, one;
	struct rte_mbuf *pkts[BURST], *want[BURST];
	unsigned int n = make_burst(pkts), left = n;
	struct virtio_net_hdr vh;
	struct iovec iov[2] = {{&vh, sizeof(vh)}, {f.data, sizeof(f.data)}};
	struct gro gro;
	ssize_t len;

	for (unsigned int i = 0; i < n; i++)
		want[i] = rte_pktmbuf_copy(pkts[i], pool, 0, UINT32_MAX);
	tun_gro_init(&gro);
	for (unsigned int i = 0; i < n; i++)
		tun_gro_receive(&gro, &out, pkts[i]);
	tun_gro_flush(&gro);
	rte_pktmbuf_free_bulk(pkts, n);
	while ((len = readv(out_kernel, iov, 2)) > 0) {
		uint32_t frames = 0;

		f.len = (uint32_t)len - (uint32_t)sizeof(vh);
		if (!vh.gso_type) {
			if (vh.flags || !take(want, n, &f))
				fail("a packet became another", round);
			left--;
			continue;
		}
		merged++;
		while (cut(&f, &vh, 14, frames, &one)) {
			if (!take(want, n, &one))
				fail("what was merged cannot be cut again", round);
			frames++;
			left--;
		}
		if (frames < 2 || get16(f.data + vh.csum_start + 16) !=
				      pseudo(f.data + 14, f.len - vh.csum_start))
			fail("a frame is not as sockets make them", round);
	}
	if (left)
		fail("packets are missing", round);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 10000;
	unsigned int full;

	state = (argc > 2 ? (uint64_t)atoll(argv[2]) : 1) * 0x9e3779b97f4a7c15ULL | 1;
	for (unsigned int i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)rnd(256);
	start();
	full = rte_mempool_avail_count(pool);
	in = file(&in_kernel);
	out = file(&out_kernel);
	out.forwards = true;
	if (tun_reader_init(&reader, pool, deliver))
		abort();
	for (unsigned int i = 0; i < rounds; i++) {
		read_round(i);
		write_round(i);
	}
	tun_reader_fini(&reader);
	if (rte_mempool_avail_count(pool) != full)
		fail("packets leak", rounds);
	if (merged < rounds / 10)
		fail("hardly anything is merged", rounds);
	printf("%u rounds, %u frames merged\n", rounds, merged);
	return 0;
}
