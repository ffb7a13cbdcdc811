/* SPDX-License-Identifier: BSD-3-Clause */
/* inet_addr.c - own addresses, as packets ask for them. */
#include <net/net_namespace.h>

uint32_t inet_ifaddr_bucket(uint8_t family, const void *addr)
{
	uint64_t a, b = 0;
	uint32_t v4;

	if (family == AF_INET) {
		memcpy(&v4, addr, 4);
		a = v4;
	} else {
		memcpy(&a, addr, 8);
		memcpy(&b, (const char *)addr + 8, 8);
	}
	a = (a ^ b * 0xbf58476d1ce4e5b9ULL) * 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(a >> 40) & (INET_ADDR_HSIZE - 1);
}

static bool inet_ifaddr_find(const struct net *net, uint8_t family, const void *addr)
{
	const struct inet_ifaddr *ifa =
	    __atomic_load_n(&net->ifaddr[inet_ifaddr_bucket(family, addr)], __ATOMIC_ACQUIRE);

	for (; ifa; ifa = __atomic_load_n(&ifa->next, __ATOMIC_ACQUIRE))
		if (ifa->family == family && !ifa->tentative &&
		    !memcmp(ifa->addr, addr, family == AF_INET ? 4 : 16))
			return true;
	return false;
}

bool inet_lookup_ifaddr(const struct net *net, uint32_t addr)
{
	return inet_ifaddr_maybe(net, addr) && inet_ifaddr_find(net, AF_INET, &addr);
}

bool ipv6_chk_addr(const struct net *net, const struct in6_addr *addr)
{
	return inet_ifaddr_find(net, AF_INET6, addr);
}

bool dev_has_addr6(const struct net_device *dev, const struct in6_addr *addr)
{
	const struct ifa_list *l = __atomic_load_n(&dev->ifa_list, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; l && i < l->n; i++)
		if (l->addr[i].family == AF_INET6 && !l->addr[i].tentative &&
		    !memcmp(l->addr[i].addr, addr, 16))
			return true;
	return false;
}

uint32_t inet_select_addr(const struct net_device *dev)
{
	const struct ifa_list *l = __atomic_load_n(&dev->ifa_list, __ATOMIC_ACQUIRE);
	uint32_t addr = 0;

	for (uint32_t i = 0; l && i < l->n && !addr; i++)
		if (l->addr[i].family == AF_INET)
			memcpy(&addr, l->addr[i].addr, 4);
	return addr;
}
