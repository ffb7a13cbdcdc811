// SPDX-License-Identifier: BSD-3-Clause

// Package iproute runs the same ip commands on the Linux kernel and on Skua and compares what they
// print and how they exit.
//
// Each file testdata/*.txt is a script. It runs (a) in a network namespace of its own with TAP
// devices that the test holds open, (b) on Skua's netlink server in this process, over a data plane
// of maps, with links of the same names, indexes and hardware addresses; ip reaches it through the
// preloaded library. (a) needs root and is skipped without; then nothing is compared, but the
// script still runs on Skua and must not break.
//
//	        kernel namespace                    Skua
//	lo(1)   p1(2)  p2(3)  p3(4)       lo(1)   p1(2)  p2(3)  p3(4)
//	MAC     02:00:00:00:01:01 .02 .03         the same
//
// A line of a script is
//
//	ip ARGS...             run ip, compare stdout, stderr and exit code. ip is found in PATH
//	bridge, tc, ...        the same of the other programs that the scripts are about
//	run PROGRAM ARGS...    the same of any other program: run cat /proc/net/igmp
//	sysctl NAME=VALUE      write a sysctl, by its path below /proc/sys (net/ipv4/conf/p1/forwarding)
//	                       or dotted; sysctl NAME reads and compares it
//	carrier PORT up|down   take the carrier away from a TAP, or give it back
//	wait DURATION          let time pass (Go's duration: 2s): the kernel sleeps, Skua's clock is moved
//	monitor ARGS...        start "ip ARGS..." (for example: ip monitor link address) in the background
//	watch PROGRAM ARGS...  the same of any other program: watch tc monitor
//	monitor-end            stop it and compare what it printed
//	batch                  the lines up to "end" go to "ip -batch -" at once
//	# TEXT                 a comment
//
// "$" begins no expansion and quotes are those of a shell without expansion. A comment of the form
//
//	#! addrconf            IPv6 link-local addresses and duplicate address detection as in the kernel;
//	                       without it all links have addr_gen_mode none and accept_dad 0
//	#! kernel 6.18         compare only on this kernel or a later one
//	#! skip REASON         do not run
//
// says how to run the whole script.
//
// What differs for a reason that is nobody's fault (the qdisc that the kernel's configuration
// chooses, time stamps, counters of packets that the kernel sent by itself) is evened out by
// normalise.go, which is short on purpose. Differences that stay are listed, one a line with the
// reason, in testdata/differences: an entry that no longer applies is an error too.
package iproute
