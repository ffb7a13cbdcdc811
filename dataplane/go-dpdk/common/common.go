// SPDX-License-Identifier: BSD-3-Clause

// Package common turns DPDK's return values into Go errors.
package common

/*
#cgo pkg-config: libdpdk
#include <rte_errno.h>

static int errno_of_thread(void)
{
	return rte_errno;
}
*/
import "C"

import (
	"errors"
	"reflect"
	"syscall"
)

// Errors that DPDK has beside those of errno.
var (
	ErrNoConfig  = errors.New("EAL is not initialized (missing rte_config)")
	ErrSecondary = errors.New("operation not allowed in a secondary process")
)

// IntErr returns the error of n, an errno of either sign; nil for 0.
func IntErr(n int64) error {
	if n < 0 {
		n = -n
	}
	switch n {
	case 0:
		return nil
	case int64(C.E_RTE_NO_CONFIG):
		return ErrNoConfig
	case int64(C.E_RTE_SECONDARY):
		return ErrSecondary
	}
	return syscall.Errno(n)
}

// IntToErr is IntErr for any signed integer type; it panics on another type.
func IntToErr(n interface{}) error {
	return IntErr(reflect.ValueOf(n).Int())
}

// IntOrErr returns n when it is not negative, else its error. It panics when n is no signed
// integer.
func IntOrErr(n interface{}) (int, error) {
	v := reflect.ValueOf(n).Int()
	if v < 0 {
		return 0, IntErr(v)
	}
	return int(v), nil
}

// RteErrno returns rte_errno of the calling thread as an error. Meaningful only between calls that
// are locked to one thread.
func RteErrno() error {
	return IntErr(int64(C.errno_of_thread()))
}
