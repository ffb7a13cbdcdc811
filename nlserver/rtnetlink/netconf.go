// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// zero is the Origin of what nobody asked for.
var zero rtnl.Origin

const sizeofNetconfMsg = 1

// Groups of x/sys under other names.
const (
	rtnlgrpIPv6Netconf = 25
)

// netconfPolicy is devconf_ipv4_policy and devconf_ipv6_policy.
var netconfPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	link.NetconfIfindex:         {Len: 4},
	link.NetconfForwarding:      {Len: 4},
	link.NetconfRPFilter:        {Len: 4},
	link.NetconfProxyNeigh:      {Len: 4},
	link.NetconfIgnoreLinkdown:  {Len: 4},
	link.NetconfForceForwarding: {Len: 4},
}}

// netconfRows are the messages about the settings of links (RTM_GETNETCONF).
func (f *family) netconfRows() []Row {
	h := nlserver.Handler{Doit: f.getNetconf, Dumpit: f.dumpNetconf}
	return []Row{
		{unix.AF_INET, unix.RTM_GETNETCONF, h},
		{unix.AF_INET6, unix.RTM_GETNETCONF, h},
	}
}

func netconfText(family uint8, text string) string {
	if family == unix.AF_INET {
		return "ipv4: " + text
	}
	return "ipv6: " + text
}

// getNetconf is inet_netconf_get_devconf and inet6_netconf_get_devconf.
func (f *family) getNetconf(req *nlserver.Request) error {
	family := req.Payload()[0]
	how := nlmsg.Liberal
	if req.Strict() {
		how = nlmsg.DeprecatedStrict
	}
	var tb nlmsg.Attrs
	if err := req.Parse(sizeofNetconfMsg, &tb, &netconfPolicy, how); err != nil {
		return err
	}
	if req.Strict() {
		err := onlyAttrs(req, &tb, netconfText(family, "Unsupported attribute in netconf get request"), link.NetconfIfindex)
		if err != nil {
			return err
		}
	}
	if !tb.Has(link.NetconfIfindex) {
		return unix.EINVAL
	}
	index := int32(tb.U32(link.NetconfIfindex))
	if !f.hasNetconf(family, index) {
		return unix.ENODEV
	}
	f.fillNetconf(req.Reply(unix.RTM_NEWNETCONF, 0), family, index, link.NetconfAll)
	req.Send()
	return nil
}

func (f *family) hasNetconf(family uint8, index int32) bool {
	if family == unix.AF_INET {
		return f.Links.Conf4Of(index) != nil
	}
	return f.Links.Conf6Of(index) != nil
}

// dumpNetconf is inet_netconf_dump_devconf: the links, then "all", then "default".
func (f *family) dumpNetconf(d *nlserver.Dump) error {
	family := d.Payload()[0]
	if d.Strict() && d.Calls == 0 && len(d.Payload()) > nlmsg.Align(sizeofNetconfMsg) {
		return d.Ext.Fail(unix.EINVAL, netconfText(family, "Invalid data after header in netconf dump request"))
	}
	d.Gen = f.Links.Gen()
	var indexes []int32
	for _, l := range f.Links.All() {
		indexes = append(indexes, int32(l.Index))
	}
	const all, def = 1 << 20, 1<<20 + 1 // behind every index
	put := func(key uint64, index int32) error {
		if key < d.Args[0] || !f.hasNetconf(family, index) {
			return nil
		}
		d.Args[0] = key
		e := d.Begin(unix.RTM_NEWNETCONF)
		f.fillNetconf(e, family, index, link.NetconfAll)
		if !e.End() {
			return nlmsg.ErrFull
		}
		d.Args[0]++
		return nil
	}
	for _, i := range indexes {
		if err := put(uint64(i), i); err != nil {
			return err
		}
	}
	if err := put(all, link.NetconfIfindexAll); err != nil {
		return err
	}
	return put(def, link.NetconfIfindexDefault)
}

// fillNetconf is inet_netconf_fill_devconf and inet6_netconf_fill_devconf.
func (f *family) fillNetconf(e *nlmsg.Encoder, family uint8, index int32, what int) {
	e.Raw(sizeofNetconfMsg)[0] = family
	e.U32(link.NetconfIfindex, uint32(index))
	put := func(attr int, v int32) {
		if what == link.NetconfAll || what == attr {
			e.U32(uint16(attr), uint32(v))
		}
	}
	if family == unix.AF_INET {
		c := f.Links.Conf4Of(index)
		if c == nil {
			return
		}
		put(link.NetconfForwarding, c.Forwarding)
		put(link.NetconfRPFilter, c.RPFilter)
		put(link.NetconfMcForwarding, c.McForwarding)
		put(link.NetconfBcForwarding, c.BcForwarding)
		put(link.NetconfProxyNeigh, c.ProxyARP)
		put(link.NetconfIgnoreLinkdown, c.IgnoreRoutesWithLinkdown)
		return
	}
	c := f.Links.Conf6Of(index)
	if c == nil {
		return
	}
	put(link.NetconfForwarding, c.Forwarding)
	put(link.NetconfMcForwarding, c.McForwarding)
	put(link.NetconfProxyNeigh, c.ProxyNDP)
	put(link.NetconfIgnoreLinkdown, c.IgnoreRoutesWithLinkdown)
	put(link.NetconfForceForwarding, c.ForceForwarding)
}

// announceNetconf is inet_netconf_notify_devconf and inet6_netconf_notify_devconf.
func (f *family) announceNetconf(m link.ConfMsg) {
	group := uint32(unix.RTNLGRP_IPV4_NETCONF)
	if m.Family == unix.AF_INET6 {
		group = rtnlgrpIPv6Netconf
	}
	f.notify(group, zero, m.Type, 0, func(e *nlmsg.Encoder) {
		if m.Type == unix.RTM_DELNETCONF {
			e.Raw(sizeofNetconfMsg)[0] = m.Family
			e.U32(link.NetconfIfindex, uint32(m.Index))
			return
		}
		f.fillNetconf(e, m.Family, m.Index, m.What)
	})
}
