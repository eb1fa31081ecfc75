package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// BytesMPMC is a ring of byte messages of any size. It has any number of
// producers and consumers, in any processes and goroutines. Messages are copied,
// or are written and read in place.
//
// If Push returns nil, exactly one Pop returns the message, even if any processes
// are killed, as long as one consumer is left. The messages of one producer come
// in order. There is one exception to the order: if Next has lent a message to a
// process that died, the message comes later than in order. A dead process does
// not hold up others for more than 50 ms, unless its message was longer than some
// 50 MiB: to free that much space takes longer.
//
// An operation waits for a paused process only where order or space requires it.
// If a producer is stopped in the middle of a push, the consumers cannot go past
// its message. If a consumer is stopped while a message is lent to it, or while
// it frees the space of a long message or of a batch, the producers stop when
// they have gone round the ring and reach that space. No step of an operation
// excludes other processes.
//
// The try operations behave as those of [MPMC] do. TryPop may return ErrEmpty
// while an earlier push is in progress. A handle looks for dead processes in its
// try operations only once in 64 failed tries.
//
// A message occupies its length, rounded up to a multiple of 64, and at least 64
// bytes. From 16 KiB on, it occupies up to a sixteenth more. It is contiguous: at the end
// of the ring, the same amount of space may stay unused. The longest message,
// [BytesMPMC.MaxLen], is half the capacity. A long message waits
// until there is space for all of it; meanwhile, shorter messages can go first. A
// ring takes eleven eighths of its capacity plus 640 bytes, rounded up to a
// multiple of 128.
//
// Pop copies a message before it takes it. If several consumers try to take the
// same message, all but one of them have copied it in vain. For long messages
// Next is better.
type BytesMPMC struct {
	track
	words      slots[uint64] // each with a message of up to a word, or the length of a longer one
	deliveries []byte        // a word for each slot, behind them
	chunks     []byte
}

// # Protocol
//
// It is that of MPMC, where a message is a run of slots that is always handed over as a
// whole. The ring is an array of chunks of 64 bytes, and apart from it, so that no
// message is ever taken for one, an array of slots: a state word for each chunk, and a word
// for what it says more. Positions
// count chunks from 0; position p lies in chunk p mod capacity, in lap p div capacity. A
// message takes a run of chunks, and at the end of the ring, where it would not fit in one
// piece, those up to the end besides: it then lies at the beginning. All of them are its
// span, which the word of the first speaks for. Beside that word is its length. A message
// no longer than a word lies there itself; its run says its length, and its chunk is not
// touched.
//
// How often a message was lent is counted apart, in an array of words, each with the lap that
// it is about, modulo 2^32. One of another lap counts for nothing. So only who lends touches
// it.
//
// A batch is messages that follow one another, as far as the end of the ring, and whose
// spans are claimed, or taken, at once: the word of the first then speaks for all of them.
// A message alone is a batch of one.
//
// tail and head are hints: all positions before tail have been claimed for writing, all
// before head have been taken or given up, and maybe some after them.
//
// States of the first chunk of a span, at position p in lap L (see word). run is that of
// its message, and all that of the batch, if it is the batch's first:
//
//	free(L)       --push: claim, the first-->                    writing(L, all, id)
//	writing       --publish-->                                   full(L, run)
//	free(L)       --publish, not the first-->                    full(L, run)
//	writing       --cancel, or repair of the dead-->             free(L+1)
//	full(L, run)  --pop: take, the first-->                      freeing(L, all, id)
//	full(L, run)  --Next: lend-->                                reading(L, run, id)
//	reading       --Release, or pop by another, owner dead-->    freeing(L, run, id)
//	reading       --Next by another, owner dead-->               reading(L, run, id')
//	freeing       --its owner, or repair of the dead-->          free(L+1)
//	full(L, run)  --the same, not the first-->                   free(L+1)
//	free(L)       --pop, after Close-->                          closed(L)
//
// The other chunks of a span stay free(L), each in its own lap, until it is freed, and
// are then free(L+1). A batch of one chunk skips freeing. What is reading or freeing was
// taken in its order; what is cancelled was not, and therefore stays writing till then.
//
// Invariants
//
//  1. Batches are claimed in order, and taken in order: a producer goes from the position
//     p of a batch to the one behind it only if it has seen p claimed in lap L or later,
//     and a consumer likewise. So both come to the chunks of a batch by its first.
//  2. Each transition of the first word is one compare-and-swap, but for those of an
//     owner that is the only one to change it, and names the owner. There is no instant
//     at which a span that is not full is held by nobody's name, or the batch's first's.
//  3. Before a batch is claimed, all its chunks are known to be free (10), and before it is
//     taken, all its messages have been seen full. They stay so: only a claim or a take
//     could change them, and none can pass the first.
//  4. Of a batch, the first message is published last, and the chunks are freed from the
//     last to the first. While the first is claimed nobody but its owner, or who repairs,
//     touches the others, in this lap or the next, or comes to them. So wherever a walk
//     goes from a message that is full, of its own lap, to the one behind it, that one is
//     published, or another batch's. (One of a later lap may be inside a batch that is
//     not: from there the walk goes on one chunk further, in the lap before, where all are
//     claimed.) And wherever it goes from a chunk that has been freed to the one
//     behind it, that one is either the first of a batch, or not claimed yet, or has been
//     freed as well. And where a batch is in the way, the first chunk found not free is
//     the batch's first.
//  5. A pop copies the messages before it takes them. If its compare-and-swap succeeds,
//     the first was full in lap L all the while, so the others were (3), and the copies are
//     whole. So a death inside Pop leaves each message either in the ring or taken.
//  6. Repair is the rest of what the dead process would have done (freeing), or its
//     undoing (writing; also of what is published behind the first): compare-and-swaps
//     from exact words, of each chunk not freed yet, the first last. Several may repair
//     at once, stop anywhere, and be repaired after. A repair that comes too late changes
//     nothing.
//  7. tail and head are raised after the claim of what lies before them, by
//     compare-and-swap, to the ends of batches, so that they never fall back. They lag by a
//     few positions; whoever starts too early walks, and where it finds later laps
//     it jumps ahead, no further than their states prove the way to be taken. Who has lost a
//     race goes on from the hint.
//  8. A claimed word shows its lap modulo 2^14. What is concluded from that about a
//     position is concluded only while the hint has not passed the position: then they
//     are less than 2^13 laps apart. A word that nobody has claimed shows its lap modulo
//     2^52: longer than any process is paused.
//  9. Where a span ends never falls with the position where it begins. So a push never
//     makes room for another, and only who frees has to wake producers; all, since their
//     messages may be of any length. For the same reason a process has a sleeper for each
//     run that it waits with: what wakes one in vain may be enough for another. A push of
//     many waits with its first message's: only a message alone goes round the end.
//  10. A free word counts chunks behind it that were freed before it (4). If nobody has
//     claimed its position, nobody has claimed those (1): they are free as well.
//
// What a death leaves: before the claim, nothing. After it, writing: whoever waits there
// undoes it. After publish, messages, and maybe sleepers, who wake by their bound. In a
// pop before the take, messages; after it, freeing, or free chunks. Between Next and
// Release, reading: consumers look for it and deliver the message again.
//
// Memory orderings. The release store of full pairs with the load of the word in a pop:
// the message and its length are visible. The compare-and-swap to freeing, or to free,
// comes after the copies of the messages. The release store of free, or that compare-and-swap,
// pairs with the load of the word in a claim: the message has been read before it is
// overwritten, and so have those of the chunks that the word counts, whose stores come
// before it. Loads of words are not reordered, nor are their release stores: that is what
// Invariant 4 needs. Sleeping is the Event's.
//
// Model: models/bytesmpmc.pml.

const (
	deliveriesShift = 32 // of the lap, above the number
	maxDeliveries   = 1<<31 - 1

	slotSize  = 2 * wordSize
	chunkSize = 64
	minChunks = 2
)

// NewBytesMPMC returns the ring with that name. It creates an empty ring if none
// exists. The capacity is in bytes, and is rounded up to a power of two, at least
// 128. NewBytesMPMC fails with [shm.ErrMismatch] if the name belongs to another
// kind of object, or to a ring of another capacity.
func NewBytesMPMC(s *shm.Segment, name string, capacity int, opts ...Option) (*BytesMPMC, error) {
	core := segment.Of(s)
	ref := core.Ref(layout.KindBytesMPMC, name)
	n, err := countChunks(capacity)
	if err != nil {
		return nil, ref.Fault(err)
	}
	obj, err := newObject(core, segment.Spec{Kind: layout.KindBytesMPMC, Name: name, Capacity: n * chunkSize, Size: chunksBody(n)}, opts)
	if err != nil {
		return nil, err
	}
	obj.capacity = n // positions are chunks
	at := chunksOffset(n)
	q := &BytesMPMC{
		track: newTrack(obj, slotSize), words: newSlots[uint64](obj.body, n),
		deliveries: obj.body[n*slotSize : n*(slotSize+wordSize)], chunks: obj.body[at : at+n*chunkSize],
	}
	q.covers = func(pos uint64, w word) uint64 { return q.span(pos, w.chunkRun()) }
	q.share(q.anyLent)
	return q, nil
}

// countChunks returns how many chunks a capacity in bytes stands for.
func countChunks(capacity int) (uint64, error) {
	n, err := roundCapacity(capacity)
	return max(n/chunkSize, minChunks), err
}

// chunksOffset returns where the chunks lie behind the rest, at a cache line's start.
func chunksOffset(n uint64) uint64 {
	return (n*(slotSize+wordSize) + chunkSize - 1) &^ (chunkSize - 1)
}

func chunksBody(n uint64) uint64 { return chunksOffset(n) + n*chunkSize }

// Cap returns the capacity in bytes.
func (q *BytesMPMC) Cap() int { return int(q.capacity * chunkSize) }

// MaxLen returns the length of the longest message that fits.
func (q *BytesMPMC) MaxLen() int { return int(q.capacity / 2 * chunkSize) }

// Len returns how many bytes of the ring are in use at the moment, including the
// overhead of each message. It counts messages that are being pushed or popped,
// messages that are lent, and space that was given up. It returns 0 if the
// segment is closed.
func (q *BytesMPMC) Len() int { return q.used() * chunkSize }

// The state words as a track has them, where the compiler knows the stride.

func (q *BytesMPMC) load(pos uint64) word     { return word(atomic.LoadUint64(q.words.word(pos))) }
func (q *BytesMPMC) store(pos uint64, w word) { arch.StoreRelease64(q.words.word(pos), uint64(w)) }
func (q *BytesMPMC) swap(pos uint64, old, w word) bool {
	return atomic.CompareAndSwapUint64(q.words.word(pos), uint64(old), uint64(w))
}

// index returns which chunk pos is. It is inside the ring, whatever pos is.
func (q *BytesMPMC) index(pos uint64) uint64 { return pos & (q.capacity - 1) }
