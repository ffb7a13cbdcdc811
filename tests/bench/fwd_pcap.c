// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_pcap.c - the packets of a case as files that a net_pcap device reads for ever. They are right
 * as they are, so nobody need touch them between the file and whoever forwards them. See fwd.h.
 */
#include <stdio.h>

#include "fwd.h"

/* The file format of libpcap, little endian. */
struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snaplen, linktype;
};
struct pcap_record {
	uint32_t seconds, micros, captured, length;
};

void pcap_path(char *path, size_t room, const char *dir, unsigned int port)
{
	if (snprintf(path, room, "%s/fwd%u.pcap", dir, port) >= (int)room)
		fail("%s: too long a path", dir);
}

static void pcap_port(FILE *f, const struct bench_case *c, unsigned int port)
{
	const struct pcap_header header = {0xa1b2c3d4, 2, 4, 0, 0, 65535, 1};
	uint32_t n = sources[port].n < PCAP_MAX ? PCAP_MAX : sources[port].n;

	fwrite(&header, sizeof(header), 1, f);
	for (uint32_t i = 0; i < PCAP_MAX; i++) {
		uint16_t len = frame_len(c->sizes, i);
		const struct pcap_record record = {.captured = len, .length = len};
		uint8_t frame[FRAME_MAX], dst[16];

		stamp_dst(c->world, port, (uint32_t)((uint64_t)i * n / PCAP_MAX) % sources[port].n,
			  dst);
		frame_make(frame, len, port, c->world->family, dst);
		fwrite(&record, sizeof(record), 1, f);
		fwrite(frame, len, 1, f);
	}
}

void pcap_write(const struct bench_case *c, const char *dir)
{
	for (unsigned int port = 0; port < 2; port++) {
		char path[4096];
		FILE *f;

		pcap_path(path, sizeof(path), dir, port);
		f = fopen(path, "w");
		if (!f)
			fail("-P: %s: %m", path);
		pcap_port(f, c, port);
		if (ferror(f) | fclose(f))
			fail("-P: %s: %m", path);
		puts(path);
	}
}
