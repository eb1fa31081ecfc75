package storm

import (
	"fmt"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A report is what came of one round or of many.
type report struct {
	rounds, started, killed, stopped int
	closed, dropped, abandoned       uint64 // attachments
	removed, refused                 uint64 // removals of objects
	toldEmpty, toldFull              uint64 // of deaths at the other end of a line
	verdict
	gaps        gaps
	stall, slow time.Duration
	slowest     activity
}

func (r *report) add(o report) {
	r.rounds += o.rounds
	r.started += o.started
	r.killed += o.killed
	r.stopped += o.stopped
	r.closed += o.closed
	r.dropped += o.dropped
	r.abandoned += o.abandoned
	r.removed += o.removed
	r.refused += o.refused
	r.toldEmpty += o.toldEmpty
	r.toldFull += o.toldFull
	r.operations += o.operations
	r.moved += o.moved
	r.lost += o.lost
	r.doubled += o.doubled
	r.along += o.along
	r.gaps.add(o.gaps)
	r.stall = max(r.stall, o.stall)
	if o.slow > r.slow {
		r.slow, r.slowest = o.slow, o.slowest
	}
}

func (r report) String() string {
	return fmt.Sprintf("%d kills survived, %d stops, %d attachments closed under their users, %d dropped, %d abandoned, "+
		"%d objects removed, %d not for they were in use, %d consumers and %d producers told of a death, "+
		"%d processes started, %d rounds, %d operations, %d messages moved: "+
		"lost %d, doubled %d (and %d taken along by consumers that were cut off); "+
		"longest stall of all %v, longest single operation %v (%v); %v",
		r.killed, r.stopped, r.closed, r.dropped, r.abandoned,
		r.removed, r.refused, r.toldEmpty, r.toldFull, r.started, r.rounds, r.operations, r.moved, r.lost, r.doubled, r.along,
		r.stall.Round(time.Millisecond), r.slow.Round(time.Millisecond), r.slowest, r.gaps)
}

// A watch sees how long each operation takes, and how long nobody ends one.
type watch struct {
	seen    [maxSeats]sight
	ended   time.Time // when it was seen last that anybody has ended one
	stall   time.Duration
	slow    time.Duration
	slowest activity
	gaps    gaps
}

// A sight is what an actor was seen to do.
type sight struct {
	page, ops uint64
	since     time.Time
	stopped   time.Duration // since then
	entered   [locks]uint64 // by then
}

// look returns somebody whose operation takes longer than anything may.
func (w *watch) look(l *ledger, living []*worker) (hung *worker) {
	now := time.Now()
	last := w.gaps.last
	w.gaps.look(l, living, now)
	progress, busy := false, false
	for _, p := range living {
		for i := p.seat; i < p.seat+p.size(); i++ {
			page := get(&l.seats[i].page)
			if page == 0 || get(&l.seats[i].ended) == 1 {
				continue
			}
			busy = true
			what, ops := l.pages[page-1].doing()
			old := &w.seen[i]
			if old.page != page || old.ops != ops {
				progress = true
				*old = sight{page: page, ops: ops, since: now, entered: l.entered}
				continue
			}
			if p.pausing() {
				old.stopped += now.Sub(last)
			}
			took := now.Sub(old.since)
			if what.bare() == locking {
				lock := what.ring()
				w.gaps.add(gaps{wait: wait{took, old.stopped, get(&l.entered[lock]) - old.entered[lock]}})
			}
			if took > w.slow {
				w.slow, w.slowest = took, what
			}
			if took > proctest.Timeout() {
				hung = p
			}
		}
	}
	if progress || !busy {
		w.ended = now
	} else {
		w.stall = max(w.stall, now.Sub(w.ended))
	}
	return hung
}

func (w watch) String() string {
	return fmt.Sprintf("its %v takes %v, nobody has ended anything for %v", w.slowest, w.slow, time.Since(w.ended))
}
