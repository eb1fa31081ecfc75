package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// printTable writes the results of one group for a person to read.
func printTable(w io.Writer, title string, results []result) error {
	trips, rate := row{Workload: results[0].Workload}.trips(), results[0].Unit == "msg/s"
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-34s %9s %9s %9s", title, "median", "min", "max")
	if trips {
		fmt.Fprintf(&b, " %9s %9s %9s", "p50", "p99", "p99.9")
	} else if rate {
		fmt.Fprintf(&b, " %9s", "bytes/s")
	}
	fmt.Fprintf(&b, "  %s\n", "× pipe")
	for _, r := range results {
		label := r.label(title, results)
		fmt.Fprintf(&b, "  %-32s %9s %9s %9s", label,
			formatValue(r.Value, r.Unit), formatValue(r.Min, r.Unit), formatValue(r.Max, r.Unit))
		if trips {
			fmt.Fprintf(&b, " %9s %9s %9s", formatPercentile(r.P50), formatPercentile(r.P99), formatPercentile(r.P999))
		} else if rate {
			fmt.Fprintf(&b, " %9s", scaled(r.Value*float64(r.Size), "B"))
		}
		if pipe, ok := findPipe(results, r.Procs); ok {
			fmt.Fprintf(&b, "  %s", formatTimes(r.timesFaster(pipe)))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printSummary writes the two figures that say most, if they were measured.
func printSummary(w io.Writer, results []result) error {
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
	_, err := fmt.Fprintf(w, "\nring.SPSC beside a pipe: round trips %.0f times faster, %.0f times as many 8-byte messages a second.\n",
		trip, flow)
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

// label names r among the results of its group.
func (r result) label(title string, group []result) string {
	label := r.System
	if r.Mode != "" && !strings.Contains(title, r.Mode) {
		label += " " + r.Mode
	}
	if slices.ContainsFunc(group, func(x result) bool { return x.Procs != r.Procs }) {
		label += fmt.Sprintf(", %d sides", r.Procs)
	}
	return label
}

func findPipe(results []result, procs int) (result, bool) {
	for _, r := range results {
		if r.System == "pipe" && r.Procs == procs {
			return r, true
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
