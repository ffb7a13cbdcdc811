// SPDX-License-Identifier: BSD-3-Clause

package rtnl

import (
	"errors"
	"fmt"
	"syscall"
)

// Error is what a change that cannot be made returns: the errno that the kernel gives for the
// same mistake, its extended-ACK text, and the netlink attribute at fault when there is one.
type Error struct {
	Errno syscall.Errno
	Msg   string // NLMSGERR_ATTR_MSG; empty: none, as often in the kernel
	Attr  uint16 // the type of the offending attribute in the request, 0: none
}

// Error gives the errno's text and the message.
func (e *Error) Error() string {
	if e.Msg == "" {
		return e.Errno.Error()
	}
	return fmt.Sprintf("%s: %s", e.Errno.Error(), e.Msg)
}

// Unwrap lets errors.Is find the errno.
func (e *Error) Unwrap() error { return e.Errno }

// Errorf is an Error with a text and no attribute.
func Errorf(errno syscall.Errno, format string, args ...any) error {
	return &Error{Errno: errno, Msg: fmt.Sprintf(format, args...)}
}

// AttrErrorf is an Error that points at an attribute of the request.
func AttrErrorf(errno syscall.Errno, attr uint16, format string, args ...any) error {
	return &Error{Errno: errno, Attr: attr, Msg: fmt.Sprintf(format, args...)}
}

// Errno finds the errno in err: 0 for nil, EINVAL when there is none.
func Errno(err error) syscall.Errno {
	var no syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &no):
		return no
	default:
		return syscall.EINVAL
	}
}
