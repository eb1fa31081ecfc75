package storm

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// An attachment is one of those of a process. It ends with the process, or
//
//   - closed: by another goroutine, in the middle of what its actors do;
//   - dropped: they turn to another one, and the collector closes it; or
//   - abandoned: by the only actor that is on it, in the middle of something,
//     and closed by the collector.
type attachment struct {
	objects
	seg     *shm.Segment
	closing atomic.Bool // it may be closed by now
}

// A berth has one attachment at a time, and the actors that are on it.
type berth struct {
	t      proctest.Fataler
	ledger *ledger
	crew   crew
	sizes  sizes

	mu    sync.Mutex
	now   *attachment // nil until somebody needs one
	seats []*seat
}

// attach returns the attachment of the berth, a new one if there is none. The
// seat's permits count from then on.
func (b *berth) attach(s *seat) *attachment {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now == nil {
		seg := open(b.t)
		b.now = &attachment{objects: newObjects(b.t, seg, b.sizes), seg: seg}
	}
	set(&s.closed, (s.closed+1)&^1)
	return b.now
}

// open opens the segment.
func open(t proctest.Fataler) *shm.Segment {
	seg, err := shm.Open(segmentName, nil)
	for start := time.Now(); errors.Is(err, shm.ErrNoRoom) && time.Since(start) < proctest.Timeout()/2; {
		runtime.GC() // closes those that were left to it
		seg, err = shm.Open(segmentName, nil)
	}
	proctest.Check(t, err)
	return seg
}

// has reports whether the attachment is still that of the berth.
func (b *berth) has(a *attachment) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now == a
}

// close closes the attachment, if any.
func (b *berth) close() {
	if a := b.leave(true); a != nil {
		next(&b.ledger.closed)
		proctest.Check(b.t, a.seg.Close())
	}
}

// drop leaves the attachment to the collector, once its actors have turned away.
func (b *berth) drop() {
	if b.leave(false) != nil {
		next(&b.ledger.dropped)
	}
}

// abandon leaves the attachment to the collector, with all that its only actor has.
func (b *berth) abandon() {
	if b.leave(true) != nil {
		next(&b.ledger.abandoned)
	}
}

func (b *berth) leave(closing bool) *attachment {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.now
	b.now = nil
	if a != nil && closing {
		for _, s := range b.seats {
			set(&s.closed, s.closed|1)
		}
		a.closing.Store(true)
	}
	return a
}

// upset ends attachments at random moments, if any, and has the collector close
// what is left to it, until over.
func upset(l *ledger, rnd *rand.Rand, berths []*berth, any bool, over func() bool) {
	pace := 1 << rnd.IntN(6) // milliseconds from one to the next, at most
	for !over() {
		for range rnd.IntN(pace) {
			if time.Sleep(time.Millisecond); over() {
				return
			}
		}
		time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
		b := berths[rnd.IntN(len(berths))]
		switch {
		case !any || !l.roomy():
		case rnd.IntN(8) == 0:
			b.drop()
		default:
			b.close()
		}
		if rnd.IntN(8) == 0 {
			runtime.GC()
		}
	}
}
