// SPDX-License-Identifier: BSD-3-Clause

package genetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/ethtool"
	"skua/nlserver/nlmsg"
)

var linkinfoGet = getter{
	cmd: unix.ETHTOOL_MSG_LINKINFO_GET, reply: unix.ETHTOOL_MSG_LINKINFO_GET_REPLY,
	header: headerAttr, policy: headerOnly(&headerPolicy), fill: fillLinkinfo,
}

// linkinfoSetPolicy is ethnl_linkinfo_set_policy.
var linkinfoSetPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	headerAttr:                           {Kind: nlmsg.NestedAttrs, Nested: &headerPolicy},
	unix.ETHTOOL_A_LINKINFO_PORT:         {Kind: nlmsg.U8},
	unix.ETHTOOL_A_LINKINFO_PHYADDR:      {Kind: nlmsg.U8},
	unix.ETHTOOL_A_LINKINFO_TP_MDIX_CTRL: {Kind: nlmsg.U8},
}}

// settings asks the driver; with a text for who asked by a GET or a SET.
func (q *query) settings() (ethtool.LinkSettings, error) {
	s, err := q.dev.Settings()
	if err != nil && q.doit {
		q.ext.Warn("failed to retrieve link settings")
	}
	return s, err
}

func fillLinkinfo(q *query, e *nlmsg.Encoder) error {
	s, err := q.settings()
	if err != nil {
		return err
	}
	e.U8(unix.ETHTOOL_A_LINKINFO_PORT, s.Port)
	e.U8(unix.ETHTOOL_A_LINKINFO_PHYADDR, s.PhyAddress)
	e.U8(unix.ETHTOOL_A_LINKINFO_TP_MDIX, s.Mdix)
	e.U8(unix.ETHTOOL_A_LINKINFO_TP_MDIX_CTRL, s.MdixCtrl)
	e.U8(unix.ETHTOOL_A_LINKINFO_TRANSCEIVER, s.Transceiver)
	return nil
}

// setLinkinfo is ethnl_set_linkinfo.
func (r *registry) setLinkinfo(c *call, q *query) error {
	d := q.dev
	if d.LinkSettings == nil || d.SetLinkSettings == nil {
		return unix.EOPNOTSUPP
	}
	s, err := q.settings()
	if err != nil {
		return err
	}
	changed := false
	updateU8(&s.Port, c.attrs.Get(unix.ETHTOOL_A_LINKINFO_PORT), &changed)
	updateU8(&s.PhyAddress, c.attrs.Get(unix.ETHTOOL_A_LINKINFO_PHYADDR), &changed)
	updateU8(&s.MdixCtrl, c.attrs.Get(unix.ETHTOOL_A_LINKINFO_TP_MDIX_CTRL), &changed)
	if !changed {
		return nil
	}
	if err := d.SetLinkSettings(d, &s); err != nil {
		c.Ext.Warn("link settings update failed")
		return err
	}
	d.Notify(unix.ETHTOOL_MSG_LINKINFO_NTF)
	return nil
}
