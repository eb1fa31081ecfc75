package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// TestBroadcastLens: Len is how many messages a subscriber gets without waiting, and
// Subscribers says the same of a lossless ring, wherever the producer stands in its chunk.
func TestBroadcastLens(t *testing.T) {
	eachBroadcast(t, func(t *testing.T, s *shm.Segment, opts []ring.Option) {
		b, p := newBroadcast(t, s, 32, opts...)
		for pushed := range uint64(100) {
			old, now := subscribe(t, b, ring.FromOldest), subscribe(t, b, ring.FromNow)
			want := b.Len()
			if least := min(pushed, 32-4); uint64(want) < least {
				t.Fatalf("after %d messages Len is %d", pushed, want)
			}
			if n, m := old.Len(), now.Len(); n != want || m != 0 {
				t.Fatalf("after %d messages the Lens are %d and %d, want %d and 0", pushed, n, m, want)
			}
			if len(opts) > 0 {
				subs := proctest.Must(b.Subscribers())(t)
				if len(subs) != 2 || subs[old.ID()] != want || subs[now.ID()] != 0 {
					t.Fatalf("after %d messages the subscribers are %v, want one with %d", pushed, subs, want)
				}
			}
			wantMessages(t, old, pushed-uint64(want), pushed, ring.ErrEmpty)
			for _, s := range []*ring.Subscriber[uint64]{old, now} {
				proctest.Check(t, s.Detach())
				if n := s.Len(); n != 0 {
					t.Fatalf("Len after Detach is %d", n)
				}
			}
			proctest.Check(t, p.TryPush(pushed))
		}
	})
}

// TestBroadcastLenLapped: what has been missed does not count.
func TestBroadcastLenLapped(t *testing.T) {
	b, p := newBroadcast(t, newSegment(t), 16)
	s := subscribe(t, b, ring.FromNow)
	pushRange(t, p, 0, 100)
	n := s.Len()
	if n != b.Len() || n < 14 {
		t.Errorf("Lens are %d, %d", n, b.Len())
	}
	_, err := s.TryPop()
	checkIs(t, "being lapped", err, ring.ErrLapped)
	wantMessages(t, s, 100-uint64(n), 100, ring.ErrEmpty)
}
