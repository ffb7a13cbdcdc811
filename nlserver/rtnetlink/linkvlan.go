// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// vlanPolicy is vlan_policy, vlanMapPolicy vlan_map_policy.
var (
	vlanPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		unix.IFLA_VLAN_ID:          {Kind: nlmsg.U16},
		unix.IFLA_VLAN_FLAGS:       {Len: 8},
		unix.IFLA_VLAN_EGRESS_QOS:  {Kind: nlmsg.NestedAttrs},
		unix.IFLA_VLAN_INGRESS_QOS: {Kind: nlmsg.NestedAttrs},
		unix.IFLA_VLAN_PROTOCOL:    {Kind: nlmsg.U16},
	}}
	vlanMapPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
		unix.IFLA_VLAN_QOS_MAPPING: {Len: 8},
	}}
)

var vlanKind = linkKind{policy: &vlanPolicy, parse: parseVLAN, fill: fillVLAN}

func parseVLAN(_ *family, _ *nlserver.Request, data *nlmsg.Attrs) (any, error) {
	cfg := &link.VLANConfig{}
	if data.Has(unix.IFLA_VLAN_ID) {
		id := data.U16(unix.IFLA_VLAN_ID)
		cfg.ID = &id
	}
	if data.Has(unix.IFLA_VLAN_PROTOCOL) {
		proto := data.Get(unix.IFLA_VLAN_PROTOCOL).U16BE()
		cfg.Proto = &proto
	}
	if b := data.BytesN(unix.IFLA_VLAN_FLAGS, 8); b != nil {
		cfg.Flags, cfg.Mask = native.Uint32(b), native.Uint32(b[4:])
	}
	var err error
	if cfg.Ingress, err = vlanMap(data.Get(unix.IFLA_VLAN_INGRESS_QOS), "Invalid ingress QOS map"); err != nil {
		return nil, err
	}
	cfg.Egress, err = vlanMap(data.Get(unix.IFLA_VLAN_EGRESS_QOS), "Invalid egress QOS map")
	return cfg, err
}

// vlanMap is vlan_validate_qos_map with the loop over the map behind it.
func vlanMap(nest nlmsg.Attr, text string) (m []link.VLANMap, err error) {
	off := nest.Off + nlmsg.AttrHdrLen
	if err := nlmsg.CheckAttrs(nest.Data, off, &vlanMapPolicy, nlmsg.Liberal, nil); err != nil {
		return nil, rtnl.Errorf(rtnl.Errno(err), "8021q: %s", text)
	}
	err = nest.Each(func(a nlmsg.Attr) error {
		if a.Type() == unix.IFLA_VLAN_QOS_MAPPING {
			m = append(m, link.VLANMap{From: native.Uint32(a.Data), To: native.Uint32(a.Data[4:])})
		}
		return nil
	})
	return m, err
}

// fillVLAN is vlan_fill_info.
func fillVLAN(e *nlmsg.Encoder, l *link.Link) {
	v := l.Data.(*link.VLAN)
	binary.BigEndian.PutUint16(e.Payload(unix.IFLA_VLAN_PROTOCOL, 2), v.Proto)
	e.U16(unix.IFLA_VLAN_ID, v.ID)
	if v.Flags != 0 {
		b := e.Payload(unix.IFLA_VLAN_FLAGS, 8)
		native.PutUint32(b, v.Flags)
		native.PutUint32(b[4:], ^uint32(0))
	}
	var ingress, egress []link.VLANMap
	for pcp, prio := range v.Ingress {
		ingress = append(ingress, link.VLANMap{From: uint32(pcp), To: prio})
	}
	for _, bucket := range v.Egress {
		egress = append(egress, bucket...)
	}
	fillVLANMap(e, unix.IFLA_VLAN_INGRESS_QOS, ingress)
	fillVLANMap(e, unix.IFLA_VLAN_EGRESS_QOS, egress)
}

// fillVLANMap writes those of a map that say something; nothing when none does.
func fillVLANMap(e *nlmsg.Encoder, typ uint16, m []link.VLANMap) {
	m = slices.DeleteFunc(m, func(x link.VLANMap) bool { return x.To == 0 })
	if len(m) == 0 {
		return
	}
	nest := e.NestPlain(typ)
	for _, x := range m {
		b := e.Payload(unix.IFLA_VLAN_QOS_MAPPING, 8)
		native.PutUint32(b, x.From)
		native.PutUint32(b[4:], x.To)
	}
	e.EndNest(nest)
}
