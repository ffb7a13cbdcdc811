// SPDX-License-Identifier: BSD-3-Clause

package link

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// VETHConfig is Config.Data of the kind "veth": what VETH_INFO_PEER says of the peer.
type VETHConfig struct {
	Peer   Config // Name, Index, queues
	Change Change
	In     *Table // of the net that the peer is made in; nil: that of the request
}

// VETH is Link.Data of a veth.
type VETH struct {
	Peer *Link // nil: not tied yet, or no more
}

// vethOps is the kind "veth" (drivers/net/veth.c): what one of the pair sends the other receives.
var vethOps = Ops{
	Kind: "veth", Type: dpif.LinkVETH,
	Setup: func(c *Config) {
		c.MinMTU, c.MaxMTU, c.TSOMaxSize = MinMTU4, 65535, 524280
		c.peer, _ = c.Data.(*VETHConfig)
	},
	Validate: func(_ *Config, ch *Change) error { return validVETH(ch) },
	New:      newVETH,
	// veth_get_num_queues
	NumQueues: func() uint32 { return uint32(runtime.NumCPU()) },
	Delete:    deleteVETH,
	Open:      openVETH,
	Stop:      stopVETH,
	Far:       vethPeer,
	DP: func(l *Link, d *dpif.Link) {
		if p := vethPeer(l); p != nil {
			d.PeerNet, d.PeerIfindex = p.t.net.ID, p.Index
		}
	},
}

func vethPeer(l *Link) *Link {
	if v, ok := l.Data.(*VETH); ok {
		return v.Peer
	}
	return nil
}

// validVETH is veth_validate.
func validVETH(ch *Change) error {
	if err := validEtherAddr(ch.HardAddr); err != nil {
		return err
	}
	if ch.MTU != nil && (*ch.MTU < MinMTU4 || *ch.MTU > 65535) {
		return syscall.EINVAL
	}
	return nil
}

// newVETH is veth_newlink: the peer first.
func newVETH(t *Table, c Config, ch *Change) (*Link, error) {
	peer, err := t.newPeer(&c, ch)
	if err != nil {
		return nil, err
	}
	l, err := t.registerVETH(c, ch)
	if err != nil {
		if rerr := peer.t.Remove(peer); rerr != nil {
			t.net.Log.Error("a peer that nobody has stays", "link", peer.Name, "err", rerr)
		}
		return nil, err
	}
	l.Data.(*VETH).Peer, peer.Data.(*VETH).Peer = peer, l
	for _, x := range []*Link{l, peer} {
		if err := x.t.publish(x, func() {}); err != nil {
			if rerr := deleteVETH(t, l); rerr != nil {
				t.net.Log.Error("a pair that is not tied stays", "link", l.Name, "err", rerr)
			}
			return nil, err
		}
	}
	return l, nil
}

// newPeer makes the peer as the request wants it; a request that says nothing of it is for both.
func (t *Table) newPeer(c *Config, ch *Change) (*Link, error) {
	pc, pch, in := Config{}, *ch, t
	pch.Flags, pch.FlagsMask, pch.HardAddr, pch.Master = 0, 0, nil, nil
	if c.LowerIn != nil {
		in = c.LowerIn
	}
	if cfg := c.peer; cfg != nil {
		pc, pch = cfg.Peer, cfg.Change
		if c.Index == 0 {
			pc.Index = 0
		}
		if cfg.In != nil {
			in = cfg.In
		}
	} else {
		pc.NumTxQueues, pc.NumRxQueues = c.NumTxQueues, c.NumRxQueues
	}
	if err := validVETH(&pch); err != nil {
		return nil, err
	}
	pc.Kind = c.Kind
	if err := in.prepare(c.ops, &pc, &pch); err != nil {
		return nil, err
	}
	peer, err := in.registerVETH(pc, &pch)
	if err != nil {
		return nil, err
	}
	if err := in.configure(peer, &pch); err != nil {
		return nil, in.undoCreate(peer, err)
	}
	return peer, nil
}

// registerVETH registers one of a pair, without a carrier.
func (t *Table) registerVETH(c Config, ch *Change) (*Link, error) {
	if c.HardAddr.IsZero() {
		c.HardAddr = t.randomAddr()
	}
	l, err := t.register(c, func(l *Link) error {
		l.Data = &VETH{}
		l.apply(ch)
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.carrierOf(l, false)
	return l, nil
}

// deleteVETH is veth_dellink: both go.
func deleteVETH(_ *Table, l *Link) error {
	pair := []*Link{l}
	if p := vethPeer(l); p != nil {
		pair = append(pair, p)
		p.Data.(*VETH).Peer = nil
	}
	l.Data.(*VETH).Peer = nil
	return removeAll(pair)
}

// openVETH is veth_open: the pair has a carrier when both are up.
func openVETH(t *Table, l *Link) error {
	p := vethPeer(l)
	if p == nil {
		return syscall.ENOTCONN
	}
	if p.devFlags&unix.IFF_UP != 0 {
		t.carrierOf(l, true)
		t.carrierOf(p, true)
	}
	return nil
}

// stopVETH is veth_close.
func stopVETH(t *Table, l *Link) {
	t.carrierOf(l, false)
	if p := vethPeer(l); p != nil {
		t.carrierOf(p, false)
	}
}
