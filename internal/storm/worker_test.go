package storm

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A crew is the actors of one process: some producers, and then some consumers.
// They have seats in a row, and share the berths.
type crew struct {
	seat                 int // the first
	producers, consumers int
	berths               int
	upset                int // 1: somebody ends its attachments
}

const maxCrew = 4

func (w crew) size() int { return w.producers + w.consumers }

func (w crew) seats(l *ledger) []seat { return l.seats[w.seat : w.seat+w.size()] }

// pages returns the page that each actor writes, if any.
func (w crew) pages(l *ledger) (ps []*page) {
	for i := range w.seats(l) {
		if n := get(&w.seats(l)[i].page); n != 0 {
			ps = append(ps, &l.pages[n-1])
		}
	}
	return ps
}

// ended reports whether the first n actors have come to their end.
func (w crew) ended(l *ledger, n int) bool {
	for i := range n {
		if get(&w.seats(l)[i].ended) == 0 {
			return false
		}
	}
	return true
}

func (w crew) String() string {
	return fmt.Sprint(w.seat, " ", w.producers, " ", w.consumers, " ", w.berths, " ", w.upset)
}

func parseCrew(t proctest.Fataler, text string) (w crew, seed uint64) {
	_, err := fmt.Sscan(text, &w.seat, &w.producers, &w.consumers, &w.berths, &w.upset, &seed)
	proctest.Check(t, err)
	return w, seed
}

var _ = proctest.Register("worker", func(c *proctest.Child) {
	l, _ := mapFile[ledger](c, c.Arg(0))
	w, seed := parseCrew(c, c.Arg(2))
	t := permitless{c, w.seats(l)}
	berths := make([]*berth, w.berths)
	for i := range berths {
		berths[i] = &berth{t: t, ledger: l, crew: w, sizes: parseSizes(c, c.Arg(1))}
	}
	var retired atomic.Bool
	var actors, others sync.WaitGroup
	crewmen := make([]*actor, w.size())
	for i := range crewmen {
		s, b := &w.seats(l)[i], berths[i%len(berths)]
		b.seats = append(b.seats, s)
		crewmen[i] = &actor{
			t: t, rnd: newRand(seed, uint64(i)), ledger: l, seat: s, berth: b, retired: &retired,
		}
	}
	for i, a := range crewmen {
		actors.Go(func() {
			if i < w.producers {
				a.live(a.produce)
			} else {
				a.live(func() bool {
					over := (get(&l.drain) == 1 || retired.Load()) && w.ended(l, w.producers)
					return !over && a.consume()
				})
			}
			set(&a.seat.ended, 1)
		})
	}
	others.Go(func() {
		upset(l, newRand(seed, maxCrew), berths, w.upset == 1, func() bool { return w.ended(l, w.size()) })
	})
	actors.Wait()
	others.Wait()
	for _, b := range berths {
		if b.now != nil {
			c.Check(b.now.seg.Close())
		}
	}
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
