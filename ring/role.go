package ring

import (
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// A role is one end of a single-producer single-consumer ring: a hold, see
// internal/segment/hold.go. A paused owner keeps its role; a successor sees all that
// the dead one has published.

// role is an end that is a role.
type role struct {
	core *segment.Segment
	hold *segment.Hold
}

func (r role) held() bool      { return r.core.Held(r.hold) }
func (r role) abandoned() bool { return r.core.Abandoned(r.hold) }

// tenure is a handle's time in a role, from the claim of the role until it is given up.
type tenure struct {
	hold *segment.Hold
	over error // why the role was given up: ErrClosed or ErrDetached
}

// claim takes a role for a handle.
func (o *object) claim(hold *segment.Hold, what string) (tenure, error) {
	if ok, heir := o.core.Claim(hold); ok {
		if heir {
			o.repaired()
		}
		return tenure{hold: hold}, o.check()
	}
	return tenure{}, o.verdict(o.fault(fmt.Errorf("claim the %s role: %w", what, ErrRoleTaken)))
}

// giveUp ends a tenure, and closes the ring if that is why. The handle is of no use after
// that.
func (o *object) giveUp(t *tenure, why error) error {
	if t.over != nil {
		return o.fault(t.over)
	}
	t.over = why
	if why == ErrClosed {
		o.closeRing()
	}
	o.core.Drop(t.hold)
	return o.check()
}

// pusher is a producer's tenure, and its place in the ring.
type pusher struct {
	tenure
	pos   uint64 // next position to push
	limit uint64 // first position that may not be free; pos once the tenure is over
}

// claimProducer claims the producer's role. findTail finds the next position to push.
func (o *object) claimProducer(findTail func(head uint64) (uint64, error)) (pusher, error) {
	t, err := o.claim(o.producer, "producer")
	if err != nil {
		return pusher{}, err
	}
	pos, err := findTail(atomic.LoadUint64(o.head))
	if err == nil && o.ringClosed() {
		err = o.fault(ErrClosed)
	}
	if err = o.verdict(err); err != nil {
		o.core.Drop(t.hold)
		return pusher{}, err
	}
	return pusher{t, pos, pos}, nil
}

// refresh looks how far the consumer has come, and fails if there is not as much room
// as is needed. used says how much of the ring is in use, by the head.
func (o *object) refresh(p *pusher, need uint64, used func(head uint64) uint64) error {
	if p.over != nil {
		return p.over
	}
	head := atomic.LoadUint64(o.head)
	o.popped.Acquire()
	if err := o.check(); err != nil {
		return err
	}
	room := o.capacity - used(head)
	if room > o.capacity {
		return o.fault(ErrCorrupt)
	}
	p.limit = p.pos + room
	if need > room {
		return ErrFull
	}
	return nil
}

// popper is a consumer's tenure, and its place in the ring.
type popper struct {
	tenure
	pos     uint64 // next position to pop
	lentEnd uint64 // behind the message that was lent last, those from pos on are
}

// claimConsumer claims the consumer's role.
func (o *object) claimConsumer() (popper, error) {
	t, err := o.claim(o.consumer, "consumer")
	if err != nil {
		return popper{}, err
	}
	return popper{tenure: t, pos: atomic.LoadUint64(o.head)}, o.check()
}
