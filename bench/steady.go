package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Virtual CPUs now and then turn, in the middle of a run, from distant cores
// into siblings of one, or back, which changes what is measured up to five
// times. So the bare cache-line round trip is measured beside each row of
// each round, and the rounds in which it jumped are dropped, and repeated.

// jump is by what factor, either way, the limit differs from its median when
// it has jumped. It drifts by less than that anyway.
const jump = 2

// A gauge measures the limit by two peers of its own, which sleep meanwhile.
type gauge struct {
	session *session // nil where there are no two CPUs to pin them to
}

func startGauge(ctx context.Context) (*gauge, error) {
	r, ok := findRow("roundtrip/limit/spin/8")
	if !ok || cpuPair() == nil {
		return &gauge{}, nil
	}
	s, err := startSession(ctx, r)
	return &gauge{s}, err
}

func (g *gauge) close() {
	if g.session != nil {
		g.session.close()
	}
}

// read returns the nanoseconds of a round trip: the least of three short
// runs, since all that disturbs one adds to it. Where there is no gauge it is
// always the same.
func (g *gauge) read() (float64, error) {
	if g.session == nil {
		return 1, nil
	}
	var values []float64
	for range 3 {
		sides, err := g.session.run(command{Ops: 1000})
		if err != nil {
			return 0, fmt.Errorf("measuring the limit: %w", err)
		}
		values = append(values, g.session.row.value(sides))
	}
	return slices.Min(values), nil
}

// jumped reports for each round, given by the limits measured in it, whether
// one of them is far from the median of all.
func jumped(rounds [][]float64) []bool {
	middle := median(slices.Concat(rounds...))
	far := func(limit float64) bool { return limit > jump*middle || limit < middle/jump }
	bad := make([]bool, len(rounds))
	for i, limits := range rounds {
		bad[i] = slices.ContainsFunc(limits, far)
	}
	return bad
}

// A steadiness is what the limits beside the rounds of one group have to say.
type steadiness struct {
	limits  [][]float64 // for each round
	dropped int
	kept    int
}

// enough reports whether wanted rounds can be kept, or no more may be tried:
// there are at most as many repeated ones as wanted ones, within spare.
func (s *steadiness) enough(wanted int, spare time.Duration) bool {
	done := len(s.limits)
	if done < wanted {
		return false
	}
	bad := 0
	for _, b := range jumped(s.limits) {
		if b {
			bad++
		}
	}
	return done-bad >= wanted || done >= 2*wanted || spare <= 0
}

// filter drops the rounds in which the limit jumped, unless it did in all.
func (s *steadiness) filter(ms []*measurement) {
	bad := jumped(s.limits)
	s.kept = len(bad)
	if !slices.Contains(bad, false) {
		return
	}
	for _, m := range ms {
		if m.err != nil {
			continue
		}
		var kept []roundResult
		for i, r := range m.rounds {
			if !bad[i] {
				kept = append(kept, r)
			}
		}
		m.rounds = kept
	}
	for _, b := range bad {
		if b {
			s.dropped++
		}
	}
	s.kept -= s.dropped
}

// note says what a reader of the results has to know, or nothing.
func (s *steadiness) note() string {
	all := slices.Concat(s.limits...)
	between := fmt.Sprintf("the limit jumped between %s and %s",
		formatValue(slices.Min(all), "ns"), formatValue(slices.Max(all), "ns"))
	switch {
	case s.dropped > 0:
		return fmt.Sprintf("%d of %d rounds dropped: %s", s.dropped, len(s.limits), between)
	case slices.Contains(jumped(s.limits), true):
		return "no round dropped, although in each " + between
	default:
		return ""
	}
}
