package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestCancel gives slots up, lap after lap, in front of messages and behind.
func TestCancel(t *testing.T) {
	s := newSegment(t)
	for _, capacity := range []int{1, 2, 4, 8} {
		for cancelled := 1; cancelled <= 3*capacity; cancelled++ {
			name := fmt.Sprint("capacity ", capacity, ", ", cancelled, " cancelled")
			t.Run(name, func(t *testing.T) {
				q := proctest.Must(ring.NewMPMC[uint64](s, name, capacity))(t)
				cancel := func() {
					for range cancelled {
						r, err := q.TryReserve()
						if err == ring.ErrFull {
							return // the rest of the way there is a message
						}
						proctest.Check(t, err)
						proctest.Check(t, r.Cancel())
						checkIs(t, "Commit after Cancel", r.Commit(), ring.ErrNotReserved)
					}
				}
				for n := range uint64(10) {
					cancel()
					proctest.Check(t, q.TryPush(n))
					cancel()
					if got := proctest.Must(q.TryPop())(t); got != n {
						t.Fatalf("popped %d, want %d", got, n)
					}
					if _, err := q.TryPop(); err != ring.ErrEmpty {
						t.Fatalf("TryPop of an empty ring: %v", err)
					}
					if n := q.Len(); n != 0 {
						t.Fatalf("Len of an empty ring is %d", n)
					}
				}
			})
		}
	}
}

// TestCancelForAges gives up so many slots that a claimed word shows the lap of
// another position, while nobody pops anything. What is claimed then is still
// waited for, or repaired if its owner is dead.
func TestCancelForAges(t *testing.T) {
	for dies, laps := range map[bool]int{false: 1<<18 + 1, true: 1 << 19} {
		t.Run(fmt.Sprint(laps, " laps, dies: ", dies), func(t *testing.T) {
			q := proctest.Must(ring.NewMPMC[uint64](newSegment(t), "ages", 1))(t)
			s := shared.Open(t)
			defer s.Close()
			p := proctest.Must(ring.NewMPMC[uint64](s, "ages", 1))(t)
			for range laps {
				if r, err := p.TryReserve(); err != nil || r.Cancel() != nil {
					t.Fatal("a reservation cannot be cancelled")
				}
			}
			r := proctest.Must(p.TryReserve())(t)
			*r.Value() = 5
			if dies {
				proctest.Check(t, s.Close())
			}
			for range 200 {
				if _, err := q.TryPop(); err != ring.ErrEmpty {
					t.Fatalf("TryPop before Commit: %v", err)
				}
			}
			if dies {
				proctest.Check(t, q.TryPush(5))
			} else {
				proctest.Check(t, r.Commit())
			}
			if got := proctest.Must(q.TryPop())(t); got != 5 {
				t.Fatalf("popped %d", got)
			}
		})
	}
}

// TestCancelWakes gives a message's room up that others wait behind: consumers for the
// message after it, producers for the room.
func TestCancelWakes(t *testing.T) {
	for name, kind := range map[string]ringtest.Kind{
		"MPMC":      ringtest.MPMC(ringtest.Words),
		"BytesMPMC": ringtest.BytesMPMC(64, func(uint64, int) int { return 8 }), // a chunk each
	} {
		t.Run(name, func(t *testing.T) {
			q := openQueue(t, newSegment(t), kind, "cancelled", 2)
			p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
			popOne := func(n uint64) {
				if got, err := c.Pop(background); err != nil || got != n {
					t.Errorf("popped %d, %v, want %d", got, err, n)
				}
			}
			for n := range uint64(3) {
				r := proctest.Must(p.TryReserve(0))(t)
				popped := make([]<-chan error, 2)
				for i := range popped {
					popped[i] = proctest.Go(func() error {
						got, err := c.Pop(background)
						if err == nil && got != n {
							err = fmt.Errorf("popped %d, want %d", got, n)
						}
						return err
					})
				}
				proctest.Until(t, "the consumers wait", q.PopWaiting)
				proctest.Check(t, p.TryPush(n)) // wakes one, in vain
				proctest.Until(t, "the consumers wait again", q.PopWaiting)
				proctest.Check(t, r.Cancel())
				proctest.Check(t, p.Push(background, n))
				for _, done := range popped {
					proctest.Check(t, proctest.Result(t, done))
				}

				r = proctest.Must(p.TryReserve(0))(t)
				proctest.Check(t, p.TryPush(n))
				pushed := proctest.Go(func() error { return p.Push(background, n+100) })
				proctest.Until(t, "the producer waits", q.PushWaiting)
				proctest.Check(t, r.Cancel())
				proctest.Check(t, proctest.Result(t, pushed))
				popOne(n)
				popOne(n + 100)
			}
			r := proctest.Must(p.TryReserve(0))(t)
			ended := proctest.Go(func() error { _, err := c.Pop(background); return err })
			proctest.Until(t, "the consumer waits", q.PopWaiting)
			proctest.Check(t, p.Close())
			proctest.Until(t, "the consumer waits again", q.PopWaiting)
			proctest.Check(t, r.Cancel()) // what came before the end
			checkIs(t, "Pop in the end", proctest.Result(t, ended), ring.ErrClosed)
		})
	}
}
