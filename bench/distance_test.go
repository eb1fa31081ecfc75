package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		before, after float64
		want          distance
	}{
		{110, 120, near},
		{70, 150, near},
		{300, 600, far},
		{500, 110, mixed},
		{110, 500, mixed},
		{0, 0, unknown},
	} {
		if got := (roundResult{limits: [2]float64{test.before, test.after}}).distance(); got != test.want {
			t.Errorf("limits of %v and %v ns: %q, want %q", test.before, test.after, got, test.want)
		}
	}
}

// measureInjected measures two rows over three rounds, with the given limits
// read one after the other, and 400 ns ever after.
func measureInjected(t *testing.T, spare time.Duration, limits ...float64) (ms []*measurement) {
	t.Helper()
	p := tiny
	p.rounds, p.spare = 3, spare
	p.limit = func() (float64, error) {
		if len(limits) == 0 {
			return 400, nil
		}
		limit := limits[0]
		limits = limits[1:]
		return limit, nil
	}
	rows := []row{mustFind(t, "lock/sync.Mutex/2"), mustFind(t, "lock/sync.Mutex/8")}
	err := measureAll(context.Background(), groups(rows), p, func(_ group, all []*measurement) error {
		ms = all
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

// A round is told apart by the limits right before and after it, and made
// again if they differ, as long as there is time. A round of two rows reads
// three limits, if none is made again.
func TestRoundsAreToldApart(t *testing.T) {
	for _, test := range []struct {
		name   string
		limits []float64
		spare  time.Duration
		want   [2][]distance // of each row
	}{
		{"always far", nil, time.Hour, [2][]distance{{far, far, far}, {far, far, far}}},
		{"near for a round", []float64{400, 400, 400, 110, 110, 110}, time.Hour,
			[2][]distance{{far, near, far}, {far, near, far}}},
		{"turned in the middle", []float64{400, 110, 110}, time.Hour,
			[2][]distance{{near, far, far}, {far, far, far}}},
		{"turned, and turned again", []float64{400, 110, 400, 400, 400, 400, 110, 110}, time.Hour,
			[2][]distance{{far, near, far}, {far, far, far}}},
		{"no time to repeat", []float64{400, 110, 400}, 0,
			[2][]distance{{mixed, far, far}, {mixed, far, far}}},
		{"no CPUs to pin to", slices.Repeat([]float64{0}, 9), time.Hour,
			[2][]distance{{unknown, unknown, unknown}, {unknown, unknown, unknown}}},
	} {
		for i, m := range measureInjected(t, test.spare, test.limits...) {
			var got []distance
			for _, r := range m.rounds {
				got = append(got, r.distance())
			}
			if m.err != nil || !slices.Equal(got, test.want[i]) {
				t.Errorf("%s: %s: %q, %v; want %q", test.name, m.row.name(), got, m.err, test.want[i])
			}
		}
	}
}

// A row has a result for each distance, of its rounds alone.
func TestResultsOfEachDistance(t *testing.T) {
	round := func(value, before, after float64) roundResult {
		return roundResult{value: value, limits: [2]float64{before, after}}
	}
	m := &measurement{row: mustFind(t, "lock/sync.Mutex/2"), rounds: []roundResult{
		round(10, 110, 114), round(50, 500, 480), round(14, 112, 112), round(70, 500, 500), round(33, 110, 500), round(60, 490, 500)}}
	results, err := m.results()
	if err != nil {
		t.Fatal(err)
	}
	want := []result{
		{CPUs: near, Value: 12, Min: 10, Max: 14, Limit: 112},
		{CPUs: far, Value: 60, Min: 50, Max: 70, Limit: 500},
		{CPUs: mixed, Value: 33, Min: 33, Max: 33, Limit: 305},
	}
	if len(results) != len(want) {
		t.Fatalf("%d results, want %d", len(results), len(want))
	}
	for i, r := range results {
		w := want[i]
		if r.CPUs != w.CPUs || r.Value != w.Value || r.Min != w.Min || r.Max != w.Max || r.Limit != w.Limit || r.System != "sync.Mutex" {
			t.Errorf("%+v, want %+v", r, w)
		}
	}
}

// bothDistances are results of a group in which one row was never near.
func bothDistances() []result {
	r := result{Workload: stream, Unit: "msg/s", Size: 8, Batch: 1, Procs: 2}
	of := func(system string, d distance, limit, value float64) result {
		r.System, r.CPUs, r.Limit, r.Value, r.Min, r.Max = system, d, limit, value, value, value
		return r
	}
	return []result{
		of("ring.SPSC", near, 110, 80e6), of("ring.SPSC", far, 480, 60e6),
		of("ring.MPMC", far, 500, 40e6),
		of("pipe", near, 120, 4e6), of("pipe", far, 490, 2e6),
	}
}

// A table has a block of columns for each distance, and compares within it.
func TestTableOfDistances(t *testing.T) {
	var b strings.Builder
	if err := printTable(&b, "a title", bothDistances()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, want := range []string{
		"a title CPUs near, limit 110 ns to 120 ns CPUs far, limit 480 ns to 500 ns",
		"median min max × pipe median min max × pipe",
		"ring.SPSC 80.0 M 80.0 M 80.0 M 20 × 60.0 M 60.0 M 60.0 M 30 ×",
		"ring.MPMC 40.0 M 40.0 M 40.0 M 20 ×",
		"pipe 4.00 M 4.00 M 4.00 M 1.0 × 2.00 M 2.00 M 2.00 M 1.0 ×",
	} {
		if i >= len(lines) || strings.Join(strings.Fields(lines[i]), " ") != want {
			t.Fatalf("want line %d %q in\n%s", i+1, want, b.String())
		}
	}
	columnsLineUp(t, b.String())

	b.Reset()
	if err := printTable(&b, "a title", at(far, bothDistances())); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, "median") != 1 || strings.Contains(got, "near") || !strings.Contains(got, "bytes/s") {
		t.Errorf("want the columns of one distance, all of them:\n%s", got)
	}
}

// Ratios never mix distances.
func TestSummaryOfDistances(t *testing.T) {
	results := bothDistances()
	trip := result{Workload: roundtrip, Mode: "default", Size: 8, Batch: 1, Unit: "ns"}
	for d, nanos := range map[distance][2]float64{near: {100, 500}, far: {400, 2800}} {
		trip.CPUs = d
		for i, system := range []string{"ring.SPSC", "pipe"} {
			trip.System, trip.Value = system, nanos[i]
			results = append(results, trip)
		}
	}
	var b strings.Builder
	if err := printSummary(&b, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CPUs near: round trips 5 times faster, 20 times", "CPUs far: round trips 7 times faster, 30 times"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %q", want, b.String())
		}
	}
}

// Each distance has charts of its own; with one only, they keep their names.
func TestChartsOfDistances(t *testing.T) {
	var results []result
	for _, r := range bothDistances() {
		large := r
		large.Size = 64
		changed := large
		changed.CPUs = mixed
		results = append(results, r, large, changed)
	}
	points := map[string]int{}
	for _, c := range charts(results) {
		for _, s := range c.series {
			points[c.name] += len(s.points)
		}
		if !strings.HasSuffix(c.title, ", CPUs near") && !strings.HasSuffix(c.title, ", CPUs far") {
			t.Errorf("title %q", c.title)
		}
	}
	if len(points) != 2 || points["throughput-near"] != 4 || points["throughput-far"] != 6 {
		t.Errorf("points %v, want 4 near and 6 far", points)
	}
	if cs := charts(at(far, results)); len(cs) != 1 || cs[0].name != "throughput" {
		t.Errorf("charts of one distance: %v", cs)
	}
}

// A round that failed is not made again, nor is it a result.
func TestFailedRoundIsNotRepeated(t *testing.T) {
	r := mustFind(t, "lock/sync.Mutex/2")
	errWire := errors.New("no wire")
	tries := 0
	r.wire = func(row) (*wiring, error) { tries++; return nil, errWire }
	m := &measurement{row: r}
	p := tiny
	p.spare = time.Hour
	limits := []float64{400, 110}
	p.limit = func() (float64, error) { l := limits[0]; limits = limits[1:]; return l, nil }
	if err := measureRound(context.Background(), []*measurement{m}, &p, func(*measurement) {}); err != nil {
		t.Fatal(err)
	}
	if tries != 1 || !errors.Is(m.err, errWire) || len(m.rounds) != 0 {
		t.Errorf("%d tries, %v, %d rounds", tries, m.err, len(m.rounds))
	}
}

// The gauge measures something, by processes that end with it.
func TestGauge(t *testing.T) {
	g, err := startGauge(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if g.session == nil {
		t.Skip("no two CPUs to pin processes to")
	}
	for range 2 {
		if ns, err := g.read(); err != nil || ns < 1 {
			t.Errorf("limit %v ns, %v", ns, err)
		}
	}
	g.close()
	if _, err := g.read(); err == nil {
		t.Error("the gauge measures after its end")
	}
}
