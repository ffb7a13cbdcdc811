// SPDX-License-Identifier: BSD-3-Clause

package dpif

// PortDriver is who drives a port.
type PortDriver struct {
	Driver   string // DPDK's name of the driver: "net_ixgbe"
	Version  string // of DPDK
	Firmware string // "" when the driver does not say
	Bus      string // name of the device on its bus: "0000:03:00.0"
}

// Speeds that a port is capable of (bits of PortMedium.Capable): RTE_ETH_LINK_SPEED_*.
const (
	Speed10Half = 1 << iota
	Speed10
	Speed100Half
	Speed100
	Speed1G
	Speed2500
	Speed5G
	Speed10G
	Speed20G
	Speed25G
	Speed40G
	Speed50G
	Speed56G
	Speed100G
	Speed200G
)

// PortMedium is the wire of a port.
type PortMedium struct {
	Up      bool
	Speed   uint32 // Mbit/s; 0: unknown
	Full    bool   // duplex
	Autoneg bool
	Capable uint32 // Speed*; 0: the driver does not say
}

// PortRings are descriptors of each queue.
type PortRings struct {
	Rx, Tx       uint32
	RxMax, TxMax uint32 // 0: the port has none
}

// PortQueues are the queues of a port. One transmit queue a worker is not for change.
type PortQueues struct {
	Rx, Tx       uint32
	RxMax, TxMax uint32
}

// PortPause is flow control (IEEE 802.3x).
type PortPause struct {
	Rx, Tx, Autoneg bool
}

// FEC modes (bits of PortFEC), as ETHTOOL_FEC_*.
const (
	FECNone  = 1 << 0
	FECAuto  = 1 << 1
	FECOff   = 1 << 2
	FECRS    = 1 << 3
	FECBaseR = 1 << 4
)

// PortFEC is forward error correction: what is configured, and what is in use.
type PortFEC struct {
	Configured, Active uint32
}

// PortRegs are a device's registers.
type PortRegs struct {
	Version uint32
	Data    []byte
}

// PortRSS is how a port spreads what it receives over its queues.
type PortRSS struct {
	Key   []byte   // nil: the driver does not say
	Table []uint32 // the queue of each entry; nil: the driver does not say
	Types []string // what flows are told apart by: "ipv4", "ipv4-tcp", ...
}

// Ports is what a data plane with devices says of them, and what can be changed of them while they
// run. A Dataplane may implement it. ENODEV: no such port; ENOTSUP: the device or its driver
// cannot. A change that takes a device from the workers for a moment loses what arrives in it.
type Ports interface {
	PortDriver(port uint16) (PortDriver, error)
	PortMedium(port uint16) (PortMedium, error)
	PortCounters(port uint16) ([]Counter, error)
	PortRegs(port uint16) (PortRegs, error)
	// PortEEPROM reads n bytes from offset, and says the size of all of it.
	PortEEPROM(port uint16, offset, n uint32) (data []byte, size uint32, err error)
	// PortModule is the EEPROM of the plugged module: its type is ETH_MODULE_SFF_*.
	PortModule(port uint16, offset, n uint32) (data []byte, typ, size uint32, err error)
	PortSpread(port uint16) (PortRSS, error)

	PortRings(port uint16) (PortRings, error)
	SetPortRings(port uint16, rx, tx uint32) error
	PortQueues(port uint16) (PortQueues, error)
	SetPortQueues(port uint16, rx uint32) error
	PortPause(port uint16) (PortPause, error)
	SetPortPause(port uint16, p PortPause) error
	PortFEC(port uint16) (PortFEC, error)
	SetPortFEC(port uint16, configured uint32) error
}
