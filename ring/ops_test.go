package ring_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// capacities has the smallest, and some to be rounded up.
var capacities = []int{1, 2, 3, 8, 11}

// eachQueue runs a test with rings of all kinds and capacities, the two ends of
// which belong to different Segments. Transfers between processes are tested
// elsewhere; here it is what each operation returns.
func eachQueue(t *testing.T, test func(t *testing.T, p producer, c consumer, q queue)) {
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(kind, func(t *testing.T) {
			s := newSegment(t)
			other := shared.Open(t)
			defer other.Close()
			for _, capacity := range capacities {
				name := fmt.Sprint("capacity ", capacity)
				t.Run(name, func(t *testing.T) {
					q1 := newQueue(t, s, kind, name, capacity)
					q2 := newQueue(t, other, kind, name, capacity)
					test(t, proctest.Must(q1.Producer())(t), proctest.Must(q2.Consumer())(t), q2)
				})
			}
		})
	}
}

// fillUp pushes messages from n on until the ring is full, and returns how many
// it took.
func fillUp(t *testing.T, p producer, q queue, n uint64) (k uint64) {
	t.Helper()
	for ; ; k++ {
		err := p.TryPush(n + k)
		if err == ring.ErrFull {
			return k
		}
		proctest.Check(t, err)
	}
}

// expectPop pops message n.
func expectPop(t *testing.T, c consumer, q queue, n uint64) {
	t.Helper()
	if got := proctest.Must(c.TryPop())(t); got != n&q.Mask() {
		t.Fatalf("popped message %d, want %d", got, n)
	}
}

func expectEmpty(t *testing.T, c consumer, q queue) {
	t.Helper()
	if _, err := c.TryPop(); err != ring.ErrEmpty {
		t.Fatalf("TryPop of an empty ring: %v", err)
	}
	if n := q.Len(); n != 0 {
		t.Fatalf("Len of an empty ring is %d", n)
	}
}

// slotted reports whether the messages of a ring have a slot each.
func slotted(q queue) bool {
	switch q.(type) {
	case bytesQueue, bytesMPMCQueue:
		return false
	}
	return true
}

func TestTry(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		var in, out uint64
		for round := range uint64(9) {
			k := fillUp(t, p, q, in)
			in += k
			if n := in - out; slotted(q) && (n != uint64(q.Cap()) || q.Len() != int(n)) || n == 0 {
				t.Fatalf("ring is full with %d messages, Cap %d, Len %d", n, q.Cap(), q.Len())
			}
			for range min(in-out, round%3+1) { // so that the rest wraps around
				expectPop(t, c, q, out)
				out++
			}
			if slotted(q) && q.Len() != int(in-out) {
				t.Fatalf("Len is %d, want %d", q.Len(), in-out)
			}
		}
		for ; out < in; out++ {
			expectPop(t, c, q, out)
		}
		expectEmpty(t, c, q)
	})
}

func TestCap(t *testing.T) {
	s := newSegment(t)
	for capacity, want := range map[int]int{1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 1000: 1024, 1024: 1024, 1025: 2048} {
		name := fmt.Sprint(capacity)
		for what, q := range map[string]interface{ Cap() int }{
			"SPSC": proctest.Must(ring.NewSPSC[byte](s, "spsc"+name, capacity))(t),
			"MPMC": proctest.Must(ring.NewMPMC[byte](s, "mpmc"+name, capacity))(t),
		} {
			if got := q.Cap(); got != want {
				t.Errorf("%s of capacity %d has Cap %d, want %d", what, capacity, got, want)
			}
		}
		b := proctest.Must(ring.NewBytes(s, "bytes"+name, capacity))(t)
		if want := max(want, 64); b.Cap() != want || b.MaxLen() != want/2-16 {
			t.Errorf("Bytes of capacity %d has Cap %d and MaxLen %d", capacity, b.Cap(), b.MaxLen())
		}
	}
}

// TestBatch moves batches that fit; TestStream has larger ones.
func TestBatch(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		room := fillUp(t, p, q, 0)
		for n := range room {
			expectPop(t, c, q, n)
		}
		if k, err := p.PushAll(background, 0, 0); k != 0 || err != nil {
			t.Fatalf("PushAll of nothing: %d, %v", k, err)
		}
		if ns, err := c.PopInto(background, 0); len(ns) != 0 || err != nil {
			t.Fatalf("PopInto nothing: %d, %v", ns, err)
		}
		n := room
		for size := uint64(1); size <= room; size++ {
			size := size
			if !slotted(q) {
				size = 1 // how many fit depends on their lengths
			}
			if k, err := p.PushAll(background, n, n+size); k != int(size) || err != nil {
				t.Fatalf("PushAll of %d: %d, %v", size, k, err)
			}
			for most := 1; size > 0; most++ {
				ns, err := c.PopInto(background, most)
				if err != nil || len(ns) != min(most, int(size)) {
					t.Fatalf("PopInto %d of %d: %d, %v", most, size, len(ns), err)
				}
				for _, got := range ns {
					if got != n&q.Mask() {
						t.Fatalf("popped message %d, want %d", got, n)
					}
					n++
				}
				size -= uint64(len(ns))
			}
			expectEmpty(t, c, q)
		}
	})
}

func TestInPlace(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		mpmc := isMPMC(q)
		for n := range uint64(3 * q.Cap()) {
			if !mpmc {
				proctest.Must(p.TryReserve(n + 100))(t) // not committed: has no effect
				expectEmpty(t, c, q)
			}
			commit := proctest.Must(p.Reserve(background, n))(t)
			if _, err := c.TryPop(); err != ring.ErrEmpty {
				t.Fatalf("TryPop before Commit: %v", err)
			}
			proctest.Check(t, commit())
			checkIs(t, "second Commit", commit(), ring.ErrNotReserved)

			got, release, err := c.Next(background)
			proctest.Check(t, err)
			if got != n&q.Mask() {
				t.Fatalf("Next is message %d, want %d", got, n)
			}
			if !mpmc && n%2 != 0 { // Pop takes it, though it is lent
				expectPop(t, c, q, n)
				checkIs(t, "Release of what was popped", release(), ring.ErrNotReserved)
			} else {
				proctest.Check(t, release())
				checkIs(t, "second Release", release(), ring.ErrNotReserved)
			}
			expectEmpty(t, c, q)
		}
		_, _, err := c.TryNext()
		checkIs(t, "TryNext of an empty ring", err, ring.ErrEmpty)
		for n := uint64(0); err != ring.ErrFull; n++ {
			var commit func() error
			if commit, err = p.TryReserve(n); err == nil {
				proctest.Check(t, commit())
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
				got, release, err := c.Next(background)
				proctest.Check(t, err)
				if got != n&q.Mask() {
					t.Fatalf("Next is message %d, want %d", got, n)
				}
				releases = append(releases, release)
			}
			_, _, err := c.TryNext()
			checkIs(t, "TryNext where all are lent", err, ring.ErrEmpty)
			checkIs(t, "TryPush to a ring of lent messages", p.TryPush(to), ring.ErrFull)
			kept := len(releases) / 2
			for _, release := range releases[kept:] {
				proctest.Check(t, release())
			}
			if isMPMC(q) {
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

// TestDrain closes rings with messages in them.
func TestDrain(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		k := fillUp(t, p, q, 0)
		proctest.Check(t, p.Close())
		for what, push := range map[string]func() error{
			"TryPush":    func() error { return p.TryPush(0) },
			"Push":       func() error { return p.Push(background, 0) },
			"PushAll":    func() error { _, err := p.PushAll(background, 0, 1); return err },
			"TryReserve": func() error { _, err := p.TryReserve(0); return err },
			"Reserve":    func() error { _, err := p.Reserve(background, 0); return err },
		} {
			if err := push(); err != ring.ErrClosed {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		for n := range k {
			expectPop(t, c, q, n)
		}
		for what, pop := range map[string]func() error{
			"TryPop":  func() error { _, err := c.TryPop(); return err },
			"Pop":     func() error { _, err := c.Pop(background); return err },
			"PopInto": func() error { _, err := c.PopInto(background, 3); return err },
			"TryNext": func() error { _, _, err := c.TryNext(); return err },
			"Next":    func() error { _, _, err := c.Next(background); return err },
		} {
			if err := pop(); err != ring.ErrClosed {
				t.Errorf("%s of a ring that is closed and drained: %v", what, err)
			}
		}
		if n := q.Len(); n != 0 {
			t.Errorf("Len of a ring that is closed and drained is %d", n)
		}
	})
}

func TestAll(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		k := fillUp(t, p, q, 0)
		proctest.Check(t, p.Close())
		var n uint64
		for got, err := range c.All(background) {
			proctest.Check(t, err)
			if got != n&q.Mask() {
				t.Fatalf("message %d, want %d", got, n)
			}
			if n++; n == 1 {
				break // the rest stays
			}
		}
		for got, err := range c.All(background) {
			proctest.Check(t, err)
			if got != n&q.Mask() {
				t.Fatalf("after break: message %d, want %d", got, n)
			}
			n++
		}
		if n != k {
			t.Fatalf("All ended after %d of %d messages", n, k)
		}
	})
}

// TestLenOfLent lends the first messages of a full ring, and pops the rest.
func TestLenOfLent(t *testing.T) {
	const capacity = 8
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), kind, capacity)
			for range fillUp(t, p, q, 0) - 1 {
				before := q.Len()
				_, release, err := c.TryNext()
				proctest.Check(t, err)
				if n := q.Len(); n != before {
					t.Fatalf("Len is %d, and %d with a message lent", before, n)
				}
				proctest.Check(t, release())
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
