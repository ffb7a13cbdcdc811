// SPDX-License-Identifier: BSD-3-Clause

package dataplane

/*
#define ALLOW_EXPERIMENTAL_API // FEC and the EEPROM of modules
#include <stdlib.h>
#include <string.h>
#include <rte_dev.h>
#include <rte_dev_info.h>
#include <rte_ethdev.h>
#include <rte_version.h>

#include "dataplane.h"

struct port_pause {
	int rx, tx, autoneg;
};

static int pause_get(uint16_t port, struct port_pause *p)
{
	struct rte_eth_fc_conf fc = { 0 };
	int rc = rte_eth_dev_flow_ctrl_get(port, &fc);

	if (rc)
		return rc;
	p->rx = fc.mode == RTE_ETH_FC_RX_PAUSE || fc.mode == RTE_ETH_FC_FULL;
	p->tx = fc.mode == RTE_ETH_FC_TX_PAUSE || fc.mode == RTE_ETH_FC_FULL;
	p->autoneg = fc.autoneg;
	return 0;
}

static int pause_set(uint16_t port, const struct port_pause *p)
{
	static const enum rte_eth_fc_mode modes[2][2] = {
		{ RTE_ETH_FC_NONE, RTE_ETH_FC_TX_PAUSE },
		{ RTE_ETH_FC_RX_PAUSE, RTE_ETH_FC_FULL },
	};
	struct rte_eth_fc_conf fc = { 0 };
	int rc = rte_eth_dev_flow_ctrl_get(port, &fc);

	if (rc)
		return rc;
	fc.mode = modes[!!p->rx][!!p->tx];
	fc.autoneg = !!p->autoneg;
	return rte_eth_dev_flow_ctrl_set(port, &fc);
}

// The registers, in memory that the caller frees.
static int regs_read(uint16_t port, struct rte_dev_reg_info *info)
{
	int rc;

	memset(info, 0, sizeof(*info));
	rc = rte_eth_dev_get_reg_info(port, info);
	if (rc)
		return rc;
	info->data = calloc(info->length, info->width ? info->width : 4);
	if (!info->data)
		return -ENOMEM;
	rc = rte_eth_dev_get_reg_info(port, info);
	if (rc) {
		free(info->data);
		info->data = NULL;
	}
	return rc;
}

static int eeprom_read(uint16_t port, uint32_t offset, void *to, uint32_t len, int module)
{
	struct rte_dev_eeprom_info info = { .data = to, .offset = offset, .length = len };

	return module ? rte_eth_dev_get_module_eeprom(port, &info) : rte_eth_dev_get_eeprom(port, &info);
}
*/
import "C"

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/yerden/go-dpdk/ethdev"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

var _ dpif.Ports = (*Dataplane)(nil)

// inPort runs do for a port, in the network namespace of its device.
func (d *Dataplane) inPort(id uint16, do func(*port) error) error {
	return d.onPort(id, func(p *port) error {
		return p.ns.do(func() error { return do(p) })
	})
}

// PortDriver implements dpif.Ports.
func (d *Dataplane) PortDriver(id uint16) (drv dpif.PortDriver, err error) {
	err = d.inPort(id, func(p *port) error {
		drv = dpif.PortDriver{Driver: p.info.Driver, Bus: p.info.Device}
		drv.Version, _, _ = strings.Cut(strings.TrimPrefix(C.GoString(C.rte_version()), "DPDK "), " ")
		var fw [32]C.char
		if C.rte_eth_dev_fw_version_get(C.uint16_t(id), &fw[0], C.size_t(len(fw))) == 0 {
			drv.Firmware = C.GoString(&fw[0])
		}
		return nil
	})
	return drv, err
}

// PortMedium implements dpif.Ports.
func (d *Dataplane) PortMedium(id uint16) (m dpif.PortMedium, err error) {
	state, err := d.PortLink(id)
	if err != nil {
		return m, err
	}
	m = dpif.PortMedium{Up: state.Up, Speed: state.Speed, Full: state.FullDuplex, Autoneg: state.Autoneg}
	var dev C.struct_rte_eth_dev_info
	if err := errnoOf(C.rte_eth_dev_info_get(C.uint16_t(id), &dev)); err != nil {
		return m, err
	}
	m.Capable = uint32(dev.speed_capa) >> 1 // bit 0 says that the speed is fixed
	return m, nil
}

// PortCounters implements dpif.Ports: the driver's own counters (xstats).
func (d *Dataplane) PortCounters(id uint16) (counters []dpif.Counter, err error) {
	err = d.inPort(id, func(*port) error {
		n := C.rte_eth_xstats_get_names(C.uint16_t(id), nil, 0)
		if n <= 0 {
			return errnoOf(n)
		}
		names := make([]C.struct_rte_eth_xstat_name, n)
		values := make([]C.struct_rte_eth_xstat, n)
		if rc := C.rte_eth_xstats_get_names(C.uint16_t(id), &names[0], C.uint(n)); rc != n {
			return unix.EAGAIN
		}
		rc := C.rte_eth_xstats_get(C.uint16_t(id), &values[0], C.uint(n))
		if rc < 0 {
			return errnoOf(rc)
		}
		for _, v := range values[:min(rc, n)] {
			if int(v.id) < len(names) {
				counters = append(counters, dpif.Counter{Name: C.GoString(&names[v.id].name[0]), Value: uint64(v.value)})
			}
		}
		return nil
	})
	return counters, err
}

// PortRegs implements dpif.Ports.
func (d *Dataplane) PortRegs(id uint16) (regs dpif.PortRegs, err error) {
	err = d.inPort(id, func(*port) error {
		var info C.struct_rte_dev_reg_info
		if err := errnoOf(C.regs_read(C.uint16_t(id), &info)); err != nil {
			return err
		}
		defer C.free(info.data)
		width := info.width
		if width == 0 {
			width = 4
		}
		regs = dpif.PortRegs{Version: uint32(info.version), Data: C.GoBytes(info.data, C.int(info.length*width))}
		return nil
	})
	return regs, err
}

// PortEEPROM implements dpif.Ports.
func (d *Dataplane) PortEEPROM(id uint16, offset, n uint32) (data []byte, size uint32, err error) {
	err = d.inPort(id, func(*port) error {
		rc := C.rte_eth_dev_get_eeprom_length(C.uint16_t(id))
		if rc < 0 {
			return errnoOf(rc)
		}
		size = uint32(rc)
		data, err = readEEPROM(id, offset, n, size, false)
		return err
	})
	return data, size, err
}

// PortModule implements dpif.Ports.
func (d *Dataplane) PortModule(id uint16, offset, n uint32) (data []byte, typ, size uint32, err error) {
	err = d.inPort(id, func(*port) error {
		var info C.struct_rte_eth_dev_module_info
		if err := errnoOf(C.rte_eth_dev_get_module_info(C.uint16_t(id), &info)); err != nil {
			return err
		}
		typ, size = uint32(info._type), uint32(info.eeprom_len)
		data, err = readEEPROM(id, offset, n, size, true)
		return err
	})
	return data, typ, size, err
}

func readEEPROM(id uint16, offset, n, size uint32, module bool) ([]byte, error) {
	switch {
	case n == 0:
		return nil, nil
	case offset >= size || n > size-offset:
		return nil, unix.EINVAL
	}
	var which C.int
	if module {
		which = 1
	}
	b := make([]byte, n)
	return b, errnoOf(C.eeprom_read(C.uint16_t(id), C.uint32_t(offset), unsafe.Pointer(&b[0]), C.uint32_t(n), which))
}

// PortSpread implements dpif.Ports.
func (d *Dataplane) PortSpread(id uint16) (rss dpif.PortRSS, err error) {
	err = d.inPort(id, func(p *port) error {
		if p.info.RSS.Entries == nil && p.info.RSS.Types == nil {
			return unix.ENOTSUP
		}
		rss = dpif.PortRSS{Key: slices.Clone(p.info.RSS.Key), Types: slices.Clone(p.info.RSS.Types)}
		rss.Table = p.redirection()
		return nil
	})
	return rss, err
}

// PortPause implements dpif.Ports.
func (d *Dataplane) PortPause(id uint16) (pause dpif.PortPause, err error) {
	err = d.inPort(id, func(*port) error {
		var c C.struct_port_pause
		if err := errnoOf(C.pause_get(C.uint16_t(id), &c)); err != nil {
			return err
		}
		pause = dpif.PortPause{Rx: c.rx != 0, Tx: c.tx != 0, Autoneg: c.autoneg != 0}
		return nil
	})
	return pause, err
}

// SetPortPause implements dpif.Ports.
func (d *Dataplane) SetPortPause(id uint16, pause dpif.PortPause) error {
	flag := map[bool]C.int{true: 1}
	c := C.struct_port_pause{rx: flag[pause.Rx], tx: flag[pause.Tx], autoneg: flag[pause.Autoneg]}
	return d.inPort(id, func(*port) error { return errnoOf(C.pause_set(C.uint16_t(id), &c)) })
}

// fecModes are DPDK's modes of forward error correction, by number, as dpif.FEC*.
var fecModes = []uint32{
	C.RTE_ETH_FEC_NOFEC: dpif.FECOff, C.RTE_ETH_FEC_AUTO: dpif.FECAuto,
	C.RTE_ETH_FEC_BASER: dpif.FECBaseR, C.RTE_ETH_FEC_RS: dpif.FECRS,
}

// PortFEC implements dpif.Ports.
func (d *Dataplane) PortFEC(id uint16) (fec dpif.PortFEC, err error) {
	err = d.inPort(id, func(*port) error {
		var mask C.uint32_t
		if err := errnoOf(C.rte_eth_fec_get(C.uint16_t(id), &mask)); err != nil {
			return err
		}
		for mode, bit := range fecModes {
			if mask&(1<<mode) != 0 {
				fec.Configured |= bit
			}
		}
		fec.Active = fec.Configured &^ dpif.FECAuto
		return nil
	})
	return fec, err
}

// SetPortFEC implements dpif.Ports.
func (d *Dataplane) SetPortFEC(id uint16, configured uint32) error {
	var mask C.uint32_t
	for mode, bit := range fecModes {
		if configured&bit != 0 {
			mask |= 1 << mode
		}
	}
	return d.inPort(id, func(*port) error { return errnoOf(C.rte_eth_fec_set(C.uint16_t(id), mask)) })
}

// PortRings implements dpif.Ports.
func (d *Dataplane) PortRings(id uint16) (r dpif.PortRings, err error) {
	err = d.inPort(id, func(p *port) error {
		if p.desc.rx == 0 { // rings in memory, which are as they are
			return nil
		}
		var dev C.struct_rte_eth_dev_info
		if err := errnoOf(C.rte_eth_dev_info_get(C.uint16_t(id), &dev)); err != nil {
			return err
		}
		r = dpif.PortRings{
			Rx: uint32(p.desc.rx), Tx: uint32(p.desc.tx),
			RxMax: uint32(dev.rx_desc_lim.nb_max), TxMax: uint32(dev.tx_desc_lim.nb_max),
		}
		return nil
	})
	return r, err
}

// SetPortRings implements dpif.Ports. EINVAL: the device does not have them of this size.
func (d *Dataplane) SetPortRings(id uint16, rx, tx uint32) error {
	if rx > 0xffff || tx > 0xffff || rx == 0 || tx == 0 {
		return unix.EINVAL
	}
	return d.onPort(id, func(p *port) error {
		if p.desc.rx == 0 {
			return unix.ENOTSUP
		}
		before := p.desc
		p.desc = descriptors{uint16(rx), uint16(tx)}
		return d.restart(p, func() { p.desc = before })
	})
}

// PortQueues implements dpif.Ports.
func (d *Dataplane) PortQueues(id uint16) (q dpif.PortQueues, err error) {
	err = d.inPort(id, func(p *port) error {
		q = dpif.PortQueues{Rx: uint32(p.info.RxQueues), Tx: uint32(p.info.TxQueues), TxMax: uint32(p.info.TxQueues)}
		q.RxMax = q.Rx
		if p.desc.rx == 0 {
			return nil
		}
		var dev C.struct_rte_eth_dev_info
		if err := errnoOf(C.rte_eth_dev_info_get(C.uint16_t(id), &dev)); err != nil {
			return err
		}
		q.RxMax = max(q.Rx, min(uint32(dev.max_rx_queues), C.DP_MAX_WORKERS))
		return nil
	})
	return q, err
}

// SetPortQueues implements dpif.Ports.
func (d *Dataplane) SetPortQueues(id uint16, rx uint32) error {
	if rx == 0 {
		return unix.EINVAL
	}
	return d.onPort(id, func(p *port) error {
		if p.desc.rx == 0 {
			return unix.ENOTSUP
		}
		before := p.info.RxQueues
		p.info.RxQueues = int(rx)
		return d.restart(p, func() { p.info.RxQueues = before })
	})
}

// restart configures a port anew while the workers are off it; when it does not start so, back
// takes the change back and it starts as it was.
func (d *Dataplane) restart(p *port, back func()) error {
	again := func() error {
		mtu := p.info.MTU
		opts, rss, err := d.options(p, ethdev.Port(p.id))
		if err == nil {
			err = d.startPort(p, ethdev.Port(p.id), rss, opts)
		}
		if p.info.MTU != mtu {
			_ = ethdev.Port(p.id).SetMTU(uint16(mtu))
			p.info.MTU = mtu
		}
		return err
	}
	var failed error
	err := d.whileStopped(p, func() error {
		if failed = again(); failed == nil {
			return nil
		}
		back()
		return again()
	})
	if err != nil {
		return err
	}
	return failed
}
