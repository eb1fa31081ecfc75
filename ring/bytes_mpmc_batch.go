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
	n, first, room := 1, q.runLen(r), q.room(pos)
	all := first
	for _, b := range bs {
		next := runOf(uint64(len(b))).chunks()
		if all+next > room {
			break
		}
		all += next
		n++
	}
	at, _, _ := q.obstacle(pos+first, all-first)
	for ; pos+all > at; n-- {
		all -= runOf(uint64(len(bs[n-2]))).chunks()
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
	mem := q.memory(pos, r)
	copy(mem[headerSize:], b)
	q.publish(mem, pos, r, len(b))
}

// copyRow appends the messages of the batch of up to len(lens) that starts at pos, whose
// word is w, to dst, and stores their lengths in lens. It returns the run of the batch, and
// how many messages that are.
func (q *BytesMPMC) copyRow(dst []byte, pos uint64, w word, lens []int) (_ []byte, r run, n int, err error) {
	all, room, lap := uint64(0), q.room(pos), q.lap(pos)
	for {
		b, err := q.message(pos+all, w)
		if err != nil && n == 0 {
			return dst, 0, 0, err
		}
		if err != nil {
			break // who comes to it next is told
		}
		dst = append(dst, b...)
		lens[n] = len(b)
		n++
		all += q.runLen(w.chunkRun())
		if n == len(lens) || all >= room {
			break
		}
		w = q.load(pos + all)
		if w.phase() != full || w.ahead(lap) != 0 || all+q.runLen(w.chunkRun()) > room {
			break
		}
	}
	return dst, roundRun(all), n, nil
}
