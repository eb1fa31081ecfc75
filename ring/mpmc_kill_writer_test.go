package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// writerSteps are the stages of a push: of one message, of many, and of what goes round
// the end of the ring.
var writerSteps = map[string][]step{
	"MPMC": {
		{"reserve", 0, 0},
		{"claim", 1, 0}, {"claim", 2, 0}, {"claim", 2, 1},
		{"claim", 5, 0}, {"claim", 5, 3}, {"claim", 5, 4},
		{"claim", 8, 1}, {"claim", 8, 7},
	},
	"BytesMPMC": {
		{"reserve bytes", 0, 0}, {"reserve bytes", 56, 0}, {"reserve bytes", 57, 0},
		{"reserve bytes", 300, 0}, {"reserve bytes", 504, 0},
		{"claim bytes", 2, 0}, {"claim bytes", 2, 1}, {"claim bytes", 4, 1}, {"claim bytes", 4, 3},
	},
}

// starts are where the ring begins: where a step can go round the end of a BytesMPMC,
// there are several. Its batches end there.
func starts(kind string, s step, i int) []int {
	switch {
	case kind == "MPMC":
		return []int{i}
	case s.batch():
		return []int{0, 5, 10}
	default:
		return []int{0, 5, 10, 15}
	}
}

// batch reports whether it is a batch of a BytesMPMC.
func (s step) batch() bool { return s.what == "claim bytes" || s.what == "take bytes" && s.n > 1 }

// TestWriterKilled kills writers in all stages, while consumers wait for what is behind
// them, and producers for their room.
func TestWriterKilled(t *testing.T) {
	eachCrowd(t, func(t *testing.T, kind string) {
		for i, step := range writerSteps[kind] {
			for _, start := range starts(kind, step, i) {
				where := fmt.Sprint(step, " at ", start)
				t.Run(where+"/Consumer", func(t *testing.T) {
					q := newKillRing(t, newSegment(t), kind)
					q.shift(t, start)
					victim := newVictim(t, kind, step)
					survivor := newSurvivor(t, q, kind, waysToPop[(i+start)%len(waysToPop)])
					if i%2 != 0 || q.TryPush(1) != nil { // not behind the claim
						victim.Kill()
						proctest.Until(t, "there is room", func() bool { return q.TryPush(1) == nil })
					}
					expectRescue(t, victim, survivor, 1)
					q.goOn(t)
				})
				t.Run(where+"/Producer", func(t *testing.T) {
					q := newKillRing(t, newSegment(t), kind)
					q.shift(t, start)
					victim := newVictim(t, kind, step)
					n := uint64(0)
					for ; q.TryPush(n) == nil; n++ {
					}
					survivor := newSurvivor(t, q, kind, waysToPush[(i+start)%len(waysToPush)])
					victim.Kill()
					if q.Slotted() { // the room of the dead is enough
						expectRescue(t, victim, survivor, "pushed")
					}
					for want := range n { // then only the dead are in the way
						q.popOne(t, want)
					}
					if !q.Slotted() {
						expectRescue(t, victim, survivor, "pushed")
					}
					q.popOne(t, 77)
					q.goOn(t)
				})
			}
		}
	})
}

// TestAllKilled kills several at once, with a message behind what they hold.
func TestAllKilled(t *testing.T) {
	several := map[string][]step{
		"MPMC": {{"claim", 2, 1}, {"reserve", 0, 0}, {"reserve", 0, 0}, {"claim", 2, 0}, {"reserve", 0, 0}},
		"BytesMPMC": {
			{"reserve bytes", 100, 0}, {"reserve", 0, 0}, {"reserve bytes", 0, 0}, {"reserve bytes", 200, 0},
			{"claim bytes", 2, 1}, {"reserve bytes", 9, 0},
		},
	}
	eachCrowd(t, func(t *testing.T, kind string) {
		q := newKillRing(t, newSegment(t), kind)
		q.shift(t, 5)
		var victims []*proctest.Proc
		for _, step := range several[kind] {
			victims = append(victims, newVictim(t, kind, step))
		}
		q.pushMany(t, 1, 2)
		survivor := newSurvivor(t, q, kind, "Pop")
		for _, v := range victims[1:] {
			v.Kill()
		}
		expectRescue(t, victims[0], survivor, 1)
		q.goOn(t)
	})
}

// TestKilledAndClosed: the dead do not keep a closed ring from its end.
func TestKilledAndClosed(t *testing.T) {
	eachCrowd(t, func(t *testing.T, kind string) {
		for _, step := range []step{{"reserve", 0, 0}, {"next", 1, 0}} {
			t.Run(step.what, func(t *testing.T) {
				q := newKillRing(t, newSegment(t), kind)
				if step.what == "next" {
					q.pushMany(t, 1, 2)
				}
				victim := newVictim(t, kind, step)
				if step.what == "reserve" {
					q.pushMany(t, 1, 2)
				}
				proctest.Check(t, q.Close())
				q.popNothing(t) // somebody alive holds something
				victim.Kill()
				q.popOne(t, 1)
				if _, err := q.Pop(background); err != ring.ErrClosed {
					t.Fatalf("Pop in the end: %v", err)
				}
			})
		}
	})
}
