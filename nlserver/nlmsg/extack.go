// SPDX-License-Identifier: BSD-3-Clause

package nlmsg

import "syscall"

// Extack is what a handler has to say beside its errno (struct netlink_ext_ack). Its methods may
// be called on a nil Extack, and the last word wins, as with NL_SET_ERR_MSG.
type Extack struct {
	Msg      string // NLMSGERR_ATTR_MSG; with success it is a warning
	BadAttr  uint32 // NLMSGERR_ATTR_OFFS: offset of the attribute in the request, 0: none
	Policy   *Rule  // NLMSGERR_ATTR_POLICY: what BadAttr should have been, nil: unsaid
	Cookie   []byte // NLMSGERR_ATTR_COOKIE, at most 20 bytes
	MissType uint16 // NLMSGERR_ATTR_MISS_TYPE: type of an attribute that is missing, 0: none
	MissNest uint32 // NLMSGERR_ATTR_MISS_NEST: offset of the nest it is missing from, 0: top level
}

// Reset empties x for the next message.
func (x *Extack) Reset() {
	if x != nil {
		*x = Extack{}
	}
}

// Warn sets the text that goes with a success.
func (x *Extack) Warn(msg string) {
	if x != nil {
		x.Msg = msg
	}
}

// Fail sets the text and returns errno (NL_SET_ERR_MSG).
func (x *Extack) Fail(errno syscall.Errno, msg string) error {
	if x != nil {
		x.Msg = msg
	}
	return errno
}

// FailAttr sets the text and the attribute at fault and returns errno (NL_SET_ERR_MSG_ATTR). An
// attribute that is not there is not pointed at.
func (x *Extack) FailAttr(errno syscall.Errno, a Attr, msg string) error {
	return x.failRule(errno, a, nil, msg)
}

// BadAttribute points at the attribute without a text (NL_SET_BAD_ATTR).
func (x *Extack) BadAttribute(errno syscall.Errno, a Attr) error {
	if x != nil {
		x.BadAttr, x.Policy = a.Off, nil
	}
	return errno
}

// Missing names an attribute that should have been there (NL_REQ_ATTR_CHECK): of type typ, in
// nest, or at the top level when nest is the zero Attr. It returns EINVAL.
func (x *Extack) Missing(nest Attr, typ uint16) error {
	if x != nil {
		x.MissType, x.MissNest = typ, nest.Off
	}
	return syscall.EINVAL
}

// failRule is NL_SET_ERR_MSG_ATTR_POL.
func (x *Extack) failRule(errno syscall.Errno, a Attr, r *Rule, msg string) error {
	if x != nil {
		x.Msg, x.BadAttr, x.Policy = msg, a.Off, r
	}
	return errno
}

// appendTLVs appends the attributes of the extended ACK in the kernel's order
// (netlink_ack_tlv_fill). Those that only explain a failure are left out when failed is false.
func (x *Extack) appendTLVs(e *Encoder, failed bool) {
	if x.Msg != "" {
		e.String(ErrAttrMsg, x.Msg)
	}
	if len(x.Cookie) > 0 {
		e.Bytes(ErrAttrCookie, x.Cookie)
	}
	if !failed {
		return
	}
	if x.BadAttr != 0 {
		e.U32(ErrAttrOffs, x.BadAttr)
	}
	if x.Policy != nil {
		x.Policy.describe(e, ErrAttrPolicy)
	}
	if x.MissType != 0 {
		e.U32(ErrAttrMissType, uint32(x.MissType))
	}
	if x.MissNest != 0 {
		e.U32(ErrAttrMissNest, x.MissNest)
	}
}

func (x *Extack) empty(failed bool) bool {
	if x == nil || x.Msg == "" && len(x.Cookie) == 0 {
		return x == nil || !failed ||
			x.BadAttr == 0 && x.Policy == nil && x.MissType == 0 && x.MissNest == 0
	}
	return false
}
