// SPDX-License-Identifier: BSD-3-Clause

package sioc

import (
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver"
)

// Commands of SIOCETHTOOL (ETHTOOL_*).
const (
	cmdGSET          = 0x01
	cmdGDRVINFO      = 0x03
	cmdGREGS         = 0x04
	cmdGMSGLVL       = 0x07
	cmdSMSGLVL       = 0x08
	cmdGLINK         = 0x0a
	cmdGEEPROM       = 0x0b
	cmdGCOALESCE     = 0x0e
	cmdSCOALESCE     = 0x0f
	cmdGRINGPARAM    = 0x10
	cmdSRINGPARAM    = 0x11
	cmdGPAUSEPARAM   = 0x12
	cmdSPAUSEPARAM   = 0x13
	cmdGRXCSUM       = 0x14
	cmdSRXCSUM       = 0x15
	cmdGTXCSUM       = 0x16
	cmdSTXCSUM       = 0x17
	cmdGSG           = 0x18
	cmdSSG           = 0x19
	cmdGSTRINGS      = 0x1b
	cmdGSTATS        = 0x1d
	cmdGTSO          = 0x1e
	cmdSTSO          = 0x1f
	cmdGPERMADDR     = 0x20
	cmdGUFO          = 0x21
	cmdGGSO          = 0x23
	cmdSGSO          = 0x24
	cmdGFLAGS        = 0x25
	cmdSFLAGS        = 0x26
	cmdGPFLAGS       = 0x27
	cmdGRXFH         = 0x29
	cmdGGRO          = 0x2b
	cmdSGRO          = 0x2c
	cmdGRXRINGS      = 0x2d
	cmdGRXCLSRLCNT   = 0x2e
	cmdGRXCLSRULE    = 0x2f
	cmdGRXCLSRLALL   = 0x30
	cmdGSSETINFO     = 0x37
	cmdGRXFHINDIR    = 0x38
	cmdGFEATURES     = 0x3a
	cmdSFEATURES     = 0x3b
	cmdGCHANNELS     = 0x3c
	cmdSCHANNELS     = 0x3d
	cmdGTSINFO       = 0x41
	cmdGMODULEINFO   = 0x42
	cmdGMODULEEEPROM = 0x43
	cmdGEEE          = 0x44
	cmdGRSSH         = 0x46
	cmdGTUNABLE      = 0x48
	cmdGPHYSTATS     = 0x4a
	cmdPERQUEUE      = 0x4b
	cmdGLINKSETTINGS = 0x4c
	cmdSLINKSETTINGS = 0x4d
	cmdPHYGTUNABLE   = 0x4e
	cmdGFECPARAM     = 0x50
	cmdSFECPARAM     = 0x51
)

// everyone are the commands that need no CAP_NET_ADMIN.
var everyone = []uint32{
	cmdGSET, cmdGDRVINFO, cmdGMSGLVL, cmdGLINK, cmdGCOALESCE, cmdGRINGPARAM, cmdGPAUSEPARAM,
	cmdGRXCSUM, cmdGTXCSUM, cmdGSG, cmdGSSETINFO, cmdGSTRINGS, cmdGSTATS, cmdGPHYSTATS, cmdGTSO,
	cmdGPERMADDR, cmdGUFO, cmdGGSO, cmdGGRO, cmdGFLAGS, cmdGPFLAGS, cmdGRXFH, cmdGRXRINGS,
	cmdGRXCLSRLCNT, cmdGRXCLSRULE, cmdGRXCLSRLALL, cmdGRXFHINDIR, cmdGRSSH, cmdGFEATURES, cmdGCHANNELS,
	cmdGTSINFO, cmdGEEE, cmdGTUNABLE, cmdPHYGTUNABLE, cmdGLINKSETTINGS, cmdGFECPARAM,
}

// driverCall is a SIOCETHTOOL under way: at is where ifr_data points.
type driverCall struct {
	*nlserver.Ioctl
	d  *ethtool.Device
	at uint64
}

// read gives n bytes from offset of what ifr_data points at.
func (c *driverCall) read(offset uint64, n int) ([]byte, error) { return c.Read(c.at+offset, n) }

// write puts words at offset of what ifr_data points at.
func (c *driverCall) write(offset uint64, words ...uint32) error {
	var b []byte
	for _, w := range words {
		b = native.AppendUint32(b, w)
	}
	c.Write(c.at+offset, b)
	return nil
}

// words reads n 32-bit numbers from the start.
func (c *driverCall) words(n int) ([]uint32, error) {
	b, err := c.read(0, 4*n)
	if err != nil {
		return nil, err
	}
	w := make([]uint32, n)
	for i := range w {
		w[i] = native.Uint32(b[4*i:])
	}
	return w, nil
}

// driverCommands is the table of what is answered; EOPNOTSUPP for the rest, which no driver here
// has.
var driverCommands = map[uint32]func(*driverCall) error{
	cmdGDRVINFO: (*driverCall).drvinfo, cmdGREGS: (*driverCall).regs, cmdGMSGLVL: (*driverCall).msglevel,
	cmdSMSGLVL: (*driverCall).setMsglevel, cmdGLINK: (*driverCall).link, cmdGEEPROM: (*driverCall).eeprom,
	cmdGMODULEINFO: (*driverCall).moduleInfo, cmdGMODULEEEPROM: (*driverCall).moduleEEPROM,
	cmdGCOALESCE: (*driverCall).coalesce, cmdSCOALESCE: (*driverCall).setCoalesce,
	cmdGRINGPARAM: (*driverCall).rings, cmdSRINGPARAM: (*driverCall).setRings,
	cmdGPAUSEPARAM: (*driverCall).pause, cmdSPAUSEPARAM: (*driverCall).setPause,
	cmdGCHANNELS: (*driverCall).channels, cmdSCHANNELS: (*driverCall).setChannels,
	cmdGSTRINGS: (*driverCall).strings, cmdGSTATS: (*driverCall).stats, cmdGSSETINFO: (*driverCall).setInfo,
	cmdGPERMADDR: (*driverCall).permAddr, cmdGTSINFO: (*driverCall).tsInfo,
	cmdGSET: (*driverCall).legacySettings, cmdGLINKSETTINGS: (*driverCall).settings,
	cmdSLINKSETTINGS: (*driverCall).setSettings,
	cmdGRXCSUM:       oneFeature(40), cmdGTXCSUM: oneFeature(1, 3, 4, 35, 36), cmdGSG: oneFeature(0, 6),
	cmdGTSO: oneFeature(16, 18, 20), cmdGGSO: oneFeature(11), cmdGGRO: oneFeature(14), cmdGUFO: oneFeature(),
	cmdGFLAGS: (*driverCall).flags, cmdSFLAGS: (*driverCall).setFlags, cmdGFEATURES: (*driverCall).features,
	cmdGRXRINGS: (*driverCall).rxRings, cmdGRXFH: (*driverCall).rxHash,
	cmdGRXFHINDIR: (*driverCall).rxIndirection, cmdGRSSH: (*driverCall).rss,
	cmdGFECPARAM: (*driverCall).fec, cmdSFECPARAM: (*driverCall).setFEC,
}

// ethtoolIoctl is dev_ethtool.
func (t *Tables) ethtoolIoctl(c *nlserver.Ioctl) (int, error) {
	r, err := t.readIfreq(c)
	if err != nil {
		return 0, err
	}
	b, err := c.Read(r.pointer(), 4)
	if err != nil {
		return 0, err
	}
	l := t.Links.ByName(r.name)
	if l == nil {
		return 0, unix.ENODEV
	}
	cmd := native.Uint32(b)
	if !c.Admin && !slices.Contains(everyone, cmd) {
		return 0, unix.EPERM
	}
	call := &driverCall{c, t.Devices.Of(l), r.pointer()}
	if cmd == cmdSFEATURES {
		return call.setFeatures()
	}
	do := driverCommands[cmd]
	if do == nil {
		return 0, unix.EOPNOTSUPP
	}
	return 0, do(call)
}

// drvinfo is ethtool_get_drvinfo, struct ethtool_drvinfo.
func (c *driverCall) drvinfo() error {
	info, ok := c.d.Info()
	if !ok {
		return unix.EOPNOTSUPP
	}
	b := make([]byte, 196)
	native.PutUint32(b, cmdGDRVINFO)
	for i, s := range []string{info.Driver, info.Version, info.Firmware, info.Bus} {
		copy(b[4+32*i:4+32*i+31], s)
	}
	native.PutUint32(b[180:], uint32(len(c.d.StringSet(ethtool.SetStats))))
	if c.d.EEPROM != nil {
		if _, n, err := c.d.EEPROM(c.d, 0, 0); err == nil {
			native.PutUint32(b[188:], n)
		}
	}
	if c.d.Regs != nil {
		if regs, err := c.d.Regs(c.d); err == nil {
			native.PutUint32(b[192:], uint32(len(regs.Data)))
		}
	}
	c.Write(c.at, b)
	return nil
}

func (c *driverCall) msglevel() error {
	if c.d.MsgLevel == nil {
		return unix.EOPNOTSUPP
	}
	return c.write(0, cmdGMSGLVL, c.d.MsgLevel(c.d))
}

func (c *driverCall) setMsglevel() error {
	if c.d.SetMsgLevel == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(2)
	if err != nil {
		return err
	}
	c.d.SetMsgLevel(c.d, w[1])
	c.d.Notify(unix.ETHTOOL_MSG_DEBUG_NTF)
	return nil
}

func (c *driverCall) link() error {
	up, ok := c.d.HasLink()
	if !ok {
		return unix.EOPNOTSUPP
	}
	var v uint32
	if up {
		v = 1
	}
	return c.write(0, cmdGLINK, v)
}

// permAddr is ethtool_get_perm_addr.
func (c *driverCall) permAddr() error {
	w, err := c.words(2)
	if err != nil {
		return err
	}
	a := c.d.PermAddr
	if w[1] < uint32(len(a)) {
		return unix.Errno(525) // ETOOSMALL
	}
	if err := c.write(4, uint32(len(a))); err != nil {
		return err
	}
	c.Write(c.at+8, a[:])
	return nil
}

// tsInfo is ethtool_get_ts_info.
func (c *driverCall) tsInfo() error {
	ts, err := c.d.Timestamps()
	if err != nil {
		return err
	}
	return c.write(0, cmdGTSINFO, ts.Timestamping, uint32(ts.PHC), ts.TxTypes, 0, 0, 0, ts.RxFilter, 0, 0, 0)
}

// regs is ethtool_get_regs.
func (c *driverCall) regs() error {
	if c.d.Regs == nil {
		return unix.EOPNOTSUPP
	}
	w, err := c.words(3)
	if err != nil {
		return err
	}
	regs, err := c.d.Regs(c.d)
	if err != nil {
		return err
	}
	n := min(w[2], uint32(len(regs.Data)))
	c.Write(c.at+12, regs.Data[:n])
	return c.write(4, regs.Version, n)
}

// memory is ethtool_get_any_eeprom.
func (c *driverCall) memory(size uint32, get func(offset, n uint32) ([]byte, error)) error {
	w, err := c.words(4)
	if err != nil {
		return err
	}
	offset, n := w[2], w[3]
	if offset+n <= offset || offset+n > size {
		return unix.EINVAL
	}
	data, err := get(offset, n)
	if err != nil {
		return err
	}
	c.Write(c.at+16, data)
	return c.write(4, 0, offset, uint32(len(data)))
}

func (c *driverCall) eeprom() error {
	if c.d.EEPROM == nil {
		return unix.EOPNOTSUPP
	}
	_, size, err := c.d.EEPROM(c.d, 0, 0)
	if err != nil {
		return err
	}
	return c.memory(size, func(offset, n uint32) ([]byte, error) {
		b, _, err := c.d.EEPROM(c.d, offset, n)
		return b, err
	})
}

func (c *driverCall) moduleInfo() error {
	if c.d.Module == nil {
		return unix.EOPNOTSUPP
	}
	_, typ, size, err := c.d.Module(c.d, 0, 0)
	if err != nil {
		return err
	}
	return c.write(0, cmdGMODULEINFO, typ, size)
}

func (c *driverCall) moduleEEPROM() error {
	if c.d.Module == nil {
		return unix.EOPNOTSUPP
	}
	_, _, size, err := c.d.Module(c.d, 0, 0)
	if err != nil {
		return err
	}
	return c.memory(size, func(offset, n uint32) ([]byte, error) {
		b, _, _, err := c.d.Module(c.d, offset, n)
		return b, err
	})
}
