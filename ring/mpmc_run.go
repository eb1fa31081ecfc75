package ring

// A run is the slots from a position on that one claim covers. Those behind the end of
// the ring are of the next lap.

// inRow counts the slots from pos on, whose word is w, that are in the same state, up to
// most. It looks at one word of each run that was published, or freed: Invariant 9.
func (q *MPMC[T]) inRow(pos uint64, w word, most uint64) uint64 {
	most = min(most, q.capacity, maxRun)
	n := 1 + w.more()
	for n < most {
		next := q.load(pos + n)
		if next.phase() != w.phase() || next.ahead(q.lap(pos+n)) != 0 {
			return n
		}
		n += 1 + next.more()
	}
	return most
}

// fill publishes vs in the run at pos.
func (q *MPMC[T]) fill(pos uint64, vs []T) {
	n := uint64(len(vs))
	k := q.slots.before(pos, n)
	q.slots.fill(pos+k, vs[k:], uint64(fullWord(q.lap(pos+k))), oneMore)
	q.slots.fill(pos, vs[:k], uint64(fullWord(q.lap(pos)).and(n-k)), oneMore)
}

// copy copies the messages of the run at pos.
func (q *MPMC[T]) copy(dst []T, pos uint64) {
	k := q.slots.before(pos, uint64(len(dst)))
	q.slots.copy(dst[:k], pos)
	q.slots.copy(dst[k:], pos+k)
}

// free frees the n slots of the run at pos.
func (q *MPMC[T]) free(pos, n uint64) {
	k := q.slots.before(pos, n)
	q.slots.set(pos+k, n-k, uint64(freeWord(q.lap(pos+k)+1)), oneMore)
	q.slots.set(pos, k, uint64(freeWord(q.lap(pos)+1).and(n-k)), oneMore)
}
