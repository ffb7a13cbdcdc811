// SPDX-License-Identifier: BSD-3-Clause

package dataplane

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// openTap makes, or takes, the TAP called name in a network namespace, and returns its file
// descriptor. The interface goes when the descriptor is closed, unless it was made persistent.
func openTap(name string, ns *netns) (int, *hostLink, error) {
	fd := -1
	var twin *hostLink
	err := ns.do(func() error {
		var err error
		if fd, err = tunFD(name); err != nil {
			return err
		}
		if twin, err = lookUpHostLink(name); err != nil {
			unix.Close(fd)
		}
		return err
	})
	if err != nil {
		return -1, nil, err
	}
	return fd, twin, nil
}

func tunFD(name string) (int, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return -1, fmt.Errorf("tap name %q: it has 1 to 15 bytes", name)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV):
		return -1, errors.New("/dev/net/tun is not there: `modprobe tun`, or give the container the device")
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return -1, errors.New("no permission on /dev/net/tun: run as root")
	case err != nil:
		return -1, fmt.Errorf("/dev/net/tun: %w", err)
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	err = unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)
	if err == nil {
		if err = setOffload(fd); err == nil {
			return fd, nil
		}
	}
	unix.Close(fd)
	switch {
	case errors.Is(err, unix.EPERM):
		return -1, fmt.Errorf("making tap %s needs root or CAP_NET_ADMIN; or root makes it beforehand: "+
			"`ip tuntap add %s mode tap user $USER`", name, name)
	case errors.Is(err, unix.EBUSY):
		return -1, fmt.Errorf("tap %s is in use by another process", name)
	case errors.Is(err, unix.EINVAL):
		return -1, fmt.Errorf("there is an interface %s that is no tap (or one of several queues)", name)
	}
	return -1, fmt.Errorf("tap %s: %w", name, err)
}
