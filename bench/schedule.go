package main

import (
	"context"
	"errors"
	"time"
)

var errInterrupted = errors.New("interrupted")

// measureAll measures group after group and hands each to done when it is
// complete. Within a group, rounds are interleaved (A B C, A B C, …), so that
// what slows the machine for a while slows all that compete. A row that
// fails is left out of later rounds; only ctx, the gauge and done end the run.
func measureAll(ctx context.Context, gs []group, p plan, done func(group, []*measurement) error) error {
	if p.limit == nil {
		g, err := startGauge(ctx)
		if err != nil {
			return interrupted(ctx, err)
		}
		defer g.close()
		p.limit = g.read
	}
	total := 0
	for _, g := range gs {
		total += len(g.rows) * p.rounds
	}
	progress := newProgress(total)
	defer progress.clear()
	for _, g := range gs {
		ms := make([]*measurement, len(g.rows))
		for i, r := range g.rows {
			ms[i] = &measurement{row: r}
		}
		for round := range p.rounds {
			err := measureRound(ctx, ms, &p, func(m *measurement) {
				progress.step(g.title(), m.row.name(), round+1, p.rounds)
			})
			if err != nil {
				return interrupted(ctx, err)
			}
		}
		progress.clear()
		if err := done(g, ms); err != nil {
			return err
		}
	}
	return nil
}

// measureRound makes one round of each row, between two looks at the limit. A
// round in whose middle the distance of the CPUs changed is made again, as
// long as p has time to spare.
func measureRound(ctx context.Context, ms []*measurement, p *plan, announce func(*measurement)) error {
	before, err := p.limit()
	if err != nil {
		return err
	}
	for _, m := range ms {
		announce(m)
		for again := true; again && m.err == nil; {
			start := time.Now()
			var r roundResult
			r, m.err = m.round(ctx, *p)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			after, err := p.limit()
			if err != nil {
				return err
			}
			r.limits = [2]float64{before, after}
			before = after
			if again = r.distance() == mixed && p.spare > 0; again {
				p.spare -= time.Since(start)
			} else if m.err == nil {
				m.rounds = append(m.rounds, r)
			}
		}
	}
	return nil
}

// interrupted returns err, unless it comes of the end of ctx.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
