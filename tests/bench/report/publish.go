// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// What is committed of a run: its results, the picture, and the tables of README.md made from them.
const (
	figuresJSON = "tests/bench/figures.json"
	figuresSVG  = "tests/bench/figures.svg"
)

// publish makes the results of a whole run those that are shown; or those of some sections, which
// then say that they are of a later run.
func publish(from, only string) error {
	results, err := readResults(from)
	if err != nil {
		return err
	}
	if machineOf(results).Rounds < 5 {
		return errors.New("-publish: figures are shown of at least 5 rounds")
	}
	if only != "" {
		shown, err := readResults(figuresJSON)
		if err != nil {
			return err
		}
		if results, err = replaced(shown, results, only); err != nil {
			return err
		}
	}
	for _, g := range goals {
		if _, ok := g.measure(results); !ok {
			return errors.New("-publish: " + from + " does not say: " + g.title)
		}
	}
	if err := writeResults(figuresJSON, results); err != nil {
		return err
	}
	if err := writePlot(figuresSVG, results); err != nil {
		return err
	}
	return writeReadme("README.md", results)
}

// replaced are results with some sections as a later run on the same machine has them.
func replaced(shown, later []Result, only string) ([]Result, error) {
	want, err := wanted(only)
	if err != nil {
		return nil, err
	}
	was, is := machineOf(shown), machineOf(later)
	if was.CPU != is.CPU || was.CPUs != is.CPUs || was.Linux != is.Linux || was.DPDK != is.DPDK {
		return nil, fmt.Errorf("-publish: measured on %v, what is shown on %v", is, was)
	}
	out := slices.DeleteFunc(slices.Clone(shown), func(r Result) bool { return want[r.Section] })
	for _, r := range later {
		if want[r.Section] {
			r.Later = &Run{Skua: is.Skua, Date: is.Date, Rounds: is.Rounds}
			out = append(out, r)
		}
	}
	return out, nil
}

func writePlot(path string, results []Result) error {
	svg, err := plot(results)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(svg), 0o644)
}

func writeReadme(path string, results []Result) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	made, err := readme(string(text), results)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(made), 0o644)
}
