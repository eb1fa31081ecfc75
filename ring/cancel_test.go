package ring_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// pushes and pops are the operations that wait.
func pushes(p producer) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Push":    func(ctx context.Context) error { return p.Push(ctx, 0) },
		"PushAll": func(ctx context.Context) error { _, err := p.PushAll(ctx, 0, 2); return err },
		"Reserve": func(ctx context.Context) error { _, err := p.Reserve(ctx, 0); return err },
	}
}

func pops(c consumer) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Pop":     func(ctx context.Context) error { _, err := c.Pop(ctx); return err },
		"PopInto": func(ctx context.Context) error { _, err := c.PopInto(ctx, 2); return err },
		"Next":    func(ctx context.Context) error { _, _, err := c.Next(ctx); return err },
	}
}

// cram pushes message 0 until it does not fit, and returns how often it did.
func cram(p producer) (k int) {
	for p.TryPush(0) == nil {
		k++
	}
	return k
}

// expectCancelled checks an error that a context's end has caused.
func expectCancelled(t *testing.T, what string, err, want error) {
	t.Helper()
	checkIs(t, what, err, want)
	if !strings.Contains(err.Error(), `"ends"`) {
		t.Errorf("%s: %q does not name the ring", what, err)
	}
}

// TestBadContext has contexts that have ended before, and none at all.
func TestBadContext(t *testing.T) {
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), kind, 4)
			proctest.Check(t, p.Push(background, 1))
			ended, cancel := context.WithCancel(background)
			cancel()
			for _, operations := range []map[string]func(context.Context) error{pushes(p), pops(c)} {
				for what, op := range operations {
					expectCancelled(t, what, op(ended), context.Canceled)
					expectCancelled(t, what, op(nil), fs.ErrInvalid)
				}
			}
			expectCancelled(t, "All", onlyError(t, c.All(ended)), context.Canceled)
			var none context.Context
			expectCancelled(t, "All", onlyError(t, c.All(none)), fs.ErrInvalid)
			expectPop(t, c, q, 1) // nothing was pushed or popped
			expectEmpty(t, c, q)
		})
	}
}

// onlyError returns the error that an iterator yields instead of messages.
func onlyError(t *testing.T, seq iter.Seq2[uint64, error]) (only error) {
	t.Helper()
	for n, err := range seq {
		if err == nil || only != nil {
			t.Errorf("All yields %d, %v after %v", n, err, only)
		}
		only = err
	}
	return only
}

// TestCancelled ends the context of operations that wait.
func TestCancelled(t *testing.T) {
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), kind, 2)
			k := cram(p)
			for what, push := range pushes(p) {
				expectPrompt(t, what, push, q.PushWaiting)
			}
			for range k {
				expectPop(t, c, q, 0)
			}
			expectEmpty(t, c, q)
			for what, pop := range pops(c) {
				expectPrompt(t, what, pop, q.PopWaiting)
			}
			expectPrompt(t, "All", func(ctx context.Context) error {
				return onlyError(t, c.All(ctx))
			}, q.PopWaiting)
			proctest.Check(t, p.Push(background, 5))
			expectPop(t, c, q, 5)
		})
	}
}

func expectPrompt(t *testing.T, what string, op func(context.Context) error, asleep func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(background)
	returned := proctest.Go(func() error { return op(ctx) })
	proctest.Until(t, what+" waits", asleep)
	cancel()
	cancelled := time.Now()
	expectCancelled(t, what, proctest.Result(t, returned), context.Canceled)
	t.Logf("%s has returned after %v", what, time.Since(cancelled))

	ctx, cancel = context.WithTimeout(background, time.Millisecond)
	defer cancel()
	expectCancelled(t, what, op(ctx), context.DeadlineExceeded)
}

// A waiter waits for a message until it is told not to.
var _ = proctest.Register("waiter", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, "waiters", 2))(c)
	ctx, cancel := context.WithCancel(background)
	go func() {
		c.Expect("cancel")
		cancel()
	}()
	c.Send("waiting")
	n, err := q.Pop(ctx)
	c.Send(n, errors.Is(err, context.Canceled))
	c.Check(s.Close())
})

// TestCancelOne has two processes wait, and cancels the one that sleeps first:
// the other is not disturbed, and gets the message.
func TestCancelOne(t *testing.T) {
	q := proctest.Must(ring.NewMPMC[uint64](newSegment(t), "waiters", 2))(t)
	a := proctest.Start(t, "waiter")
	a.Expect("waiting")
	proctest.Until(t, "the first waits", q.PopWaiting)
	b := proctest.Start(t, "waiter")
	b.Expect("waiting")
	a.Send("cancel")
	a.Expect(0, true)
	a.Wait()
	proctest.Check(t, q.TryPush(7))
	b.Expect(7, false)
	b.Wait()
}

// TestSegmentClosed uses rings of a Segment that is closed, or is closed while
// they wait.
func TestSegmentClosed(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			newSegment(t)
			var waiting []<-chan error
			var after []func(context.Context) error
			s := shared.Open(t)
			for _, what := range []string{"Push", "PushAll", "Reserve", "Pop", "PopInto", "Next"} {
				q := newQueue(t, s, kind, what, 2)
				p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
				op, asleep := pops(c)[what], q.PopWaiting
				if op == nil {
					op, asleep = pushes(p)[what], q.PushWaiting
					cram(p)
				}
				waiting = append(waiting, proctest.Go(func() error { return op(background) }))
				proctest.Until(t, what+" waits", asleep)
				if !isMPMC(q) { // one goroutine at a time
					q = newQueue(t, s, kind, what+" after", 2)
					p, c = proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
				}
				after = append(after, func(context.Context) error { return p.TryPush(1) })
				after = append(after, func(context.Context) error { _, err := c.TryPop(); return err })
				after = append(after, func(context.Context) error { _, err := p.TryReserve(1); return err })
				after = append(after, func(context.Context) error { _, _, err := c.TryNext(); return err })
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
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			other := newSegment(t)
			s := shared.Open(t)
			if !mapping.Severs() {
				t.Skip("whoever is caught in the middle finishes on the segment here")
			}
			q, p, c := ends(t, s, kind, 4)
			proctest.Check(t, p.Push(background, 1))
			_, release, err := c.TryNext()
			proctest.Check(t, err)
			commit := proctest.Must(p.TryReserve(2))(t)
			proctest.Check(t, s.Close())
			checkIs(t, "All", onlyError(t, c.All(background)), shm.ErrSegmentClosed)
			if n := q.Len(); n != 0 {
				t.Errorf("Len is %d", n)
			}
			_, errNew := kinds[kind](s, "new", 4)
			for what, err := range map[string]error{
				"Commit": commit(), "Release": release(), "Close": p.Close(), "New": errNew,
			} {
				checkIs(t, what, err, shm.ErrSegmentClosed)
			}
			if !isMPMC(q) {
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
