package wait

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// A Tally counts what this process does off the fast paths of one object: its Events count in
// it where they sleep and wake, and the object where it repairs. A nil Tally counts nothing.
//
// It takes lines of memory of its own, which no fast path touches.
type Tally struct {
	waits, wakeUps, repairs atomic.Uint64
	_                       [arch.CacheLine - 3*8]byte
}

// Counts are what a Tally has counted.
type Counts struct {
	Waits   uint64 // how often a goroutine slept, or stood behind one that did
	WakeUps uint64 // calls of futex.Wake
	Repairs uint64 // of what the dead have left
}

// Counts returns what was counted so far.
func (t *Tally) Counts() Counts {
	return Counts{t.waits.Load(), t.wakeUps.Load(), t.repairs.Load()}
}

// Waited counts a wait. Those on Events count themselves.
func (t *Tally) Waited() {
	if t != nil {
		t.waits.Add(1)
	}
}

// woke counts a wake-up.
func (t *Tally) woke() {
	if t != nil {
		t.wakeUps.Add(1)
	}
}

// Repaired counts a repair.
func (t *Tally) Repaired() {
	if t != nil {
		t.repairs.Add(1)
	}
}
