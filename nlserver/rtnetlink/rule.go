// SPDX-License-Identifier: BSD-3-Clause

package rtnetlink

// ruleRows are the rows of rule.
func (f *family) ruleRows() []Row { return nil }
