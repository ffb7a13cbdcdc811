/* SPDX-License-Identifier: BSD-3-Clause */
/* rx_seeds.c DIR - writes the first inputs of rx_fuzz: one well-formed packet of each kind, then
 * some in sequence. See rx_fuzz.c for the format.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *dir;
static unsigned char input[4096];
static unsigned int len, files;

static void save(void)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/seed-%02u", dir, files++);
	f = fopen(path, "w");
	if (!f || fwrite(input, 1, len, f) != len || fclose(f)) {
		perror(path);
		exit(1);
	}
	len = 0;
}

/* A record: control byte, then the frame as hexadecimal digits in pieces ("" ends them). */
static void add(unsigned char control, const char *const *hex)
{
	unsigned int head = len, n = 0;

	len += 3;
	for (; **hex; hex++)
		for (const char *p = *hex; *p; p += 2 + (p[2] == ' '), n++) {
			char byte[3] = {p[0], p[1], 0};

			input[len++] = (unsigned char)strtoul(byte, NULL, 16);
		}
	input[head] = control;
	input[head + 1] = (unsigned char)(n >> 8);
	input[head + 2] = (unsigned char)n;
}
#define ADD(control, ...) add(control, (const char *const[]){__VA_ARGS__, ""})
#define ONE(...)                                                                                   \
	do {                                                                                       \
		ADD(0x12, __VA_ARGS__);                                                            \
		save();                                                                            \
	} while (0)

#define MACS    "020000000001020000000002"
#define ETH4    "020000000001020000000002 0800"
#define ETH6    "020000000001020000000002 86dd"
#define HOST    "0a000102" /* 10.0.1.2 */
#define ROUTER  "0a000101"
#define FAR     "c6120001" /* 198.18.0.1 */
#define HOST6   "20010db8000100000000000000000002"
#define ROUTER6 "20010db8000100000000000000000001"
#define FAR6    "20010db8ffff00000000000000000001"
#define DATA    "0102030405060708090a0b0c0d0e0f10"
#define UDP     "1000200000180000" DATA

static void ipv4(void)
{
	ONE(ETH4, "4500002c00010000", "40110000", HOST, FAR, UDP);
	ONE(ETH4, "4500002c00010000", "01110000", HOST, FAR, UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, ROUTER, UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "0a000209", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "c0000201", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "c0000241", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "c0000281", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "cb007101", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "e0000001", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "ffffffff", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "0a0001ff", UDP);
	ONE(ETH4, "4500002c00010000", "40110000", HOST, "0a000109", UDP);
	ONE(ETH4, "4500002c00010000", "40010000", HOST, ROUTER, "0800000000010001", DATA);
	/* record route, timestamp with addresses, loose source route, router alert, padding */
	ONE(ETH4, "480000380001000040110000", HOST, FAR, "070b04000000000000000000", UDP);
	ONE(ETH4, "490000400001000040110000", HOST, FAR, "440c0501000000000000000000000000", UDP);
	ONE(ETH4, "470000340001000040110000", HOST, ROUTER, "830704c612000100", UDP);
	ONE(ETH4, "460000300001000040110000", HOST, FAR, "94040000", UDP);
	ONE(ETH4, "460000300001000040110000", HOST, FAR, "01010100", UDP);
	/* an error about a packet, balanced by what it is about */
	ONE(ETH4, "450000380001000040010000", HOST, "cb007101", "0300000000000000",
	    "4500001c0001000040110000", FAR, HOST, "0000000000000000");
	/* too long for the link, in three segments */
	ADD(0x1a, ETH4, "4500002c00010000", "40110000", HOST, FAR, UDP);
	save();
	/* three fragments for us, the middle one last */
	ADD(0x02, ETH4, "4500002400072000", "40110000", HOST, ROUTER, DATA);
	ADD(0x02, ETH4, "4500001c00070004", "40110000", HOST, ROUTER, "1112131415161718");
	ADD(0x12, ETH4, "4500002400072002", "40110000", HOST, ROUTER, DATA);
	save();
	/* two that overlap */
	ADD(0x02, ETH4, "4500002400082000", "40110000", HOST, ROUTER, DATA);
	ADD(0x12, ETH4, "4500002400082001", "40110000", HOST, ROUTER, DATA);
	save();
}

static void ipv6(void)
{
	ONE(ETH6, "6000000000181140", HOST6, FAR6, UDP);
	ONE(ETH6, "6000000000181101", HOST6, FAR6, UDP);
	ONE(ETH6, "6000000000181140", HOST6, ROUTER6, UDP);
	ONE(ETH6, "6000000000181140", HOST6, "20010db8000200000000000000000009", UDP);
	ONE(ETH6, "6000000000181140", HOST6, "20010db8000a00000000000000000009", UDP);
	ONE(ETH6, "6000000000181140", HOST6, "20010db8000b00000000000000000009", UDP);
	ONE(ETH6, "6000000000181140", HOST6, "20010db8000c00000000000000000009", UDP);
	ONE(ETH6, "6000000000181140", HOST6, "20010db8000d00000000000000000009", UDP);
	ONE(ETH6, "6000000000181140", "fe800000000000000000000000000002", FAR6, UDP);
	ONE(ETH6, "6000000000183aff", HOST6, "ff0200000000000000000001ff000001", "8700000000000000",
	    ROUTER6);
	ONE(ETH6, "6000000000103a40", HOST6, ROUTER6, "8000000000010001", "0102030405060708");
	/* hop-by-hop: router alert; padding; jumbo; one unknown */
	ONE(ETH6, "6000000000200001", HOST6, "ff020000000000000000000000000001", "3a00050200000100",
	    "83000000000000000000000000000000", "0000000000000000");
	ONE(ETH6, "6000000000200040", HOST6, FAR6, "1100010400000000", UDP);
	ONE(ETH6, "6000000000000040", HOST6, FAR6, "1100c20400010000", UDP);
	ONE(ETH6, "6000000000200040", HOST6, FAR6, "1100be0400010000", UDP);
	/* routing, destination options, then the transport */
	ONE(ETH6, "6000000000282b40", HOST6, ROUTER6, "3c00000000000000", "1100010400000000", UDP);
	ONE(ETH6, "6000000000202b40", HOST6, ROUTER6, "1100000100000000", UDP);
	/* an atomic fragment, and two halves */
	ONE(ETH6, "6000000000202c40", HOST6, ROUTER6, "1100000000000001", UDP);
	ADD(0x02, ETH6, "6000000000182c40", HOST6, ROUTER6, "1100000100000002", DATA);
	ADD(0x16, ETH6, "6000000000102c40", HOST6, ROUTER6, "1100001000000002", "1112131415161718");
	save();
}

/* What the VLANs, the pair and the dummy of router.c are in the way of. */
static void tagged(void)
{
	static const char *const to[] = {"ac100002", "ac100102", "ac100202", "ac100302", FAR};

	for (int i = 0; i < 5; i++) {
		ONE(ETH4, "4500002c00010000", "40110000", HOST, to[i], UDP);
		ONE(MACS "81000064 0800", "4510002c00010000", "40110000", HOST, to[i], UDP);
		ADD(0x11, MACS "88a800c8 81000007 0800", "4500002c00010000", "40110000", "0a000202",
		    to[i], UDP);
		save();
	}
	ONE(MACS "8100a000 0800", "4500002c00010000", "40110000", HOST, FAR, UDP);
	ONE(MACS "81000000 81000064 86dd", "6000000000181140", HOST6, FAR6, UDP);
	ONE(MACS "81000063 0800", "4500002c00010000", "40110000", HOST, FAR, UDP);
	ONE(MACS "81000064 0806", "0001080006040001", "020000000002", HOST, "000000000000", ROUTER);
	ONE(MACS "81000064 08");
	ONE(MACS "81000063 0000", DATA);
	ONE(MACS "81000064");
	ONE(MACS "8100");
	/* of both kinds in one burst, in several segments */
	ADD(0x02, ETH4, "4500002c00010000", "40110000", HOST, FAR, UDP);
	ADD(0x0c, MACS "81000064 0800", "4500002c00010000", "40110000", HOST, FAR, UDP);
	ADD(0x00, MACS "81000000 0800", "4500002c00010000", "40110000", HOST, FAR, UDP);
	ADD(0x10, MACS "81000064 0800", "4500002c00010000", "40110000", HOST, FAR, UDP);
	save();
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	dir = argv[1];
	ipv4();
	ipv6();
	tagged();
	ONE("ffffffffffff020000000002 0806", "0001080006040001", "020000000002", HOST,
	    "000000000000", ROUTER);
	ADD(0x12, ETH4, "4500002c00010000", "40110000", HOST, "0a000209", UDP);
	ADD(0xe0, "");
	ADD(0x13, ETH4, "4500002c00010000", "40110000", "0a000202", HOST, UDP);
	save();
	printf("%u seeds\n", files);
	return 0;
}
