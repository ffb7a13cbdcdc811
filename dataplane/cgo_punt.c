/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/punt/punt_local.c"
#include "net/punt/punt.c"
#include "net/punt/punt_read.c"
#include "net/punt/inject.c"
