// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"skua/controlplane/link"
	"skua/controlplane/rtnl"
	"skua/nlserver"
	"skua/nlserver/nlmsg"
)

// Nets are the families of all instances of the stack: how a request reaches into another network
// namespace than that of its socket.
type Nets struct {
	// Open gives the instance of a network namespace of the host; when there is none it makes one, or
	// gives nil when it may not. Under RTNL. Its error is what the request gets. A nil Open: there is
	// but one instance.
	Open func(ns *os.File, make bool) (*rtnl.Net, error)

	mu       sync.Mutex
	families map[*rtnl.Net]*family
}

func (n *Nets) add(f *family) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.families == nil {
		n.families = map[*rtnl.Net]*family{}
	}
	n.families[f.Net] = f
}

// Remove forgets the family of a net that ends.
func (n *Nets) Remove(net *rtnl.Net) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.families, net)
}

// of is the family of a net; nil: it has none.
func (n *Nets) of(net *rtnl.Net) *family {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.families[net]
}

// open is the net of the namespace that file is, which it closes.
func (n *Nets) open(file *os.File, create bool) (*rtnl.Net, error) {
	defer file.Close()
	if n.Open == nil {
		return nil, unix.EOPNOTSUPP
	}
	return n.Open(file, create)
}

// netByID is get_net_ns_by_id; nil: there is none.
func (f *family) netByID(id int32) *family {
	if net := f.Net.ByNSID(id); net != nil {
		return f.Nets.of(net)
	}
	return nil
}

// linkNet is the net that a request names by IFLA_NET_NS_PID, IFLA_NET_NS_FD or
// IFLA_TARGET_NETNSID; f itself when by none (rtnl_link_get_net_by_nlattr).
func (f *family) linkNet(req *nlserver.Request, tb *nlmsg.Attrs) (*family, error) {
	var file *os.File
	var err error
	switch {
	case tb.Has(unix.IFLA_NET_NS_PID):
		file, err = nlserver.OpenPID(tb.U32(unix.IFLA_NET_NS_PID))
	case tb.Has(unix.IFLA_NET_NS_FD):
		file, err = req.Peer().OpenFD(tb.U32(unix.IFLA_NET_NS_FD))
	default:
		return f.targetNet(tb, unix.IFLA_TARGET_NETNSID)
	}
	if err != nil {
		return nil, err
	}
	net, err := f.Nets.open(file, true)
	if err != nil {
		return nil, err
	}
	if to := f.Nets.of(net); to != nil {
		return to, nil
	}
	return nil, unix.EINVAL
}

// targetNet is the net of an attribute *_TARGET_NETNSID; f itself when there is none
// (rtnl_get_net_ns_capable).
func (f *family) targetNet(tb *nlmsg.Attrs, typ uint16) (*family, error) {
	if !tb.Has(typ) {
		return f, nil
	}
	if to := f.netByID(int32(tb.U32(typ))); to != nil {
		return to, nil
	}
	return nil, unix.EINVAL
}

// uniqueNetns is rtnl_ensure_unique_netns: at most one attribute names a net, and only
// IFLA_TARGET_NETNSID where a link is only looked for.
func uniqueNetns(req *nlserver.Request, tb *nlmsg.Attrs, idOnly bool) error {
	pid, fd := tb.Has(unix.IFLA_NET_NS_PID), tb.Has(unix.IFLA_NET_NS_FD)
	if idOnly {
		if pid || fd {
			return req.Ext.Fail(unix.EOPNOTSUPP, "specified netns attribute not supported")
		}
		return nil
	}
	if pid && fd || (pid || fd) && tb.Has(unix.IFLA_TARGET_NETNSID) {
		return req.Ext.Fail(unix.EINVAL, "multiple netns identifying attributes specified")
	}
	return nil
}

// moveLink takes a link to the net that a request names, and gives that; f itself when the link is
// there already (the first part of do_setlink).
func (f *family) moveLink(req *nlserver.Request, l *link.Link, tb *nlmsg.Attrs) (*family, error) {
	to, err := f.linkNet(req, tb)
	if err != nil || to == f {
		return f, err
	}
	return to, f.Links.Move(l, to.Links, tb.String(unix.IFLA_IFNAME), tb.U32(unix.IFLA_NEW_IFINDEX))
}

// newLinkNets are the net that a new link is made in, and that which it then moves to
// (rtnl_newlink_create).
func (f *family) newLinkNets(r *newLinkRequest) (in, to *family, err error) {
	if to, err = f.linkNet(r.Request, &r.tb); err != nil {
		return nil, nil, err
	}
	if !r.tb.Has(unix.IFLA_LINK_NETNSID) {
		return to, to, nil
	}
	if in = f.netByID(int32(r.tb.U32(unix.IFLA_LINK_NETNSID))); in == nil {
		return nil, nil, r.Ext.Fail(unix.EINVAL, "Unknown network namespace id")
	}
	return in, to, nil
}
