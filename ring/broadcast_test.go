package ring_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// broadcasts are the two sorts, by name.
var broadcasts = map[string][]ring.Option{"lossy": nil, "lossless": {ring.Lossless}}

func eachBroadcast(t *testing.T, test func(t *testing.T, s *shm.Segment, opts []ring.Option)) {
	for name, opts := range broadcasts {
		t.Run(name, func(t *testing.T) { test(t, newSegment(t), opts) })
	}
}

func newBroadcast(t proctest.Fataler, s *shm.Segment, capacity int, opts ...ring.Option) (*ring.Broadcast[uint64], *ring.Producer[uint64]) {
	b := proctest.Must(ring.NewBroadcast[uint64](s, "broadcast", capacity, opts...))(t)
	return b, proctest.Must(b.Producer())(t)
}

func subscribe(t proctest.Fataler, b *ring.Broadcast[uint64], from ring.Start) *ring.Subscriber[uint64] {
	return proctest.Must(b.Subscribe(from))(t)
}

func pushRange(t proctest.Fataler, p *ring.Producer[uint64], from, to uint64) {
	for n := from; n < to; n++ {
		proctest.Check(t, p.TryPush(n))
	}
}

// wantMessages pops what is said, and nothing else.
func wantMessages(t testing.TB, s *ring.Subscriber[uint64], from, to uint64, end error) {
	t.Helper()
	for n := from; n < to; n++ {
		v, err := s.TryPop()
		if err != nil || v != n {
			t.Fatalf("got %d and error %v, want %d", v, err, n)
		}
	}
	_, err := s.TryPop()
	checkIs(t, "TryPop after all", err, end)
}

// TestBroadcast: each subscriber gets each message, from where it has begun.
func TestBroadcast(t *testing.T) {
	eachBroadcast(t, func(t *testing.T, s *shm.Segment, opts []ring.Option) {
		b, p := newBroadcast(t, s, 16, opts...)
		first := subscribe(t, b, ring.FromNow)
		pushRange(t, p, 0, 5)
		late, old := subscribe(t, b, ring.FromNow), subscribe(t, b, ring.FromOldest)
		pushRange(t, p, 5, 8)
		if got := []int{b.Cap(), b.Len(), first.Len(), late.Len(), old.Len()}; [5]int(got) != [5]int{16, 8, 8, 3, 8} {
			t.Errorf("Cap and Lens are %v", got)
		}
		wantMessages(t, first, 0, 8, ring.ErrEmpty)
		wantMessages(t, late, 5, 8, ring.ErrEmpty)
		wantMessages(t, old, 0, 8, ring.ErrEmpty)
		for round := uint64(8); round < 200; round += 3 {
			pushRange(t, p, round, round+3)
			dst := make([]uint64, 4)
			for _, s := range []*ring.Subscriber[uint64]{first, late} {
				n := proctest.Must(s.PopInto(background, dst))(t)
				for i := n; i < 3; { // the ring may end in between
					k := proctest.Must(s.PopInto(background, dst[i:]))(t)
					i, n = i+k, n+k
				}
				if n != 3 || [3]uint64(dst[:3]) != [3]uint64{round, round + 1, round + 2} {
					t.Fatalf("popped %v, want 3 from %d", dst[:n], round)
				}
			}
			wantMessages(t, old, round, round+3, ring.ErrEmpty)
		}
		proctest.Check(t, p.TryPush(200))
		proctest.Check(t, p.Close())
		wantMessages(t, first, 200, 201, ring.ErrClosed)
		wantMessages(t, late, 200, 201, ring.ErrClosed)
		for v, err := range old.All(background) {
			if v != 200 || err != nil {
				t.Errorf("All yields %d, %v", v, err)
			}
		}
		_, err := b.Producer()
		checkIs(t, "producer of a closed ring", err, ring.ErrClosed)
	})
}

// TestBroadcastLapped: who is lapped is told how many messages it has missed, and goes on
// with the oldest.
func TestBroadcastLapped(t *testing.T) {
	for _, capacity := range []int{1, 2, 4, 8, 16, 64} {
		s := newSegment(t)
		b, p := newBroadcast(t, s, capacity)
		for ahead := range uint64(3*capacity + 2) {
			pushRange(t, p, 0, 3) // wherever the ring begins
			sub := subscribe(t, b, ring.FromNow)
			for n := range ahead {
				proctest.Check(t, p.Push(background, 1000+n))
			}
			next := uint64(0)
			v, err := sub.TryPop()
			var lapped *ring.LappedError
			if errors.As(err, &lapped) {
				checkIs(t, "being lapped", err, ring.ErrLapped)
				if next = lapped.Missed; next+uint64(capacity) < ahead || next == 0 {
					t.Fatalf("capacity %d, %d ahead: %v", capacity, ahead, err)
				}
				v, err = sub.TryPop()
			}
			if least := uint64(capacity - max(capacity/8, 1)); ahead <= least && next > 0 {
				t.Fatalf("capacity %d: lapped by %d", capacity, ahead)
			}
			if next == ahead {
				checkIs(t, "TryPop of nothing", err, ring.ErrEmpty)
				continue
			}
			if err != nil || v != 1000+next {
				t.Fatalf("capacity %d, %d ahead: got %d, %v after missing %d", capacity, ahead, v, err, next)
			}
			wantMessages(t, sub, 1000+next+1, 1000+ahead, ring.ErrEmpty)
		}
	}
}

// TestBroadcastLappedBatch: PopInto and All tell it too, and lose nothing by it.
func TestBroadcastLappedBatch(t *testing.T) {
	s := newSegment(t)
	b, p := newBroadcast(t, s, 16)
	batch, all := subscribe(t, b, ring.FromNow), subscribe(t, b, ring.FromNow)
	pushRange(t, p, 0, 100)
	proctest.Check(t, p.Close())
	dst := make([]uint64, 100)
	n, err := batch.PopInto(background, dst)
	var lapped *ring.LappedError
	if n != 0 || !errors.As(err, &lapped) {
		t.Fatalf("PopInto: %d, %v", n, err)
	}
	next := lapped.Missed
	for next < 100 {
		n := proctest.Must(batch.PopInto(background, dst))(t)
		for i, v := range dst[:n] {
			if v != next+uint64(i) {
				t.Fatalf("got %v, want them from %d", dst[:n], next)
			}
		}
		next += uint64(n)
	}
	_, err = batch.PopInto(background, dst)
	checkIs(t, "PopInto after all", err, ring.ErrClosed)
	next = 0
	for v, err := range all.All(background) {
		if errors.As(err, &lapped) {
			next += lapped.Missed
			continue
		}
		if err != nil || v != next {
			t.Fatalf("All yields %d, %v, want %d", v, err, next)
		}
		next++
	}
	if next != 100 {
		t.Errorf("All has come to %d", next)
	}
}

// TestBroadcastGated: a lossless producer waits for the slowest, until that has gone on,
// has left, or is evicted.
func TestBroadcastGated(t *testing.T) {
	for _, capacity := range []int{1, 2, 8, 32} {
		s := newSegment(t)
		b, p := newBroadcast(t, s, capacity, ring.Lossless)
		fast, slow := subscribe(t, b, ring.FromNow), subscribe(t, b, ring.FromOldest)
		n := uint64(0)
		fill := func(from uint64) {
			t.Helper()
			for n < from+uint64(capacity) {
				proctest.Check(t, p.TryPush(n))
				wantMessages(t, fast, n, n+1, ring.ErrEmpty)
				n++
			}
			checkIs(t, "TryPush to a full ring", p.TryPush(n), ring.ErrFull)
		}
		fill(0)
		wantMessages(t, slow, 0, uint64(capacity), ring.ErrEmpty)
		fill(uint64(capacity))
		blocked := proctest.Go(func() error { return p.Push(background, n) })
		proctest.Until(t, "Push waits", b.PushWaiting)
		if v := proctest.Must(slow.TryPop())(t); v != uint64(capacity) {
			t.Fatalf("slow got %d", v)
		}
		proctest.Check(t, proctest.Result(t, blocked))
		wantMessages(t, fast, n, n+1, ring.ErrEmpty)
		n++
		checkIs(t, "TryPush to a full ring", p.TryPush(n), ring.ErrFull)

		blocked = proctest.Go(func() error { return p.Push(background, n) })
		proctest.Until(t, "Push waits", b.PushWaiting)
		subs := proctest.Must(b.Subscribers())(t)
		if len(subs) != 2 || subs[slow.ID()] != capacity || subs[fast.ID()] != 0 || slow.ID().Peer() == 0 {
			t.Errorf("subscribers are %v", subs)
		}
		proctest.Check(t, b.Evict(slow.ID()))
		proctest.Check(t, proctest.Result(t, blocked))
		_, err := slow.TryPop()
		checkIs(t, "pop of an evicted one", err, ring.ErrEvicted)
		_, err = slow.Pop(background)
		checkIs(t, "another pop", err, ring.ErrEvicted)
		checkIs(t, "Detach of an evicted one", slow.Detach(), ring.ErrEvicted)
		checkIs(t, "Evict twice", b.Evict(slow.ID()), ring.ErrDetached)
		wantMessages(t, fast, n, n+1, ring.ErrEmpty)
		n++

		waits := proctest.Go(func() error { _, err := fast.Pop(background); return err })
		proctest.Until(t, "Pop waits", b.PopWaiting)
		proctest.Check(t, b.Evict(fast.ID()))
		checkIs(t, "a Pop that waits while evicted", proctest.Result(t, waits), ring.ErrEvicted)

		leaver := subscribe(t, b, ring.FromNow)
		for range capacity {
			proctest.Check(t, p.TryPush(n))
		}
		checkIs(t, "TryPush to a full ring", p.TryPush(n), ring.ErrFull)
		proctest.Check(t, leaver.Detach())
		checkIs(t, "Detach twice", leaver.Detach(), ring.ErrDetached)
		_, err = leaver.TryPop()
		checkIs(t, "pop after Detach", err, ring.ErrDetached)
		for range 3 * capacity {
			proctest.Check(t, p.TryPush(n))
		}
	}
}

// TestBroadcastEvictNobody: what names no subscriber evicts nobody, now or later.
func TestBroadcastEvictNobody(t *testing.T) {
	eachBroadcast(t, func(t *testing.T, s *shm.Segment, opts []ring.Option) {
		b, p := newBroadcast(t, s, 8, opts...)
		checkIs(t, "Evict of nobody", b.Evict(ring.SubscriberID{}), ring.ErrDetached)
		first := subscribe(t, b, ring.FromNow)
		checkIs(t, "Evict of nobody", b.Evict(ring.SubscriberID{}), ring.ErrDetached)
		pushRange(t, p, 0, 3)
		wantMessages(t, first, 0, 3, ring.ErrEmpty)
		id := first.ID()
		proctest.Check(t, first.Detach())
		second := subscribe(t, b, ring.FromOldest) // on the same line
		checkIs(t, "Evict of who has left", b.Evict(id), ring.ErrDetached)
		wantMessages(t, second, 0, 3, ring.ErrEmpty)
	})
}

// TestBroadcastJoinsBehind: a lossless producer that has had no subscriber waits for one
// that begins with the oldest message, wherever the producer stands in its chunk.
func TestBroadcastJoinsBehind(t *testing.T) {
	for _, capacity := range []int{1, 2, 8, 32} {
		b, p := newBroadcast(t, newSegment(t), capacity, ring.Lossless)
		n := uint64(0)
		for range 3 * capacity {
			proctest.Check(t, p.TryPush(n))
			n++
			s := subscribe(t, b, ring.FromOldest)
			first := n - uint64(s.Len())
			for p.TryPush(n) == nil {
				n++
			}
			checkIs(t, "TryPush to a full ring", p.TryPush(n), ring.ErrFull)
			wantMessages(t, s, first, n, ring.ErrEmpty)
			proctest.Check(t, s.Detach())
		}
	}
}

// TestBroadcastPlaces: a lossless ring has room for so many, again and again.
func TestBroadcastPlaces(t *testing.T) {
	s := newSegment(t)
	b, p := newBroadcast(t, s, 8, ring.Lossless)
	for range 3 {
		var subs []*ring.Subscriber[uint64]
		for range ring.MaxSubscribers {
			subs = append(subs, subscribe(t, b, ring.FromNow))
		}
		_, err := b.Subscribe(ring.FromNow)
		checkIs(t, "one more", err, shm.ErrNoRoom)
		pushRange(t, p, 0, 8)
		checkIs(t, "TryPush to a full ring", p.TryPush(0), ring.ErrFull)
		for i, s := range subs {
			if i%2 == 0 {
				wantMessages(t, s, 0, 8, ring.ErrEmpty)
				proctest.Check(t, s.Detach())
				continue
			}
			proctest.Check(t, b.Evict(s.ID()))
			checkIs(t, "Detach of an evicted one", s.Detach(), nil) // its line is free after that
		}
		if !b.ProducerAlive() || !b.ConsumerAlive() {
			t.Errorf("alive are %v, %v", b.ProducerAlive(), b.ConsumerAlive())
		}
	}
}

// TestBroadcastJoin subscribes, pops and leaves while the producer is at work: nothing is
// torn, doubled, or missing.
func TestBroadcastJoin(t *testing.T) {
	type page [9]uint64
	for name, opts := range broadcasts {
		for _, capacity := range []int{1, 64} {
			t.Run(name, func(t *testing.T) {
				s := newSegment(t)
				b := proctest.Must(ring.NewBroadcast[page](s, "pages", capacity, opts...))(t)
				p := proctest.Must(b.Producer())(t)
				var stop atomic.Bool
				producer := proctest.Go(func() error {
					for n := uint64(0); !stop.Load(); n++ {
						var v page
						for i := range v {
							v[i] = n
						}
						if err := p.Push(background, v); err != nil {
							return err
						}
						if n%256 == 0 {
							runtime.Gosched() // a lossy producer waits for nobody
						}
					}
					return p.Close()
				})
				seed := newSeed(t)
				var subscribers []<-chan error
				for id := range 3 {
					r := newRand(seed, id)
					subscribers = append(subscribers, proctest.Go(func() error {
						for range scaled(480 * capacity / (capacity + 7)) {
							if err := follow(b, ring.Start(r.IntN(2)), r.IntN(200), r.IntN(2) == 0, len(opts) > 0); err != nil {
								return err
							}
						}
						return nil
					}))
				}
				for _, s := range subscribers {
					proctest.Check(t, proctest.Result(t, s))
				}
				stop.Store(true)
				proctest.Check(t, proctest.Result(t, producer))
			})
		}
	}
}

// follow pops so many messages as a new subscriber.
func follow[T ~[9]uint64](b *ring.Broadcast[T], from ring.Start, most int, batch, lossless bool) error {
	s, err := b.Subscribe(from)
	if err != nil {
		return err
	}
	next, begun := uint64(0), false
	for i := 0; i < most; {
		dst := make([]T, 7)
		n := 1
		if batch {
			n, err = s.PopInto(background, dst)
		} else {
			dst[0], err = s.Pop(background)
		}
		var lapped *ring.LappedError
		if errors.As(err, &lapped) && !lossless {
			next += lapped.Missed
			i++
			continue
		}
		if err != nil {
			return err
		}
		for _, v := range dst[:n] {
			for _, w := range v {
				if w != v[0] {
					return errors.New("torn")
				}
			}
			if begun && v[0] != next {
				return errors.New("out of order, or missing")
			}
			if next++; !begun { // what was missed before that counts for nothing
				next, begun = v[0]+1, true
			}
			i++
		}
	}
	return s.Detach()
}
