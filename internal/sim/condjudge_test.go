package sim_test

import (
	"errors"
	"fmt"
	"slices"
)

// What a run has to be like. There is a moment for each Broadcast, between its beginning and its
// end, at which it wakes all who wait; and for each Signal one at which it wakes somebody who
// waits, for itself alone, or at which nobody waits. It does not matter who has really given
// the signals, but they have to be there before nobody can go on. Moments are the odd times.
//
// What docs allow. Who is cancelled while a Broadcast goes on may have been woken by it, and
// return an error all the same. A Broadcast may wake those who begin to wait while it goes on,
// and a Signal meanwhile all. A Signal whose receiver has died may come to somebody later, and
// to more than one; and a Broadcast whose process has died may end later.

// A condCase is a run as its judge sees it.
type condCase struct {
	record  *condRecord
	waits   []*condOp
	until   []int // when each of these has ceased to wait at the latest
	signals []*condOp
	casts   []*condOp
	barrier []int // when nobody could go on
	end     int

	taken []bool // by a Signal, of the waits
	empty []*condOp
}

func (r *condRun) judge() error {
	c := &condCase{record: &r.record, end: r.record.now + 2}
	for _, op := range c.record.ops {
		switch {
		case op.kind == condWait && op.entered > 0:
			c.waits = append(c.waits, op)
			c.until = append(c.until, op.over())
			if c.until[len(c.until)-1] == 0 {
				return errors.New("somebody still waits")
			}
		case op.kind == condSignal && op.ended > 0:
			c.signals = append(c.signals, op)
		case op.kind == condBroadcast && op.ended+op.noted > 0:
			c.casts = append(c.casts, op)
			if op.who.proc.seat == condSweeper {
				c.barrier = append(c.barrier, op.began)
			}
		}
	}
	c.taken = make([]bool, len(c.waits))
	if err := c.tooMany(r.deaths); err != nil {
		return err
	}
	if !c.explained(0) {
		return errors.New("a signal was lost")
	}
	return nil
}

// over is when a Wait has ceased to be one that anybody could wake.
func (op *condOp) over() int {
	switch {
	case op.granted > 0 && (op.dead == 0 || op.granted < op.dead):
		return op.granted
	case op.withdrawn > 0:
		return max(op.entered, op.cancelled)
	}
	return op.dead
}

// woken reports whether a Wait has had its signal for good.
func (op *condOp) woken() bool { return op.finished > 0 }

// last is when an operation is over at the latest: if it, or who has got its signal, has died, others
// end it before nobody can go on, or nobody waits then.
func (c *condCase) last(op *condOp) int {
	late := op.dead
	for _, w := range c.waits {
		if w.by == op && !w.woken() && op.kind == condSignal {
			late = max(late, w.dead, w.granted)
		}
	}
	if late == 0 {
		return op.ended
	}
	for _, b := range c.barrier {
		if b > late {
			return max(b, op.ended)
		}
	}
	return c.end
}

// tooMany reports who was woken and should not have been, or too early.
func (c *condCase) tooMany(deaths bool) error {
	if c.record.early {
		return errors.New("a signal was used up without L")
	}
	left, casts := 0, 0
	passed := map[*condProc]int{}
	for _, op := range c.record.ops {
		switch {
		case op.kind == condBroadcast:
			casts++
		case op.kind == condWait:
			passed[op.who.proc] += op.gave
			if op.granted > 0 && !op.woken() {
				left++
			}
		case op.gave > 1 && !slices.ContainsFunc(c.casts, func(b *condOp) bool {
			return b.began < c.last(op) && op.began < c.last(b)
		}):
			return fmt.Errorf("the Signal of %d woke %d", op.began, op.gave)
		}
	}
	for p, n := range passed {
		switch {
		case n > 0 && !deaths:
			return fmt.Errorf("%d were woken by those who wait, and nobody has died", n)
		case n > left && casts == 0:
			return fmt.Errorf("process %d has passed on %d signals, and the dead have left %d", p.seat, n, left)
		}
	}
	return nil
}

// stuck reports whether a Wait was on when nobody could go on, after an operation was over.
func (c *condCase) stuck(w, op *condOp, until int) bool {
	return slices.ContainsFunc(c.barrier, func(b int) bool {
		return max(w.entered, op.ended, op.dead) < b && b <= until
	})
}

// explained reports whether there is a moment for each of the Broadcasts from that one on, and
// for the Signals.
func (c *condCase) explained(broadcast int) bool {
	if broadcast == len(c.casts) {
		return c.matched(0)
	}
	b := c.casts[broadcast]
	until := slices.Clone(c.until)
	for at := b.began + 1; at < c.last(b); at += 2 {
		if c.wakesAll(b, at) {
			if c.explained(broadcast + 1) {
				return true
			}
			if b.who.proc.seat == condSweeper {
				return false // nobody else was there: other moments are no better
			}
		}
		copy(c.until, until)
	}
	return false
}

// wakesAll has a Broadcast wake all at a moment, if that can be.
func (c *condCase) wakesAll(b *condOp, at int) bool {
	for i, w := range c.waits {
		if at < w.entered || c.until[i] < at {
			continue
		}
		end := c.last(b)
		switch {
		case w.granted > 0 && w.over() == w.granted:
			if c.stuck(w, b, w.granted) {
				return false
			}
		case w.over() > end: // it was cancelled, or has died, later
			return false
		}
		c.until[i] = at
	}
	return true
}

// matched reports whether there is a moment for each of the Signals from that one on.
func (c *condCase) matched(signal int) bool {
	if signal == len(c.signals) {
		return !slices.ContainsFunc(c.empty, func(s *condOp) bool { return !c.idle(s) })
	}
	s := c.signals[signal]
	for _, own := range []bool{true, false} {
		for i, w := range c.waits {
			if own != (w.by == s) || c.taken[i] || !w.woken() || c.stuck(w, s, w.granted) {
				continue
			}
			at, until := max(s.began, w.entered), c.until[i]
			if at > min(c.last(s), until) {
				continue
			}
			c.taken[i], c.until[i] = true, at
			if c.matched(signal + 1) {
				return true
			}
			c.taken[i], c.until[i] = false, until
		}
	}
	c.empty = append(c.empty, s)
	if c.matched(signal + 1) {
		return true
	}
	c.empty = c.empty[:len(c.empty)-1]
	return false
}

// idle reports whether nobody waited at some moment of a Signal.
func (c *condCase) idle(s *condOp) bool {
	for at := s.began + 1; at < c.last(s); at += 2 {
		waits := false
		for i, w := range c.waits {
			waits = waits || w.entered < at && at < c.until[i]
		}
		if !waits {
			return true
		}
	}
	return false
}
