// SPDX-License-Identifier: BSD-3-Clause

package ethtool

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// kernelRelease stands where a driver without a version shows the kernel's release (UTS_RELEASE):
// that of the kernel whose behaviour this is.
const kernelRelease = "6.1.0"

// Bits of TSInfo.Timestamping.
const (
	softTx    = unix.SOF_TIMESTAMPING_TX_SOFTWARE
	softRx    = unix.SOF_TIMESTAMPING_RX_SOFTWARE
	softClock = unix.SOF_TIMESTAMPING_SOFTWARE
)

// napiWeight is NAPI_POLL_WEIGHT.
const napiWeight = 64

func carrier(d *Device) bool { return d.Carrier }

// softTimestamps is ethtool_op_get_ts_info.
func softTimestamps(*Device) (TSInfo, error) {
	return TSInfo{Timestamping: softTx | softRx | softClock, PHC: -1}, nil
}

var noOps = Ops{}

// loopbackOps is loopback_ethtool_ops.
var loopbackOps = Ops{
	Link:   func(*Device) bool { return true },
	TSInfo: softTimestamps,
}

var dummyOps = Ops{TSInfo: softTimestamps}

var vrfOps = Ops{
	Drvinfo: func(*Device) Drvinfo { return Drvinfo{Driver: "vrf", Version: "1.0"} },
}

// vlanOps is vlan_ethtool_ops; what is asked of the link below is in lower.
var vlanOps = Ops{
	Drvinfo: func(*Device) Drvinfo {
		return Drvinfo{Driver: "802.1Q VLAN Support", Version: "1.8", Firmware: "N/A"}
	},
	Link: carrier,
	LinkSettings: func(d *Device) (LinkSettings, error) {
		if low := d.lower(); low != nil {
			return low.Settings()
		}
		return LinkSettings{}, unix.EOPNOTSUPP
	},
	TSInfo: func(d *Device) (TSInfo, error) {
		if low := d.lower(); low != nil && low.TSInfo != nil {
			return low.TSInfo(low)
		}
		return TSInfo{Timestamping: softRx | softClock, PHC: -1}, nil
	},
}

// tunOps is tun_ethtool_ops.
var tunOps = Ops{
	Drvinfo:     func(*Device) Drvinfo { return Drvinfo{Driver: "tun", Version: "1.6", Bus: "tap"} },
	Link:        carrier,
	MsgLevel:    func(d *Device) uint32 { return d.s.msglevel },
	SetMsgLevel: func(d *Device, v uint32) { d.s.msglevel = v },
	LinkSettings: func(d *Device) (LinkSettings, error) {
		if d.s.settings != nil {
			return *d.s.settings, nil
		}
		return LinkSettings{Speed: 10, Duplex: DuplexFull, Port: PortTP}, nil
	},
	SetLinkSettings: func(d *Device, s *LinkSettings) error {
		own := *s
		d.s.settings = &own
		return nil
	},
	Coalesce: func(d *Device) (c Coalesce, err error) {
		c[unix.ETHTOOL_A_COALESCE_RX_MAX_FRAMES] = d.s.batched
		return c, nil
	},
	SetCoalesce: func(d *Device, c *Coalesce) error {
		d.s.batched = min(c[unix.ETHTOOL_A_COALESCE_RX_MAX_FRAMES], napiWeight)
		return nil
	},
	CoalesceParams: CoalesceBit(unix.ETHTOOL_A_COALESCE_RX_MAX_FRAMES),
	TSInfo:         softTimestamps,
}

// vethOps is veth_ethtool_ops. No XDP program runs here: those counters stay zero.
var vethOps = Ops{
	Drvinfo: func(*Device) Drvinfo { return Drvinfo{Driver: "veth", Version: "1.0"} },
	Link:    carrier,
	Strings: func(d *Device, set uint32) []string {
		if set != SetStats {
			return nil
		}
		names := []string{"peer_ifindex"}
		for i := range max(1, d.NumRxQueues) {
			for _, n := range []string{"xdp_packets", "xdp_bytes", "drops", "xdp_redirect",
				"xdp_redirect_errors", "xdp_drops", "xdp_tx", "xdp_tx_errors"} {
				names = append(names, fmt.Sprintf("rx_queue_%d_%.18s", i, n))
			}
		}
		for i := range max(1, d.NumTxQueues) {
			for _, n := range []string{"xdp_xmit", "xdp_xmit_errors"} {
				names = append(names, fmt.Sprintf("tx_queue_%d_%.18s", i, n))
			}
		}
		return names
	},
	Stats: func(d *Device) []uint64 {
		values := make([]uint64, len(d.StringSet(SetStats)))
		values[0] = uint64(d.peer())
		return values
	},
	LinkSettings: func(*Device) (LinkSettings, error) {
		return LinkSettings{Speed: 10000, Duplex: DuplexFull, Port: PortTP}, nil
	},
	Channels: func(d *Device) Channels {
		rx, tx := max(1, d.NumRxQueues), max(1, d.NumTxQueues)
		return Channels{MaxRx: rx, MaxTx: tx, Rx: rx, Tx: tx}
	},
	SetChannels: func(d *Device, c *Channels) error {
		if c.Rx != max(1, d.NumRxQueues) || c.Tx != max(1, d.NumTxQueues) {
			return unix.EOPNOTSUPP // queues of a veth are nothing that packets meet
		}
		return nil
	},
	TSInfo: softTimestamps,
}
