// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

const (
	sizeofBrPortMsg = 8 // struct br_port_msg
	sizeofBrVLANMsg = 8 // struct br_vlan_msg

	bridgeFlags = 0 // IFLA_BRIDGE_FLAGS
	bridgeMode  = 1 // IFLA_BRIDGE_MODE
)

// bridgeRows are what a kernel answers about bridges that has none: lists are empty, and no link is
// a bridge or a port of one.
func (f *family) bridgeRows() []Row {
	return []Row{
		{unix.AF_BRIDGE, unix.RTM_GETLINK, nlserver.Handler{Dumpit: func(*nlserver.Dump) error { return nil }}},
		{unix.AF_BRIDGE, unix.RTM_SETLINK, nlserver.Handler{Doit: f.setBridgePort}},
		{unix.AF_BRIDGE, unix.RTM_DELLINK, nlserver.Handler{Doit: f.setBridgePort}},
		{unix.AF_BRIDGE, unix.RTM_GETMDB, nlserver.Handler{Dumpit: dumpMDB}},
		{unix.AF_BRIDGE, unix.RTM_NEWMDB, nlserver.Handler{Doit: f.changeMDB}},
		{unix.AF_BRIDGE, unix.RTM_DELMDB, nlserver.Handler{Doit: f.changeMDB}},
		{unix.AF_BRIDGE, unix.RTM_GETVLAN, nlserver.Handler{Dumpit: f.dumpPortVLANs}},
		{unix.AF_BRIDGE, unix.RTM_NEWVLAN, nlserver.Handler{Doit: f.changePortVLANs}},
		{unix.AF_BRIDGE, unix.RTM_DELVLAN, nlserver.Handler{Doit: f.changePortVLANs}},
	}
}

// setBridgePort is rtnl_bridge_setlink and rtnl_bridge_dellink.
func (f *family) setBridgePort(req *nlserver.Request) error {
	body := req.Payload()
	if len(body) < unix.SizeofIfInfomsg {
		return unix.EINVAL
	}
	if f.Links.ByIndex(native.Uint32(body[4:])) == nil {
		return req.Ext.Fail(unix.ENODEV, "unknown ifindex")
	}
	err := nlmsg.Each(body[unix.SizeofIfInfomsg:], 0, func(a nlmsg.Attr) error {
		if a.Type() != unix.IFLA_AF_SPEC {
			return nil
		}
		return a.Each(func(a nlmsg.Attr) error {
			if (a.Type() == bridgeFlags || a.Type() == bridgeMode) && a.Len() < 2 {
				return unix.EINVAL
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return unix.EOPNOTSUPP
}

// dumpMDB is br_mdb_dump.
func dumpMDB(d *nlserver.Dump) error {
	body := d.Payload()
	switch {
	case !d.Strict():
	case len(body) < sizeofBrPortMsg:
		return d.Ext.Fail(unix.EINVAL, "bridge: Invalid header for mdb dump request")
	case native.Uint32(body[4:]) != 0:
		return d.Ext.Fail(unix.EINVAL, "bridge: Filtering by device index is not supported for mdb dump request")
	case len(body) > sizeofBrPortMsg:
		return d.Ext.Fail(unix.EINVAL, "Invalid data after header in mdb dump request")
	}
	return nil
}

// changeMDB is br_mdb_parse, for br_mdb_add and br_mdb_del.
func (f *family) changeMDB(req *nlserver.Request) error {
	body := req.Payload()
	switch {
	case len(body) < sizeofBrPortMsg:
		return unix.EINVAL
	case native.Uint32(body[4:]) == 0:
		return req.Ext.Fail(unix.EINVAL, "bridge: Invalid bridge ifindex")
	case f.Links.ByIndex(native.Uint32(body[4:])) == nil:
		return req.Ext.Fail(unix.ENODEV, "bridge: Bridge device doesn't exist")
	}
	return req.Ext.Fail(unix.EOPNOTSUPP, "bridge: Device is not a bridge")
}

// portVLANs reads the header of a message about the VLANs of ports: the link that it names.
func (f *family) portVLANs(req *nlserver.Request, highest uint16) (index uint32, err error) {
	var tb nlmsg.Attrs
	policy := nlmsg.Policy{Attrs: make([]nlmsg.Rule, highest+1)}
	for i := range policy.Attrs {
		policy.Attrs[i].Kind = nlmsg.Binary
	}
	if err := req.Parse(sizeofBrVLANMsg, &tb, &policy, nlmsg.DeprecatedStrict); err != nil {
		return 0, err
	}
	return native.Uint32(req.Payload()[4:]), nil
}

// dumpPortVLANs is br_vlan_rtm_dump.
func (f *family) dumpPortVLANs(d *nlserver.Dump) error {
	index, err := f.portVLANs(d.Request, 1) // BRIDGE_VLANDB_DUMP_FLAGS
	switch {
	case err != nil:
		return err
	case index == 0:
		return nil
	case f.Links.ByIndex(index) == nil:
		return unix.ENODEV
	}
	return unix.EINVAL
}

// changePortVLANs is br_vlan_rtm_process.
func (f *family) changePortVLANs(req *nlserver.Request) error {
	index, err := f.portVLANs(req, 2) // BRIDGE_VLANDB_GLOBAL_OPTIONS
	switch {
	case err != nil:
		return err
	case f.Links.ByIndex(index) == nil:
		return unix.ENODEV
	}
	return req.Ext.Fail(unix.EINVAL, "bridge: The device is not a valid bridge or bridge port")
}
