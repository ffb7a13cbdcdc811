/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/netfilter/core.c"
