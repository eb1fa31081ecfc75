package main

import (
	"context"
	"fmt"
	"slices"
)

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
// runs, since all that disturbs one adds to it. Where there is no gauge it
// returns 0.
func (g *gauge) read() (float64, error) {
	if g.session == nil {
		return 0, nil
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
