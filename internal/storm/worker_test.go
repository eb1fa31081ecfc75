package storm

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// A crew is the actors of one process: some producers, and then some consumers.
// They have pages and seats in a row.
type crew struct {
	page, seat           int // the first
	producers, consumers int
}

const maxCrew = 4

func (w crew) size() int { return w.producers + w.consumers }

func (w crew) pages(l *ledger) []page { return l.pages[w.page : w.page+w.size()] }
func (w crew) seats(l *ledger) []seat { return l.seats[w.seat : w.seat+w.size()] }

// ended reports whether the first n actors have come to their end.
func (w crew) ended(l *ledger, n int) bool {
	for i := range n {
		if get(&w.pages(l)[i].ended) == 0 {
			return false
		}
	}
	return true
}

func (w crew) String() string {
	return fmt.Sprint(w.page, " ", w.seat, " ", w.producers, " ", w.consumers)
}

var _ = proctest.Register("worker", func(c *proctest.Child) {
	l, _ := mapLedger(c, c.Arg(0))
	var w crew
	var seed uint64
	_, err := fmt.Sscan(c.Arg(2), &w.page, &w.seat, &w.producers, &w.consumers, &seed)
	c.Check(err)
	seg := proctest.Must(shm.Open(segmentName, nil))(c)
	objects := newObjects(c, seg, parseSizes(c, c.Arg(1)))

	var retired atomic.Bool
	var all sync.WaitGroup
	for i := range w.size() {
		a := &actor{
			objects: objects, t: permitless{c, w.seats(l)}, rnd: newRand(seed, uint64(w.page+i)), ledger: l,
			page: &w.pages(l)[i], seat: &w.seats(l)[i], name: uint64(w.page + i), retired: &retired,
		}
		all.Go(func() {
			if i < w.producers {
				a.produce()
			} else {
				a.consume(func() bool {
					return (get(&l.drain) == 1 || retired.Load()) && w.ended(l, w.producers)
				})
			}
			set(&a.page.ended, 1)
		})
	}
	all.Wait()
	c.Check(seg.Close())
})

// permitless is a helper whose permits do not count any more when it fails.
type permitless struct {
	*proctest.Child
	seats []seat
}

func (m permitless) Fatalf(format string, args ...any) {
	mute(m.seats)
	m.Child.Fatalf(format, args...)
}
