// SPDX-License-Identifier: BSD-3-Clause

package common

import (
	"errors"
	"syscall"
	"testing"
)

func TestIntErr(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		want error
	}{
		{0, nil},
		{-int64(syscall.ENODEV), syscall.ENODEV},
		{int64(syscall.EINVAL), syscall.EINVAL},
		{1001, ErrSecondary},
		{-1002, ErrNoConfig},
	} {
		if got := IntErr(tt.n); !errors.Is(got, tt.want) {
			t.Errorf("IntErr(%d) = %v, want %v", tt.n, got, tt.want)
		}
	}
}

func TestIntOrErr(t *testing.T) {
	if n, err := IntOrErr(int32(7)); n != 7 || err != nil {
		t.Errorf("IntOrErr(7) = %d, %v", n, err)
	}
	if n, err := IntOrErr(int8(-22)); n != 0 || err != syscall.EINVAL {
		t.Errorf("IntOrErr(-22) = %d, %v", n, err)
	}
}
