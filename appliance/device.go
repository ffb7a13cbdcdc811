// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"time"

	"skua/conf"
	"skua/dataplane"
)

// dataplaneConfig is what of a file is decided when the data plane starts.
func dataplaneConfig(c *conf.Config) dataplane.Config {
	d := &c.Dataplane
	cfg := dataplane.Config{ // conf.WorkersAuto is dataplane.WorkersAuto
		CPUs: d.CPUs, Hugepages: d.Hugepages, MemoryMB: d.MemoryMB, EALArgs: d.EALArgs,
		Mbufs: d.Mbufs, MbufSize: d.MbufSize, RxDesc: d.RxDesc, TxDesc: d.TxDesc,
		Workers: int(d.Workers),
		Idle:    idleConfig(conf.Idle{Mode: d.Idle, MaxSleep: d.MaxSleep}),
	}
	for _, l := range c.Links {
		if l.PCI != "" {
			cfg.PCI = append(cfg.PCI, l.PCI)
		}
	}
	return cfg
}

// placement is which workers have to do with a link of the file.
func placement(l *conf.Link) dataplane.Placement {
	return dataplane.Placement{Workers: l.Workers, RPS: dataplane.RPS(*l.RPS)}
}

func idleConfig(i conf.Idle) dataplane.Idle {
	return dataplane.Idle{Poll: i.Mode == "poll", MaxSleep: time.Duration(i.MaxSleep) * time.Microsecond}
}

// portConfig is the device behind a link of the file.
func portConfig(l *conf.Link) dataplane.PortConfig {
	p := dataplane.PortConfig{Name: l.Name, Kind: portKind(l), MTU: l.MTU, MAC: l.MAC, Queues: l.Queues,
		RSSKey: l.RSSKey, Placement: placement(l)}
	switch p.Kind {
	case dataplane.PortPCI:
		p.Device = l.PCI
	case dataplane.PortVdev:
		p.Device = l.Vdev
	case dataplane.PortTap:
		p.Device, p.Netns = l.Tap.Name, l.Tap.Netns
	case dataplane.PortAFPacket:
		p.Device = l.AFPacket
	case dataplane.PortAFXDP:
		p.Device = l.AFXDP
	case dataplane.PortMemif:
		p.Socket, p.ID, p.Client = l.Memif.Socket, l.Memif.ID, l.Memif.Role == "client"
	}
	return p
}

// portKind is which of the fields of a link names its device.
func portKind(l *conf.Link) dataplane.PortKind {
	switch {
	case l.PCI != "":
		return dataplane.PortPCI
	case l.Vdev != "":
		return dataplane.PortVdev
	case l.Tap != nil:
		return dataplane.PortTap
	case l.AFPacket != "":
		return dataplane.PortAFPacket
	case l.AFXDP != "":
		return dataplane.PortAFXDP
	default:
		return dataplane.PortMemif
	}
}

// linkKind is what `ip -d link` shows as the kind of a link: nothing for a network card.
func linkKind(kind dataplane.PortKind) string {
	switch kind {
	case dataplane.PortTap:
		return "tun"
	case dataplane.PortAFPacket, dataplane.PortAFXDP:
		return "veth"
	}
	return ""
}
