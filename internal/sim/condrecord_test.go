package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isthmus-go/isthmus/internal/sim"
)

type condKind int

const (
	condWait condKind = iota
	condSignal
	condBroadcast
)

func (k condKind) String() string { return [...]string{"Wait", "Signal", "Broadcast"}[k] }

// A condOp is what is known of an operation. All times are those of the record, and 0 before.
type condOp struct {
	kind         condKind
	who          *condGoroutine
	began, ended int
	dead         int // when its process died in it

	// of a Wait
	cancel    func()
	cancelled int
	entered   int     // when it began to wait, as others may know
	granted   int     // when it got a signal
	by        *condOp // from whom
	withdrawn int
	finished  int // when it had used up the signal

	// of others, and of a Wait that passes on what the dead have left
	gave  int
	noted int // when a Broadcast said that it goes on
}

// A condRecord is what was seen of a run: each change of a line is a moment of its own.
type condRecord struct {
	run   *condRun
	now   int
	ops   []*condOp
	joins uint64
	lines [condProcs]condLine
	early bool // somebody has used up a signal, and did not have L
}

type condLine struct {
	waiting, granted uint64
	casting          bool
	queue, got       []*condOp // those who wait, and those who have a signal, in their order
}

func (r *condRecord) init(run *condRun) {
	r.run, r.joins = run, run.now.inside.Joins()
}

// tick returns the time of an event. There is a moment between two of them.
func (r *condRecord) tick() int {
	r.now += 2
	return r.now
}

func (r *condRecord) begin(kind condKind, g *condGoroutine) *condOp {
	op := &condOp{kind: kind, who: g, began: r.tick()}
	r.ops = append(r.ops, op)
	return op
}

func (r *condRecord) end(op *condOp) { op.ended = r.tick() }

// returned reports what is wrong with the end of a Wait.
func (op *condOp) returned(err error) error {
	switch {
	case err == nil && op.granted == 0:
		return errors.New("returns, and has got no signal")
	case err == nil && op.finished == 0:
		return errors.New("returns, and has not used up its signal")
	case err != nil && (op.cancelled == 0 || !errors.Is(err, context.Canceled)):
		return err
	case err != nil && op.granted != 0:
		return fmt.Errorf("has got a signal: %w", err)
	}
	return nil
}

// waiting returns how many of the living wait and have no signal.
func (r *condRecord) waiting() (n int) {
	for _, op := range r.ops {
		if op.kind == condWait && op.entered > 0 && op.granted+op.withdrawn+op.dead == 0 {
			n++
		}
	}
	return n
}

// died notes the death of a process.
func (r *condRecord) died(p *condProc) {
	at := r.tick()
	for _, op := range r.ops {
		if op.who.proc == p && op.ended == 0 {
			op.dead = at
		}
	}
}

// watch notes what an agent has changed.
func (r *condRecord) watch(a *sim.Agent) {
	g := r.run.goroutine[a]
	if g == nil {
		return
	}
	c := r.run.now.inside
	if j := c.Joins(); j != r.joins {
		r.joins = j
		if g.op.entered == 0 || g.op.granted == 0 {
			g.op.entered = r.tick()
		}
	}
	for slot := range r.lines {
		line := &r.lines[slot]
		w, n, casting := c.Line(slot)
		if w == line.waiting && n == line.granted && casting == line.casting {
			continue
		}
		r.changed(g, line, w, n)
		if casting && !line.casting {
			g.op.noted = r.tick()
		}
		line.waiting, line.granted, line.casting = w, n, casting
	}
}

func (r *condRecord) changed(g *condGoroutine, line *condLine, w, n uint64) {
	switch {
	case w == line.waiting+1 && n == line.granted:
		line.queue = append(line.queue, g.op)
	case w < line.waiting && n-line.granted == line.waiting-w:
		at := r.tick()
		g.op.gave += int(n - line.granted)
		for _, op := range line.queue[:n-line.granted] {
			op.granted, op.by = at, g.op
			if op.entered == 0 {
				op.entered = at
			}
			line.got = append(line.got, op)
		}
		line.queue = line.queue[n-line.granted:]
	case w < line.waiting && slices.Contains(line.queue, g.op):
		g.op.withdrawn = r.tick()
		line.queue = slices.DeleteFunc(line.queue, func(op *condOp) bool { return op == g.op })
	case w < line.waiting: // retired
		line.queue = nil
	case n < line.granted && slices.Contains(line.got, g.op):
		g.op.finished = r.tick()
		if !g.proc.cond.inside.Holds() {
			r.early = true
		}
		line.got = slices.DeleteFunc(line.got, func(op *condOp) bool { return op == g.op })
	case n < line.granted: // passed on
		line.got = nil
	}
}

func (r *condRecord) String() string {
	var b strings.Builder
	for _, op := range r.ops {
		by := ""
		if op.by != nil {
			by = fmt.Sprintf(" by %v of %d at %d", op.by.kind, op.by.who.proc.seat, op.by.began)
		}
		fmt.Fprintf(&b, "\n\tprocess %d: %v %d-%d: entered %d, granted %d%s, cancelled %d, withdrawn %d, finished %d, dead %d; gave %d, noted %d",
			op.who.proc.seat, op.kind, op.began, op.ended, op.entered, op.granted, by, op.cancelled, op.withdrawn, op.finished, op.dead, op.gave, op.noted)
	}
	return b.String()
}
