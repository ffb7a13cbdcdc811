// SPDX-License-Identifier: BSD-3-Clause

package rule

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLookupsGoThroughTheDefaultTables(t *testing.T) {
	r := New(nil)
	if got, want := r.Tables(unix.AF_INET), []uint32{255, 254, 253}; !slices.Equal(got, want) {
		t.Errorf("IPv4 %v, want %v", got, want)
	}
	if got, want := r.Tables(unix.AF_INET6), []uint32{255, 254}; !slices.Equal(got, want) {
		t.Errorf("IPv6 %v, want %v", got, want)
	}
}
