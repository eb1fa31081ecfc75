package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
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

// TestPushAcrossClose is a Push that has seen the ring open and then slept, until
// others had pushed and popped a lap, closed the ring, and drained it.
func TestPushAcrossClose(t *testing.T) {
	s := newSegment(t)
	other := shared.Open(t) // has its own idea of where to start
	defer other.Close()
	for _, capacity := range []int{1, 2, 4} {
		for laps := range uint64(4) {
			for rest := range uint64(capacity) {
				name := fmt.Sprint(capacity, laps, rest)
				q := proctest.Must(ring.NewMPMC[uint64](s, name, capacity))(t)
				late := proctest.Must(ring.NewMPMC[uint64](other, name, capacity))(t)
				for n := range laps*uint64(capacity) + rest {
					proctest.Check(t, q.TryPush(n))
					proctest.Must(q.TryPop())(t)
				}
				proctest.Check(t, q.Close())
				_, err := q.TryPop()
				checkIs(t, "TryPop", err, ring.ErrClosed)

				for start := range q.Tail() + 1 {
					tail := q.Tail()
					q.SetHints(tail, start)
					q.SetOpen(true) // as the Push has seen it
					if err := late.TryPush(7); err == nil {
						t.Fatalf("capacity %d, closed at %d: a push that began at %d succeeds", capacity, tail, start)
					}
					q.SetOpen(false)
					q.SetHints(tail, tail)
				}
			}
		}
	}
}

// TestRepair has repairs overlap, stop half way, and come too late.
func TestRepair(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	for _, what := range []string{"writing", "freeing"} {
		for _, run := range []int{2, 3, killCapacity} {
			for done := range run {
				for part := range run {
					name := fmt.Sprint(what, " ", run, " ", done, " ", part)
					q := proctest.Must(ring.NewMPMC[job](s, name, killCapacity))(t)
					shift(t, q, 3)
					pos := dieInRun(t, name, what, run, done)
					word := q.Word(pos)
					q.RepairPart(pos, word, part)
					q.Repair(pos, word)
					goOn(t, q)
					pushJobs(t, q, 0, 5)
					q.RepairPart(pos, word, 0) // by who was paused for laps
					q.Repair(pos, word)
					popJobs(t, q, 0, 5)
					goOn(t, q)
				}
			}
		}
	}
}

// dieInRun has an attachment of this process die in a run that it is done with
// in part.
func dieInRun(t *testing.T, name, what string, run, done int) (pos uint64) {
	s := shared.Open(t)
	q := proctest.Must(ring.NewMPMC[job](s, name, killCapacity))(t)
	if what == "freeing" {
		pushJobs(t, q, 0, uint64(run))
		p, n, err := q.Take(make([]job, run))
		proctest.Check(t, err)
		q.Free(p, n, done)
		pos = p
	} else {
		p, n, err := q.Claim(run)
		proctest.Check(t, err)
		q.Fill(p, n, done, garbage)
		pos = p
	}
	proctest.Check(t, s.Close())
	return pos
}

// TestRepairOfThePublished has a writer publish all of a run, and die, between the
// repairer's look at the slot and its look at the writer.
func TestRepairOfThePublished(t *testing.T) {
	proctest.Mortal(t)
	q := newKillRing(t, newSegment(t))
	s := shared.Open(t)
	dying := newKillRing(t, s)
	pos, run, err := dying.Claim(3)
	proctest.Check(t, err)
	word := q.Word(pos)
	dying.Fill(pos, run, 3, jobs.make(1))
	proctest.Check(t, s.Close())
	q.Repair(pos, word)
	for range 3 {
		popOne(t, q, 1)
	}
	goOn(t, q)
}

// TestRepairOfAnotherLap has the repairer pause so long that the same writer has
// come to the same slot again in a lap that looks the same, and died there.
func TestRepairOfAnotherLap(t *testing.T) {
	proctest.Mortal(t)
	q := newKillRing(t, newSegment(t))
	s := shared.Open(t)
	dying := newKillRing(t, s)
	proctest.Check(t, proctest.Must(dying.TryReserve())(t).Cancel())
	pos, _, err := dying.Claim(1)
	proctest.Check(t, err)
	word := q.Word(pos)
	const later = 1 << 19 * killCapacity
	q.SetStart(later)
	proctest.Must(dying.TryReserve())(t)
	proctest.Must(dying.TryReserve())(t)
	if q.Word(later+pos) != word {
		t.Fatal("the words differ")
	}
	proctest.Check(t, s.Close())
	q.Repair(pos, word)
	pushJobs(t, q, 1, 3)
	popOne(t, q, 1)
	popOne(t, q, 2)
	goOn(t, q)
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
