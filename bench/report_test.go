package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"
)

// someResults has figures for every row that there is, made up.
func someResults(t *testing.T) []result {
	t.Helper()
	var results []result
	for i, r := range allRows() {
		m := measurement{row: r, rounds: []roundResult{{value: float64(100 * (i + 1))}}}
		if r.trips() {
			nanos := make([]int64, 20_000)
			for k := range nanos {
				nanos[k] = int64(100 + 7*i + k)
			}
			var err error
			if m.rounds[0].trips, err = encodeHistogram(nanos); err != nil {
				t.Fatal(err)
			}
		}
		xs, err := m.results()
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, xs...)
	}
	return results
}

// wellFormed checks the nesting of elements, and that there are some.
func wellFormed(t *testing.T, name string, page []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	elements := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
	if elements < 10 {
		t.Errorf("%s: %d elements only", name, elements)
	}
}

// reference matches whatever a browser would fetch.
var reference = regexp.MustCompile(`(?i)(src|href)\s*=|url\(|@import|<link|<script|<iframe|<object|<embed`)

func selfContained(t *testing.T, name string, page []byte) {
	t.Helper()
	text := strings.ReplaceAll(string(page), `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, bad := range []string{reference.FindString(text), regexp.MustCompile(`https?://\S*`).FindString(text)} {
		if bad != "" {
			t.Errorf("%s refers to something beside it: %q", name, bad)
		}
	}
}

// A report of all rows is one page of all charts and tables.
func TestReport(t *testing.T) {
	h := &htmlReport{Heading: "a machine, <tested>"}
	all := someResults(t)
	for _, g := range groups(allRows()) {
		if err := h.add(g, all[:len(g.rows)]); err != nil {
			t.Fatal(err)
		}
		all = all[len(g.rows):]
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	if err := h.writePage(path); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, "page", page)
	selfContained(t, "page", page)
	text := string(page)
	if got, want := strings.Count(text, "<svg "), len(charts(h.results)); got != want || want < 7 {
		t.Errorf("%d pictures of %d charts, want 7 at least", got, want)
	}
	if got, want := strings.Count(text, "<pre "), len(groups(allRows())); got != want {
		t.Errorf("%d tables, want %d", got, want)
	}
	for _, part := range []string{"a machine, &lt;tested&gt;", "currentColor", "prefers-color-scheme", "width=device-width"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in the page", part)
		}
	}
	if strings.Contains(text, inkHex) {
		t.Error("letters of a chart keep a colour of their own in the page")
	}
	if err := h.writePictures(dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range charts(h.results) {
		svg, err := os.ReadFile(filepath.Join(dir, c.name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, c.name, svg)
		selfContained(t, c.name, svg)
		for _, s := range c.series {
			if !strings.Contains(string(svg), ">"+s.label+"</text>") {
				t.Errorf("%s: no %q in its legend", c.name, s.label)
			}
		}
	}
}

// In no chart do two lines look alike; one system looks the same in all.
func TestLinesDiffer(t *testing.T) {
	for _, c := range charts(someResults(t)) {
		seen := map[string]string{}
		for _, s := range c.series {
			l, ok := looks[s.system]
			if !ok {
				t.Errorf("%s: no look for %s", c.name, s.system)
			}
			line, _ := s.styles()
			key := string([]byte{l.color.R, l.color.G, l.color.B, byte(len(line.Dashes))})
			if other := seen[key]; other != "" {
				t.Errorf("%s: %s and %s look alike", c.name, other, s.label)
			}
			seen[key] = s.label
			if len(s.points) < 2 || !slices.IsSortedFunc(s.points, func(a, b plotter.XY) int {
				return cmp.Compare(a.X, b.X)
			}) {
				t.Errorf("%s: %s: points %v", c.name, s.label, s.points)
			}
		}
	}
}

// Each chart takes the figures of its own workload, in its units.
func TestChartPoints(t *testing.T) {
	results := []result{
		{Workload: stream, System: "pipe", Size: 64, Batch: 1, Procs: 2, Value: 10},
		{Workload: stream, System: "pipe", Size: 8, Batch: 1, Procs: 2, Value: 20},
		{Workload: stream, System: "pipe", Size: 8, Batch: 256, Procs: 2, Value: 90},
		{Workload: lock, System: "pipe", Batch: 1, Procs: 1, Value: 5},
		{Workload: lock, System: "pipe", Batch: 1, Procs: 8, Value: 6},
		{Workload: sem, System: "pipe", Batch: 1, Procs: 2, Value: 7},
		{Workload: standstill, System: "pipe", Batch: 1, Procs: 8, Value: 8},
	}
	got := map[string][]float64{}
	for _, c := range charts(results) {
		for _, s := range c.series {
			for _, p := range s.points {
				got[c.name] = append(got[c.name], p.X, p.Y)
			}
		}
	}
	want := map[string][]float64{"throughput": {8, 160, 64, 640}, "batch": {1, 20, 256, 90}, "contention": {1, 5, 8, 6}}
	if len(got) != len(want) {
		t.Errorf("charts %v, want %v", got, want)
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: points %v, want %v", name, got[name], want[name])
		}
	}
}

// A percentile that only chance has decided is not drawn.
func TestDistributionEndsWithItsTrips(t *testing.T) {
	for trips, last := range map[int]float64{1000: 99.5, 100_000: 99.99} {
		encoded, err := encodeHistogram(slices.Repeat([]int64{500}, trips))
		if err != nil {
			t.Fatal(err)
		}
		m := measurement{row: mustFind(t, "roundtrip/chan/default/8"), rounds: []roundResult{{value: 1, trips: encoded}}}
		results, err := m.results()
		if err != nil {
			t.Fatal(err)
		}
		lines := distributions(results, roundtrip)
		if len(lines) != 1 || lines[0].points[len(lines[0].points)-1].X != nines(last) {
			t.Errorf("%d trips: %v, want points up to %v %%", trips, lines, last)
		}
		if lines := distributions(results, loaded); lines != nil {
			t.Errorf("a round trip among the loaded ones: %v", lines)
		}
	}
}

func TestTickTexts(t *testing.T) {
	for got, want := range map[string]string{
		nanosText(20):      "20 ns",
		nanosText(5000):    "5 µs",
		nanosText(1e6):     "1 ms",
		nanosText(2e9):     "2 s",
		rateText(500):      "500",
		rateText(20e6):     "20 M",
		rateText(1e9):      "1 G",
		countText(8):       "8",
		countText(1 << 10): "1 Ki",
		countText(1 << 20): "1 Mi",
		countText(1000):    "1000",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The program writes both, and says at once if it cannot.
func TestReportFlags(t *testing.T) {
	dir := t.TempDir()
	page, pictures := filepath.Join(dir, "report.html"), filepath.Join(dir, "pictures")
	o, err := parseOptions([]string{"-json", "-html", page, "-svg", pictures})
	if err != nil {
		t.Fatal(err)
	}
	if err := claim(o); err != nil {
		t.Fatal(err)
	}
	o.plan = tiny
	rows := []row{mustFind(t, "lock/sync.Mutex/1"), mustFind(t, "lock/sync.Mutex/2")}
	if code := measure(context.Background(), o, rows, io.Discard); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, path := range []string{page, filepath.Join(pictures, "contention.svg")} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, path, b)
	}
	var out bytes.Buffer
	for _, flag := range []string{"-html", "-svg"} {
		args := []string{"-quick", "-run", "^lock/sync.Mutex/1", flag, filepath.Join(page, "below a file")}
		if code := benchMain(context.Background(), args, &out); code != 2 || out.Len() > 0 {
			t.Errorf("%s: exit code %d, output %q; want 2 and none", flag, code, out.String())
		}
	}
}
