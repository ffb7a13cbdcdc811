// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * move.c - a flow keeps its order when the worker that it is handed to does not get a CPU just
 * while the flow is given to another.
 *
 *     port 0 -- worker 0 -- (ring) -- worker 1 -- port 1     before
 *     port 0 -- worker 0 ------------------------ port 1     after: move rps
 *     port 0 -- worker 1 ------------------------ port 1     after: move queue
 *
 * One thread takes the turns of both workers, and gives worker 1 none while another thread makes
 * the change: for a hundred times as long as it takes to be woken. What comes meanwhile must wait.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "dataplane.h"
#include "router.h"

#define KEPT_MS 100

static bool move_queue;
static _Atomic bool moved;
static int move_rc;

static void *mover(void *arg)
{
	(void)arg;
	move_rc = move_queue ? dp_port_rxq(router_port[0], 0, 1) : dp_port_rps(router_port[0], 0);
	moved = true;
	return NULL;
}

/* Number seq of the one flow. */
static void send_seq(uint32_t seq)
{
	uint8_t f[60] = {0};
	uint32_t sum = 0;

	router_mac(f, 0, 1);
	router_mac(f + 6, 0, 2);
	f[12] = 8;
	f[14] = 0x45;
	f[17] = 46;
	f[22] = 64;
	f[23] = 17;
	memcpy(f + 26, (uint8_t[4]){10, 0, 1, 2}, 4);
	memcpy(f + 30, (uint8_t[4]){10, 0, 2, 2}, 4);
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	memcpy(f + 24, (uint16_t[]){htons((uint16_t)~sum)}, 2);
	f[35] = f[37] = 53;
	f[39] = 26;
	memcpy(f + 42, &seq, 4);
	router_send(0, f, sizeof(f));
}

/* What has come out of port 1 has the next numbers. */
static bool in_order(uint32_t *next)
{
	uint8_t f[2048];

	for (; router_recv(1, f, sizeof(f)) > 0; ++*next) {
		uint32_t seq;

		memcpy(&seq, f + 42, 4);
		if (seq != *next) {
			printf("packet %u comes where %u should\n", seq, *next);
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	uint32_t sent = 0, next = 0;
	pthread_t thread;

	if (argc != 2 || (strcmp(argv[1], "rps") && strcmp(argv[1], "queue"))) {
		fprintf(stderr, "usage: %s rps | queue\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	move_queue = !strcmp(argv[1], "queue");
	router_start(2);
	if (dp_port_rxq(router_port[0], 0, 0) || dp_port_rps(router_port[0], 1 << 1))
		return 2;
	for (; sent < 3; sent++)
		send_seq(sent);
	dp_worker_poll(0);
	pthread_create(&thread, NULL, mover, NULL);
	for (int ms = 0; ms < KEPT_MS; ms++) {
		if (sent < 6 && ms > KEPT_MS / 2)
			send_seq(sent++);
		dp_worker_poll(0);
		usleep(1000);
	}
	if (moved) {
		printf("the change ends before worker 1 took what it was handed\n");
		return 1;
	}
	while (!moved && in_order(&next)) {
		/* the receive queue comes first in a turn, and the ring after it */
		dp_worker_poll(1);
		dp_worker_poll(0);
	}
	pthread_join(thread, NULL);
	if (move_rc) {
		printf("the change: %d\n", move_rc);
		return 1;
	}
	dp_worker_poll(move_queue);
	if (!in_order(&next) || next != sent) {
		printf("%u of %u packets came through in order\n", next, sent);
		return 1;
	}
	router_stop();
	return 0;
}
