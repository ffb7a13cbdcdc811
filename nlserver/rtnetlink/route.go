// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

// routeRows are the rows of route.
func (f *family) routeRows() []Row { return nil }

// announceRoute fills the notifications of routes; false: msg is none.
func (f *family) announceRoute(msg any) bool { return false }

// commit makes changes of this batch take effect that were held back (nlserver.Family.Commit).
func (f *family) commit() {}
