package ring_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// capacities has the smallest, and some to be rounded up.
var capacities = []int{1, 2, 3, 8, 11}

// eachQueue runs a test with rings of all kinds and capacities, the two ends of
// which belong to different Segments. Transfers between processes are tested
// elsewhere; here it is what each operation returns.
func eachQueue(t *testing.T, test func(t *testing.T, p producer, c consumer, q queue)) {
	for _, kind := range slices.Sorted(maps.Keys(ringtest.Kinds)) {
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

func TestTry(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		var in, out uint64
		for round := range uint64(9) {
			k := fillUp(t, p, q, in)
			in += k
			if n := in - out; q.Slotted() && (n != uint64(q.Cap()) || q.Len() != int(n)) || n == 0 {
				t.Fatalf("ring is full with %d messages, Cap %d, Len %d", n, q.Cap(), q.Len())
			}
			for range min(in-out, round%3+1) { // so that the rest wraps around
				expectPop(t, c, q, out)
				out++
			}
			if q.Slotted() && q.Len() != int(in-out) {
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
			if !q.Slotted() {
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
