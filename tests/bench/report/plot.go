// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The picture: cycles per packet of the four main cases, Skua's of this run beside what other routers
// needed on such a machine, measured earlier. SVG by hand: a plotting library brings fonts and PDF
// with it for a few rectangles.

// router is a bar of a case.
type router struct {
	name   string
	cycles float64
}

// plots are the cases of the picture, with what others needed there: VPP's without its source,
// grout's and l3fwd's with about 20 cycles of the devices.
var plots = []struct {
	name, title string
	others      []router
}{
	{"ipv4-1-route", "IPv4, 1 route", []router{{"bare l3fwd", 30}, {"VPP", 59}, {"grout", 145}}},
	{"ipv4-1M-routes", "IPv4, 1,000,000 routes", []router{{"bare l3fwd", 64}, {"VPP", 255}, {"grout", 329}}},
	{"ipv6-1-route", "IPv6, 1 route", []router{{"bare l3fwd", 35}, {"VPP", 89}, {"grout", 124}}},
	{"ipv6-220k-routes", "IPv6, 220,000 routes", []router{{"VPP", 1009}, {"grout", 665}}},
}

// Pixels. Letters are those of the reader, so there is room to spare.
const (
	plotWidth  = 820
	plotLeft   = 110 // where bars begin
	plotRight  = 90  // room for the figure behind the longest bar
	plotTop    = 56
	barHeight  = 15
	barPitch   = 20
	titleRoom  = 24
	plotGap    = 14
	plotFooter = 44
)

// Colours that read on white and on black; text follows the reader's theme.
const plotStyle = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
    .head { font-size: 16px; font-weight: 600; }
    .title { font-weight: 600; }
    .note { font-size: 11px; fill: #59636e; }
    .skua { fill: #0a7ea4; }
    .other { fill: #8c959f; }
    .end { text-anchor: end; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .note { fill: #9198a1; }
      .skua { fill: #2ba8d1; }
      .other { fill: #6e7681; }
    }
  `

// plot draws the results as SVG; the same ones give the same bytes.
func plot(results []Result) (string, error) {
	longest, bars, known := 0.0, 0, 0
	all := make([][]router, len(plots))
	for i, p := range plots {
		if r, ok := find(results, p.name); ok {
			all[i] = append(all[i], router{"Skua", r.CyclesMedian})
			known++
		}
		all[i] = append(all[i], p.others...)
		bars += len(all[i])
		for _, r := range all[i] {
			longest = math.Max(longest, r.cycles)
		}
	}
	if known == 0 {
		return "", fmt.Errorf("the results have none of the cases of the picture: %s", strings.Join(mainCases, ", "))
	}
	height := plotTop + len(plots)*(titleRoom+plotGap) + bars*barPitch + plotFooter
	scale := float64(plotWidth-plotLeft-plotRight) / longest

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		plotWidth, height, plotWidth, height)
	fmt.Fprintf(&b, "  <title>Cycles per packet of Skua and others</title>\n  <style>%s</style>\n", plotStyle)
	text(&b, "head", 10, 24, "Cycles per packet, one core, 64-byte packets: less is better")
	y := plotTop
	for i, p := range plots {
		text(&b, "title", 10, y+4, p.title)
		y += titleRoom - barHeight/2
		for _, r := range all[i] {
			class := "other"
			if r.name == "Skua" {
				class = "skua"
			}
			width := math.Max(1, r.cycles*scale)
			text(&b, "end", plotLeft-8, y+12, r.name)
			fmt.Fprintf(&b, `  <rect class="%s" x="%d" y="%d" width="%s" height="%d" rx="2"/>`+"\n", class, plotLeft, y,
				strconv.FormatFloat(width, 'f', 1, 64), barHeight)
			text(&b, "", plotLeft+int(math.Round(width))+6, y+12, figureOf(r))
			y += barPitch
		}
		y += plotGap + barHeight/2
	}
	m := machineOf(results)
	text(&b, "note", 10, y+8, fmt.Sprintf("Skua %s: median of %d runs, %s, %s. Rings, headers restamped inside the measurement.", m.Skua, m.Rounds, m.CPU, m.Date))
	text(&b, "note", 10, y+24, "Others: measured earlier on such a machine; VPP without its packet source, l3fwd without the checks of a router.")
	b.WriteString("</svg>\n")
	return b.String(), nil
}

// figureOf is as exact as what is known: others' figures have no fraction.
func figureOf(r router) string {
	if r.cycles == math.Trunc(r.cycles) && r.cycles > 0 {
		return thousands(int64(r.cycles))
	}
	return number(r.cycles)
}

func text(b *strings.Builder, class string, x, y int, s string) {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(s)) // a strings.Builder takes all
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(b, `  <text%s x="%d" y="%d">%s</text>`+"\n", class, x, y, escaped.String())
}
