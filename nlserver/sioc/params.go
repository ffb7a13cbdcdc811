// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/dataplane/dpif"
)

// coalesceWords are those of struct ethtool_coalesce: its command, and the attributes of netlink
// from ETHTOOL_A_COALESCE_RX_USECS on, in the same order.
const coalesceWords = 1 + unix.ETHTOOL_A_COALESCE_RATE_SAMPLE_INTERVAL - unix.ETHTOOL_A_COALESCE_RX_USECS + 1

func (c *driverCall) coalesce() error {
	if c.d.Coalesce == nil {
		return unix.EOPNOTSUPP
	}
	v, err := c.d.Coalesce(c.d)
	if err != nil {
		return err
	}
	words := append([]uint32{cmdGCOALESCE}, v[unix.ETHTOOL_A_COALESCE_RX_USECS:]...)
	return c.write(0, words[:coalesceWords]...)
}

func (c *driverCall) setCoalesce() error {
	if c.d.SetCoalesce == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(coalesceWords)
	if err != nil {
		return err
	}
	var v ethtool.Coalesce
	copy(v[unix.ETHTOOL_A_COALESCE_RX_USECS:], w[1:])
	if c.d.CheckCoalesce(&v) != 0 {
		return unix.EOPNOTSUPP
	}
	if err := c.d.SetCoalesce(c.d, &v); err != nil {
		return err
	}
	c.d.Notify(unix.ETHTOOL_MSG_COALESCE_NTF)
	return nil
}

func (c *driverCall) rings() error {
	if c.d.Rings == nil {
		return unix.EOPNOTSUPP
	}
	r := c.d.Rings(c.d)
	return c.write(0, cmdGRINGPARAM, r.RxMax, r.RxMiniMax, r.RxJumboMax, r.TxMax, r.Rx, r.RxMini, r.RxJumbo, r.Tx)
}

func (c *driverCall) setRings() error {
	if c.d.Rings == nil || c.d.SetRings == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(9)
	if err != nil {
		return err
	}
	r := c.d.Rings(c.d)
	r.Rx, r.RxMini, r.RxJumbo, r.Tx = w[5], w[6], w[7], w[8]
	if r.Rx > r.RxMax || r.RxMini > r.RxMiniMax || r.RxJumbo > r.RxJumboMax || r.Tx > r.TxMax {
		return unix.EINVAL
	}
	if err := c.d.SetRings(c.d, &r); err != nil {
		return err
	}
	c.d.Notify(unix.ETHTOOL_MSG_RINGS_NTF)
	return nil
}

func word(v bool) uint32 {
	if v {
		return 1
	}
	return 0
}

func (c *driverCall) pause() error {
	if c.d.Pause == nil {
		return unix.EOPNOTSUPP
	}
	p := c.d.Pause(c.d)
	return c.write(0, cmdGPAUSEPARAM, word(p.Autoneg), word(p.Rx), word(p.Tx))
}

func (c *driverCall) setPause() error {
	if c.d.SetPause == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(4)
	if err != nil {
		return err
	}
	if err := c.d.SetPause(c.d, &ethtool.Pause{Autoneg: w[1] != 0, Rx: w[2] != 0, Tx: w[3] != 0}); err != nil {
		return err
	}
	c.d.Notify(unix.ETHTOOL_MSG_PAUSE_NTF)
	return nil
}

func (c *driverCall) channels() error {
	if c.d.Channels == nil {
		return unix.EOPNOTSUPP
	}
	h := c.d.Channels(c.d)
	return c.write(0, cmdGCHANNELS, h.MaxRx, h.MaxTx, h.MaxOther, h.MaxCombined, h.Rx, h.Tx, h.Other, h.Combined)
}

func (c *driverCall) setChannels() error {
	if c.d.Channels == nil || c.d.SetChannels == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(9)
	if err != nil {
		return err
	}
	h := c.d.Channels(c.d)
	before := h
	h.Rx, h.Tx, h.Other, h.Combined = w[5], w[6], w[7], w[8]
	switch {
	case h == before:
		return nil
	case h.Rx > h.MaxRx || h.Tx > h.MaxTx || h.Other > h.MaxOther || h.Combined > h.MaxCombined:
		return unix.EINVAL
	case h.Combined == 0 && (h.Rx == 0 || h.Tx == 0):
		return unix.EINVAL
	}
	if err := c.d.SetChannels(c.d, &h); err != nil {
		return err
	}
	c.d.Notify(unix.ETHTOOL_MSG_CHANNELS_NTF)
	return nil
}

func (c *driverCall) fec() error {
	if c.d.FEC == nil {
		return unix.EOPNOTSUPP
	}
	f, err := c.d.FEC(c.d)
	if err != nil {
		return err
	}
	return c.write(0, cmdGFECPARAM, f.Active, f.Configured, 0)
}

func (c *driverCall) setFEC() error {
	if c.d.SetFEC == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(4)
	if err != nil {
		return err
	}
	if w[2] == 0 || w[2] == dpif.FECNone {
		return unix.EINVAL
	}
	if err := c.d.SetFEC(c.d, w[2]); err != nil {
		return err
	}
	c.d.Notify(unix.ETHTOOL_MSG_FEC_NTF)
	return nil
}

// Words of a set of link modes, and offsets in struct ethtool_link_settings.
const (
	modeWords    = 3
	sizeSettings = 48
	offNwords    = 15
)

// settings is ethtool_get_link_ksettings: who asks with another number of words is told ours.
func (c *driverCall) settings() error {
	b, err := c.read(0, sizeSettings)
	if err != nil {
		return err
	}
	if c.d.LinkSettings == nil {
		return unix.EOPNOTSUPP
	}
	out := make([]byte, sizeSettings)
	native.PutUint32(out, cmdGLINKSETTINGS)
	if int8(b[offNwords]) != modeWords {
		out[offNwords] = 256 - modeWords
		c.Write(c.at, out)
		return nil
	}
	s, err := c.d.Settings()
	if err != nil {
		return err
	}
	native.PutUint32(out[4:], s.Speed)
	copy(out[8:], []byte{s.Duplex, s.Port, s.PhyAddress, s.Autoneg, 0, s.Mdix, s.MdixCtrl, modeWords, s.Transceiver, s.MasterSlave})
	for _, set := range []ethtool.Bits{s.Supported, s.Advertising, s.Peer} {
		for i := range modeWords {
			out = native.AppendUint32(out, set[i])
		}
	}
	c.Write(c.at, out)
	return nil
}

// setSettings is ethtool_set_link_ksettings.
func (c *driverCall) setSettings() error {
	if c.d.SetLinkSettings == nil {
		return unix.EOPNOTSUPP
	}
	b, err := c.read(0, sizeSettings)
	if err != nil {
		return err
	}
	if int8(b[offNwords]) != modeWords {
		return unix.EINVAL
	}
	modes, err := c.read(sizeSettings, 3*4*modeWords)
	if err != nil {
		return err
	}
	s := ethtool.LinkSettings{
		Speed: native.Uint32(b[4:]), Duplex: b[8], Port: b[9], PhyAddress: b[10], Autoneg: b[11],
		Mdix: b[13], MdixCtrl: b[14], Transceiver: b[16], MasterSlave: b[17],
	}
	for k, set := range []*ethtool.Bits{&s.Supported, &s.Advertising, &s.Peer} {
		for i := range modeWords {
			set[i] = native.Uint32(modes[4*(k*modeWords+i):])
		}
	}
	if err := c.d.SetLinkSettings(c.d, &s); err != nil {
		return err
	}
	c.d.Notify(unix.ETHTOOL_MSG_LINKINFO_NTF)
	c.d.Notify(unix.ETHTOOL_MSG_LINKMODES_NTF)
	return nil
}

// legacySettings is ethtool_get_settings: struct ethtool_cmd.
func (c *driverCall) legacySettings() error {
	s, err := c.d.Settings()
	if err != nil {
		return err
	}
	b := make([]byte, 44)
	native.PutUint32(b, cmdGSET)
	native.PutUint32(b[4:], s.Supported[0])
	native.PutUint32(b[8:], s.Advertising[0])
	native.PutUint16(b[12:], uint16(s.Speed))
	copy(b[14:], []byte{s.Duplex, s.Port, s.PhyAddress, s.Transceiver, s.Autoneg})
	native.PutUint16(b[28:], uint16(s.Speed>>16))
	b[30], b[31] = s.Mdix, s.MdixCtrl
	native.PutUint32(b[32:], s.Peer[0])
	c.Write(c.at, b)
	return nil
}
