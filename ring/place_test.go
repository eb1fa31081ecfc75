package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// expectNext lends message n.
func expectNext(t *testing.T, c consumer, q queue, n uint64) ringtest.Lent {
	t.Helper()
	l := proctest.Must(c.Next(background))(t)
	if l.N != n&q.Mask() {
		t.Fatalf("Next is message %d, want %d", l.N, n)
	}
	return l
}

func TestInPlace(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		mpmc := !q.Roles()
		for n := range uint64(3 * q.Cap()) {
			if !mpmc {
				proctest.Must(p.TryReserve(n + 100))(t) // not committed: has no effect
				expectEmpty(t, c, q)
			}
			r := proctest.Must(p.Reserve(background, n))(t)
			if _, err := c.TryPop(); err != ring.ErrEmpty {
				t.Fatalf("TryPop before Commit: %v", err)
			}
			proctest.Check(t, r.Commit())
			checkIs(t, "second Commit", r.Commit(), ring.ErrNotReserved)

			l := expectNext(t, c, q, n)
			if !mpmc && n%2 != 0 { // Pop takes it, though it is lent
				expectPop(t, c, q, n)
				checkIs(t, "Release of what was popped", l.Release(), ring.ErrNotReserved)
			} else {
				proctest.Check(t, l.Release())
				checkIs(t, "second Release", l.Release(), ring.ErrNotReserved)
			}
			expectEmpty(t, c, q)
		}
		_, err := c.TryNext()
		checkIs(t, "TryNext of an empty ring", err, ring.ErrEmpty)
		for n := uint64(0); err != ring.ErrFull; n++ {
			var r ringtest.Reserved
			if r, err = p.TryReserve(n); err == nil {
				proctest.Check(t, r.Commit())
			}
		}
	})
}

// Each Next lends another message, and what is not released stays in the ring.
func TestLendSeveral(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		from := uint64(0)
		for range 5 { // the ring goes round
			to := from + fillUp(t, p, q, from)
			var releases []func() error
			for n := from; n < to; n++ {
				releases = append(releases, expectNext(t, c, q, n).Release)
			}
			_, err := c.TryNext()
			checkIs(t, "TryNext where all are lent", err, ring.ErrEmpty)
			checkIs(t, "TryPush to a ring of lent messages", p.TryPush(to), ring.ErrFull)
			kept := len(releases) / 2
			for _, release := range releases[kept:] {
				proctest.Check(t, release())
			}
			if !q.Roles() {
				for _, release := range releases[:kept] {
					proctest.Check(t, release())
				}
			} else { // the first were released
				proctest.Check(t, c.Detach())
				c = proctest.Must(q.Consumer())(t)
				for n := to - uint64(kept); n < to; n++ {
					expectPop(t, c, q, n)
				}
			}
			expectEmpty(t, c, q)
			from = to
		}
	})
}

// TestLenOfLent lends the first messages of a full ring, and pops the rest.
func TestLenOfLent(t *testing.T) {
	const capacity = 8
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), kind, capacity)
			for range fillUp(t, p, q, 0) - 1 {
				before := q.Len()
				l := proctest.Must(c.TryNext())(t)
				if n := q.Len(); n != before {
					t.Fatalf("Len is %d, and %d with a message lent", before, n)
				}
				proctest.Check(t, l.Release())
				if n := q.Len(); n >= before {
					t.Fatalf("Len is %d with a message lent, and %d without it", before, n)
				}
			}
		})
	}
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "lent", capacity))(t)
	for i := range uint64(capacity) {
		proctest.Check(t, q.TryPush(i))
	}
	lent := proctest.Must(q.TryNext())(t)
	for n := capacity; n > 1; n-- {
		if q.Len() != n {
			t.Errorf("Len is %d of %d", q.Len(), n)
		}
		proctest.Must(q.TryPop())(t)
	}
	if err := q.TryPush(0); err != ring.ErrFull || q.Len() != 1 {
		t.Errorf("with the first message lent TryPush says %v, and Len %d", err, q.Len())
	}
	proctest.Check(t, lent.Release())
	if q.Len() != 0 {
		t.Errorf("Len of an empty ring is %d", q.Len())
	}
}
