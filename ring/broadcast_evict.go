package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/wait"
)

// SubscriberID names a subscriber of a lossless [Broadcast].
type SubscriberID struct {
	line int
	word uint64
}

// Peer returns the ID of the attachment that has the subscriber: see [shm.Peer].
func (id SubscriberID) Peer() uint64 { return id.word & idMask }

// Subscribers returns the subscribers of a lossless ring, and how many messages each has
// not popped yet. A subscriber that has died is among them until the producer has waited
// for it. The result is empty if the ring is not lossless: nobody knows its subscribers.
func (b *Broadcast[T]) Subscribers() (map[SubscriberID]int, error) {
	all := map[SubscriberID]int{}
	tail := b.findTail()
	for i, w := range b.lines.each {
		if w&evicted == 0 {
			all[SubscriberID{i, w}] = b.distance(atomic.LoadUint64(b.lines.all[i].place), tail)
		}
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return all, nil
}

// Evict takes a subscriber of a lossless ring out: the producer does not wait for it any
// more. The next operation of the subscriber fails with [ErrEvicted], also if it waits.
// Evict fails with [ErrDetached] if there is no such subscriber.
func (b *Broadcast[T]) Evict(id SubscriberID) error {
	if id.Peer() == 0 || id.line >= len(b.lines.all) ||
		!atomic.CompareAndSwapUint64(b.lines.all[id.line].owner, id.word, id.word|evicted) {
		return b.verdict(b.fault(ErrDetached))
	}
	b.canPush.Notify(wait.Everybody)
	b.canPop.Notify(wait.Everybody)
	return b.check()
}
