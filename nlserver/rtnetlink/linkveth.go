// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// vethInfoPeer is VETH_INFO_PEER.
const vethInfoPeer = 1

// vethPolicy is veth_policy.
var vethPolicy = nlmsg.Policy{Attrs: []nlmsg.Rule{
	vethInfoPeer: {Len: unix.SizeofIfInfomsg},
}}

var vethKind = linkKind{policy: &vethPolicy, parse: parseVETH}

// parseVETH reads what a request says of the peer: a header and attributes as of a link.
func parseVETH(f *family, req *nlserver.Request, data *nlmsg.Attrs) (any, error) {
	peer := data.Get(vethInfoPeer)
	if !peer.Present() {
		return nil, nil
	}
	var tb nlmsg.Attrs
	const hdr = unix.SizeofIfInfomsg
	off := peer.Off + nlmsg.AttrHdrLen + hdr
	if err := tb.Parse(peer.Data[hdr:], off, &linkPolicy, nlmsg.Liberal, req.Ext); err != nil {
		return nil, err
	}
	ifm := parseIfinfo(peer.Data)
	if ifm.index < 0 {
		return nil, req.Ext.FailAttr(unix.EINVAL, peer, "ifindex can't be negative")
	}
	if err := uniqueNetns(req, &tb, false); err != nil {
		return nil, err
	}
	in, err := f.linkNet(req, &tb)
	if err != nil {
		return nil, err
	}
	c, err := f.linkChange(req, ifm, &tb)
	if err != nil {
		return nil, err
	}
	return &link.VETHConfig{
		Peer: link.Config{
			Name: tb.String(unix.IFLA_IFNAME), Index: uint32(ifm.index),
			NumTxQueues: tb.U32(unix.IFLA_NUM_TX_QUEUES), NumRxQueues: tb.U32(unix.IFLA_NUM_RX_QUEUES),
		},
		Change: c, In: in.Links,
	}, nil
}
