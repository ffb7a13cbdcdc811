// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#include <errno.h>
#include <string.h>
#include <rte_ethdev.h>

// Spreads a redirection table of size entries evenly over the queues.
static int reta_spread(uint16_t port, uint16_t size, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];

	if (!size || size > RTE_ETH_RSS_RETA_SIZE_512)
		return -ENOTSUP;
	memset(reta, 0, sizeof(reta));
	for (uint16_t i = 0; i < size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << i % RTE_ETH_RETA_GROUP_SIZE;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
	}
	return rte_eth_dev_rss_reta_update(port, reta, size);
}

// Counts the entries of each queue.
static int reta_count(uint16_t port, uint16_t size, uint32_t *count, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	int rc;

	if (!size || size > RTE_ETH_RSS_RETA_SIZE_512)
		return -ENOTSUP;
	memset(reta, 0xff, sizeof(reta));
	rc = rte_eth_dev_rss_reta_query(port, reta, size);
	for (uint16_t i = 0; !rc && i < size; i++) {
		uint16_t q = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];

		if (q < queues)
			count[q]++;
	}
	return rc;
}

// Sets the key and the types of a started device, for drivers that take no notice of them before.
static int rss_set(uint16_t port, uint8_t *key, uint8_t len, uint64_t hf)
{
	struct rte_eth_rss_conf conf = { .rss_key = len ? key : NULL, .rss_key_len = len, .rss_hf = hf };

	return rte_eth_dev_rss_hash_update(port, &conf);
}

// Reads the queue of each entry.
static int reta_read(uint16_t port, uint16_t size, uint16_t *queue)
{
	struct rte_eth_rss_reta_entry64 reta[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	int rc;

	memset(reta, 0xff, sizeof(reta));
	rc = rte_eth_dev_rss_reta_query(port, reta, size);
	for (uint16_t i = 0; !rc && i < size; i++)
		queue[i] = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	return rc;
}

static int rss_read(uint16_t port, uint8_t *key, uint8_t len, uint64_t *hf)
{
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = len };
	int rc = rte_eth_dev_rss_hash_conf_get(port, &conf);

	*hf = conf.rss_hf;
	return rc;
}
*/
import "C"

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"unsafe"

	"github.com/yerden/go-dpdk/ethdev"
)

// RSS keys that have names. Any other is hexadecimal digits, with colons or without.
const (
	RSSKeyDefault   = "default"   // the driver's own
	RSSKeySymmetric = "symmetric" // both directions of a flow come to one queue
)

// RSSInfo is how a card spreads what it receives over its queues. Types is empty when it does not.
type RSSInfo struct {
	Types   []string // what it tells flows apart by: "ipv4", "ipv4-tcp", ...
	Key     []byte   // of its hash, nil when the driver does not say
	Entries []int    // of its redirection table, by queue; nil when it has none
}

// rssTypes are what flows are to be told apart by.
var rssTypes = []struct {
	name string
	bits uint64
}{
	{"ipv4", C.RTE_ETH_RSS_IPV4 | C.RTE_ETH_RSS_FRAG_IPV4 | C.RTE_ETH_RSS_NONFRAG_IPV4_OTHER},
	{"ipv4-tcp", C.RTE_ETH_RSS_NONFRAG_IPV4_TCP},
	{"ipv4-udp", C.RTE_ETH_RSS_NONFRAG_IPV4_UDP},
	{"ipv6", C.RTE_ETH_RSS_IPV6 | C.RTE_ETH_RSS_FRAG_IPV6 | C.RTE_ETH_RSS_NONFRAG_IPV6_OTHER | C.RTE_ETH_RSS_IPV6_EX},
	{"ipv6-tcp", C.RTE_ETH_RSS_NONFRAG_IPV6_TCP | C.RTE_ETH_RSS_IPV6_TCP_EX},
	{"ipv6-udp", C.RTE_ETH_RSS_NONFRAG_IPV6_UDP | C.RTE_ETH_RSS_IPV6_UDP_EX},
}

// rssKey is the key of size bytes that a configuration means; nil: the driver's own.
func rssKey(conf string, size int) ([]byte, error) {
	switch conf {
	case "", RSSKeyDefault:
		return nil, nil
	case RSSKeySymmetric:
		// Toeplitz with a key of period 16 bits hashes (a, b) as (b, a): Woo and Park, 2012.
		key := make([]byte, size)
		for i := range key {
			key[i] = [2]byte{0x6d, 0x5a}[i%2]
		}
		return key, nil
	}
	key, err := hex.DecodeString(strings.ReplaceAll(conf, ":", ""))
	if err != nil {
		return nil, fmt.Errorf("rss_key %q: %w", conf, err)
	}
	if len(key) != size {
		return nil, fmt.Errorf("rss_key: the device has one of %d bytes, and this is %d long", size, len(key))
	}
	return key, nil
}

// rssOf decides what of rssTypes a device is asked for. Those that it does not know are logged.
func (p *port) rssOf(dev *C.struct_rte_eth_dev_info) (ethdev.RssConf, error) {
	var conf ethdev.RssConf
	var lacks []string
	for _, t := range rssTypes {
		can := uint64(dev.flow_type_rss_offloads) & t.bits
		if can == 0 {
			lacks = append(lacks, t.name)
		}
		conf.Hf |= can
	}
	named := p.conf.RSSKey != "" && p.conf.RSSKey != RSSKeyDefault
	if conf.Hf == 0 {
		if named { // many virtual devices spread by a way of their own
			slog.Warn("rss_key: the device has no RSS", "link", p.conf.Name, "driver", p.info.Driver)
		}
		return conf, nil
	}
	if len(lacks) > 0 {
		slog.Warn("RSS: the device does not tell these apart", "link", p.conf.Name,
			"driver", p.info.Driver, "types", strings.Join(lacks, " "))
	}
	var err error
	conf.Key, err = rssKey(p.conf.RSSKey, keySize(dev))
	return conf, err
}

// keySize is the length of a device's hash key in bytes: 40 when the driver does not say.
func keySize(dev *C.struct_rte_eth_dev_info) int {
	if dev.hash_key_size == 0 {
		return 40
	}
	return int(dev.hash_key_size)
}

// spreadRSS sets up a started device's hash and redirection table, as far as its driver has them,
// and reads what came of it.
func (p *port) spreadRSS(id ethdev.Port, conf ethdev.RssConf) error {
	if conf.Hf == 0 || p.info.RxQueues == 1 {
		return nil
	}
	port := C.uint16_t(id)
	var dev C.struct_rte_eth_dev_info
	if err := errnoOf(C.rte_eth_dev_info_get(port, &dev)); err != nil {
		return err
	}
	var key *C.uint8_t
	if len(conf.Key) > 0 {
		key = (*C.uint8_t)(unsafe.Pointer(&conf.Key[0]))
	}
	err := errnoOf(C.rss_set(port, key, C.uint8_t(len(conf.Key)), C.uint64_t(conf.Hf)))
	if err != nil {
		slog.Debug("RSS: the driver has it from its configuration, or not", "link", p.conf.Name, "err", err)
	}
	queues := C.uint16_t(p.info.RxQueues)
	if err := errnoOf(C.reta_spread(port, dev.reta_size, queues)); err != nil {
		slog.Debug("RSS: the redirection table stays the driver's", "link", p.conf.Name, "err", err)
	}
	p.readRSS(port, &dev)
	return nil
}

func (p *port) readRSS(port C.uint16_t, dev *C.struct_rte_eth_dev_info) {
	var hf C.uint64_t
	size := keySize(dev)
	key := make([]byte, size)
	if C.rss_read(port, (*C.uint8_t)(unsafe.Pointer(&key[0])), C.uint8_t(size), &hf) == 0 {
		p.info.RSS.Key = key
	}
	for _, t := range rssTypes {
		if uint64(hf)&t.bits != 0 {
			p.info.RSS.Types = append(p.info.RSS.Types, t.name)
		}
	}
	count := make([]C.uint32_t, p.info.RxQueues)
	if C.reta_count(port, dev.reta_size, &count[0], C.uint16_t(len(count))) == 0 {
		for _, n := range count {
			p.info.RSS.Entries = append(p.info.RSS.Entries, int(n))
		}
	}
}

// redirection is the queue of each entry of the redirection table; nil: the driver does not say.
func (p *port) redirection() []uint32 {
	size := 0
	for _, n := range p.info.RSS.Entries {
		size += n
	}
	if size == 0 || size > C.RTE_ETH_RSS_RETA_SIZE_512 {
		return nil
	}
	queues := make([]C.uint16_t, size)
	if C.reta_read(C.uint16_t(p.id), C.uint16_t(size), &queues[0]) != 0 {
		return nil
	}
	table := make([]uint32, size)
	for i, q := range queues {
		table[i] = uint32(q)
	}
	return table
}
