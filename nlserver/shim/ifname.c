/* SPDX-License-Identifier: BSD-3-Clause */
/* The names and numbers of interfaces. The C library's own would ask the kernel by calls that do
 * not pass through us. */
#include "shim.h"

#include <dlfcn.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define NEXT(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))

SHIM_EXPORT unsigned int if_nametoindex(const char *name)
{
	struct shim_link link;
	int r;

	if (!shim_server())
		return NEXT(if_nametoindex)(name);
	r = shim_link_get(0, name, &link);
	if (!r)
		return (unsigned int)link.index;
	errno = -r;
	return 0;
}

SHIM_EXPORT char *if_indextoname(unsigned int index, char name[IF_NAMESIZE])
{
	struct shim_link link;
	int r;

	if (!shim_server())
		return NEXT(if_indextoname)(index, name);
	r = index ? shim_link_get((int)index, "", &link) : -ENODEV;
	if (!r)
		return memcpy(name, link.name, IF_NAMESIZE);
	errno = r == -ENODEV ? ENXIO : -r;
	return NULL;
}

struct shim_names {
	struct if_nameindex *list;
	size_t n, room;
};

static int shim_take_name(const struct nlmsghdr *nlh, void *arg)
{
	struct shim_names *names = arg;
	struct if_nameindex *list;
	struct shim_link link;

	if (nlh->nlmsg_type != RTM_NEWLINK ||
	    nlh->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return 1;
	shim_link_parse(nlh, &link);
	if (names->n + 2 > names->room) {
		list = realloc(names->list, (names->room + 64) * sizeof(*list));
		if (!list)
			return -ENOBUFS;
		names->list = list;
		names->room += 64;
	}
	names->list[names->n].if_index = (unsigned int)link.index;
	names->list[names->n].if_name = strdup(link.name);
	names->n++;
	memset(names->list + names->n, 0, sizeof(*names->list));
	return 1;
}

SHIM_EXPORT void if_freenameindex(struct if_nameindex *list)
{
	struct if_nameindex *at;

	/* Ours and the C library's are alike: malloc'ed strings in a malloc'ed list. */
	for (at = list; at && at->if_name; at++)
		free(at->if_name);
	free(list);
}

SHIM_EXPORT struct if_nameindex *if_nameindex(void)
{
	struct shim_names names = {0};
	int r;

	if (!shim_server())
		return NEXT(if_nameindex)();
	r = shim_dump(RTM_GETLINK, AF_UNSPEC, shim_take_name, &names);
	if (!r && !names.list)
		names.list = calloc(1, sizeof(*names.list));
	if (!r)
		return names.list;
	if_freenameindex(names.list);
	errno = -r;
	return NULL;
}
