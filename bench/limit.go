package main

import (
	"os"
	"sync/atomic"
)

// limitRows are the bare hardware: two words in a shared mapping, on one
// cache line or on two, each written by one side and polled by the other.
// No queue can make a round trip faster than this.
func limitRows() []row {
	if !crossProcess {
		return nil
	}
	oneLine := row{Workload: roundtrip, System: "limit", Mode: "spin", Size: 8, Batch: 1, Procs: 2,
		wire: wireShared, attach: attachLimit(8)}
	twoLines := oneLine
	twoLines.Mode, twoLines.attach = "spin-two-lines", attachLimit(2*lineSize)
	return []row{oneLine, twoLines}
}

// wireShared gives both sides one shared page.
func wireShared(row) (*wiring, error) {
	f, err := newShared()
	if err != nil {
		return nil, err
	}
	return &wiring{files: [2][]*os.File{{f}, {f}}}, nil
}

// attachLimit puts the second word at the given distance from the first.
func attachLimit(distance int) func(row, inherited) (joiner, error) {
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
