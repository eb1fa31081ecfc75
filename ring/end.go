package ring

import "github.com/isthmus-go/isthmus/internal/wait"

// An end is all who push to a ring, or all who pop from it, in any process.
//
// Who waits for the other end, with FailOnDeath, does in this order, at every Slice of its
// sleep:
//
//	asks whether the end is abandoned
//	repairs what the dead have left
//	tries once more
//	asks again, if it would still wait, and fails with ErrPeerDied
//
// Invariants
//
//  1. Who is found dead has done all it will ever do: the try sees all that it has
//     published, and the repair all that it has left. So nothing is left to pop, or free
//     to push to, when ErrPeerDied is returned, and was not when the end was found
//     abandoned: of this process's end nobody else can have made room or taken
//     messages from the dead, but by popping or pushing them. Or by a lend, which may come
//     back: it is still there when the end is asked about again, or over.
//  2. An end that somebody alive holds is not abandoned, nor one that nobody ever held or
//     that its last holders have given up.
//
// It costs nothing where nobody sleeps.
type end interface {
	held() bool      // by anybody alive
	abandoned() bool // by somebody who has died, and nobody has come since
}

// opposite returns the end that those who wait on e wait for.
func (o *object) opposite(e *wait.Event) end {
	if e == &o.canPop {
		return o.producers
	}
	return o.consumers
}

// ProducerAlive reports whether the ring has a producer that is alive. The
// producer of an SPSC, Bytes or Broadcast is the process that has the producer's role. A
// producer of an MPMC or BytesMPMC is a process that has pushed to the ring. A
// process that has closed its Segment is no longer a producer. ProducerAlive
// returns false if the segment is closed in this process.
func (o *object) ProducerAlive() bool { return o.producers.held() && !o.core.Closed() }

// ConsumerAlive reports whether the ring has a consumer that is alive. It works
// as ProducerAlive does, for the processes that pop. A consumer of a Broadcast is a
// process that has subscribed to it.
func (o *object) ConsumerAlive() bool { return o.consumers.held() && !o.core.Closed() }
