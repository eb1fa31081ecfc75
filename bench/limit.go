package main

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/futex"
)

// limitRows are the bare hardware and the bare kernel: two words in a shared
// page, each written by one side and awaited by the other.
//
// In mode spin the words are polled. They lie on two cache lines, as the two
// queues of a round trip must; on one line a round trip is shorter still,
// since the processor then hands a line that was read over together with the
// right to write it. In mode park each side sleeps on its word, in a futex.
func limitRows() []row {
	if !crossProcess {
		return nil
	}
	r := row{Workload: roundtrip, System: "limit", Size: 8, Batch: 1, Procs: 2, wire: wireShared}
	oneLine, twoLines, park := r, r, r
	oneLine.Mode, oneLine.attach = "spin-one-line", attachSpin(8)
	twoLines.Mode, twoLines.attach = "spin", attachSpin(2*lineSize)
	park.Mode, park.attach = "park", attachPark
	return []row{twoLines, oneLine, park}
}

// wireShared gives both sides one shared page.
func wireShared(r row) (*wiring, error) {
	f, err := newShared()
	if err != nil {
		return nil, err
	}
	return &wiring{files: r.forAll(f)}, nil
}

// attachSpin puts the second word at the given distance from the first.
func attachSpin(distance int) func(row, inherited) (joiner, error) {
	return func(_ row, in inherited) (joiner, error) {
		mem, err := mapShared(in.files[0])
		if err != nil {
			return nil, err
		}
		there, back := sharedWord(mem, 0), sharedWord(mem, distance)
		return func(side int) (loop, error) {
			if side == 0 {
				return askWord(there, back), nil
			}
			return answerWord(there, back), nil
		}, nil
	}
}

// Message seq is the word's value seq+1, so that 0 is none.

func askWord(there, back *atomic.Uint64) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			there.Store(seq + 1)
			for back.Load() != seq+1 {
			}
		}
		return nil
	}
}

func answerWord(there, back *atomic.Uint64) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			for there.Load() != seq+1 {
			}
			back.Store(seq + 1)
		}
		return nil
	}
}

func attachPark(_ row, in inherited) (joiner, error) {
	mem, err := mapShared(in.files[0])
	if err != nil {
		return nil, err
	}
	there, back := sharedFutex(mem, 0), sharedFutex(mem, 2*lineSize)
	return func(side int) (loop, error) {
		if side == 0 {
			return func(seq uint64, n int) error {
				for end := seq + uint64(n); seq != end; seq++ {
					wakeWord(there, uint32(seq+1))
					if err := awaitWord(back, uint32(seq+1)); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}
		return func(seq uint64, n int) error {
			for end := seq + uint64(n); seq != end; seq++ {
				if err := awaitWord(there, uint32(seq+1)); err != nil {
					return err
				}
				wakeWord(back, uint32(seq+1))
			}
			return nil
		}, nil
	}, nil
}

func wakeWord(word *uint32, v uint32) {
	atomic.StoreUint32(word, v)
	futex.Wake(word, 1)
}

func awaitWord(word *uint32, v uint32) error {
	for {
		now := atomic.LoadUint32(word)
		if now == v {
			return nil
		}
		if err := futex.Wait(context.Background(), word, now); err != nil {
			return err
		}
	}
}
