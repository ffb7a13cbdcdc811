/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ip maddr add: a link-layer group that a link is to listen to. Netlink has no words for it; the
 * server takes lines "add NAME ADDRESS" and "del NAME ADDRESS" in a file.
 */
#include "proc.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int shim_link_group(const struct ifreq *ifr, bool add)
{
	const unsigned char *a = (const unsigned char *)ifr->ifr_hwaddr.sa_data;
	struct shim_path room;
	char line[64];
	int fd, n, err = 0;

	if (!shim_own_file("link_groups", &room))
		return EOPNOTSUPP;
	fd = NEXT(open)(room.text, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? EPERM : errno;
	n = snprintf(line, sizeof(line), "%s %.*s %02x:%02x:%02x:%02x:%02x:%02x\n",
		     add ? "add" : "del", IFNAMSIZ - 1, ifr->ifr_name, a[0], a[1], a[2], a[3], a[4],
		     a[5]);
	if (ifr->ifr_hwaddr.sa_family != AF_UNSPEC)
		err = EINVAL;
	else if (real(write)(fd, line, (size_t)n) < 0)
		err = errno;
	real(close)(fd);
	return err;
}
