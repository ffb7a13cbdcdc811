// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// hostLink is an interface of the host's kernel that stands behind a port: the far end of a TAP,
// or what AF_PACKET and AF_XDP sit on. A nil one is closed without effect.
type hostLink struct {
	sock  int // in the interface's network namespace
	index int // names change
}

// lookUpHostLink looks an interface up in the namespace of the calling thread.
func lookUpHostLink(name string) (*hostLink, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("interface name %q: it has 1 to 15 bytes", name)
	}
	sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	if err := unix.IoctlIfreq(sock, unix.SIOCGIFINDEX, ifr); err != nil {
		unix.Close(sock)
		if errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("the host has no interface %s: `ip link` lists those it has", name)
		}
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	return &hostLink{sock: sock, index: int(ifr.Uint32())}, nil
}

func (l *hostLink) close() {
	if l != nil {
		unix.Close(l.sock)
	}
}

// ask runs an ioctl that reads something of the interface.
func (l *hostLink) ask(req uint) (*unix.Ifreq, error) {
	name, err := unix.NewIfreq("?")
	if err != nil {
		return nil, err
	}
	name.SetUint32(uint32(l.index))
	if err := unix.IoctlIfreq(l.sock, unix.SIOCGIFNAME, name); err != nil {
		return nil, err
	}
	ifr, err := unix.NewIfreq(name.Name())
	if err != nil {
		return nil, err
	}
	return ifr, unix.IoctlIfreq(l.sock, req, ifr)
}

// running tells whether the interface is up and has carrier; false when it is gone.
func (l *hostLink) running() (bool, error) {
	ifr, err := l.ask(unix.SIOCGIFFLAGS)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	const up = unix.IFF_UP | unix.IFF_RUNNING
	return ifr.Uint16()&up == up, nil
}

func (l *hostLink) mtu() (int, error) {
	ifr, err := l.ask(unix.SIOCGIFMTU)
	if err != nil {
		return 0, err
	}
	return int(ifr.Uint32()), nil
}
