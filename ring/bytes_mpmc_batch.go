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
	n, all, room := 1, q.runLen(r), q.room(pos)
	for _, b := range bs {
		next := runOf(uint64(len(b))).chunks()
		if all+next > room {
			break
		}
		if _, _, found := q.obstacle(pos+all, next); found {
			break
		}
		all += next
		n++
	}
	return roundRun(all), n
}

// fullRow returns the run of the batch of up to most messages that starts at pos, whose
// word is w, and how many they are.
func (q *BytesMPMC) fullRow(pos uint64, w word, most int) (run, int) {
	n, all, room, lap := 1, q.runLen(w.chunkRun()), q.room(pos), q.lap(pos)
	for n < most && all < room {
		w := q.load(pos + all)
		next := q.runLen(w.chunkRun())
		if w.phase() != full || w.ahead(lap) != 0 || all+next > room {
			break
		}
		all += next
		n++
	}
	return roundRun(all), n
}

// fill publishes the batch at pos, which first and bs are, from the last message to the
// first.
func (q *BytesMPMC) fill(pos uint64, first []byte, bs [][]byte) {
	end := pos + runOf(uint64(len(first))).chunks()
	for _, b := range bs {
		end += runOf(uint64(len(b))).chunks()
	}
	for i := len(bs) - 1; i >= 0; i-- {
		r := runOf(uint64(len(bs[i])))
		end -= r.chunks()
		q.write(end, r, bs[i])
	}
	q.write(pos, runOf(uint64(len(first))), first)
}

// write publishes the message at pos.
func (q *BytesMPMC) write(pos uint64, r run, b []byte) {
	copy(q.memory(pos, r)[headerSize:], b)
	q.publish(pos, r, len(b))
}

// copy appends the messages of the batch at pos, whose word is w, to dst, and stores their
// lengths in lens. It fails if one of them is none.
func (q *BytesMPMC) copy(dst []byte, pos uint64, w word, lens []int) ([]byte, error) {
	for i := range lens {
		if i > 0 {
			pos += q.runLen(w.chunkRun())
			w = q.load(pos)
		}
		b, err := q.message(pos, w)
		if err != nil {
			return dst, err
		}
		dst = append(dst, b...)
		lens[i] = len(b)
	}
	return dst, nil
}
