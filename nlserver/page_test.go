// SPDX-License-Identifier: BSD-3-Clause

package nlserver

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mapped counts the stretches of memory that are mapped from clients' pages.
func mapped(t *testing.T) int {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(maps), "memfd:page")
}

// Pages are given back by the window, not one by one: while one of a window is in use, and until
// the window was used up, the others stay; then all go at once.
func TestPagesAreGivenBackTogether(t *testing.T) {
	var p pages
	var open []*sharedPage
	for range windowPages + 1 {
		memfd := memfdPage(t, pageSize, unix.F_SEAL_SHRINK)
		m, err := p.open(memfd)
		if err != nil {
			t.Fatal(err)
		}
		m.put(&m.portid, 7)
		if got := m.portid.Load(); got != 7 { // faults it in, and says that the write arrived
			t.Fatalf("portid %d in the client's page, want 7", got)
		}
		open = append(open, m)
	}
	for _, m := range open[1:] {
		p.close(m)
	}
	if n := mapped(t); n != windowPages+1 {
		t.Errorf("%d pages are mapped while one of each window may be in use, want %d", n, windowPages+1)
	}
	p.close(open[0])
	if n := mapped(t); n != 1 {
		t.Errorf("%d pages are mapped after the first window's last was closed, want that of the second", n)
	}
	p.shut()
	if n := mapped(t); n != 0 {
		t.Errorf("%d pages are mapped after all", n)
	}
}
