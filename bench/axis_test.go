package main

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// Each chart says what its axes are, in the units of its points.
func TestAxesAreNamed(t *testing.T) {
	want := map[string][3]string{ // x, y, and 5,000 on y
		"roundtrip":  {"percentile", "latency", "5 µs"},
		"loaded":     {"percentile", "latency", "5 µs"},
		"throughput": {"bytes in a message", "bytes a second", "5 k"},
		"batch":      {"messages in a batch", "messages a second", "5 k"},
		"capacity":   {"slots of the ring", "messages a second", "5 k"},
		"contention": {"sides, on two CPUs", "time from one pair to the next, whoever does it", "5 µs"},
		"shared":     {"sides, on two CPUs", "messages a second", "5 k"},
	}
	for _, c := range charts(someResults(t)) {
		w, ok := want[c.name]
		if got := [3]string{c.x.label, c.y.label, c.y.format(5000)}; !ok || got != w {
			t.Errorf("%s: axes %q, want %q", c.name, got, w)
		}
		if percent := c.x.label == "percentile"; c.x.linear != percent || c.y.linear {
			t.Errorf("%s: a linear axis: x %v, y %v", c.name, c.x.linear, c.y.linear)
		}
	}
}

var (
	svgText = regexp.MustCompile(`<text x="([0-9.]+)" y="-([0-9.]+)"[^>]*>([^<]*)</text>`)
	svgGrid = regexp.MustCompile(`d="M([0-9.]+),([0-9.]+)L([0-9.]+),([0-9.]+)" style="[^"]*stroke-opacity`)
	svgLine = regexp.MustCompile(`d="M([0-9.]+),([0-9.]+)L([0-9.]+),([0-9.]+)L([0-9.]+),([0-9.]+)" style="[^"]*stroke-width:1.8"`)
)

func floats(t *testing.T, texts []string) (vs []float64) {
	t.Helper()
	for _, text := range texts {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		vs = append(vs, v)
	}
	return vs
}

func alike(a, b float64) bool { return math.Abs(a-b) < 0.1 }

// Points lie on the grid's lines of their values, which lie, and are labelled, in
// logarithmic distances: x to the right, y upwards.
func TestPointsLieOnTheirTicks(t *testing.T) {
	r := result{Workload: stream, System: "pipe", Batch: 1, Procs: 2}
	var results []result
	for i, size := range []int{8, 64, 512} {
		r.Size, r.Value = size, math.Pow10(6+i)/float64(size) // 1, 10, and 100 MB a second
		results = append(results, r)
	}
	cs := charts(results)
	if len(cs) != 1 {
		t.Fatalf("%d charts, want one", len(cs))
	}
	svg, err := cs[0].svg()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string][2]float64{}
	for _, m := range svgText.FindAllStringSubmatch(string(svg), -1) {
		at := floats(t, m[1:3])
		labels[m[3]] = [2]float64{at[0], at[1]}
	}
	var xs, ys []float64 // of the grid
	for _, m := range svgGrid.FindAllStringSubmatch(string(svg), -1) {
		if at := floats(t, m[1:5]); at[0] == at[2] {
			xs = append(xs, at[0])
		} else {
			ys = append(ys, at[1])
		}
	}
	line := svgLine.FindStringSubmatch(string(svg))
	if len(xs) != 3 || len(ys) != 3 || line == nil {
		t.Fatalf("grid %v and %v, line %q; want three of each in\n%s", xs, ys, line, svg)
	}
	slices.Sort(xs)
	slices.Sort(ys)
	points := floats(t, line[1:])
	for i := range 3 {
		if x, y := points[2*i], points[2*i+1]; !alike(x, xs[i]) || !alike(y, ys[i]) {
			t.Errorf("point %d at %v, %v; its ticks are at %v, %v", i, x, y, xs[i], ys[i])
		}
	}
	for name, at := range map[string][]float64{"x": xs, "y": ys} {
		if !alike(at[1]-at[0], at[2]-at[1]) || at[2]-at[0] < 100 {
			t.Errorf("ticks of %s at %v, want them in equal distances", name, at)
		}
	}
	for i, text := range []string{"1 M", "10 M", "100 M"} {
		if got := labels[text][1]; math.Abs(got-ys[i]) > 6 {
			t.Errorf("label %q at height %v, its tick at %v", text, got, ys[i])
		}
	}
	for i, text := range []string{"8", "64", "512"} {
		if got := labels[text][0]; got > xs[i] || got < xs[i]-20 {
			t.Errorf("label %q at %v, its tick at %v", text, got, xs[i])
		}
	}
	if below, above := labels["bytes in a message"][1], labels["bytes a second"][1]; below == 0 || below > ys[0] || above < ys[2] {
		t.Errorf("names of the axes at heights %v and %v, want one below and one above of %v", below, above, ys)
	}
}

// Each step to the right on an axis of percentiles leaves a tenth of the trips.
func TestPercentileAxis(t *testing.T) {
	got := map[string]float64{}
	for _, tick := range percentiles.ticks {
		got[tick.Label] = tick.Value
	}
	for label, want := range map[string]float64{"50 %": math.Log10(2), "90 %": 1, "99 %": 2, "99.9 %": 3, "99.99 %": 4} {
		if math.Abs(got[label]-want) > 1e-9 {
			t.Errorf("%s at %v, want %v", label, got[label], want)
		}
	}
	var nanos []int64
	for v := range int64(10_000) {
		nanos = append(nanos, v+1)
	}
	encoded, err := encodeHistogram(nanos)
	if err != nil {
		t.Fatal(err)
	}
	m := measurement{row: mustFind(t, "roundtrip/chan/default/8"), rounds: []roundResult{{value: 1, trips: encoded}}}
	results, err := m.results()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, p := range distributions(results, roundtrip)[0].points {
		for x, y := range map[float64]float64{math.Log10(2): 5_000, 1: 9_000, 2: 9_900, 3: 9_990} {
			if math.Abs(p.X-x) > 1e-9 {
				continue
			}
			seen++
			if p.Y < y || p.Y > 1.001*y {
				t.Errorf("point %v, want %v at %v", p, y, x)
			}
		}
	}
	if seen != 4 {
		t.Errorf("%d points at ticks, want 4", seen)
	}
}
