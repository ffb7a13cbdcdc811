// SPDX-License-Identifier: BSD-3-Clause

package iproute

import (
	"regexp"
	"strings"
)

// Each rule evens out what differs for a reason that is nobody's fault.
var rules = []struct {
	what *regexp.Regexp
	with string
}{
	// The kernel's configuration chooses the qdisc of a device that has a queue.
	{regexp.MustCompile(`qdisc (noqueue|pfifo_fast|fq_codel|fq|mq|pfifo)\b`), "qdisc QDISC"},
	{regexp.MustCompile(`"qdisc": ?"(noqueue|pfifo_fast|fq_codel|fq|mq|pfifo)"`), `"qdisc":"QDISC"`},
	// The clock of one stands still, that of the other does not: a second more or less.
	{regexp.MustCompile(`\b(valid_lft|preferred_lft) \d+sec`), "$1 TIMEsec"},
	{regexp.MustCompile(`"(valid_life_time|preferred_life_time)": ?(?:[1-9]\d{0,8}|0)([,}])`), `"$1":TIME$2`},
	{regexp.MustCompile(`\b(expires) \d+sec`), "$1 TIMEsec"},
	{regexp.MustCompile(`"expires":\d+`), `"expires":TIME`},
	{regexp.MustCompile(`\b(idle_time|unbalanced_time) \d+(\.\d+)?`), "$1 TIME"},
	{regexp.MustCompile(`"(idle_time|unbalanced_time)":\d+(\.\d+)?`), `"$1":TIME`},
	{regexp.MustCompile(`\bused \d+/\d+/\d+`), "used TIME"},
	{regexp.MustCompile(`"(used|confirmed|updated)":\d+`), `"$1":TIME`},
	// libnl's words for the same.
	{regexp.MustCompile(`\bcreate-stamp [\d.]+s`), "create-stamp TIME"},
	{regexp.MustCompile(`\breachable-time \d+s( \d+msec)?`), "reachable-time TIME"},
	{regexp.MustCompile(`\bboot-time\+(\d+(d|h|m|s|msec)\b ?)+`), "boot-time+TIME "},
	// The kernel sends MLD and IGMP reports by itself; a data plane of maps sends nothing.
	{regexp.MustCompile(`"(bytes|packets)":\d+`), `"$1":N`},
	{regexp.MustCompile(`(?m)^( +(?:RX|TX): +bytes.*)\n +\d+ +\d+ `), "$1\n    N N "},
	// Files of counters: the lines and the columns are compared, and no numbers.
	{regexp.MustCompile(`(?m)^( *[a-z0-9]+):(?: +\d+){16}$`), "$1: N"},
	{regexp.MustCompile(`(?m)^(\w+): [-\d ]+$`), "$1: N"},
	{regexp.MustCompile(`(?m)^IcmpMsg: .*\n`), ""},
	{regexp.MustCompile(`(?m)^Icmp6(In|Out)Type\d+ +\t\d+\n`), ""},
	{regexp.MustCompile(`(?m)^((?:Ip6|Icmp6|Udp)\w+ +)\t\d+$`), "$1 N"},
	// Uses of a route.
	{regexp.MustCompile(`(?m)^([0-9a-f]{32} [0-9a-f]{2} [0-9a-f]{32} [0-9a-f]{2} [0-9a-f]{32} [0-9a-f]{8}) [0-9a-f]{8} `), "$1 REFS "},
	// Sums of cells of a table are padded to the width of the numbers in them.
	{regexp.MustCompile(`(?m)^( +(?:RX|TX): +bytes) +packets +errors`), "$1 packets errors"},
}

// normalise evens out a text that ip printed.
func normalise(text string) string {
	for _, r := range rules {
		text = r.what.ReplaceAllString(text, r.with)
	}
	return strings.TrimRight(text, "\n")
}
