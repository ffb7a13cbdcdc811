// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"errors"
	"os"
)

// What is committed of a run: its results, the picture, and the tables of README.md made from them.
const (
	figuresJSON = "tests/bench/figures.json"
	figuresSVG  = "tests/bench/figures.svg"
)

// publish makes the results of a whole run those that are shown.
func publish(from string) error {
	results, err := readResults(from)
	if err != nil {
		return err
	}
	if machineOf(results).Rounds < 5 {
		return errors.New("-publish: figures are shown of at least 5 rounds")
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
