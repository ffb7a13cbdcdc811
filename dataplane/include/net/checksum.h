/* SPDX-License-Identifier: BSD-3-Clause */
/* checksum.h - the Internet checksum (RFC 1071, RFC 1624). */
#ifndef SKUA_NET_CHECKSUM_H
#define SKUA_NET_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>

static inline uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of a header of ihl 32-bit words: 0 when its checksum is right. */
static inline uint16_t ip_fast_csum(const void *iph, unsigned int ihl)
{
	const char *p = iph;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < ihl; i++) {
		uint32_t w;

		memcpy(&w, p + i * 4, 4);
		sum += w;
	}
	return csum_fold(sum);
}

/* Adds the 16-bit words of a buffer to a sum for csum_fold(); an odd byte at the end is a high one.
 */
static inline uint64_t csum_partial(const void *buf, uint32_t len, uint64_t sum)
{
	const char *p = buf;
	uint32_t n = len / 4, left = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t w;

		memcpy(&w, p + (size_t)i * 4, 4);
		sum += w;
	}
	memcpy(&left, p + (size_t)n * 4, len % 4);
	return sum + left;
}

/* RFC 1624 equation 3 for the one change that a router makes in every packet. */
static inline void ip_decrease_ttl_csum(uint8_t *ttl, uint16_t *check)
{
	uint32_t sum = (uint32_t)*check + htons(0x0100);

	*check = (uint16_t)(sum + (sum >= 0xffff));
	(*ttl)--;
}

#endif
