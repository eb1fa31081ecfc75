package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// TestTakerKilled kills consumers that have taken messages, and freed some of their room.
// The messages are gone with them; the room is not.
func TestTakerKilled(t *testing.T) {
	steps := map[string][]step{
		"MPMC": {
			{"take", 2, 0}, {"take", 2, 1}, {"take", 5, 0}, {"take", 5, 4}, {"take", 8, 3}, {"take", 8, 7},
		},
		"BytesMPMC": {
			{"take bytes", 1, 99}, {"take bytes", 1, 5}, {"take bytes", 1, 3}, {"take bytes", 1, 2}, {"take bytes", 1, 1},
			{"take bytes", 4, 99}, {"take bytes", 4, 5}, {"take bytes", 4, 3}, {"take bytes", 4, 1},
		},
	}
	eachCrowd(t, func(t *testing.T, kind string) {
		for i, step := range steps[kind] {
			for _, start := range starts(kind, step, i) {
				t.Run(fmt.Sprint(step, " at ", start), func(t *testing.T) {
					q := newKillRing(t, newSegment(t), kind)
					q.shift(t, start)
					if step.what == "take bytes" && !step.batch() {
						proctest.Check(t, q.TryPush(sized(400)))
					} else {
						q.pushMany(t, 0, uint64(step.n))
					}
					n := uint64(0)
					for ; q.TryPush(n) == nil; n++ {
					}
					victim := newVictim(t, kind, step)
					survivor := newSurvivor(t, q, kind, waysToPush[i%len(waysToPush)])
					next := uint64(0)
					for ; next < n/2; next++ { // others read on meanwhile
						q.popOne(t, next)
					}
					expectRescue(t, victim, survivor, "pushed")
					for ; next < n; next++ {
						q.popOne(t, next)
					}
					q.popMany(t, 77, 78)
					q.goOn(t)
				})
			}
		}
	})
}

// TestReaderKilled kills readers between Next and Release. The message comes again, once.
func TestReaderKilled(t *testing.T) {
	eachCrowd(t, func(t *testing.T, kind string) {
		for _, way := range waysToPop {
			t.Run(way, func(t *testing.T) {
				q := newKillRing(t, newSegment(t), kind)
				for round := range uint64(12) {
					q.pushMany(t, round, round+1)
					victim := newVictim(t, kind, step{"next", int(round), 0})
					q.popNothing(t) // not while it lives
					if round%4 == 3 {
						survivor := newSurvivor(t, q, kind, way)
						expectRescue(t, victim, survivor, round)
						continue
					}
					q.pushMany(t, 50, 51)
					victim.Kill()
					q.popOne(t, 50)
					q.popOne(t, round)
				}
				q.goOn(t)
			})
		}
		t.Run("twice", func(t *testing.T) {
			q := newKillRing(t, newSegment(t), kind)
			q.pushMany(t, 5, 6)
			for range 3 {
				newVictim(t, kind, step{"next", 5, 0}).Kill()
				proctest.Until(t, "the message is lent again", func() bool {
					l, err := q.TryNext()
					if err != nil {
						return false
					}
					if l.N != 5 {
						t.Fatalf("lent message %d", l.N)
					}
					proctest.Check(t, q.TryPush(l.N))
					return l.Release() == nil
				})
			}
			q.popMany(t, 5, 6)
			q.goOn(t)
		})
		t.Run("in the way", func(t *testing.T) {
			q := newKillRing(t, newSegment(t), kind)
			q.pushMany(t, 9, 10)
			victim := newVictim(t, kind, step{"next", 9, 0})
			n := uint64(0)
			for ; q.TryPush(n) == nil; n++ {
			}
			survivor := newSurvivor(t, q, kind, "Push")
			for want := range n {
				expectPop(t, q.consumer, q.queue, want)
			}
			// There is room by now, but maybe not in one piece.
			victim.Kill()
			got := []uint64{proctest.Must(q.Pop(background))(t), proctest.Must(q.Pop(background))(t)}
			if got[0]+got[1] != 9+77 {
				t.Fatalf("popped %d", got)
			}
			survivor.Expect("pushed")
			survivor.Wait()
			q.goOn(t)
		})
	})
}

// A poisoned process takes up the next message, and dies of it.
var _ = proctest.Register("poisoned", func(c *proctest.Child) {
	l := proctest.Must(newKillRing(c, shared.Open(c), c.Arg(0)).Next(background))(c)
	c.Send(l.N, l.Deliveries)
	c.Recv()
})

// TestDeliveries has one message kill each process that takes it up.
func TestDeliveries(t *testing.T) {
	eachCrowd(t, func(t *testing.T, kind string) {
		q := newKillRing(t, newSegment(t), kind)
		q.pushMany(t, 5, 6)
		for n := 1; n <= 3; n++ {
			p := proctest.Start(t, "poisoned", kind)
			p.Expect(5, n)
			p.Kill()
		}
		for _, want := range []struct {
			n          uint64
			deliveries int
		}{{5, 4}, {6, 1}} {
			l := proctest.Must(q.Next(background))(t)
			if l.N != want.n || l.Deliveries != want.deliveries {
				t.Errorf("message %d is lent, %d times so far; want %v", l.N, l.Deliveries, want)
			}
			proctest.Check(t, l.Release())
			checkIs(t, "second Release", l.Release(), ring.ErrNotReserved)
			q.pushMany(t, 6, 7)
		}
		q.popMany(t, 6, 7)
		q.goOn(t)
	})
}
