// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"skua/dataplane/dpif"
)

// TwinHost is a network namespace of the host with twins: dpif.TwinHost over the host's kernel.
//
// A twin has IFF_NOARP: the host neither asks for neighbours nor checks addresses, and each of its IP
// packets comes with the twin's own address in the place of the neighbour's, which is how the data
// plane knows it from a frame that a program made itself.
type TwinHost struct {
	net   uint32
	gen   uint32
	other bool            // the namespace is not our own
	own   *netlink.Handle // of our own
	nl    *netlink.Handle // of the namespace; while something is done in another one only
	sock  int             // for questions about interfaces of our own
	twins map[uint32]*hostTwin
	home  *hostTwin

	noVRF bool // the kernel makes none

	src4, src6 netip.Addr          // of the default routes
	sources    map[netip.Addr]bool // that have a rule

	ways    map[netip.Prefix]dpif.TwinWay
	restate bool // addresses have changed since
}

// hostTwin is a TAP, or a VRF of the host's, and what was set on it.
type hostTwin struct {
	fd    int // keeps the TAP; C has another; -1: it is a VRF
	index uint32
	is    dpif.Twin
	want  dpif.Twin              // what it was to be last
	near  map[dpif.TwinNear]bool // of a TAP that stands for a VRF: its routes
}

var _ dpif.TwinHost = (*TwinHost)(nil)

// NewTwinHost prepares the twins of a net in a network namespace of the host (nil: our own), with the
// interface that stands for the net itself; gen is the net's TwinGen. Nothing of it keeps the
// namespace alive.
func (d *Dataplane) NewTwinHost(net, gen uint32, ns *os.File) (*TwinHost, error) {
	h := &TwinHost{
		net: net, gen: gen, other: ns != nil, sock: -1, twins: map[uint32]*hostTwin{}, sources: map[netip.Addr]bool{},
		ways: map[netip.Prefix]dpif.TwinWay{},
	}
	var err error
	if h.own, err = netlink.NewHandle(unix.NETLINK_ROUTE); err == nil {
		h.sock, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	}
	if err == nil && ns != nil {
		err = h.inside(ns, func() error { return h.addHome(ns) })
	} else if err == nil {
		h.nl = h.own
		err = h.addHome(nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("host twins: %w", err), h.Close())
	}
	return h, nil
}

// inside runs f on a thread in a namespace, with a handle there.
func (h *TwinHost) inside(ns *os.File, f func() error) error {
	n := &netns{name: "of a net", file: ns}
	return n.do(func() error {
		nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer nl.Close()
		h.nl = nl
		defer func() { h.nl = nil }()
		return f()
	})
}

// do runs f in the namespace of the twins, which the interface of the net itself leads to.
func (h *TwinHost) do(f func(ns *os.File) error) error {
	if !h.other {
		return f(nil)
	}
	fd, err := unix.IoctlRetInt(h.home.fd, tunGetDevNetns)
	if err != nil {
		return fmt.Errorf("its network namespace: %w", err)
	}
	ns := os.NewFile(uintptr(fd), "netns")
	defer ns.Close()
	return h.inside(ns, func() error { return f(ns) })
}

// Free implements dpif.TwinHost. In another namespace there is nothing but twins.
func (h *TwinHost) Free(index uint32) bool {
	if h.other {
		return true
	}
	ifr, err := unix.NewIfreq("?")
	if err != nil {
		return true
	}
	ifr.SetUint32(index)
	return unix.IoctlIfreq(h.sock, unix.SIOCGIFNAME, ifr) != nil
}

// SetTwin implements dpif.TwinHost.
func (h *TwinHost) SetTwin(t dpif.Twin) error {
	h.restate = true
	err := h.do(func(ns *os.File) error {
		tw := h.twins[t.Index]
		if tw == nil {
			var err error
			if tw, err = h.add(ns, t); err != nil {
				return err
			}
			h.twins[t.Index] = tw
		}
		tw.want = t
		if err := h.change(tw, t); err != nil || tw.fd >= 0 || t.VRF == nil {
			return err
		}
		return h.collect(tw)
	})
	if err != nil {
		return fmt.Errorf("twin of %s: %w", t.Name, err)
	}
	return nil
}

// add makes the VRF, or the TAP, which is down and without a carrier.
func (h *TwinHost) add(ns *os.File, t dpif.Twin) (*hostTwin, error) {
	if t.VRF != nil && !h.noVRF {
		tw, err := h.addVRF(t)
		if !errors.Is(err, unix.EOPNOTSUPP) {
			return tw, err
		}
		h.noVRF = true
	}
	fd, err := h.tap(ns, t.Name, t.Index)
	if err != nil {
		return nil, err
	}
	return h.adopt(fd, t.Index, t)
}

// tap makes a TAP in the namespace ns, nil: our own. In another one it is made here and moved there,
// because the file of a TAP keeps the namespace that it was opened in.
func (h *TwinHost) tap(ns *os.File, name string, index uint32) (int, error) {
	if ns == nil {
		return tapFD(name, index)
	}
	var fd int
	tmp := fmt.Sprintf("skua%d.%d", h.net, index)
	err := hereInstead(func() (err error) {
		fd, err = tapFD(tmp, 0)
		return err
	})
	if err != nil {
		return -1, err
	}
	l, err := h.own.LinkByName(tmp)
	if err == nil {
		err = moveLink(l.Attrs().Index, ns, name, index)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// adopt prepares a fresh TAP and hands it to the data plane as the twin of link index.
func (h *TwinHost) adopt(fd int, index uint32, t dpif.Twin) (*hostTwin, error) {
	tw := &hostTwin{fd: fd, index: t.Index, is: dpif.Twin{Index: t.Index, Name: t.Name}}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = setTapCarrier(fd, false)
	}
	if err == nil {
		err = tame(t.Name)
	}
	l := tw.link()
	if err == nil {
		err = h.nl.LinkSetARPOff(l)
	}
	if err == nil && t.HardAddr != ([6]byte{}) {
		err = h.nl.LinkSetHardwareAddr(l, t.HardAddr[:])
	}
	if err == nil {
		tw.is.HardAddr = t.HardAddr
		err = setTwin(h.net, h.gen, index, dup, t.HardAddr)
		dup = -1
	}
	if err != nil {
		unix.Close(dup)
		unix.Close(fd)
		return nil, err
	}
	return tw, nil
}

func (tw *hostTwin) link() netlink.Link {
	return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: int(tw.index), Name: tw.is.Name}}
}

// tame switches off what the host's kernel would do by itself on an interface: Skua does it, or it
// must not be done twice. The calling thread is in the interface's namespace.
func tame(name string) error {
	rpFilter := "0"
	if b, err := os.ReadFile("/proc/sys/net/ipv4/conf/all/rp_filter"); err == nil && len(b) > 0 && b[0] != '0' {
		rpFilter = "2" // the larger of the two acts
	}
	for _, s := range [][2]string{
		{"ipv4/conf/%/rp_filter", rpFilter},
		{"ipv4/conf/%/accept_local", "1"},        // errors about what was sent come from ourselves
		{"ipv4/conf/%/promote_secondaries", "1"}, // which of them go, Skua says
		{"ipv4/conf/%/forwarding", "0"},
		{"ipv4/conf/%/accept_redirects", "0"},
		{"ipv4/conf/%/send_redirects", "0"},
		{"ipv6/conf/%/disable_ipv6", "0"},
		{"ipv6/conf/%/accept_ra", "0"},
		{"ipv6/conf/%/accept_redirects", "0"},
		{"ipv6/conf/%/addr_gen_mode", "1"}, // none: the link-local address is Skua's
		{"ipv6/conf/%/dad_transmits", "0"},
		{"ipv6/conf/%/forwarding", "0"},
		{"ipv6/conf/%/keep_addr_on_down", "1"},
	} {
		dir, file := filepath.Split(s[0])
		path := filepath.Join("/proc/sys/net", filepath.Dir(filepath.Clean(dir)), name, file)
		if err := os.WriteFile(path, []byte(s[1]), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// DelTwin implements dpif.TwinHost.
func (h *TwinHost) DelTwin(index uint32) error {
	tw := h.twins[index]
	if tw == nil {
		return nil
	}
	delete(h.twins, index)
	if tw.fd < 0 {
		return h.do(func(*os.File) error { return h.removeVRF(tw) })
	}
	return h.remove(tw, index)
}

func (h *TwinHost) remove(tw *hostTwin, index uint32) error {
	err := delTwin(h.net, h.gen, index)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		err = nil // it went with its link, or its net
	}
	return errors.Join(err, unix.Close(tw.fd))
}

// Close implements dpif.TwinHost.
func (h *TwinHost) Close() error {
	var errs []error
	for index := range h.twins {
		errs = append(errs, h.DelTwin(index))
	}
	if h.home != nil {
		errs = append(errs, h.delHome())
	}
	if h.own != nil {
		h.own.Close()
	}
	if h.sock >= 0 {
		unix.Close(h.sock)
	}
	return errors.Join(errs...)
}
