package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
)

// TestRepair has repairs overlap, stop half way, and come too late.
func TestRepair(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	for _, what := range []string{"writing", "freeing"} {
		for _, run := range []int{2, 3, killCapacity} {
			for done := range run {
				for part := range run {
					name := fmt.Sprint(what, " ", run, " ", done, " ", part)
					q := newCrowdRing(t, s, "MPMC", name)
					q.shift(t, 3)
					pos := dieInRun(t, name, what, run, done)
					word := q.mpmc().Word(pos)
					q.mpmc().RepairPart(pos, word, func(int) int { return part })
					q.mpmc().Repair(pos, word)
					q.goOn(t)
					q.pushMany(t, 0, 5)
					q.mpmc().RepairPart(pos, word, func(int) int { return 0 }) // by who was paused for laps
					q.mpmc().Repair(pos, word)
					q.popMany(t, 0, 5)
					q.goOn(t)
				}
			}
		}
	}
}

// dieInRun has an attachment of this process die in a run that it is done with
// in part.
func dieInRun(t *testing.T, name, what string, run, done int) (pos uint64) {
	s := shared.Open(t)
	q := newCrowdRing(t, s, "MPMC", name)
	if what == "freeing" {
		q.pushMany(t, 0, uint64(run))
		p, n, err := q.mpmc().Take(make([]ringtest.Job, run))
		proctest.Check(t, err)
		q.mpmc().Free(p, n, done)
		pos = p
	} else {
		p, n, err := q.mpmc().Claim(run)
		proctest.Check(t, err)
		q.mpmc().Fill(p, n, done, ringtest.Jobs.Make(garbage))
		pos = p
	}
	proctest.Check(t, s.Close())
	return pos
}

// TestRepairOfThePublished has a writer publish all of a run, and die, between the
// repairer's look at the slot and its look at the writer.
func TestRepairOfThePublished(t *testing.T) {
	proctest.Mortal(t)
	q := newKillRing(t, newSegment(t), "MPMC")
	s := shared.Open(t)
	dying := newKillRing(t, s, "MPMC")
	pos, run, err := dying.mpmc().Claim(3)
	proctest.Check(t, err)
	word := q.mpmc().Word(pos)
	dying.mpmc().Fill(pos, run, 3, ringtest.Jobs.Make(1))
	proctest.Check(t, s.Close())
	q.mpmc().Repair(pos, word)
	for range 3 {
		q.popOne(t, 1)
	}
	q.goOn(t)
}

// TestRepairOfAnotherLap has the repairer pause so long that the same writer has
// come to the same slot again in a lap that looks the same, and died there.
func TestRepairOfAnotherLap(t *testing.T) {
	proctest.Mortal(t)
	q := newKillRing(t, newSegment(t), "MPMC")
	s := shared.Open(t)
	dying := newKillRing(t, s, "MPMC")
	proctest.Check(t, proctest.Must(dying.TryReserve(garbage))(t).Cancel())
	pos, _, err := dying.mpmc().Claim(1)
	proctest.Check(t, err)
	word := q.mpmc().Word(pos)
	const later = 1 << 19 * killCapacity
	q.SetStart(later)
	proctest.Must(dying.TryReserve(garbage))(t)
	proctest.Must(dying.TryReserve(garbage))(t)
	if q.mpmc().Word(later+pos) != word {
		t.Fatal("the words differ")
	}
	proctest.Check(t, s.Close())
	q.mpmc().Repair(pos, word)
	q.pushMany(t, 1, 3)
	q.popOne(t, 1)
	q.popOne(t, 2)
	q.goOn(t)
}
