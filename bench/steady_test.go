package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestJumped(t *testing.T) {
	for _, test := range []struct {
		name   string
		limits [][]float64
		want   []bool
	}{
		{"steady", [][]float64{{400, 410}, {390, 420}}, []bool{false, false}},
		{"drift", [][]float64{{300, 310}, {450, 440}, {580, 590}}, []bool{false, false, false}},
		{"siblings for a while", [][]float64{{400, 410}, {400, 70}, {390, 420}}, []bool{false, true, false}},
		{"siblings, once distant", [][]float64{{70, 71}, {72, 300}, {70, 70}}, []bool{false, true, false}},
		{"siblings to the end", [][]float64{{400, 410}, {400, 410}, {70, 70}}, []bool{false, false, true}},
	} {
		if got := jumped(test.limits); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// measureInjected measures two rows over three rounds, with the given limits
// read one after the other, and 400 ns ever after.
func measureInjected(t *testing.T, spare time.Duration, limits ...float64) (ms []*measurement, s *steadiness) {
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
	err := measureAll(context.Background(), groups(rows), p, func(_ group, all []*measurement, steady *steadiness) error {
		ms, s = all, steady
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ms, s
}

// A round in which the limit jumped does not count: another takes its place.
// A round of two rows holds three limits.
func TestJumpedRoundIsRepeated(t *testing.T) {
	for _, test := range []struct {
		name    string
		limits  []float64
		spare   time.Duration
		rounds  int // in all
		dropped int
	}{
		{"none jumped", nil, time.Hour, 3, 0},
		{"in the second round", []float64{400, 400, 400, 400, 70, 400}, time.Hour, 4, 1},
		{"in a repeated round too", []float64{400, 400, 400, 70, 70, 70, 400, 400, 400, 400, 400, 900}, time.Hour, 5, 2},
		{"no time to repeat", []float64{400, 400, 400, 400, 70, 400}, 0, 3, 1},
		{"in every round", slices.Repeat([]float64{400, 70, 1000}, 10), time.Hour, 6, 0},
	} {
		ms, s := measureInjected(t, test.spare, test.limits...)
		if len(s.limits) != test.rounds || s.dropped != test.dropped {
			t.Errorf("%s: %d of %d rounds dropped, want %d of %d",
				test.name, s.dropped, len(s.limits), test.dropped, test.rounds)
		}
		for _, m := range ms {
			if m.err != nil || len(m.rounds) != test.rounds-test.dropped {
				t.Errorf("%s: %s kept %d rounds (%v), want %d",
					test.name, m.row.name(), len(m.rounds), m.err, test.rounds-test.dropped)
			}
		}
		if quiet := s.note() == ""; quiet != (test.limits == nil) {
			t.Errorf("%s: note %q", test.name, s.note())
		}
	}
}

// The round that is dropped is the one that jumped, in every row.
func TestFilterKeepsTheOthers(t *testing.T) {
	s := &steadiness{limits: [][]float64{{400, 400}, {70, 400}, {390, 410}}}
	m := &measurement{rounds: []roundResult{{value: 1}, {value: 2}, {value: 3}}}
	failed := &measurement{rounds: []roundResult{{value: 1}}, err: errors.New("ended early")}
	s.filter([]*measurement{m, failed})
	if len(m.rounds) != 2 || m.rounds[0].value != 1 || m.rounds[1].value != 3 || len(failed.rounds) != 1 {
		t.Errorf("kept %v and %v", m.rounds, failed.rounds)
	}
	if note := s.note(); !strings.Contains(note, "1 of 3 ") || !strings.Contains(note, "70.0 ns") || !strings.Contains(note, "410 ns") {
		t.Errorf("note %q", note)
	}
}

// A note stands below its table, and does not disturb what -json prints.
func TestNote(t *testing.T) {
	var out bytes.Buffer
	g := group{rows: []row{mustFind(t, "lock/sync.Mutex/2")}}
	if err := printNote(&out, options{}, g, "1 of 3"); err != nil || !strings.Contains(out.String(), "1 of 3") {
		t.Errorf("table's note: %q, %v", out.String(), err)
	}
	out.Reset()
	if err := printNote(&out, options{json: true}, g, "1 of 3"); err != nil || out.Len() > 0 {
		t.Errorf("JSON's note: %q, %v", out.String(), err)
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
