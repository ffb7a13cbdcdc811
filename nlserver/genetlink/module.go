// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

// Attributes of plugged modules (ETHTOOL_A_MODULE_EEPROM_*, ETHTOOL_A_MODULE_*).
const (
	eepromOffset = 2
	eepromLength = 3
	eepromPage   = 4
	eepromBank   = 5
	eepromI2C    = 6
	eepromData   = 7

	modulePowerPolicy = 2
)

const (
	eepromPageLen = 128 // ETH_MODULE_EEPROM_PAGE_LEN
	maxI2C        = 0x7f
	sff8472       = 2 // ETH_MODULE_SFF_8472
)

var eepromGet = getter{
	cmd: unix.ETHTOOL_MSG_MODULE_EEPROM_GET, reply: unix.ETHTOOL_MSG_MODULE_EEPROM_GET_REPLY,
	flags: unix.GENL_UNS_ADMIN_PERM, header: headerAttr, parse: parseEEPROM, fill: fillEEPROM,
	policy: &nlmsg.Policy{Attrs: []nlmsg.Rule{
		headerAttr:   {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
		eepromOffset: {Kind: nlmsg.U32, Check: nlmsg.CheckMax, Max: 2*eepromPageLen - 1},
		eepromLength: {Kind: nlmsg.U32, Check: nlmsg.CheckRange, Min: 1, Max: eepromPageLen},
		eepromPage:   {Kind: nlmsg.U8},
		eepromBank:   {Kind: nlmsg.U8},
		eepromI2C:    {Kind: nlmsg.U8, Check: nlmsg.CheckRange, Max: maxI2C},
	}},
}

// eepromQuery is struct eeprom_req_info.
type eepromQuery struct {
	offset, length uint32
	page, i2c      uint8
}

// parseEEPROM is eeprom_parse_request.
func parseEEPROM(q *query) error {
	for _, a := range []uint16{eepromOffset, eepromLength, eepromPage, eepromI2C} {
		if !q.attrs.Has(a) {
			return unix.EINVAL
		}
	}
	r := eepromQuery{
		offset: q.attrs.U32(eepromOffset), length: q.attrs.U32(eepromLength),
		page: q.attrs.U8(eepromPage), i2c: q.attrs.U8(eepromI2C),
	}
	end := r.offset + r.length
	switch {
	case r.page != 0 && r.offset < eepromPageLen:
		return q.ext.FailAttr(unix.EINVAL, q.attrs.Get(eepromPage), "reading from lower half page is allowed for page 0 only")
	case r.offset < eepromPageLen && end > eepromPageLen:
		return q.ext.FailAttr(unix.EINVAL, q.attrs.Get(eepromLength), "reading cross half page boundary is illegal")
	case end > 2*eepromPageLen:
		return q.ext.FailAttr(unix.EINVAL, q.attrs.Get(eepromLength), "reading cross page boundary is illegal")
	}
	q.arg = r
	return nil
}

// fillEEPROM is eeprom_fallback: drivers give the pages one behind the other.
func fillEEPROM(q *query, e *nlmsg.Encoder) error {
	if q.dev.Module == nil {
		return unix.EOPNOTSUPP
	}
	r := q.arg.(eepromQuery)
	_, typ, size, err := q.dev.Module(q.dev, 0, 0)
	if err != nil {
		return err
	}
	offset := uint32(r.page)*eepromPageLen + r.offset
	if typ == sff8472 && r.i2c == 0x51 {
		offset += 2 * eepromPageLen
	}
	if offset >= size || r.length > size-offset {
		return unix.EINVAL
	}
	data, _, _, err := q.dev.Module(q.dev, offset, r.length)
	if err != nil {
		return err
	}
	e.Bytes(eepromData, data)
	return nil
}

// moduleGet has nothing to say: no driver here switches a module's power.
var moduleGet = getter{
	cmd: unix.ETHTOOL_MSG_MODULE_GET, reply: unix.ETHTOOL_MSG_MODULE_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy),
	fill: func(*query, *nlmsg.Encoder) error { return nil },
}

// moduleSetPolicy is ethnl_module_set_policy.
var moduleSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:        {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	modulePowerPolicy: {Kind: nlmsg.U8, Check: nlmsg.CheckRange, Min: 1, Max: 2},
}}

func setModule(c *call, _ *query) error {
	if a := c.attrs.Get(modulePowerPolicy); a.Present() {
		return c.Ext.FailAttr(unix.EOPNOTSUPP, a, "Setting power mode policy is not supported by this device")
	}
	return nil
}
