//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// printTable prints a line for each system of each row, with columns for each distance
// that occurred. It is an error if a row has nothing to show.
func printTable(out io.Writer, results []result) error {
	columns := slices.DeleteFunc(slices.Clone(distances), func(d distance) bool {
		return !slices.ContainsFunc(results, func(r result) bool { return len(r.samples[d]) > 0 })
	})
	line := func(row, system string, cells []string) {
		text := fmt.Sprintf("%-20s %-28s", row, system)
		for _, cell := range cells {
			text += fmt.Sprintf(" %-32s", cell)
		}
		fmt.Fprintln(out, strings.TrimRight(text, " "))
	}
	var heads []string
	for _, d := range columns {
		heads = append(heads, fmt.Sprintf("%s CPUs: Isthmus is", d))
	}
	line("", "", heads)
	var errs []error
	for _, r := range results {
		if len(r.samples) == 0 {
			errs = append(errs, fmt.Errorf("%s: nothing was measured", r.row.name))
			continue
		}
		for i, system := range r.systems {
			var cells []string
			for _, d := range columns {
				cells = append(cells, r.cell(i, d))
			}
			name := ""
			if i == 0 {
				name = r.row.name
			}
			line(name, system, cells)
		}
	}
	return errors.Join(errs...)
}

// cell returns the figure of system i at a distance, and how many times as fast
// Isthmus is.
func (r result) cell(i int, d distance) string {
	samples := r.samples[d]
	if len(samples) == 0 {
		return "-"
	}
	figure := r.row.figure(cost(samples, i).middle)
	if i == 0 {
		return fmt.Sprintf("%s  (n = %d)", figure, len(samples))
	}
	s := ratio(samples, i)
	return fmt.Sprintf("%s %5.2f (%.2f-%.2f)", figure, s.middle, s.low, s.high)
}

// figure returns a cost as the row shows it: nanoseconds, or millions a second.
func (r row) figure(cost float64) string {
	if r.rate {
		return fmt.Sprintf("%6.4g M/s", 1e3/cost)
	}
	return fmt.Sprintf("%6.4g ns ", cost)
}
