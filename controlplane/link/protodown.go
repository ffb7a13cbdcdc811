// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"syscall"

	"skua/controlplane/rtnl"
)

// ProtoDown is what a protocol of user space says of a link: it is not to carry packets, for reasons
// that each have a bit. FRR holds back the links of virtual routers that are not the master so.
type ProtoDown struct {
	On      *bool
	Reason  *uint32 // bits of Mask become those of Reason; without a Mask all do
	Mask    uint32
	NoValue bool // reasons without a value
}

// checkProtoDown is what do_set_proto_down refuses.
func (t *Table) checkProtoDown(l *Link, p *ProtoDown) error {
	switch {
	case p == nil:
		return nil
	case l.ops == nil || !l.ops.ProtoDown:
		return rtnl.Errorf(syscall.EOPNOTSUPP, "Protodown not supported by device")
	case p.NoValue:
		return rtnl.Errorf(syscall.EINVAL, "Invalid protodown reason value")
	case p.On != nil && !*p.On && l.protoDownReason(p) != 0:
		return rtnl.Errorf(syscall.EBUSY, "Cannot clear protodown, active reasons")
	}
	return nil
}

// protoDownReason is dev_change_proto_down_reason.
func (l *Link) protoDownReason(p *ProtoDown) uint32 {
	switch {
	case p.Reason == nil:
		return l.ProtoDownReason
	case p.Mask == 0:
		return *p.Reason
	}
	return l.ProtoDownReason&^p.Mask | *p.Reason&p.Mask
}

// setProtoDown is do_set_proto_down: what is held back has no carrier.
func (t *Table) setProtoDown(l *Link, c *Change) (bool, error) {
	p := c.ProtoDown
	if p == nil {
		return false, nil
	}
	l.ProtoDownReason = l.protoDownReason(p)
	if p.On == nil {
		return true, nil
	}
	if err := t.carrier(l, !*p.On); err != nil {
		return true, err
	}
	l.ProtoDown = *p.On
	return true, nil
}
