package storm

import (
	"fmt"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A report is what came of one round or of many.
type report struct {
	rounds, started, killed int
	verdict
	stall, slow time.Duration
	slowest     activity
}

func (r *report) add(o report) {
	r.rounds += o.rounds
	r.started += o.started
	r.killed += o.killed
	r.operations += o.operations
	r.moved += o.moved
	r.lost += o.lost
	r.doubled += o.doubled
	r.along += o.along
	r.stall = max(r.stall, o.stall)
	if o.slow > r.slow {
		r.slow, r.slowest = o.slow, o.slowest
	}
}

func (r report) String() string {
	return fmt.Sprintf("%d kills survived, %d processes started, %d rounds, %d operations, %d messages moved: "+
		"lost %d, doubled %d (and %d taken along by killed consumers); "+
		"longest stall of all %v, longest single operation %v (%v)",
		r.killed, r.started, r.rounds, r.operations, r.moved, r.lost, r.doubled, r.along,
		r.stall.Round(time.Millisecond), r.slow.Round(time.Millisecond), r.slowest)
}

// A watch sees how long each operation takes, and how long nobody ends one.
type watch struct {
	seen    map[int]sight // by page
	census  *census       // at the last look
	ended   time.Time     // when it was seen last that anybody has ended one
	stall   time.Duration
	slow    time.Duration
	slowest activity
}

type sight struct {
	ops   uint64
	what  activity
	since time.Time
	// What had been pushed at the look before the operation was first seen, and
	// so before it began.
	before *census
}

// look returns somebody whose operation takes longer than anything may.
func (w *watch) look(l *ledger, living []*worker) (hung *worker) {
	if w.seen == nil {
		w.seen, w.census = map[int]sight{}, &census{}
	}
	before := w.census
	w.census = l.done()
	now := time.Now()
	progress, busy := false, false
	for _, p := range living {
		for i := range p.size() {
			what, ops := l.pages[p.page+i].doing()
			if ops == 0 || get(&l.pages[p.page+i].ended) == 1 {
				continue
			}
			busy = true
			old, known := w.seen[p.page+i]
			if !known || old.ops != ops {
				progress = true
				w.seen[p.page+i] = sight{ops, what, now, before}
				continue
			}
			if took := now.Sub(old.since); took > w.slow {
				w.slow, w.slowest = took, what
				if took > proctest.Timeout() {
					hung = p
				}
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

// before returns what had been pushed before the page's last operation began.
func (w *watch) before(l *ledger, page int) *census {
	_, ops := l.pages[page].doing()
	old, known := w.seen[page]
	switch {
	case !known:
		return &census{}
	case old.ops == ops:
		return old.before
	default:
		return w.census
	}
}

func (w *watch) forget(c crew) {
	for i := range c.size() {
		delete(w.seen, c.page+i)
	}
}

func (w watch) String() string {
	return fmt.Sprintf("its %v takes %v, nobody has ended anything for %v", w.slowest, w.slow, time.Since(w.ended))
}
