package storm

import (
	"os"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A ledger is what all processes write down outside of the segment. Each word
// has one writer, but for the counters, and says by itself what it says: an
// entry is made by one store. So a process killed at any instruction, or an
// attachment closed there, leaves at most one operation of each of its actors of
// which nobody knows whether it has happened.
type ledger struct {
	stop    uint64 // 1: producers end
	drain   uint64 // 1: consumers end
	used    uint64 // pages, from the first on
	slots   uint64 // of the MPMC ring
	longest uint64 // message of bytes

	closed, dropped, abandoned uint64 // attachments: see attachment
	removed, refused           uint64 // removals of objects
	toldEmpty, toldFull        uint64 // errors that the other end of a line has died, of consumers and producers

	entered [locks]uint64 // how often; protected by the lock

	// How many have pushed to each ring, and popped from it, as far as those
	// have numbers: in a ring with roles each tenure has one, in the order of
	// the tenures, and in a ring without each producer.
	pushers, poppers [rings]uint64

	marks  uint64             // handed out to objects that are removed
	gone   [removables]uint64 // the highest of each that is removed for certain
	lines  [maxProcs]line
	bereft [maxSources]uint64 // 1: somebody was killed who popped from that line

	seats   [maxSeats]seat
	sources [rings][maxSources]tally
	pages   [maxPages]page
}

const (
	maxSeats   = 32      // actors at one time
	maxPages   = 1024    // in one round
	maxSources = 1 << 16 // in one round, of each ring
	maxEntries = 1 << 14
	fewAtOnce  = 8
	maxAtOnce  = 5000 // more than one claim of an MPMC ring covers
)

// A tally counts what was begun and what is done: the difference is in doubt.
type tally struct{ begun, done uint64 }

// A seat says which page the actor writes that sits there, and how many permits
// it has.
type seat struct {
	muted  uint64 // odd while held does not count: its process is about to die
	closed uint64 // odd while held does not count: its attachment is about to end
	held   uint64 // changes<<16 | permits
	page   uint64 // its number + 1, 0 if there is none yet
	ended  uint64 // 1: the actor has come to its end
	visit  uint64 // changes<<8 | removable object that it may use + 1, or line + removables + 1, or 0
	_      [2]uint64
}

// A page is what one actor, a goroutine of some process, writes while it is on one
// attachment.
type page struct {
	op      uint64 // operations<<8 | activity
	lent    uint64 // the message that is read in place
	line    uint64 // whose messages it popped last, + 1
	cut     uint64 // 1: its process was killed, or its attachment ended
	repairs uint64 // deaths inside the lock that it has made good

	// What had been pushed to the MPMC ring before its last operation, and, if it
	// was cut, when it was.
	earliest, latest census

	locked, updated tally
	added, rows     [counters]tally

	taken      [maxAtOnce]message          // where PopInto puts messages
	takenBytes [fewAtOnce * maxLength]byte // likewise, of a ring of bytes

	entries [maxEntries]entry // popped messages, up to the first that is 0
}

// A census is how many messages each producer of the MPMC ring has pushed.
type census [maxPages]uint64

// done counts what has been pushed for certain, begun what may have been.
func (l *ledger) done(c *census) {
	for i := range l.pushed(mpmc) {
		c[i] = get(&l.sources[mpmc][i].done)
	}
}

func (l *ledger) begun(c *census) {
	for i := range l.pushed(mpmc) {
		c[i] = get(&l.sources[mpmc][i].begun)
	}
}

// counters is the length of the array whose elements are added to, and of the table
// whose entries are.
const counters = 4

const (
	pairLock = iota
	insideLock
	locks
)

// set stores a word of one's own. It is no more than a plain store where the
// processor keeps the order, so that the ledger is no fence to what it watches.
func set(word *uint64, v uint64) { arch.StoreRelease64(word, v) }

func get(word *uint64) uint64 { return atomic.LoadUint64(word) }

// roomy reports whether there are pages for attachments that end early.
func (l *ledger) roomy() bool { return get(&l.used) < maxPages*3/4 }

// raise raises a word that only rises.
func raise(word *uint64, to uint64) {
	for old := get(word); old < to && !atomic.CompareAndSwapUint64(word, old, to); old = get(word) {
	}
}

// next hands out a number.
func next(counter *uint64) uint64 { return atomic.AddUint64(counter, 1) - 1 }

// An activity is what an actor is doing, and to which ring.
type activity uint64

const (
	idle activity = iota
	pushing
	popping  // one message or none, which nobody but the actor knows
	taking   // messages that are in the page first
	peeking  // a message is lent, or not yet
	reading  // the message lent
	dropping // the message lent, maybe dropped
	locking
	holding // a lock
	acquiring
	storing
	adding
	opening // an attachment of its own
	removing
	selecting
	activities
)

var activityNames = [activities]string{
	"idle", "push", "pop", "pop into", "next", "read in place", "release", "lock", "locked", "acquire", "value", "array",
	"open", "remove", "select",
}

func (a activity) on(r ringID) activity { return a | activity(r)<<4 }
func (a activity) bare() activity       { return a & 15 }
func (a activity) ring() ringID         { return ringID(a >> 4) }

// to returns what an activity may be to a ring. A Select may be just popping from one of two.
func (a activity) to(r ringID) activity {
	switch {
	case a.bare() == selecting && r == mpmc:
		return popping
	case a.bare() == selecting && r == bytesMPMC:
		return taking
	case a.bare() != selecting && a.ring() == r:
		return a.bare()
	}
	return idle
}

// locks reports whether the lock may be held.
func (a activity) locks() bool { return a.bare() == locking || a.bare() == holding }

func (a activity) String() string {
	name := "?"
	if a.bare() < activities {
		name = activityNames[a.bare()]
	}
	if a.bare() >= pushing && a.bare() <= dropping && a.ring() < rings {
		return ringNames[a.ring()] + " " + name
	}
	return name
}

// doing returns what an actor is doing, and how often it has done something.
func (p *page) doing() (activity, uint64) {
	op := get(&p.op)
	return activity(op & 0xff), op >> 8
}

type ringID uint64

const (
	spsc ringID = iota
	mpmc
	bytesRing
	bytesMPMC
	lineRing // see line
	rings
)

var ringNames = [rings]string{"SPSC", "MPMC", "Bytes", "BytesMPMC", "line"}

// roles reports whether the ring has one producer and one consumer at a time.
func (r ringID) roles() bool { return r == spsc || r == bytesRing }

// An entry is a run of messages of one source that were popped one after the
// other, or the beginning of a tenure. It is never 0.
//
//	bits 0-11 messages, 0 if it is a tenure; 12-43 first sequence number, or
//	the tenure; 44-60 source; 61-63 ring + 1
type entry uint64

const (
	maxRun      = 1<<12 - 1
	seqShift    = 12
	sourceShift = 44
	ringShift   = 61
)

func newEntry(r ringID, source, seq, n uint64) entry {
	return entry(uint64(r+1)<<ringShift | source<<sourceShift | seq<<seqShift | n)
}

func (e entry) ring() ringID   { return ringID(e>>ringShift) - 1 }
func (e entry) source() uint64 { return uint64(e>>sourceShift) & (1<<(ringShift-sourceShift) - 1) }
func (e entry) seq() uint64    { return uint64(e>>seqShift) & (1<<(sourceShift-seqShift) - 1) }
func (e entry) len() uint64    { return uint64(e & maxRun) }

// mapFile maps a file as a T. It is made if it does not exist.
func mapFile[T any](t proctest.Fataler, path string) (*T, *mapping.Mapping) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	proctest.Check(t, err)
	defer f.Close()
	proctest.Check(t, f.Truncate(int64(sizeOf[T]())))
	m, err := mapping.Map(f, sizeOf[T]())
	proctest.Check(t, err)
	return at[T](m.Bytes()), m
}

func newFile[T any](t *testing.T, path string) *T {
	l, m := mapFile[T](t, path)
	t.Cleanup(func() { proctest.Check(t, m.Unmap()) })
	return l
}
