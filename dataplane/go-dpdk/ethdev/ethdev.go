// SPDX-License-Identifier: BSD-3-Clause

// Package ethdev sets Ethernet devices up.
package ethdev

/*
#cgo pkg-config: libdpdk
#include <stdlib.h>
#include <rte_ethdev.h>

static void set_intr_conf(struct rte_eth_conf *conf, int lsc, int rxq, int rmv)
{
	conf->intr_conf.lsc = lsc;
	conf->intr_conf.rxq = rxq;
	conf->intr_conf.rmv = rmv;
}
*/
import "C"

import (
	"unsafe"

	"github.com/yerden/go-dpdk/common"
	"github.com/yerden/go-dpdk/mempool"
)

// Port is the number of an Ethernet device.
type Port uint16

func (pid Port) c() C.uint16_t { return C.uint16_t(pid) }

func errOf(rc C.int) error { return common.IntErr(int64(rc)) }

// GetPortByName finds the port of a device, named as on its bus (a PCI address, a vdev's name).
func GetPortByName(name string) (Port, error) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	var id C.uint16_t
	err := errOf(C.rte_eth_dev_get_port_by_name(s, &id))
	return Port(id), err
}

// Name returns the device's name on its bus.
func (pid Port) Name() (string, error) {
	var name [C.RTE_ETH_NAME_MAX_LEN]C.char
	err := errOf(C.rte_eth_dev_get_name_by_port(pid.c(), &name[0]))
	return C.GoString(&name[0]), err
}

// IsValid tells whether there is such a port.
func (pid Port) IsValid() bool {
	return C.rte_eth_dev_is_valid_port(pid.c()) != 0
}

// SocketID returns the NUMA node that the device is attached to, -1 when that is not known.
func (pid Port) SocketID() int {
	return int(C.rte_eth_dev_socket_id(pid.c()))
}

// Start begins to receive and transmit.
func (pid Port) Start() error {
	return errOf(C.rte_eth_dev_start(pid.c()))
}

// Stop ends receive and transmit; Start may follow.
func (pid Port) Stop() {
	C.rte_eth_dev_stop(pid.c())
}

// Close releases a stopped device for good.
func (pid Port) Close() {
	C.rte_eth_dev_close(pid.c())
}

// PromiscEnable makes the device receive whatever its MAC address.
func (pid Port) PromiscEnable() error {
	return errOf(C.rte_eth_promiscuous_enable(pid.c()))
}

// PromiscDisable undoes PromiscEnable.
func (pid Port) PromiscDisable() error {
	return errOf(C.rte_eth_promiscuous_disable(pid.c()))
}

// GetMTU returns the device's MTU in bytes.
func (pid Port) GetMTU() (uint16, error) {
	var mtu C.uint16_t
	err := errOf(C.rte_eth_dev_get_mtu(pid.c(), &mtu))
	return uint16(mtu), err
}

// SetMTU sets the device's MTU in bytes.
func (pid Port) SetMTU(mtu uint16) error {
	return errOf(C.rte_eth_dev_set_mtu(pid.c(), C.uint16_t(mtu)))
}

// Option is a part of a device's configuration; see DevConfigure.
type Option struct {
	set func(*C.struct_rte_eth_conf)
}

// RxMode is the receive part of a device's configuration.
type RxMode struct {
	// MqMode is the multi-queue mode, RTE_ETH_MQ_RX_*.
	MqMode uint
	// MTU in bytes, 0 for the default.
	MTU uint32
	// SplitHdrSize is of no use since DPDK 22.11.
	SplitHdrSize uint16
	// Offloads are RTE_ETH_RX_OFFLOAD_*.
	Offloads uint64
}

// OptRxMode configures receive.
func OptRxMode(conf RxMode) Option {
	return Option{func(c *C.struct_rte_eth_conf) {
		c.rxmode.mq_mode = uint32(conf.MqMode)
		c.rxmode.mtu = C.uint32_t(conf.MTU)
		c.rxmode.offloads = C.uint64_t(conf.Offloads)
	}}
}

// RssConf configures receive side scaling.
type RssConf struct {
	// Key of the hash, of the length that the driver says; empty: the driver's own.
	Key []byte
	// Hf are the RTE_ETH_RSS_* that say what is hashed.
	Hf uint64
}

// OptRss configures receive side scaling.
func OptRss(conf RssConf) Option {
	return Option{func(c *C.struct_rte_eth_conf) {
		rss := &c.rx_adv_conf.rss_conf
		rss.rss_hf = C.uint64_t(conf.Hf)
		C.free(unsafe.Pointer(rss.rss_key))
		rss.rss_key, rss.rss_key_len = nil, 0
		if len(conf.Key) > 0 {
			rss.rss_key = (*C.uint8_t)(C.CBytes(conf.Key))
			rss.rss_key_len = C.uint8_t(len(conf.Key))
		}
	}}
}

// IntrConf says which interrupts a device is to raise: changes of the link's state, packets on
// receive queues, removal of the device.
type IntrConf struct {
	LSC, RXQ, RMV bool
}

// OptIntrConf configures interrupts.
func OptIntrConf(intr IntrConf) Option {
	flag := map[bool]C.int{true: 1}
	return Option{func(c *C.struct_rte_eth_conf) {
		C.set_intr_conf(c, flag[intr.LSC], flag[intr.RXQ], flag[intr.RMV])
	}}
}

// DevConfigure says how many queues a stopped device has, and its options.
func (pid Port) DevConfigure(nrxq, ntxq uint16, opts ...Option) error {
	conf := (*C.struct_rte_eth_conf)(C.calloc(1, C.sizeof_struct_rte_eth_conf))
	defer C.free(unsafe.Pointer(conf))
	defer func() { C.free(unsafe.Pointer(conf.rx_adv_conf.rss_conf.rss_key)) }()
	for _, o := range opts {
		o.set(conf)
	}
	return errOf(C.rte_eth_dev_configure(pid.c(), C.uint16_t(nrxq), C.uint16_t(ntxq), conf))
}

// QueueOption is a part of a queue's configuration; see RxqSetup and TxqSetup.
type QueueOption struct {
	set func(*queueConf)
}

type queueConf struct {
	socket C.uint
}

// OptSocket places a queue's descriptors on a NUMA node, -1 for any.
func OptSocket(socket int) QueueOption {
	return QueueOption{func(q *queueConf) { q.socket = C.uint(socket) }}
}

func queueConfOf(opts []QueueOption) queueConf {
	var q queueConf
	for _, o := range opts {
		o.set(&q)
	}
	return q
}

// RxqSetup sets receive queue qid up with nDesc descriptors that are filled from mp.
func (pid Port) RxqSetup(qid, nDesc uint16, mp *mempool.Mempool, opts ...QueueOption) error {
	q := queueConfOf(opts)
	return errOf(C.rte_eth_rx_queue_setup(pid.c(), C.uint16_t(qid), C.uint16_t(nDesc), q.socket,
		nil, (*C.struct_rte_mempool)(unsafe.Pointer(mp))))
}

// TxqSetup sets transmit queue qid up with nDesc descriptors.
func (pid Port) TxqSetup(qid, nDesc uint16, opts ...QueueOption) error {
	q := queueConfOf(opts)
	return errOf(C.rte_eth_tx_queue_setup(pid.c(), C.uint16_t(qid), C.uint16_t(nDesc), q.socket,
		nil))
}
