package ring

import "sync/atomic"

// What the tests of this package do between the steps of its protocols.

// Body returns the ring's shared memory behind its fixed words.
func (o *object) Body() []byte { return o.body }

// Words are the ring's fixed words: stores to the wide ones, and the narrow ones.
func (o *object) Words() (wide []func(uint64), narrow []*uint32) {
	store := func(word *uint64) func(uint64) { return func(v uint64) { atomic.StoreUint64(word, v) } }
	return []func(uint64){store(o.head), store(o.tail), o.producer.Word().Store, o.consumer.Word().Store}, []*uint32{o.closed, o.lends}
}

// PopWaiting reports whether a consumer may be asleep.
func (o *object) PopWaiting() bool { return o.canPop.Waiting() }

// PushWaiting reports whether a producer may be asleep.
func (o *object) PushWaiting() bool { return o.canPush.Waiting() }

// PopQueued reports whether a consumer of this process sleeps that is not with FailOnDeath,
// or with it.
func (o *object) PopQueued(fail bool) bool {
	as := *o
	as.fail = fail
	return as.apart(&o.canPop).Queued()
}

// SetStart makes an unused ring look as if all positions before pos had been
// pushed and popped. pos is a multiple of the capacity.
func (r *SPSC[T]) SetStart(pos uint64) {
	for i := range r.capacity {
		atomic.StoreUint64(r.slots.word(i), pos+i+1-r.capacity)
	}
	atomic.StoreUint64(r.head, pos)
}

// SetStart makes an unused ring look as if all positions before pos had been
// pushed and popped. pos is a multiple of the capacity.
func (q *MPMC[T]) SetStart(pos uint64) {
	for i := range q.capacity {
		q.store(i, freeWord(q.lap(pos)))
	}
	q.SetHints(pos, pos)
}

// SetStart makes an unused ring look as if all positions before pos had been
// pushed and popped. pos is a multiple of 8.
func (r *Bytes) SetStart(pos uint64) {
	atomic.StoreUint64(r.header(pos), 0)
	atomic.StoreUint64(r.head, placeOf(pos))
}

// SetStart makes an unused ring look as if all positions before pos, in chunks, had been
// pushed and popped. pos is a multiple of the capacity.
func (q *BytesMPMC) SetStart(pos uint64) {
	for i := range q.capacity {
		q.store(i, freeWord(q.lap(pos)))
	}
	atomic.StoreUint64(q.head, pos)
	atomic.StoreUint64(q.tail, pos)
}

// SetHints sets head and tail, to what they may fall back to.
func (q *MPMC[T]) SetHints(head, tail uint64) {
	atomic.StoreUint64(q.head, head)
	atomic.StoreUint64(q.tail, tail)
}

// SetOpen undoes what Close has written, but not what others made of it.
func (q *MPMC[T]) SetOpen(open bool) {
	if open {
		atomic.StoreUint32(q.closed, 0)
	} else {
		atomic.StoreUint32(q.closed, 1)
	}
}

// SetOpen undoes what Close has written, but not what others made of it.
func (q *BytesMPMC) SetOpen() { atomic.StoreUint32(q.closed, 0) }

// Tail returns the hint at the next position to push.
func (q *MPMC[T]) Tail() uint64 { return atomic.LoadUint64(q.tail) }

// Claim is the first step of a PushAll.
func (q *MPMC[T]) Claim(most int) (pos, run uint64, err error) { return q.claim(uint64(most)) }

// Fill is the next: it publishes the last n of a claimed run.
func (q *MPMC[T]) Fill(pos, run uint64, n int, v T) {
	for i := range uint64(n) {
		p := pos + run - 1 - i
		*q.slots.value(p) = v
		q.store(p, fullWord(q.lap(p)).and(i))
	}
}

// Take is the first step of a PopInto of several messages. It fails with ErrEmpty
// if there are fewer than two in a row.
func (q *MPMC[T]) Take(dst []T) (pos, run uint64, err error) {
	steps := q.maxSteps()
	pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps)
	if err != nil {
		return 0, 0, err
	}
	run = q.inRow(pos, w, uint64(len(dst)))
	q.copy(dst[:run], pos)
	if run < 2 || !q.swap(pos, w, claimWord(freeing, q.lap(pos), run, q.core.ID())) {
		return 0, 0, ErrEmpty
	}
	return pos, run, nil
}

// Free is the next: it frees the last n of a taken run.
func (q *MPMC[T]) Free(pos, run uint64, n int) {
	for i := range uint64(n) {
		p := pos + run - 1 - i
		q.store(p, freeWord(q.lap(p)+1).and(i))
	}
}

// Word returns the state word of the slot of pos.
func (q *MPMC[T]) Word(pos uint64) uint64 { return uint64(q.load(pos)) }

// Repair is the repair of the slot of pos by who has seen word there.
func (q *MPMC[T]) Repair(pos, w uint64) bool { return q.repair(pos, word(w)) }

// RepairPart is as much of it as is done while the first slots, as left says, are left.
func (q *MPMC[T]) RepairPart(pos, w uint64, left func(n int) int) {
	run := word(w).run()
	for i, least := run-1, uint64(max(left(int(run)), 1)); i >= least; i-- {
		q.repairOther(pos + i)
	}
}

// A Claim is what somebody holds of a ring, dead or alive.
type Claim struct {
	Pos, Word uint64
	Dead      bool
}

// Claims are those of the ring.
func (q *MPMC[T]) Claims() (claims []Claim) {
	for i := range q.capacity {
		if w := q.load(i); w.claimed() {
			lap := q.lap(q.surelyTaken())
			claims = append(claims, Claim{(lap+uint64(w.ahead(lap)))<<q.lapShift | i, uint64(w), q.core.Dead(w.owner())})
		}
	}
	return claims
}

// Header returns the header at pos.
func (r *Bytes) Header(pos uint64) *uint64 { return r.header(pos) }

// Place returns the place of the i-th message at pos.
func (r *Bytes) Place(pos, i uint64) uint64 { return placeOf(pos) | i }

// WriteUncommitted does all of a Commit of n bytes but its last store.
func (p *BytesProducer) WriteUncommitted(n int) (padded bool) {
	pos := p.pos + p.padded
	atomic.StoreUint64(p.header(pos+record(uint64(n), 0)), 0)
	if p.padded != 0 {
		atomic.StoreUint64(p.header(pos), committed|uint64(n))
	}
	return p.padded != 0
}

// An Abandoned stands for an end, and is called when it is asked whether that is
// abandoned.
type Abandoned func() bool

func (Abandoned) held() bool        { return false }
func (f Abandoned) abandoned() bool { return f() }

// SetEnds puts others in the place of the ring's ends, for handles made after that.
func (o *object) SetEnds(producers, consumers Abandoned) {
	o.producers, o.consumers = producers, consumers
}

// Claim is the first step of a PushAll of bs. It returns how many of them it is.
func (q *BytesMPMC) Claim(bs [][]byte) (pos uint64, n int, err error) {
	pos, _, n, err = q.claim(len(bs[0]), bs[1:])
	return pos, n, err
}

// Fill is the next: it publishes n messages of bs, a batch that was claimed, the first of
// them last.
func (q *BytesMPMC) Fill(pos uint64, bs [][]byte, n int) {
	if n < len(bs) {
		q.writeMany(pos+chunksOf(uint64(len(bs[0]))), bs[1:][:n])
	} else {
		q.fill(pos, bs[0], bs[1:])
	}
}

// FindRoom is the walk of a push of n bytes that has come as far as pos, maybe laps ago.
func (q *BytesMPMC) FindRoom(pos uint64, n int) (uint64, error) {
	steps := q.maxSteps()
	pos, _, err := q.findRoom(pos, runOf(uint64(n)), &steps)
	return pos, err
}

// TryPopSome is a PopInto of as many messages as one take gets.
func (q *BytesMPMC) TryPopSome(dst []byte, lens []int) ([]byte, int, error) {
	return q.popSome(dst, lens)
}

// Take is the first step of a PopInto, and the freeing of the last chunks but left. It
// returns how many messages that are. It fails with ErrEmpty if there is none, or if they
// take only one chunk.
func (q *BytesMPMC) Take(lens []int, left func(chunks int) int) (b []byte, n int, err error) {
	steps := q.maxSteps()
	pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps)
	if err != nil {
		return nil, 0, err
	}
	b, r, n, err := q.copyRow(nil, pos, w, lens)
	chunks := q.span(pos, r)
	if err == nil && (chunks == 1 || !q.swap(pos, w, q.owned(freeing, pos, uint64(r)))) {
		err = ErrEmpty
	}
	if err != nil {
		return nil, 0, err
	}
	for i, least := chunks-1, uint64(max(left(int(chunks)), 1)); i >= least; i-- {
		more := min(chunks-1-i, q.capacity-1-q.index(pos+i)) // as free has it, of up to maxRun chunks
		q.store(pos+i, freeWord(q.lap(pos+i)+1).and(more))
	}
	return b, n, nil
}

// FreeTaken is the next: it frees what this process has taken.
func (q *BytesMPMC) FreeTaken() {
	for _, c := range q.Claims() {
		if w := word(c.Word); w.phase() == freeing && w.owner() == q.core.ID() {
			q.free(c.Pos, w.chunkRun())
		}
	}
}

// RepairPart frees the last chunks but left of a batch.
func (q *BytesMPMC) RepairPart(pos, v uint64, left func(chunks int) int) {
	w := word(v)
	if w.phase() == reading {
		return
	}
	n := q.span(pos, w.chunkRun())
	for i, least := n-1, uint64(max(left(int(n)), 1)); i >= least; i-- {
		q.repairOther(pos + i)
	}
}

// Claims are those of the ring.
func (q *BytesMPMC) Claims() (claims []Claim) {
	for i := range q.capacity {
		if w := q.load(i); w.claimed() {
			lap := q.lap(q.surelyTaken())
			claims = append(claims, Claim{(lap+uint64(w.ahead(lap)))<<q.lapShift | i, uint64(w), q.core.Dead(w.owner())})
		}
	}
	return claims
}

// Repair is the repair of the span at pos by who has seen w there.
func (q *BytesMPMC) Repair(pos, w uint64) bool { return q.repair(pos, word(w)) }

// RunOf returns how many chunks are reserved for so many.
func RunOf(chunks uint64) uint64 { return roundRun(chunks).chunks() }

// RepairHead and RepairTail are what those who wait do for the dead now and then.
func (q *BytesMPMC) RepairHead()      { q.repairHead() }
func (q *BytesMPMC) RepairTail(n int) { q.repairTail(n) }

// NotPopped is the end of a pop that has found nothing at pos.
func (q *BytesMPMC) NotPopped(pos uint64) {
	q.notPopped(nil, make([]int, 1), pos, q.load(pos), ErrEmpty)
}

// RunInWords returns the run of so many chunks as the words have it, claimed and not.
func RunInWords(chunks uint64) (claimed, full uint64) {
	r := roundRun(chunks)
	return claimWord(freeing, 1, uint64(r), 1<<ownerBits-1).chunkRun().chunks(), fullChunk(1, r).chunkRun().chunks()
}

// RaiseHead raises the consumers' hint by who has seen it as was, and returns where one goes on
// who has lost a race for pos then.
func (q *BytesMPMC) RaiseHead(was, to, pos uint64) (from uint64) {
	q.advance(q.head, was, &q.pop, to)
	_, from = q.lost(q.head, pos)
	return from
}

// Head returns the consumers' hint.
func (q *BytesMPMC) Head() uint64 { return atomic.LoadUint64(q.head) }

// CheckWords fails the test if a word of a ring that nobody is at counts more slots
// behind it than are in its state. It reports whether one counts any.
func (q *MPMC[T]) CheckWords(t interface{ Fatalf(string, ...any) }, head, tail uint64) (counted bool) {
	for pos := head; pos < head+q.capacity; pos++ {
		state, end := fullWord, tail
		if pos >= tail {
			state, end = freeWord, head+q.capacity
		}
		w := q.load(pos)
		if w.state() != state(q.lap(pos)) || w.more() >= end-pos {
			t.Fatalf("word of position %d, of %d to %d: %#x", pos, head, tail, w)
		}
		counted = counted || w.more() > 0
	}
	return counted
}

// CheckFree fails the test if the word of a chunk that nobody has claimed counts one behind
// it that is not free (Invariant 10). It reports whether one counts any.
func (q *BytesMPMC) CheckFree(t interface{ Fatalf(string, ...any) }) (counted bool) {
	steps := q.maxSteps()
	first, _, _ := q.nextFree(atomic.LoadUint64(q.tail), &steps)
	for pos := first; pos < first+q.capacity; pos++ {
		w := q.load(pos)
		if w.state() != freeWord(q.lap(pos)) {
			continue
		}
		for i := range w.more() {
			if at := pos + 1 + i; at >= first+q.capacity || q.load(at).state() != freeWord(q.lap(at)) {
				t.Fatalf("word of position %d, %#x, counts %d, which is %#x", pos, w, at, q.load(at))
			}
		}
		counted = counted || w.more() > 0
	}
	return counted
}

// ReadMany is how a batch is popped from memory.
var ReadMany = readMany

// Count returns how many records, and messages in them, are in the ring.
func (r *Bytes) Count() (records, messages uint64) {
	for pos := position(atomic.LoadUint64(r.head)); ; {
		h := atomic.LoadUint64(r.header(pos))
		size, err := r.extent(pos, 0, h)
		if h == 0 || err != nil {
			return records, messages
		}
		if h&padding == 0 {
			records++
			messages += h>>moreShift&maxMore + 1
		}
		pos += size
	}
}

// RepairTail and RepairHead are what those who wait do at each Slice.
func (q *MPMC[T]) RepairTail() { q.repairTail() }
func (q *track) RepairHead()   { q.repairHead() }

// StickTail and StickHead leave a position at a hint to somebody who never was, whose repair
// succeeds and changes nothing. The count is of the repairs. They end after many.
func (q *track) StickTail() (repairs *int) { return q.stick(atomic.LoadUint64(q.tail)) }
func (q *track) StickHead() (repairs *int) { return q.stick(atomic.LoadUint64(q.head)) }

// ManySteps is more than a walk makes.
func (q *track) ManySteps() int { return int(q.maxSteps()) + 1 }

func (q *track) stick(pos uint64) *int {
	atomic.StoreUint64(q.word(pos), uint64(claimWord(reading, q.lap(pos)-1, 1, 1<<30)))
	n := 0
	q.untaken = func(uint64, word) bool {
		n++
		return n < 2*q.ManySteps()
	}
	return &n
}
