// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

// neighRows are the rows of neigh.
func (f *family) neighRows() []Row { return nil }

// announceNeigh fills the notifications of neighbours; false: msg is none.
func (f *family) announceNeigh(msg any) bool { return false }
