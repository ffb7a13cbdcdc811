// SPDX-License-Identifier: BSD-3-Clause

package dataplane_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// punts collects what waits for the control plane.
func (r *router) punts() []dpif.Punt {
	var all []dpif.Punt
	r.Run()
	for r.DP.PollPunts(8, func(p *dpif.Punt) {
		c := *p
		c.Data = slices.Clone(p.Data)
		all = append(all, c)
	}) > 0 {
	}
	return all
}

func arpRequest(t *testing.T, mac [6]byte, from, whois string) []byte {
	t.Helper()
	return frame(t, mac, [6]byte{255, 255, 255, 255, 255, 255}, layers.EthernetTypeARP, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
		HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
		SourceHwAddress: net.HardwareAddr(mac[:]), SourceProtAddress: netip.MustParseAddr(from).AsSlice(),
		DstHwAddress: make([]byte, 6), DstProtAddress: netip.MustParseAddr(whois).AsSlice(),
	})
}

func TestPuntARP(t *testing.T) {
	r := newRouter(t)
	ask := arpRequest(t, macH1, "192.0.2.9", "192.0.2.1")
	r.Send("p1", ask)
	punts := r.punts()
	if len(punts) != 1 {
		t.Fatalf("%d punts, want 1: %+v", len(punts), punts)
	}
	p := punts[0]
	if p.Reason != dpif.PuntARP || p.Net != r.Net || p.Iif != ifP1 || p.Protocol != 0x0806 ||
		p.PktType != unix.PACKET_BROADCAST || p.L3 != 14 || !bytes.Equal(p.Data, ask) {
		t.Errorf("punt %+v, want ARP from p1 with\n%x", p, ask)
	}
}

func TestPuntLocal(t *testing.T) {
	r := newRouter(t)
	sent := udp4(t, macH1, macP1, h1, netip.MustParseAddr("192.0.2.1"), 64)
	r.Send("p1", sent)
	r.Send("p1", udp6(t, macH1, macP1, h16, netip.MustParseAddr("2001:db8:1::1"), 64))
	punts := r.punts()
	if len(punts) != 2 {
		t.Fatalf("%d punts, want 2: %+v", len(punts), punts)
	}
	for i, want := range []struct{ l4 uint16 }{{34}, {54}} {
		p := punts[i]
		if p.Reason != dpif.PuntLocal || p.IPProto != unix.IPPROTO_UDP || p.L4 != want.l4 ||
			p.RtType != unix.RTN_LOCAL || p.Iif != ifP1 {
			t.Errorf("punt %d: %+v", i, p)
		}
	}
	if !bytes.Equal(punts[0].Data, sent) {
		t.Errorf("punted\n%x, want\n%x", punts[0].Data, sent)
	}
}

func TestWaitPunts(t *testing.T) {
	r := newRouter(t)
	ctx, cancel := context.WithCancel(context.Background())
	waited := make(chan error)
	go func() { waited <- r.DP.WaitPunts(ctx) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled wait returned %v", err)
	}

	ctx, cancel = context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() { waited <- r.DP.WaitPunts(ctx) }()
	r.Send("p1", udp4(t, macH1, macP1, h1, netip.MustParseAddr("192.0.2.1"), 64))
	r.Run()
	if err := <-waited; err != nil {
		t.Fatalf("a wait with a punt returned %v", err)
	}
	if punts := r.punts(); len(punts) != 1 {
		t.Errorf("%d punts, want 1", len(punts))
	}
}

// The packet that misses its neighbour waits for it.
func TestNeighbourMiss(t *testing.T) {
	r := newRouter(t)
	h3, mac := netip.MustParseAddr("203.0.113.77"), [6]byte{2, 0, 0, 0, 2, 3}
	r.Send("p1", udp4(t, macH1, macP1, h1, h3, 9))
	punts := r.punts()
	if len(punts) != 1 || punts[0].Reason != dpif.PuntNeighMiss || punts[0].Oif != ifP2 ||
		punts[0].Addr != h3 {
		t.Fatalf("punts %+v, want a miss of %s on p2", punts, h3)
	}
	if got := r.Recv("p2", 0); got != nil {
		t.Fatalf("p2 sent %x to nobody", got)
	}
	e := dpif.Neigh{Net: r.Net, Ifindex: ifP2, Addr: h3, NUD: unix.NUD_REACHABLE, HardAddr: mac}
	if err := r.DP.SetNeigh(e); err != nil {
		t.Fatal(err)
	}
	expect(t, r, "p2", udp4(t, macP2, mac, h1, h3, 8))
	if !r.DP.NeighUsed(e) {
		t.Error("the neighbour was not used")
	}
	if r.DP.NeighUsed(e) {
		t.Error("the neighbour is used still")
	}
}

func TestInject(t *testing.T) {
	r := newRouter(t)
	whole := udp4(t, macP1, macH1, netip.MustParseAddr("192.0.2.1"), h1, 64)
	t.Run("a frame", func(t *testing.T) {
		if err := r.DP.Inject(dpif.Inject{Net: r.Net, Oif: ifP1, Data: whole}); err != nil {
			t.Fatal(err)
		}
		expect(t, r, "p1", whole)
	})
	t.Run("a packet", func(t *testing.T) {
		if err := r.DP.Inject(dpif.Inject{Net: r.Net, Oif: ifP1, Kind: dpif.InjectIP, Addr: h1,
			Data: whole[14:]}); err != nil {
			t.Fatal(err)
		}
		expect(t, r, "p1", whole)
	})
	t.Run("as if received", func(t *testing.T) {
		if err := r.DP.Inject(dpif.Inject{Net: r.Net, Oif: ifP1, Kind: dpif.InjectRX,
			Data: udp4(t, macH1, macP1, h1, far, 2)}); err != nil {
			t.Fatal(err)
		}
		expect(t, r, "p2", udp4(t, macP2, macH2, h1, far, 1))
	})
	t.Run("to no link", func(t *testing.T) {
		if err := r.DP.Inject(dpif.Inject{Net: r.Net, Oif: 99, Data: whole}); err != syscall.ENODEV {
			t.Errorf("%v, want ENODEV", err)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		if err := r.DP.Inject(dpif.Inject{Net: r.Net, Oif: ifP1}); err != syscall.EINVAL {
			t.Errorf("%v, want EINVAL", err)
		}
	})
}
