package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTable(t *testing.T) {
	p50, p99, p999 := int64(10_100), int64(19_000), int64(1_234_567)
	trips := []result{
		{Workload: roundtrip, System: "ring.SPSC", Mode: "spin", Size: 8, Unit: "ns", Value: 400, Min: 380, Max: 1500},
		{Workload: roundtrip, System: "pipe", Mode: "default", Size: 8, Unit: "ns", Value: 10_000, Min: 9_000, Max: 11_000,
			P50: &p50, P99: &p99, P999: &p999},
	}
	streams := []result{
		{Workload: stream, System: "ring.SPSC", Size: 1024, Unit: "msg/s", Value: 12e6, Min: 11e6, Max: 13e6},
		{Workload: stream, System: "pipe", Size: 1024, Unit: "msg/s", Value: 5e5, Min: 4e5, Max: 6e5},
	}
	for _, test := range []struct {
		results []result
		want    []string // parts of the lines, in order
	}{
		{trips, []string{
			"the title", "median", "min", "max", "p50", "p99", "p99.9", "× pipe",
			"ring.SPSC spin", "400 ns", "380 ns", "1.50 µs", "25 ×",
			"pipe default", "10.0 µs", "9.00 µs", "11.0 µs", "10.1 µs", "19.0 µs", "1.23 ms", "1.0 ×"}},
		{streams, []string{
			"the title", "median", "min", "max", "bytes/s", "× pipe",
			"ring.SPSC", "12.0 M", "11.0 M", "13.0 M", "12.3 GB", "24 ×",
			"pipe", "500 k", "400 k", "600 k", "512 MB", "1.0 ×"}},
	} {
		var b strings.Builder
		if err := printTable(&b, "the title", test.results); err != nil {
			t.Fatal(err)
		}
		rest := b.String()
		for _, part := range test.want {
			_, after, ok := strings.Cut(rest, part)
			if !ok {
				t.Fatalf("no %q, in its place, in\n%s", part, b.String())
			}
			rest = after
		}
		columnsLineUp(t, b.String())
	}
}

// columnsLineUp checks that the last column ends in one place.
func columnsLineUp(t *testing.T, table string) {
	t.Helper()
	var width int
	for line := range strings.Lines(strings.TrimSpace(table)) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasSuffix(line, "×") {
			continue
		}
		if n := utf8.RuneCountInString(line); width == 0 {
			width = n
		} else if n != width {
			t.Errorf("lines of %d and %d characters in\n%s", width, n, table)
		}
	}
}

// Without a pipe among the rows there is nothing to compare with.
func TestTableWithoutPipe(t *testing.T) {
	var b strings.Builder
	err := printTable(&b, "alone", []result{{Workload: lock, System: "flock", Unit: "ns/op", Value: 500, Min: 500, Max: 500}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "×"); got != 1 {
		t.Errorf("%d factors, want only the heading:\n%s", got, b.String())
	}
}

func TestSummary(t *testing.T) {
	results := []result{
		{Workload: roundtrip, System: "ring.SPSC", Mode: "spin", Size: 8, Batch: 1, Unit: "ns", Value: 1},
		{Workload: roundtrip, System: "ring.SPSC", Mode: "default", Size: 8, Batch: 1, Unit: "ns", Value: 500},
		{Workload: roundtrip, System: "pipe", Mode: "default", Size: 8, Batch: 1, Unit: "ns", Value: 10_000},
		{Workload: stream, System: "ring.SPSC", Size: 8, Batch: 1, Unit: "msg/s", Value: 60e6},
		{Workload: stream, System: "pipe", Size: 8, Batch: 1, Unit: "msg/s", Value: 2e6},
	}
	var b strings.Builder
	if err := printSummary(&b, results); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, " 20 times") || !strings.Contains(got, " 30 times") {
		t.Errorf("summary %q, want 20 times and 30 times", got)
	}
	b.Reset()
	if err := printSummary(&b, results[:3]); err != nil || b.Len() > 0 {
		t.Errorf("summary of half the figures: %q, %v; want none", b.String(), err)
	}
}

func TestFormatValue(t *testing.T) {
	for _, test := range []struct {
		v    float64
		unit string
		want string
	}{
		{0.5, "ns/op", "0.50 ns"},
		{9.996, "ns", "10.0 ns"},
		{999.4, "ns", "999 ns"},
		{999.6, "ns", "1.00 µs"},
		{1e6, "ns", "1.00 ms"},
		{2.5e9, "ns", "2.50 s"},
		{999, "msg/s", "999 "},
		{170e6, "msg/s", "170 M"},
		{1.5e9, "msg/s", "1.50 G"},
	} {
		if got := formatValue(test.v, test.unit); got != test.want {
			t.Errorf("formatValue(%v, %q) = %q, want %q", test.v, test.unit, got, test.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{5, 1, 3}, 3},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}
