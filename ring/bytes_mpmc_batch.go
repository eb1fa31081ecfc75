package ring

// A batch is several messages that follow one another, up to the end of the ring, and
// that one claim, or one take, covers. It is no longer than what a run says exactly, so
// that its other end does not wait for long.

// room returns how many chunks a batch at pos can have.
func (q *BytesMPMC) room(pos uint64) uint64 {
	return min(exactRuns, q.capacity/2, q.capacity-q.index(pos))
}

// freeRow returns the run of the batch that starts at pos with a message of that run, for
// which there is room, and goes on with as many of bs as find room. It returns how many
// messages that are.
func (q *BytesMPMC) freeRow(pos uint64, r run, bs [][]byte) (run, int) {
	first := q.runLen(r)
	all, n := fitting(first, bs, q.room(pos))
	if at, _, found := q.obstacle(pos, all); found {
		all, n = fitting(first, bs, at-pos)
	}
	return roundRun(all), n
}

// fitting returns how many chunks a message of that many and those of bs that fit into room
// with it take, and how many messages that are. In its callers, its loop would spill what
// they need later.
//
//go:noinline
func fitting(first uint64, bs [][]byte, room uint64) (all uint64, n int) {
	for most := min(len(bs), int(room)-int(first)); n < most && len(bs[n]) <= chunkSize; n++ {
	}
	for all = first + uint64(n); n < len(bs); n++ {
		next := chunksOf(uint64(len(bs[n])))
		if all+next > room {
			break
		}
		all += next
	}
	return all, 1 + n
}

// fill publishes the batch at pos, which first and bs are, the first message last.
func (q *BytesMPMC) fill(pos uint64, first []byte, bs [][]byte) {
	if len(bs) > 0 {
		q.writeMany(pos+chunksOf(uint64(len(first))), bs)
	}
	q.write(pos, runOf(uint64(len(first))), first)
}

// write publishes the message at pos.
func (q *BytesMPMC) write(pos uint64, r run, b []byte) {
	m := q.memory(pos, r, len(b))
	copy(m, b)
	q.publish(pos, r, m, len(b))
}

// copyRow appends the messages of the batch of up to len(lens) that starts at pos, whose
// word is w, to dst, and stores their lengths in lens. It returns the run of the batch, and
// how many messages that are.
func (q *BytesMPMC) copyRow(dst []byte, pos uint64, w word, lens []int) (_ []byte, r run, n int, err error) {
	b, err := q.message(pos, w)
	if err != nil {
		return dst, 0, 0, err
	}
	dst = append(dst, b...)
	lens[0] = len(b)
	first, room := q.runLen(w.chunkRun()), q.room(pos)
	if len(lens) == 1 || first >= room {
		return dst, w.chunkRun(), 1, nil
	}
	dst, more, k := q.readMany(dst, pos+first, room-first, lens[1:])
	return dst, roundRun(first + more), 1 + int(k), nil
}
