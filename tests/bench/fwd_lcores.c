// SPDX-License-Identifier: BSD-3-Clause
//go:build ignore

/*
 * fwd_lcores.c - two lcores, each with two ports of its own. Every round is measured with the first
 * one alone, with the second one alone (which shares its CPU with main(), that sleeps), and with
 * both. An lcore that has a rest sleeps in its receive callback. See fwd.h.
 */
#include "fwd.h"

static void lcores_phase(const struct bench_case *c, unsigned int phase)
{
	const struct world *w = c->world;

	for (unsigned int p = 0; p < w->ports; p++) {
		unsigned int lcore = p * w->lcores / w->ports;

		source_set(p, phase == 2 || phase == lcore ? SOURCE_RUN : SOURCE_WAIT);
	}
}

/* cycles_best of the case is per packet and lcore: of both together twice the TSC's. */
static void lcores_extra(const struct bench_case *c, const struct phase *phases)
{
	double ratio[ROUNDS_MAX];

	for (unsigned int r = 0; r < opt.rounds; r++)
		ratio[r] = phases[2].mpps[r] / phases[0].mpps[r];
	extra("lcore0_alone", best(phases[0].lcore[0], opt.rounds));
	extra("lcore1_alone", best(phases[1].lcore[1], opt.rounds));
	extra("lcore0", best(phases[2].lcore[0], opt.rounds));
	extra("lcore1", best(phases[2].lcore[1], opt.rounds));
	extra("mpps_1", most(phases[0].mpps, opt.rounds));
	extra("mpps_2", most(phases[2].mpps, opt.rounds));
	extra("scaling", median(ratio, opt.rounds));
	extra("scaling_best", most(phases[2].mpps, opt.rounds) / most(phases[0].mpps, opt.rounds));
	(void)c;
}

const struct variant variant_lcores = {
    .phases = 3, .forwarded = 1, .phase = lcores_phase, .end = NULL, .extra = lcores_extra};
