// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
)

// set is a set of names as SIOCETHTOOL knows them (__ethtool_get_sset_count): those that came with
// netlink it does not.
func (c *driverCall) set(id uint32) ([]string, error) {
	switch id {
	case ethtool.SetFeatures, ethtool.SetRSSHashFuncs, ethtool.SetTunables, ethtool.SetPhyTunables,
		ethtool.SetLinkModes:
		return ethtool.NamesOf(id), nil
	}
	names := c.d.StringSet(id)
	if names == nil {
		return nil, unix.EOPNOTSUPP
	}
	return names, nil
}

// setInfo is ethtool_get_sset_info.
func (c *driverCall) setInfo() error {
	b, err := c.read(0, 16)
	if err != nil {
		return err
	}
	asked, got := native.Uint64(b[8:]), uint64(0)
	var counts []uint32
	for id := range uint32(64) {
		if asked&(1<<id) == 0 {
			continue
		}
		if names, err := c.set(id); err == nil {
			got |= 1 << id
			counts = append(counts, uint32(len(names)))
		}
	}
	c.Write(c.at+8, native.AppendUint64(nil, got))
	if len(counts) > 0 {
		return c.write(16, counts...)
	}
	return nil
}

// strings is ethtool_get_strings.
func (c *driverCall) strings() error {
	w, err := c.words(3)
	if err != nil {
		return err
	}
	names, err := c.set(w[1])
	if err != nil {
		return err
	}
	n := len(names)
	if w[2] != 0 && int(w[2]) != n {
		n = 0
	}
	b := make([]byte, n*ethtool.NameLen)
	for i := range n {
		copy(b[i*ethtool.NameLen:(i+1)*ethtool.NameLen], names[i])
	}
	if n > 0 {
		c.Write(c.at+12, b)
	}
	return c.write(8, uint32(n))
}

// stats is ethtool_get_stats.
func (c *driverCall) stats() error {
	if c.d.Stats == nil || c.d.Strings == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(2)
	if err != nil {
		return err
	}
	values := c.d.Stats(c.d)
	if w[1] != 0 && int(w[1]) != len(values) {
		values = nil
	}
	var b []byte
	for _, v := range values {
		b = native.AppendUint64(b, v)
	}
	if len(b) > 0 {
		c.Write(c.at+8, b)
	}
	return c.write(4, uint32(len(values)))
}

// oneFeature is ethtool_get_one_feature: whether any of the bits is on.
func oneFeature(bits ...int) func(*driverCall) error {
	return func(c *driverCall) error {
		on, features := uint32(0), c.d.Features()
		for _, i := range bits {
			if features.Has(i) {
				on = 1
			}
		}
		return c.write(4, on)
	}
}

// Bits of ETHTOOL_GFLAGS (ETH_FLAG_*) and the features that they are.
var legacyFlags = map[uint32]int{1 << 15: 15, 1 << 27: 38, 1 << 28: 39, 1 << 7: 7, 1 << 8: 8}

// flags is __ethtool_get_flags.
func (c *driverCall) flags() error {
	var v uint32
	features := c.d.Features()
	for flag, bit := range legacyFlags {
		if features.Has(bit) {
			v |= flag
		}
	}
	return c.write(4, v)
}

// setFlags is __ethtool_set_flags where nothing can be changed.
func (c *driverCall) setFlags() error {
	w, err := c.words(2)
	if err != nil {
		return err
	}
	features := c.d.Features()
	for flag, bit := range legacyFlags {
		if (w[1]&flag != 0) != features.Has(bit) {
			return unix.EINVAL
		}
		w[1] &^= flag
	}
	if w[1] != 0 {
		return unix.EINVAL
	}
	return nil
}

// features is ethtool_get_features: available, requested, active and never changed bits, by word.
func (c *driverCall) features() error {
	w, err := c.words(2)
	if err != nil {
		return err
	}
	active := c.d.Features()
	const size = 2
	var blocks []uint32
	for i := range min(w[1], size) {
		blocks = append(blocks, 0, 0, active[i], ethtool.FeaturesFixed[i])
	}
	if len(blocks) > 0 {
		if err := c.write(8, blocks...); err != nil {
			return err
		}
	}
	return c.write(4, size)
}

// unsupportedFeatures is ETHTOOL_F_UNSUPPORTED: some of what was asked for cannot be changed.
const unsupportedFeatures = 1

// setFeatures is ethtool_set_features where nothing can be changed.
func (c *driverCall) setFeatures() (int, error) {
	w, err := c.words(2)
	if err != nil {
		return 0, err
	}
	if w[1] != 2 {
		return 0, unix.EINVAL
	}
	if w, err = c.words(6); err != nil {
		return 0, err
	}
	asked := uint32(0)
	for i := range 2 {
		valid := w[2+2*i]
		if valid&ethtool.FeaturesFixed[i] != 0 {
			return 0, unix.EINVAL
		}
		asked |= valid
	}
	if asked != 0 {
		return unsupportedFeatures, nil
	}
	return 0, nil
}
