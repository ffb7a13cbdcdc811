/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The view of large IPv4 tables (Gupta, Lin, McKeown: DIR-24-8-BASIC): tbl24 has a word for every
 * /24; where longer prefixes exist it names a group of 256 words in tbl8. A word holds the nexthop
 * id and the length of the prefix that it came from, so that a change needs no look at the words'
 * other owners: within a prefix, what is as long as it or shorter is its own.
 */
#ifndef SKUA_NET_FIB_DIR24_8_H
#define SKUA_NET_FIB_DIR24_8_H

#include <lib/fib_lpm.h>

/*
 * Above so many routes the 64 MiB are worth it: 10 to 16 cycles for a look-up instead of 15 to 30.
 * Below, the trie view does with a hundredth of the memory, which counts when there are many
 * tables.
 */
#define FIB_DIR24_8_ROUTES 32768

extern const struct fib_large_ops fib_dir24_8_ops;

fib_bulk4_t fib_dir24_8_pick(void);

#endif
