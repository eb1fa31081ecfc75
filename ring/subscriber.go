package ring

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// Start says with which message a subscriber begins.
type Start int

const (
	// FromNow begins with the next message that is pushed.
	FromNow Start = iota
	// FromOldest begins with the oldest message that is in the ring.
	FromOldest
)

// Subscriber is one receiver of a [Broadcast]. Only one goroutine at a time may use it.
type Subscriber[T any] struct {
	broadcast
	slots   slots[T]
	pos     uint64  // next position to pop
	line    line    // of a lossless ring; else one of its own
	bound   *uint64 // the limit; of a lossless ring the own place, which is never too far
	mine    uint64  // what its owner's word has to be
	id      SubscriberID
	stopped uint64 // where it last had to wait
	over    error  // why it is none any more
}

// Subscribe returns a new subscriber of this process. In a lossless ring, it fails with
// [shm.ErrNoRoom] if there are [MaxSubscribers] already.
func (b *Broadcast[T]) Subscribe(from Start) (*Subscriber[T], error) {
	s := &Subscriber[T]{broadcast: b.broadcast, slots: b.slots}
	s.line, s.bound = line{new(uint64), new(uint64)}, b.limit()
	b.core.Attend(b.shared, layout.Consumer) // before it holds anybody up
	if !b.lines.none() {
		i, w, heir, ok := b.lines.claim(b.core)
		if !ok {
			return nil, b.verdict(b.fault(shm.ErrNoRoom))
		}
		if heir {
			b.repaired()
		}
		s.line, s.mine, s.id = b.lines.all[i], w, SubscriberID{i, w}
		s.bound = s.line.place
	}
	s.join(func() uint64 {
		if from == FromOldest {
			return b.oldest()
		}
		return b.findTail()
	})
	b.canPush.Notify(wait.Everybody) // the producer may have waited for an earlier owner's place
	return s, b.check()
}

// join finds a place that the producer has not gone past before it could see it
// (Invariant 4).
func (s *Subscriber[T]) join(start func() uint64) {
	for range joinAttempts {
		s.pos = start()
		arch.StoreRelease64(s.line.place, s.pos)
		arch.Fence()
		if atomic.LoadUint64(s.limit())-s.pos <= s.capacity {
			return
		}
	}
}

// joinAttempts is how often a producer may overtake a subscriber that joins. It happens
// once, if it does not stand still; more are for memory that somebody scribbles over.
const joinAttempts = 1 << 16

// ID returns what names this subscriber, for Evict.
func (s *Subscriber[T]) ID() SubscriberID { return s.id }

// Len returns how many messages wait for this subscriber at the moment. It returns 0 if
// the segment is closed.
func (s *Subscriber[T]) Len() int {
	if s.over != nil {
		return 0
	}
	b := Broadcast[T]{s.broadcast, s.slots}
	from := s.pos
	if s.lines.none() {
		from = max(from, b.oldest())
	}
	return b.distance(from, b.findTail())
}

// TryPop returns the next message. If there is no message, it returns ErrEmpty;
// it returns ErrClosed if no message can come any more. If the subscriber has missed
// messages, TryPop returns ErrLapped once, and then the oldest message that is there.
func (s *Subscriber[T]) TryPop() (v T, err error) {
	pos := s.pos
	if atomic.LoadUint64(s.slots.word(pos)) != pos+1 {
		if err := s.empty(pos); err != nil {
			return v, err
		}
	}
	v = *s.slots.value(pos)
	if !s.whole(pos) {
		if err := s.overtaken(pos); err != nil {
			return *new(T), err
		}
	}
	s.pushed.Acquire()
	s.popped.Release()
	s.pos = pos + 1
	arch.StoreRelease64(s.line.place, pos+1)
	if s.quiet(&s.canPush) {
		return v, nil
	}
	return v, s.passed(pos)
}

// whole reports whether all that was copied from the slots of pos and later ones is whole
// (Invariant 2), and nothing else is the matter.
func (s *Subscriber[T]) whole(pos uint64) bool {
	return arch.LoadAfter64(s.bound)-pos <= s.capacity && atomic.LoadUint64(s.line.owner) == s.mine
}

// overtaken says what is the matter if what was copied may not be whole.
func (s *Subscriber[T]) overtaken(pos uint64) error {
	if atomic.LoadUint64(s.line.owner) != s.mine {
		if err := s.check(); err != nil {
			return err
		}
		return s.retire(ErrEvicted)
	}
	if !s.lines.none() {
		return nil // Invariant 5
	}
	missed := atomic.LoadUint64(s.limit()) - s.capacity - pos
	if int64(missed) <= 0 {
		return s.verdict(s.fault(ErrCorrupt))
	}
	if err := s.check(); err != nil {
		return err
	}
	s.pos = pos + missed
	return s.fault(&LappedError{missed})
}

// empty says why the slot of pos was not full, or that by now it is.
func (s *Subscriber[T]) empty(pos uint64) error {
	if s.over != nil {
		return s.over
	}
	err := ErrEmpty
	if s.ringClosed() {
		err = ErrClosed
	}
	// Close came after the last push: look again.
	if atomic.LoadUint64(s.slots.word(pos)) == pos+1 {
		err = nil
	} else if !s.whole(pos) {
		if why := s.overtaken(pos); why != nil {
			err = why
		}
	}
	return s.verdict(err)
}

// passed wakes the producer, if it may have waited for this subscriber to go on from pos.
func (s *Subscriber[T]) passed(pos uint64) error {
	if s.fence {
		arch.Fence()
	}
	if s.canPush.Waiting() && int64(atomic.LoadUint64(s.limit())-pos-s.capacity) >= 0 {
		s.canPush.Notify(wait.Everybody) // one, or another that has closed in its sleep as well
	}
	return s.check()
}

// Pop returns the next message. It waits if there is no message. If ctx ends
// first, Pop returns an error that wraps the error of ctx. If the ring is closed
// and drained, Pop returns ErrClosed. If the subscriber has missed messages, Pop
// returns ErrLapped once, and then the oldest message that is there.
func (s *Subscriber[T]) Pop(ctx context.Context) (v T, err error) {
	pos := s.pos
	if atomic.LoadUint64(s.slots.word(pos)) != pos+1 || !wait.Endless(ctx) {
		return s.popSlow(ctx)
	}
	// As TryPop does: a call takes a third of the time of a pop.
	v = *s.slots.value(pos)
	if !s.whole(pos) {
		if err := s.overtaken(pos); err != nil {
			return *new(T), err
		}
	}
	s.pushed.Acquire()
	s.popped.Release()
	s.pos = pos + 1
	arch.StoreRelease64(s.line.place, pos+1)
	if s.quiet(&s.canPush) {
		return v, nil
	}
	return v, s.passed(pos)
}

// popSlow is Pop where there may be no message, or the context may end.
func (s *Subscriber[T]) popSlow(ctx context.Context) (v T, err error) {
	if err := s.begin(ctx); err != nil {
		return v, err
	}
	if v, err = s.TryPop(); err != ErrEmpty {
		return v, err
	}
	if err := s.wait(ctx); err != nil {
		return v, err
	}
	return s.TryPop()
}

// wait waits for a message, as a Consumer does.
func (s *Subscriber[T]) wait(ctx context.Context) error {
	pos := s.pos
	wait.Lull((pos - s.stopped) / 8)
	s.stopped = pos
	for range wait.Eager() {
		if atomic.LoadUint64(s.slots.word(pos)) == pos+1 {
			return nil
		}
	}
	return s.await(ctx, &s.canPop, ErrEmpty, s.ready, nothingToRepair)
}

// ready reports by nil that there is a message.
func (s *Subscriber[T]) ready() error {
	if atomic.LoadUint64(s.slots.word(s.pos)) == s.pos+1 {
		return nil
	}
	return s.empty(s.pos)
}

// Detach ends the subscription. The producer does not wait for this subscriber any more.
func (s *Subscriber[T]) Detach() error {
	if s.over != nil {
		return s.over
	}
	s.retire(ErrDetached)
	s.canPush.Notify(wait.Everybody)
	return s.check()
}

// retire ends the subscription, and returns why.
func (s *Subscriber[T]) retire(why error) error {
	s.over = s.fault(why)
	s.line.free(s.mine)
	// A slot and a line of this process's own, never full, take the place of the ring's.
	s.slots = newSlots[T](make([]byte, stride[T]()), 1)
	s.pos, s.line, s.mine = 0, line{new(uint64), new(uint64)}, 0
	s.bound = s.line.place
	return s.over
}
