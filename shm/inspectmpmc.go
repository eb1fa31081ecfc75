package shm

import "github.com/isthmus-go/isthmus/internal/layout"

// stateWord is the state word of a slot of an MPMC, a BytesMPMC or a WorkQueue (docs/FORMAT.md, F43
// to F46).
type stateWord uint64

const (
	slotFull    = 1
	slotClosed  = 2
	slotHeld    = 3
	slotWriting = 4
	slotReading = 5
	slotFreeing = 6

	claimRun = 1<<9 - 1
)

func (w stateWord) phase() uint64 { return uint64(w & 7) }

func (w stateWord) owner() uint64 { return uint64(w >> 3 & (1<<layout.IDBits - 1)) }

// run is what a word that was claimed says of how many slots it speaks for.
func (w stateWord) run() uint64 { return uint64(w >> 41 & claimRun) }

// chunks is how many chunks of a BytesMPMC the run of a word's message is.
func chunks(run uint64) uint64 {
	switch {
	case run < 256:
		return run
	case run > claimRun-9: // of a message that lies beside the word
		return 1
	}
	return (16 | run&15) << (run>>4 - 12)
}

func (l *look) mpmc() any {
	s := l.ring()
	s.Head, s.Tail = l.word(ringHead), l.word(ringTail)
	slots := l.slots(ringBody, 8)
	for i := range slots.n {
		w := stateWord(slots.at(i, 0))
		switch w.phase() {
		case slotFull:
			s.Messages++
		case slotWriting:
			l.add(&s.Pushing, w.owner(), int64(min(max(w.run(), 1), slots.n)))
		case slotFreeing:
			l.add(&s.Popping, w.owner(), int64(min(max(w.run(), 1), slots.n)))
		case slotReading:
			if w.owner() == 0 { // given back
				s.Messages++
			} else {
				l.add(&s.Lent, w.owner(), 1)
			}
		case slotHeld, 7:
			l.wrongSlot(i, w)
		}
	}
	return s
}

// wrongSlot says that a slot is in a state in which none can be, once.
func (l *look) wrongSlot(i uint64, w stateWord) {
	if !l.cut {
		l.cut = true
		l.fault("slot %d is in state %#x", i, uint64(w))
	}
}

func (l *look) bytesMPMC() any {
	const chunk, slot = 64, 16
	s := l.ring()
	s.Head, s.Tail = l.word(ringHead), l.word(ringTail)
	n := l.e.Capacity / chunk
	if n < 2 || n&(n-1) != 0 || n > uint64(len(l.mem))/(chunk+slot) {
		l.fault("has a capacity of %d in %d bytes", l.e.Capacity, len(l.mem))
		return s
	}
	used := uint64(0)
	for i := range n {
		w := stateWord(l.word(ringBody + i*slot))
		run := w.run()
		switch w.phase() {
		case slotFull:
			run = uint64(w >> 3 & claimRun)
			s.Messages++
		case slotWriting:
			l.add(&s.Pushing, w.owner(), 1)
		case slotFreeing:
			l.add(&s.Popping, w.owner(), 1)
		case slotReading:
			l.add(&s.Lent, w.owner(), 1)
		case slotHeld, 7:
			l.wrongSlot(i, w)
			continue
		default:
			continue
		}
		used += min(chunks(run), n)
	}
	s.Bytes = int64(min(used, n) * chunk)
	return s
}

func (l *look) workQueue() any {
	const holderOff = 8
	s := l.ring()
	s.Head, s.Tail = l.word(ringHead), l.word(ringTail)
	slots := l.slots(ringBody, 24)
	for i := range slots.n {
		w := stateWord(slots.at(i, 0))
		switch w.phase() {
		case slotFull:
			s.Messages++
		case slotWriting:
			l.add(&s.Pushing, w.owner(), 1)
		case slotReading:
			l.add(&s.Lent, w.owner(), 1)
		case slotHeld:
			switch holder := slots.at(i, holderOff); {
			case holder == 0: // finished
			case holder&(1<<layout.IDBits-1) == 0:
				s.Messages++
			default:
				l.add(&s.Lent, holder&(1<<layout.IDBits-1), 1)
			}
		case slotFreeing, 7:
			l.wrongSlot(i, w)
		}
	}
	return s
}
