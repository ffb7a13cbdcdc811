// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"golang.org/x/sys/unix"

	"skua/nlserver/nlmsg"
)

const (
	rtmBase  = 16  // RTM_BASE
	rtmMax   = 123 // RTM_MAX
	kindDel  = 1   // RTNL_KIND_DEL and so on: the low bits of a type
	kindGet  = 2
	kindMask = 3
)

// Table finds the Handler of an rtnetlink message by the address family in its first byte and its
// type (rtnl_msg_handlers). Rows are set before the server starts and not changed after.
type Table struct {
	rows map[uint32]*Handler
}

// NewTable has no rows.
func NewTable() *Table { return &Table{rows: map[uint32]*Handler{}} }

// Register sets the row for family (unix.AF_UNSPEC: for those that have none of their own) and
// msgtype (unix.RTM_NEWROUTE ...). It panics when the row is taken or the type is no rtnetlink
// type: these are mistakes of the program.
func (t *Table) Register(family uint8, msgtype uint16, h Handler) {
	key := rowKey(family, msgtype)
	if msgtype < rtmBase || msgtype > rtmMax || t.rows[key] != nil {
		panic("nlserver: rtnetlink row registered twice or out of range")
	}
	t.rows[key] = &h
}

func rowKey(family uint8, msgtype uint16) uint32 {
	return uint32(family)<<16 | uint32(msgtype)
}

// row is rtnl_get_link with the fallback to PF_UNSPEC; has says what the row must offer.
func (t *Table) row(family uint8, msgtype uint16, has func(*Handler) bool) *Handler {
	if h := t.rows[rowKey(family, msgtype)]; h != nil && has(h) {
		return h
	}
	if h := t.rows[rowKey(unix.AF_UNSPEC, msgtype)]; h != nil && has(h) {
		return h
	}
	return nil
}

func hasDoit(h *Handler) bool   { return h.Doit != nil }
func hasDumpit(h *Handler) bool { return h.Dumpit != nil }

// Rcv handles one rtnetlink message (rtnetlink_rcv_msg): it is a Family's Rcv.
func (t *Table) Rcv(req *Request) error {
	if req.Type > rtmMax {
		return unix.EOPNOTSUPP
	}
	if len(req.msg) < nlmsg.HdrLen+unix.SizeofRtGenmsg {
		return nil // what has no family byte is ignored
	}
	family := req.msg[nlmsg.HdrLen]
	kind := (req.Type - rtmBase) & kindMask

	if kind != kindGet && !req.Admin() {
		return unix.EPERM
	}
	if kind == kindGet && req.Flags&unix.NLM_F_DUMP != 0 {
		h := t.row(family, req.Type, hasDumpit)
		if h == nil {
			return unix.EOPNOTSUPP
		}
		return req.Dump(h)
	}
	h := t.row(family, req.Type, hasDoit)
	if h == nil {
		return unix.EOPNOTSUPP
	}
	if kind == kindDel && req.Has(nlmsg.Bulk) && !h.BulkDel {
		return req.Ext.Fail(unix.EOPNOTSUPP, "Bulk delete is not supported")
	}
	if err := req.parseDeclared(h); err != nil {
		return err
	}
	return h.Doit(req)
}
