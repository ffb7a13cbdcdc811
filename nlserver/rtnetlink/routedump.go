// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/route"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// routeDump is the state of a dump: one cursor after the other for its families.
type routeDump struct {
	cursor  route.Cursor
	family  int // index into the families
	filter  route.Filter
	cloned  bool // only cached routes are wanted, of which there are none
	flags   uint16
	allowed bool // the request has been checked
}

// dump makes the Dumpit for some families (inet_dump_fib, inet6_dump_fib, rtnl_dump_all).
func (r *routes) dump(families ...uint8) func(d *nlserver.Dump) error {
	return func(d *nlserver.Dump) error {
		s, _ := d.State.(*routeDump)
		if s == nil {
			s = &routeDump{}
			d.State = s
			if err := r.dumpRequest(d, s); err != nil {
				return err
			}
		}
		for ; s.family < len(families); s.family++ {
			if err := r.dumpFamily(d, s, families[s.family]); err != nil {
				return err
			}
			s.cursor = route.Cursor{}
		}
		return nil
	}
}

// dumpRequest is ip_valid_fib_dump_req.
func (r *routes) dumpRequest(d *nlserver.Dump, s *routeDump) error {
	ext, b := d.Ext, d.Payload()
	if !d.Strict() {
		if len(b) >= unix.SizeofRtMsg {
			s.filter.PrefixRT = parseRtmsg(b).flags&unix.RTM_F_PREFIX != 0
		}
		return nil
	}
	if len(b) < unix.SizeofRtMsg {
		return ext.Fail(unix.EINVAL, "Invalid header for FIB dump request")
	}
	m := parseRtmsg(b)
	if m.dstLen != 0 || m.srcLen != 0 || m.tos != 0 || m.scope != 0 {
		return ext.Fail(unix.EINVAL, "Invalid values in header for FIB dump request")
	}
	if m.flags&^(unix.RTM_F_CLONED|unix.RTM_F_PREFIX) != 0 {
		return ext.Fail(unix.EINVAL, "Invalid flags for FIB dump request")
	}
	s.cloned = m.flags&unix.RTM_F_CLONED != 0
	s.filter = route.Filter{
		Table: uint32(m.table), Type: m.typ_, Protocol: m.protocol,
		PrefixRT: m.flags&unix.RTM_F_PREFIX != 0,
	}
	tb := &r.tb
	if err := d.Parse(unix.SizeofRtMsg, tb, &route4Policy, nlmsg.DeprecatedStrict); err != nil {
		return err
	}
	for i := 1; i < tb.Len(); i++ {
		switch typ := uint16(i); {
		case !tb.Has(typ):
		case typ == unix.RTA_TABLE:
			s.filter.Table = tb.U32(typ)
		case typ == unix.RTA_OIF:
			if s.filter.Link = r.Links.ByIndex(tb.U32(typ)); s.filter.Link == nil {
				return unix.ENODEV
			}
		default:
			return ext.Fail(unix.EINVAL, "Unsupported attribute in dump request")
		}
	}
	s.flags = unix.NLM_F_DUMP_FILTERED // at least cached routes are left out
	if s.filter != (route.Filter{}) || s.cloned {
		d.AnswerFlags = unix.NLM_F_DUMP_FILTERED
	}
	return nil
}

func (r *routes) dumpFamily(d *nlserver.Dump, s *routeDump, family uint8) error {
	if family == unix.AF_INET && s.filter.PrefixRT {
		return nil // IPv4 has no such flag
	}
	if id := s.filter.Table; id != 0 && !r.Routes.Exists(family, id) {
		if d.Payload()[0] != family {
			return nil
		}
		name := "ipv4"
		if family == unix.AF_INET6 {
			name = "ipv6"
		}
		return d.Ext.Fail(unix.ENOENT, name+": FIB table does not exist")
	}
	if s.cloned {
		return nil
	}
	all := r.Routes.Dump(family, &s.filter, &s.cursor, func(rt *route.Route) bool {
		e := d.Begin(unix.RTM_NEWROUTE)
		e.SetFlags(s.flags)
		fillRoute(e, rt)
		return e.End()
	})
	if !all {
		return nlmsg.ErrFull
	}
	return nil
}
