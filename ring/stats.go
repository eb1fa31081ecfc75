package ring

import (
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// Stats are counts of a ring, for metrics. They only rise, and cost the operations nothing. The
// first two are of all processes, since the ring was created. Those of [shm.Stats] are of this
// process. They may be of slightly different moments.
type Stats struct {
	// Pushed and Popped are how far the ring's ends have come, in the unit of its Cap: messages,
	// or, of a Bytes or BytesMPMC, bytes, which include what messages take beside their
	// length, and what is left unused at the end of the ring. In an MPMC or BytesMPMC, they include
	// what is just being pushed, messages that are lent, and what was given up: cancelled, or
	// left by a process that died in a push. Both are 0 once the segment is closed, as Len is.
	Pushed, Popped uint64

	// Repairs take over the role of a producer or consumer that died, free what one has left
	// that died in a push or a pop, hand on a message that it was lent, and no longer wait
	// for a subscriber that died.
	shm.Stats
}

// Stats returns the counts of the ring: see [Stats].
func (r *SPSC[T]) Stats() Stats { return r.stats(r.ends()) }

// Stats returns the counts of the ring: see [Stats]. It takes as long as Len.
func (r *Bytes) Stats() Stats { return r.stats(r.ends()) }

// Stats returns the counts of the ring: see [Stats].
func (q *MPMC[T]) Stats() Stats { return q.stats(q.ends()) }

// Stats returns the counts of the ring: see [Stats].
func (q *BytesMPMC) Stats() Stats {
	head, tail := q.ends()
	return q.stats(head*chunkSize, tail*chunkSize)
}

// Stats returns the counts of the ring: see [Stats]. Popped is 0: each subscriber pops each
// message.
func (b *Broadcast[T]) Stats() Stats { return b.stats(0, b.findTail()) }

// Stats returns the counts of the queue: see [shm.Stats]. A repair delivers a message again whose
// holder died, or does for one that died in an operation what there is to do. There is no
// count of messages.
func (q *WorkQueue[T]) Stats() shm.Stats { return q.counts() }

// stats returns the counts of a ring that is pushed to at tail, and popped from at head.
func (o *object) stats(head, tail uint64) Stats {
	s := Stats{Pushed: tail, Popped: head, Stats: o.counts()}
	if o.core.Closed() {
		s.Pushed, s.Popped = 0, 0
	}
	return s
}

func (o *object) tally() *wait.Tally { return o.canPop.Tally() }
func (o *object) counts() shm.Stats  { return shm.Stats(o.tally().Counts()) }

// repaired counts a repair of what the dead have left.
func (o *object) repaired() { o.tally().Repaired() }
