// SPDX-License-Identifier: BSD-3-Clause

// Package conformance runs the kernel's own selftests of rtnetlink and routing, and iproute2's
// testsuite, as Debian has them and unchanged, against Skua: each in a Skua of its own, under
// `skua exec`, every `ip netns` of theirs an instance of the stack. What each case came to is
// compared with baseline.tsv: a case that passed has to pass. `make conformance UPDATE=1` writes the
// table anew.
package conformance
