package main

import (
	"context"
	"errors"
)

var errInterrupted = errors.New("interrupted")

// measureAll measures group after group and hands each to done when it is
// complete. Within a group, rounds are interleaved (A B C, A B C, …), so that
// what slows the machine for a while slows all that compete. A row that
// fails is left out of later rounds; only ctx and done end the run.
func measureAll(ctx context.Context, gs []group, p plan, done func(group, []*measurement) error) error {
	total := 0
	for _, g := range gs {
		total += len(g.rows) * p.rounds
	}
	progress := newProgress(total)
	for _, g := range gs {
		ms := make([]*measurement, len(g.rows))
		for i, r := range g.rows {
			ms[i] = &measurement{row: r}
		}
		for round := range p.rounds {
			for _, m := range ms {
				if ctx.Err() != nil {
					progress.clear()
					return errInterrupted
				}
				progress.step(g.title(), m.row.name(), round+1, p.rounds)
				if m.err == nil {
					m.err = m.round(ctx, p)
				}
			}
		}
		progress.clear()
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err := done(g, ms); err != nil {
			return err
		}
	}
	return nil
}
