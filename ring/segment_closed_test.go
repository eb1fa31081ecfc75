package ring_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/shm"
)

// TestSegmentClosed uses rings of a Segment that is closed, or is closed while
// they wait.
func TestSegmentClosed(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			newSegment(t)
			var waiting []<-chan error
			var after []func(context.Context) error
			s := shared.Open(t)
			for _, what := range append(waysToPush, waysToPop...) {
				q := newQueue(t, s, kind, what, 2)
				p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
				op, asleep := pops(c)[what], q.PopWaiting
				if op == nil {
					op, asleep = pushes(p)[what], q.PushWaiting
					cram(p)
				}
				waiting = append(waiting, proctest.Go(func() error { return op(background) }))
				proctest.Until(t, what+" waits", asleep)
				if q.Roles() { // one goroutine at a time
					q = newQueue(t, s, kind, what+" after", 2)
					p, c = proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
				}
				after = append(after, func(context.Context) error { return p.TryPush(1) })
				after = append(after, func(context.Context) error { _, err := c.TryPop(); return err })
				after = append(after, func(context.Context) error { _, err := p.TryReserve(1); return err })
				after = append(after, func(context.Context) error { _, err := c.TryNext(); return err })
				for _, ops := range []map[string]func(context.Context) error{pushes(p), pops(c)} {
					for _, op := range ops {
						after = append(after, op)
					}
				}
			}
			proctest.Check(t, s.Close())
			for _, w := range waiting {
				checkIs(t, "an operation that waited", proctest.Result(t, w), shm.ErrSegmentClosed)
			}
			for i, op := range after {
				for range 5 { // more than the room that is known
					checkIs(t, fmt.Sprint("operation ", i), op(background), shm.ErrSegmentClosed)
				}
			}
		})
	}
}

// TestSegmentClosedEnds has all the rest of a closed Segment's rings refuse, and
// others succeed to its roles.
func TestSegmentClosedEnds(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			other := newSegment(t)
			s := shared.Open(t)
			if !mapping.Severs() {
				t.Skip("whoever is caught in the middle finishes on the segment here")
			}
			q, p, c := ends(t, s, kind, 4)
			proctest.Check(t, p.Push(background, 1))
			l := proctest.Must(c.TryNext())(t)
			r := proctest.Must(p.TryReserve(2))(t)
			proctest.Check(t, s.Close())
			checkIs(t, "All", onlyError(t, c.All(background)), shm.ErrSegmentClosed)
			if n := q.Len(); n != 0 {
				t.Errorf("Len is %d", n)
			}
			_, errNew := ringtest.Kinds[kind](s, "new", 4)
			for what, err := range map[string]error{
				"Commit": r.Commit(), "Release": l.Release(), "Close": p.Close(), "New": errNew,
			} {
				checkIs(t, what, err, shm.ErrSegmentClosed)
			}
			if q.Roles() {
				_, err := q.Producer()
				checkIs(t, "Producer", err, shm.ErrSegmentClosed)
				_, err = q.Consumer()
				checkIs(t, "Consumer", err, shm.ErrSegmentClosed)
				checkIs(t, "Detach", c.Detach(), shm.ErrSegmentClosed)
			}
			q2, p2, c2 := ends(t, other, kind, 4)
			proctest.Check(t, p2.Push(background, 3))
			got := []uint64{proctest.Must(c2.Pop(background))(t), proctest.Must(c2.Pop(background))(t)}
			if got[0]+got[1] != 1+3 {
				t.Errorf("the others have got %d", got)
			}
			expectEmpty(t, c2, q2)
		})
	}
}

// TestPushAllClosed wants nothing counted that has not reached the segment.
func TestPushAllClosed(t *testing.T) {
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			q := newQueue(t, newSegment(t), kind, "closed", 16)
			s := shared.Open(t)
			p := proctest.Must(newQueue(t, s, kind, "closed", 16).Producer())(t)
			proctest.Check(t, s.Close())
			n, err := p.PushAll(background, 0, 4)
			checkIs(t, "PushAll", err, shm.ErrSegmentClosed)
			if n != 0 {
				t.Errorf("PushAll counts %d messages", n)
			}
			if mapping.Severs() && q.Len() != 0 {
				t.Errorf("%d messages are in the ring", q.Len())
			}
		})
	}
}
