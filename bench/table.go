package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A column is one figure of the results of a group.
type column struct {
	head string
	cell func(r result, group []result) string
	// detail is left out where there are columns of several distances.
	detail bool
}

// columnsOf returns the columns of a group to which r belongs.
func columnsOf(r result, details bool) []column {
	value := func(head string, of func(result) float64) column {
		return column{head: head, cell: func(r result, _ []result) string { return formatValue(of(r), r.Unit) }}
	}
	percentile := func(head string, of func(result) *int64, detail bool) column {
		return column{head, func(r result, _ []result) string { return formatPercentile(of(r)) }, detail}
	}
	columns := []column{
		value("median", func(r result) float64 { return r.Value }),
		value("min", func(r result) float64 { return r.Min }),
		value("max", func(r result) float64 { return r.Max }),
	}
	switch {
	case (row{Workload: r.Workload}).trips():
		columns = append(columns,
			percentile("p50", func(r result) *int64 { return r.P50 }, true),
			percentile("p99", func(r result) *int64 { return r.P99 }, true),
			percentile("p99.9", func(r result) *int64 { return r.P999 }, false))
	case r.Unit == "msg/s":
		columns = append(columns, column{"bytes/s",
			func(r result, _ []result) string { return scaled(r.Value*float64(r.Size), "B") }, true})
	}
	columns = append(columns, column{head: "× pipe", cell: func(r result, group []result) string {
		if pipe, ok := findPipe(group, r); ok {
			return formatTimes(r.timesFaster(pipe))
		}
		return ""
	}})
	if details {
		return columns
	}
	return slices.DeleteFunc(columns, func(c column) bool { return c.detail })
}

// printTable writes the results of one group for a person to read: a line for
// each row, and in it a block of columns for each distance of the CPUs.
func printTable(w io.Writer, title string, results []result) error {
	kinds := distancesOf(results)
	columns := columnsOf(results[0], len(kinds) == 1)
	lines := []string{fmt.Sprintf("%-34s", title), fmt.Sprintf("%-34s", "")}
	for _, d := range kinds {
		lines[0] += fmt.Sprintf("%*s", 10*len(columns)+1, blockHead(d, at(d, results)))
		lines[1] += " "
		for _, c := range columns {
			lines[1] += fmt.Sprintf(" %9s", c.head)
		}
	}
	for i, r := range results {
		if i > 0 && r.sameRow(results[i-1]) {
			continue
		}
		line := fmt.Sprintf("  %-32s", r.label(title, results))
		for _, d := range kinds {
			line += " "
			same := at(d, results)
			k := slices.IndexFunc(same, r.sameRow)
			for _, c := range columns {
				cell := ""
				if k >= 0 {
					cell = c.cell(same[k], same)
				}
				line += fmt.Sprintf(" %9s", cell)
			}
		}
		lines = append(lines, line)
	}
	if text := note(results); text != "" {
		lines = append(lines, "  ("+text+")")
	}
	var b strings.Builder
	b.WriteByte('\n')
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// blockHead says how far apart the CPUs were when results were measured.
func blockHead(d distance, results []result) string {
	if d == unknown {
		return ""
	}
	less := func(a, b result) int { return cmp.Compare(a.Limit, b.Limit) }
	return fmt.Sprintf("CPUs %s, limit %s to %s", d,
		formatValue(slices.MinFunc(results, less).Limit, "ns"), formatValue(slices.MaxFunc(results, less).Limit, "ns"))
}

// printSummary writes the two figures that say most, if they were measured,
// for each distance of the CPUs.
func printSummary(w io.Writer, results []result) error {
	for _, d := range distancesOf(results) {
		if err := summarize(w, d, at(d, results)); err != nil {
			return err
		}
	}
	return nil
}

func summarize(w io.Writer, d distance, results []result) error {
	faster := func(ring, pipe row) (float64, bool) {
		r, ok := find(results, ring)
		base, okBase := find(results, pipe)
		if !ok || !okBase {
			return 0, false
		}
		return r.timesFaster(base), true
	}
	trip, okTrip := faster(
		row{Workload: roundtrip, System: "ring.SPSC", Mode: "default", Size: 8, Batch: 1},
		row{Workload: roundtrip, System: "pipe", Mode: "default", Size: 8, Batch: 1})
	flow, okFlow := faster(
		row{Workload: stream, System: "ring.SPSC", Size: 8, Batch: 1},
		row{Workload: stream, System: "pipe", Size: 8, Batch: 1})
	if !okTrip || !okFlow {
		return nil
	}
	where := ""
	if d != unknown {
		where = fmt.Sprintf(", CPUs %s", d)
	}
	_, err := fmt.Fprintf(w, "\nring.SPSC beside a pipe%s: round trips %.0f times faster, %.0f times as many 8-byte messages a second.\n",
		where, trip, flow)
	return err
}

// find returns the result of r, whatever its number of sides.
func find(results []result, r row) (result, bool) {
	for _, x := range results {
		if x.Workload == r.Workload && x.System == r.System && x.Mode == r.Mode && x.Size == r.Size && x.Batch == r.Batch {
			return x, true
		}
	}
	return result{}, false
}

// label names r among the results of its group, and marks it if one of its
// figures was measured on a busy machine.
func (r result) label(title string, group []result) string {
	label := r.System
	if r.Mode != "" && !strings.Contains(title, r.Mode) {
		label += " " + r.Mode
	}
	if slices.ContainsFunc(group, func(x result) bool { return x.Procs != r.Procs }) {
		label += fmt.Sprintf(", %d sides", r.Procs)
	}
	if slices.ContainsFunc(group, func(x result) bool { return x.sameRow(r) && x.disturbed() }) {
		label += " *"
	}
	return label
}

// findPipe returns what r is compared with in its group.
func findPipe(group []result, r result) (result, bool) {
	for _, x := range group {
		if x.System == "pipe" && x.Procs == r.Procs && x.CPUs == r.CPUs {
			return x, true
		}
	}
	return result{}, false
}

func formatTimes(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%6.0f ×", x)
	}
	return fmt.Sprintf("%6.1f ×", x)
}

func formatPercentile(nanos *int64) string {
	if nanos == nil {
		return ""
	}
	return formatValue(float64(*nanos), "ns")
}

// formatValue writes a value to three digits with a fitting unit.
func formatValue(v float64, unit string) string {
	if unit == "msg/s" {
		return scaled(v, "")
	}
	switch {
	case v < 999.5:
		return digits(v) + " ns"
	case v < 999.5e3:
		return digits(v/1e3) + " µs"
	case v < 999.5e6:
		return digits(v/1e6) + " ms"
	default:
		return digits(v/1e9) + " s"
	}
}

// scaled writes a rate with a decimal prefix: "2.31 M", "3.30 GB".
func scaled(v float64, unit string) string {
	switch {
	case v < 999.5:
		return digits(v) + " " + unit
	case v < 999.5e3:
		return digits(v/1e3) + " k" + unit
	case v < 999.5e6:
		return digits(v/1e6) + " M" + unit
	default:
		return digits(v/1e9) + " G" + unit
	}
}

func digits(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}
