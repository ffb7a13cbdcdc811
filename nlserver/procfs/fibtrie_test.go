// SPDX-License-Identifier: BSD-3-Clause

package procfs

import (
	"bytes"
	"testing"
)

// The kernel's own text for these three addresses in one trie.
func TestLevelCompressedTrie(t *testing.T) {
	root := lcBuild([]lcLeaf{
		{0x7f000000, []string{"/8 host LOCAL"}},
		{0x7f000001, []string{"/32 host LOCAL"}},
		{0x7fffffff, []string{"/32 link BROADCAST"}},
	}, true)
	var b bytes.Buffer
	root.show(&b, 0)
	want := `  +-- 127.0.0.0/8 2 0 2
     +-- 127.0.0.0/31 1 0 0
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 127.255.255.255
        /32 link BROADCAST
`
	if b.String() != want {
		t.Errorf("got:\n%swant:\n%s", &b, want)
	}
}
