package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestFirstPosition: a process that comes new to a ring starts at the ring's hints, for
// each capacity, and not where the mark of a newcomer lies.
func TestFirstPosition(t *testing.T) {
	for shift := range 13 {
		q := proctest.Must(ring.NewMPMC[byte](newSegment(t), "q", 1<<shift))(t)
		proctest.Check(t, q.TryPush(1))
		if tail := q.Tail(); tail > 1 {
			t.Errorf("capacity %d: tail is %d after a push", q.Cap(), tail)
		}
		if v, err := q.TryPop(); v != 1 || err != nil {
			t.Errorf("capacity %d: pop: %d, %v", q.Cap(), v, err)
		}
		if n := q.Len(); n != 0 {
			t.Errorf("capacity %d: %d messages are left", q.Cap(), n)
		}
	}
}

// TestWordsCount has each word of a ring count no more slots behind it than are in its
// state, after pushes and pops of all kinds.
func TestWordsCount(t *testing.T) {
	for _, capacity := range []int{1, 2, 8, 1024} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) { wordsCount(t, capacity) })
	}
}

func wordsCount(t *testing.T, capacity int) {
	q := proctest.Must(ring.NewMPMC[uint64](newSegment(t), "q", capacity))(t)
	rnd := rand.New(rand.NewPCG(1, uint64(capacity)))
	var tail, head uint64
	counted := false
	for range 3000 {
		n := min(1+rnd.IntN(2*capacity), 600)
		switch free := capacity - int(tail-head); rnd.IntN(6) {
		case 0:
			n = min(n, free)
			vs := make([]uint64, n)
			for i := range vs {
				vs[i] = tail + uint64(i)
			}
			proctest.Must(q.PushAll(background, vs))(t)
			tail += uint64(n)
		case 1:
			if free > 0 {
				proctest.Check(t, q.TryPush(tail))
				tail++
			}
		case 2:
			if free > 0 {
				m := proctest.Must(q.TryReserve())(t)
				*m.Value() = tail
				proctest.Check(t, m.Commit())
				tail++
			}
		default:
			if head == tail {
				continue
			}
			dst := make([]uint64, n)
			k := proctest.Must(q.PopInto(background, dst))(t)
			for _, v := range dst[:k] {
				if v != head {
					t.Fatalf("popped %d, want %d", v, head)
				}
				head++
			}
		}
		counted = q.CheckWords(t, head, tail) || counted
	}
	if !counted && capacity > 1 {
		t.Error("no word counts any slot")
	}
}
