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
func measureAll(ctx context.Context, gs []group, p plan, done func(group, []*measurement, *steadiness) error) error {
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
		steady := &steadiness{}
		for round := 0; !steady.enough(p.rounds, p.spare); round++ {
			start := time.Now()
			if round >= p.rounds {
				progress.total += len(ms)
			}
			limits, err := measureRound(ctx, ms, p, func(m *measurement) {
				progress.step(g.title(), m.row.name(), round+1, max(p.rounds, round+1))
			})
			if err != nil {
				return interrupted(ctx, err)
			}
			steady.limits = append(steady.limits, limits)
			if round >= p.rounds {
				p.spare -= time.Since(start)
			}
		}
		steady.filter(ms)
		progress.clear()
		if err := done(g, ms, steady); err != nil {
			return err
		}
	}
	return nil
}

// measureRound makes one round of each row, and returns the limit as it was
// before, between and after them.
func measureRound(ctx context.Context, ms []*measurement, p plan, announce func(*measurement)) ([]float64, error) {
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	limits := []float64{limit}
	for _, m := range ms {
		announce(m)
		if m.err == nil {
			m.err = m.round(ctx, p)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if limit, err = p.limit(); err != nil {
			return nil, err
		}
		limits = append(limits, limit)
	}
	return limits, nil
}

// interrupted returns err, unless it comes of the end of ctx.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
