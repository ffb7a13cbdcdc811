/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/ethdev_rx.c"
#include "drivers/loopback.c"
#include "drivers/dummy.c"
#include "drivers/ethdev_tx.c"
#include "drivers/ring.c"
#include "drivers/tun.c"
#include "drivers/memif.c"
