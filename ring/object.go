package ring

import (
	"context"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// object is what the kinds of ring have in common: the head of their
// shared memory, and this process's side of it.
//
// Verdict. Segment.Close sets the segment closed first, and only then puts private memory in
// the mapping's place. So an operation that looks after its last access to shared
// memory, and finds the segment open, has worked on live memory all the while. What
// it has concluded from there, a success or an error, counts only after that look,
// which is a call of quiet, check or verdict: each exit of each operation makes it. If
// it finds the segment closed, its result is the segment's error, of n messages
// popped n is 0, and of n messages pushed n is what such a look came after. What an
// operation refuses without looking into shared memory (nothing is reserved, the role
// was given up, the message is too large, the context has ended) it refuses of a
// closed segment too.
//
//	0    canPop   Event   consumers sleep on it, producers load it at each push
//	4    closed           1 once the ring is closed; set by Close, never cleared
//	128  canPush  Event   producers sleep on it, consumers load it at each pop
//	256  head             next position to pop; see the kinds of ring
//	384  tail             next position to push; see the kinds of ring
//	512  producer         who has the role (SPSC and Bytes), see role.go
//	520  consumer         likewise
//	528  lends            1 once a message was ever read in place (MPMC and BytesMPMC)
//	536  joiners  Event   those who Join sleep on it, consumers load it at each Ack (WorkQueue)
//	640  the slots, or the bytes, or words and chunks
//
// Whatever is written at each push lies 128 bytes from whatever is written at
// each pop, so that the two sides do not take each other's cache lines.
type object struct {
	ref  segment.Ref
	core *segment.Segment
	memory
	*local
	capacity uint64 // in positions
	fence    bool   // a release store must be followed by a fence before looking for sleepers
	fail     bool   // FailOnDeath
	each     bool   // of a Broadcast: who waits for messages waits for the same one

	producers, consumers end
}

// memory points into the shared memory.
type memory struct {
	closed     *uint32
	head, tail *uint64
	lends      *uint32
	joiners    *uint32
	body       []byte
}

// local is shared by all handles of one ring in one Segment.
type local struct {
	push, pop side           // of an MPMC; first, to be aligned on every platform
	shared    segment.Object // the object in shared memory

	canPop, canPush    wait.Event
	rooms              sync.Map      // *wait.Event of canPush by run (BytesMPMC), see awaitRoom
	told               sync.Map      // *wait.Event by the one that it is apart from, see apart
	producer, consumer *segment.Hold // the roles (SPSC and Bytes)
	pushed, popped     race.Edge
}

const (
	closedOffset   = 4
	canPushOffset  = arch.CacheLine
	headOffset     = 2 * arch.CacheLine
	tailOffset     = 3 * arch.CacheLine
	producerOffset = 4 * arch.CacheLine
	consumerOffset = producerOffset + 8
	lendsOffset    = producerOffset + 16
	joinersOffset  = producerOffset + 24
	bodyOffset     = 5 * arch.CacheLine
)

// maxCapacity keeps sizes far from overflow on every platform.
const maxCapacity = 1 << 30

// roundCapacity returns the power of two that a capacity stands for.
func roundCapacity(capacity int) (uint64, error) {
	if capacity < 1 || capacity > maxCapacity {
		return 0, fmt.Errorf("capacity %d: want 1 to %d: %w", capacity, maxCapacity, ErrCapacity)
	}
	return 1 << bits.Len(uint(capacity-1)), nil
}

// newObject finds or creates the ring that spec describes, whose size is that of its body.
func newObject(core *segment.Segment, spec segment.Spec, opts []Option) (object, error) {
	spec.Size += bodyOffset
	obj, err := core.Object(spec)
	if err != nil {
		return object{}, err
	}
	o := object{
		ref: core.Ref(spec.Kind, spec.Name), core: core, memory: newMemory(obj.Mem), capacity: spec.Capacity,
		fence: core.WakerFence(), fail: has(opts, FailOnDeath),
	}
	o.local = core.Local(obj, func() any { return newLocal(core, obj) }).(*local)
	if o.fail { // an end may be abandoned long after the last death
		o.canPop.Keen()
		o.canPush.Keen()
	}
	o.producers, o.consumers = role{core, o.producer}, role{core, o.consumer}
	return o, nil
}

func newMemory(mem []byte) memory {
	return memory{
		closed:  layout.At[uint32](mem, closedOffset),
		head:    layout.At[uint64](mem, headOffset),
		tail:    layout.At[uint64](mem, tailOffset),
		lends:   layout.At[uint32](mem, lendsOffset),
		joiners: layout.At[uint32](mem, joinersOffset),
		body:    mem[bodyOffset:],
	}
}

func newLocal(core *segment.Segment, obj segment.Object) *local {
	mem := obj.Mem
	l := &local{
		push:     side{last: newcomer},
		pop:      side{last: newcomer},
		shared:   obj,
		canPop:   wait.NewEvent(layout.At[uint32](mem, 0), core),
		canPush:  wait.NewEvent(layout.At[uint32](mem, canPushOffset), core),
		producer: core.NewHold(layout.At[atomic.Uint64](mem, producerOffset)),
		consumer: core.NewHold(layout.At[atomic.Uint64](mem, consumerOffset)),
	}
	tally := new(wait.Tally)
	l.canPop.CountIn(tally)
	l.canPush.CountIn(tally)
	return l
}

// quiet reports whether an operation is over once it has stored its word: nobody
// is asleep on e, and the segment is not closed. It is all that an undisturbed
// push or pop asks.
func (o *object) quiet(e *wait.Event) bool {
	return !e.Waiting() && !o.fence && !o.core.Closed()
}

// published wakes up to n sleeping consumers, after the release store that
// made n messages visible, and returns an error if the segment is closed.
func (o *object) published(n int) error {
	if o.each {
		n = wait.Everybody
	}
	return o.wake(&o.canPop, n)
}

// freed wakes up to n sleeping producers, after the release store that freed n
// slots, and returns an error if the segment is closed.
func (o *object) freed(n int) error { return o.wake(&o.canPush, n) }

func (o *object) wake(e *wait.Event, n int) error {
	if o.quiet(e) {
		return nil
	}
	if o.fence {
		arch.Fence()
	}
	e.Notify(n)
	return o.check()
}

// closeRing marks the ring closed and wakes everybody.
func (o *object) closeRing() {
	atomic.StoreUint32(o.closed, 1)
	o.canPop.Notify(wait.Everybody)
	o.canPush.Notify(wait.Everybody)
}

func (o *object) ringClosed() bool { return atomic.LoadUint32(o.closed) != 0 }

// verdict returns what an operation has concluded from shared memory, or an error if
// the segment is closed: then the memory is private to this process, and what it shows
// or was done there has not happened.
func (o *object) verdict(err error) error {
	if closed := o.check(); closed != nil {
		return closed
	}
	return err
}

// check is the verdict on a success, and inlined.
func (o *object) check() error {
	if o.core.Closed() {
		return o.segmentClosed()
	}
	return nil
}

func (o *object) segmentClosed() error { return o.ref.Check() }

// allOrNone returns how many messages were popped, which is none with an error.
func allOrNone(n int, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return n, nil
}

// fault names the ring in an error.
func (o *object) fault(err error) error { return o.ref.Fault(err) }

// String returns the names of the ring and of its segment.
func (o *object) String() string { return o.ref.String() }

// begin checks the context of a blocking operation.
func (o *object) begin(ctx context.Context) error {
	return o.ref.CheckContext(ctx)
}

// An attempt is an operation that is to be tried until it is not busy any more.
type attempt struct {
	*object
	event *wait.Event
	busy  error

	err  error // of the last try
	died bool  // at the last Slice, the other end was abandoned
}

// await waits on e until try returns something other than busy.
func (o *object) await(ctx context.Context, e *wait.Event, busy error, try func() error, stalled func()) error {
	a := attempt{object: o, event: e, busy: busy}
	look, atSlice := func() bool { return a.look(try) }, func() { a.atSlice(stalled) }
	var err error
	if o.each && e == &o.canPop { // who stands behind another would not learn that it was evicted
		err = e.AwaitEach(ctx, look, atSlice)
	} else {
		err = o.apart(e).Await(ctx, look, atSlice)
	}
	if err != nil {
		return o.fault(err)
	}
	return a.err
}

// apart returns the Event that this handle takes turns on for e. With FailOnDeath it is one
// of its own: who stands behind a handle without the option would not be told.
func (o *object) apart(e *wait.Event) *wait.Event {
	if !o.fail {
		return e
	}
	own, ok := o.told.Load(e)
	if !ok {
		own, _ = o.told.LoadOrStore(e, e.Another())
		own.(*wait.Event).Keen()
	}
	return own.(*wait.Event)
}

// look tries, and reports whether that is over.
func (a *attempt) look(try func() error) bool {
	if a.err = try(); a.err == a.busy && a.died { // looked again: see end
		if a.died = a.opposite(a.event).abandoned(); a.died {
			a.err = a.verdict(a.fault(ErrPeerDied))
		}
	}
	return a.err != a.busy
}

func (a *attempt) atSlice(stalled func()) {
	a.died = a.fail && a.opposite(a.event).abandoned()
	stalled()
}

func nothingToRepair() {}
