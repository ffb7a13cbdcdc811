// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Flow types of ETHTOOL_GRXFH (*_FLOW) as package dataplane names what flows are told apart by.
var flowTypes = map[uint32]string{1: "ipv4-tcp", 2: "ipv4-udp", 5: "ipv6-tcp", 6: "ipv6-udp", 16: "ipv4", 17: "ipv6"}

// What is hashed (RXH_*): source and destination address, both ports.
const (
	rxhAddrs = 1<<4 | 1<<5
	rxhPorts = 1<<6 | 1<<7
)

// hashToeplitz is ETH_RSS_HASH_TOP.
const hashToeplitz = 1

func (c *driverCall) rxRings() error {
	if c.d.Rules == nil {
		return unix.EOPNOTSUPP
	}
	c.Write(c.at+8, native.AppendUint64(nil, uint64(c.d.Rules(c.d))))
	return nil
}

// rxHash is ETHTOOL_GRXFH: by what the flows of a type are told apart.
func (c *driverCall) rxHash() error {
	if c.d.RSS == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(2)
	if err != nil {
		return err
	}
	rss, err := c.d.RSS(c.d)
	if err != nil {
		return err
	}
	name, ok := flowTypes[w[1]]
	var hashed uint64
	switch {
	case !ok:
		return unix.EINVAL
	case !slices.Contains(rss.Types, name):
	case w[1] < 16:
		hashed = rxhAddrs | rxhPorts
	default:
		hashed = rxhAddrs
	}
	c.Write(c.at+8, native.AppendUint64(nil, hashed))
	return nil
}

// rxIndirection is ethtool_get_rxfh_indir.
func (c *driverCall) rxIndirection() error {
	if c.d.RSS == nil {
		return unix.EOPNOTSUPP
	}
	rss, err := c.d.RSS(c.d)
	if err != nil {
		return err
	}
	if len(rss.Table) == 0 {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(2)
	if err != nil {
		return err
	}
	size := uint32(len(rss.Table))
	if w[1] != 0 && w[1] < size {
		return unix.EINVAL
	}
	if w[1] != 0 {
		if err := c.write(8, rss.Table...); err != nil {
			return err
		}
	}
	return c.write(4, size)
}

// rss is ethtool_get_rxfh: struct ethtool_rxfh, the table, the key.
func (c *driverCall) rss() error {
	if c.d.RSS == nil {
		return unix.EOPNOTSUPP
	}
	rss, err := c.d.RSS(c.d)
	if err != nil {
		return err
	}
	w, err := c.words(6)
	if err != nil {
		return err
	}
	table, key := uint32(len(rss.Table)), uint32(len(rss.Key))
	switch {
	case w[4]>>8 != 0 || w[5] != 0:
		return unix.EINVAL
	case w[1] != 0:
		return unix.EOPNOTSUPP
	case w[2] != 0 && w[2] != table || w[3] != 0 && w[3] != key:
		return unix.EINVAL
	}
	var config []byte
	if w[2] != 0 {
		for _, q := range rss.Table {
			config = native.AppendUint32(config, q)
		}
	}
	if w[3] != 0 {
		config = append(config, rss.Key...)
	}
	if len(config) > 0 {
		c.Write(c.at+24, config)
	}
	c.Write(c.at+16, []byte{hashToeplitz})
	return c.write(8, table, key)
}
