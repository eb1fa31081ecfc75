package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

const segmentName = "storm"

// objects are all that a storm rages on.
type objects struct {
	spsc  *ring.SPSC[message]
	mpmc  *ring.MPMC[message]
	bytes *ring.Bytes
	many  *ring.BytesMPMC

	mu      *shm.Lock // of a pair: two elements that are equal when it is free
	pair    *shm.Array[uint64]
	mutex   *shm.Lock // of inside: who is there
	inside  *shm.Value[uint64]
	permits *semaphore.Semaphore
	stored  *shm.Value[wide]
	updated *shm.Value[wide]
	added   *shm.Array[uint64]
	rows    *shm.Table[wide] // each of which counts its updates
	syncs
}

// sizes are what differs from one round to the next.
type sizes struct{ slots, bytes, permits int }

func (s sizes) String() string { return fmt.Sprint(s.slots, " ", s.bytes, " ", s.permits) }

func parseSizes(t proctest.Fataler, text string) (s sizes) {
	_, err := fmt.Sscan(text, &s.slots, &s.bytes, &s.permits)
	proctest.Check(t, err)
	return s
}

func newObjects(t proctest.Fataler, seg *shm.Segment, s sizes) objects {
	return objects{
		spsc:  proctest.Must(ring.NewSPSC[message](seg, "spsc", s.slots))(t),
		mpmc:  proctest.Must(ring.NewMPMC[message](seg, "mpmc", s.slots))(t),
		bytes: proctest.Must(ring.NewBytes(seg, "bytes", s.bytes))(t),
		many:  proctest.Must(ring.NewBytesMPMC(seg, "bytes mpmc", s.bytes))(t),

		mu:      proctest.Must(shm.NewLock(seg, "mu"))(t),
		pair:    proctest.Must(shm.NewArray[uint64](seg, "pair", 2))(t),
		mutex:   proctest.Must(shm.NewLock(seg, "mutex"))(t),
		inside:  proctest.Must(shm.NewValue[uint64](seg, "inside"))(t),
		permits: proctest.Must(semaphore.New(seg, "permits", int64(s.permits), nil))(t),
		stored:  proctest.Must(shm.NewValue[wide](seg, "stored"))(t),
		updated: proctest.Must(shm.NewValue[wide](seg, "updated"))(t),
		added:   proctest.Must(shm.NewArray[uint64](seg, "added", counters))(t),
		rows:    proctest.Must(shm.NewTable[wide](seg, "rows", counters))(t),
		syncs:   newSyncs(t, seg),
	}
}

// An actor is a goroutine that does random things. Most waits of producers have
// no end, since they are sure to be served: consumers wait for a moment only,
// and then try another ring.
type actor struct {
	*attachment
	t      proctest.Fataler
	rnd    *rand.Rand
	ledger *ledger
	berth  *berth
	seat   *seat
	page   *page
	name   uint64 // differs from that of every other page's

	eager   bool          // it does not dawdle
	ops     uint64        // operations begun on this page
	entries int           // of the page that are used
	taken   int           // messages in the page that are not cleared
	sources [rings]uint64 // that it is, in the rings without roles
	retired *atomic.Bool  // the process is to end
}

// live repeats a step until it reports false. Where its attachment ends, a death
// is what it is to the others: the actor turns to a new page.
func (a *actor) live(step func() bool) {
	for a.attach(); a.cutOff(step); a.attach() {
		set(&a.page.cut, 1)
		a.ledger.begun(&a.page.latest)
		if len(a.berth.seats) == 1 {
			runtime.GC() // somebody may wait for what was abandoned
		}
	}
}

var errAbandoned = errors.New("abandoned")

// cutOff repeats a step until it reports false, or the attachment ends under it.
func (a *actor) cutOff(step func() bool) (cut bool) {
	defer func() {
		switch r := recover(); {
		case r == nil:
		case r == errAbandoned, a.ending(r):
			a.attachment = nil // for the collector
			cut = true
		default:
			panic(r)
		}
	}()
	for step() {
		if !a.berth.has(a.attachment) {
			a.attachment = nil
			a.attach()
		}
	}
	return false
}

// ending reports whether err says that the attachment has ended, and it may have.
func (a *actor) ending(err any) bool {
	e, ok := err.(error)
	return ok && errors.Is(e, shm.ErrSegmentClosed) && a.closing.Load()
}

// attach begins a new page, on the attachment that the berth has now.
func (a *actor) attach() {
	n := next(&a.ledger.used)
	if n >= maxPages {
		a.t.Fatalf("the ledger is full")
	}
	a.hold(0)
	a.attachment = a.berth.attach(a.seat)
	a.page, a.name = &a.ledger.pages[n], n
	a.ops, a.entries, a.taken = 0, 0, 0
	for _, r := range []ringID{mpmc, bytesMPMC} {
		a.sources[r] = next(&a.ledger.pushers[r])
	}
	set(&a.seat.page, n+1)
}

// begin writes down what comes next, end that it is over.
func (a *actor) begin(what activity) {
	a.ops++
	a.now(what)
}

func (a *actor) now(what activity) { set(&a.page.op, a.ops<<8|uint64(what)) }
func (a *actor) end()              { a.now(idle) }

// check takes an error for the end of the attachment, or for a fault.
func (a *actor) check(what activity, err error) {
	switch {
	case err == nil:
	case a.ending(err):
		panic(err)
	default:
		a.t.Fatalf("%v: %v", what, err)
	}
}

// dawdle takes some time, in the middle of something, so that others come by; or
// it does not, so that a kill hits the operations themselves. Or it goes away.
func (a *actor) dawdle() {
	if len(a.berth.seats) == 1 && a.rnd.IntN(4000) == 0 && a.ledger.roomy() {
		a.berth.abandon()
		panic(errAbandoned)
	}
	if a.eager {
		return
	}
	switch a.rnd.IntN(64) {
	case 0:
		time.Sleep(time.Duration(a.rnd.IntN(200)) * time.Microsecond)
	case 1, 2, 3:
		arch.Pause(a.rnd.Uint32N(2000))
	default:
		arch.Pause(a.rnd.Uint32N(50))
	}
}

// aMoment is a context that ends soon.
func (a *actor) aMoment() (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, time.Duration(1+a.rnd.IntN(1000))*time.Microsecond)
}

// batch is how many messages are pushed or popped at once.
func (a *actor) batch() int {
	if a.mpmc.Cap() == manySlots && a.rnd.IntN(4) == 0 {
		return 1 + a.rnd.IntN(maxAtOnce)
	}
	return 1 + a.rnd.IntN(fewAtOnce)
}

// burst is how many operations go by before something else is done.
func (a *actor) burst() int {
	a.eager = a.rnd.IntN(2) == 0
	return 1 + a.rnd.IntN(1<<a.rnd.IntN(9))
}

// produce pushes for a while, unless producers are to stop.
func (a *actor) produce() bool {
	if get(&a.ledger.stop) == 1 || a.retired.Load() {
		return false
	}
	switch a.rnd.IntN(11) {
	case 10:
		a.choose()
	case 0:
		a.pushSPSC()
	case 1, 2:
		a.pushMPMC()
	case 3:
		a.pushBytes()
	case 4, 5:
		a.pushBytesMPMC()
	case 6, 7:
		a.pushLine()
	default:
		a.share()
	}
	if a.rnd.IntN(2000) == 0 {
		a.retired.Store(true) // some processes end in good order
	}
	return true
}

// consume pops for a while.
func (a *actor) consume() bool {
	switch a.rnd.IntN(13) {
	case 12:
		a.choose()
	case 0:
		a.popSPSC()
	case 1, 2, 3:
		a.popMPMC()
	case 4:
		a.popBytes()
	case 5, 6, 7:
		a.popBytesMPMC()
	case 8, 9, 10:
		a.popLine()
	default:
		a.share()
	}
	if a.full() {
		a.retired.Store(true)
	}
	return true
}

// full reports whether the page has room for one more batch, and not much more.
func (a *actor) full() bool { return a.entries > maxEntries/2 }

// popped writes down that a message was popped.
func (a *actor) popped(id uint64) {
	e := entry(id)
	if a.entries > 0 {
		last := &a.page.entries[a.entries-1]
		if n := last.len(); n > 0 && n < maxRun && e-entry(n)<<seqShift == *last-entry(n-1) {
			set((*uint64)(last), uint64(*last+1))
			return
		}
	}
	a.write(e)
}

func (a *actor) write(e entry) {
	if a.entries == maxEntries {
		a.t.Fatalf("the page is full")
	}
	set((*uint64)(&a.page.entries[a.entries]), uint64(e))
	a.entries++
}

func (a *actor) mustBeWhole(what activity, m message) {
	if !m.whole() {
		a.t.Fatalf("%v: message %#x is torn", what, m)
	}
}
