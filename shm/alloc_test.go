package shm_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestNoAllocation has no operation allocate, that does not have to wait.
func TestNoAllocation(t *testing.T) {
	s := shared.Named(t)
	mu := newLock(t, s.Segment, "mu")
	rw := newRWLock(t, s.Segment, "rw")
	v, p := shared.Value[int64](t, s.Segment, "value"), shared.Value[padded8a](t, s.Segment, "padded")
	w := shared.Value[block](t, s.Segment, "block")
	a, words := newArray[uint8](t, s.Segment, "bytes", 100), newArray[float64](t, s.Segment, "words", 100)
	others := newArray[large24](t, s.Segment, "others", 100)
	table, numbers := newTable[row](t, s.Segment, "table", rows), newTable[int](t, s.Segment, "numbers", rows)
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	b, buf := blockOf(7), make([]uint8, 100)
	for _, test := range []struct {
		name string
		op   func()
	}{
		{"Lock and Unlock", func() { pass(mu) }},
		{"TryLock and Unlock", func() { mu.TryLock(); mu.Unlock() }},
		{"TryLock in vain", func() { mu.TryLock(); mu.TryLock(); mu.Unlock() }},
		{"LockContext", func() {
			if mu.LockContext(cancellable) == nil {
				mu.Unlock()
			}
		}},
		{"RLock and RUnlock", func() { pass(rw.RLocker()) }},
		{"Lock and Unlock of an RWLock", func() { pass(rw) }},
		{"TryRLock and TryLock", func() { rw.TryRLock(); rw.TryLock(); rw.RUnlock() }},
		{"RLockContext", func() {
			if rw.RLockContext(cancellable) == nil {
				rw.RUnlock()
			}
		}},
		{"LockContext of an RWLock", func() {
			if rw.LockContext(cancellable) == nil {
				rw.Unlock()
			}
		}},
		{"Load", func() { v.Load(); p.Load() }},
		{"Store", func() { v.Store(1); p.Store(padded8a{}) }},
		{"Swap", func() { v.Swap(2); p.Swap(padded8a{}) }},
		{"CompareAndSwap", func() { v.CompareAndSwap(2, 3); p.CompareAndSwap(padded8a{}, padded8a{B: 1}) }},
		{"Update", func() { v.Update(func(x int64) int64 { return x + 1 }) }},
		{"Add", func() { shm.Add(v, 1) }},
		{"large Load", func() { w.Load() }},
		{"large Store", func() { w.Store(b) }},
		{"large Swap", func() { w.Swap(b) }},
		{"large Update", func() { w.Update(func(b block) block { b[0]++; return b }) }},
		{"LoadVersion", func() { v.LoadVersion(); w.LoadVersion() }},
		{"Wait", func() { v.Wait(cancellable, 1<<63); w.Wait(cancellable, 1<<63) }},
		{"Table.Load", func() { table.Load(1); numbers.LoadVersion(2) }},
		{"Table.Store", func() { table.Store(1, row{}); numbers.Store(2, 3) }},
		{"Table.Swap", func() { table.Swap(1, row{}); numbers.Swap(2, 3) }},
		{"Table.Update", func() {
			table.Update(1, func(r row) row { r[0]++; return r })
			numbers.Update(1, func(x int) int { return x + 1 })
		}},
		{"Table.Wait", func() { table.Wait(cancellable, 1, 1<<58); numbers.Wait(cancellable, 1, 1<<58) }},
		{"Table.All", func() {
			for range numbers.All() {
			}
		}},
		{"Array.Load", func() { a.Load(1); words.Load(2); others.Load(3) }},
		{"Array.Store", func() { a.Store(1, 2); words.Store(2, 3); others.Store(3, large24{}) }},
		{"SwapAt", func() { shm.SwapAt(a, 1, 2); shm.SwapAt(words, 1, 2) }},
		{"CompareAndSwapAt", func() { shm.CompareAndSwapAt(a, 1, 2, 3); shm.CompareAndSwapAt(words, 1, 2, 3) }},
		{"AddAt", func() { shm.AddAt(a, 1, 2) }},
		{"CopyIn and CopyOut", func() { a.CopyIn(0, buf); a.CopyOut(0, buf) }},
		{"All", func() {
			for range words.All() {
			}
		}},
		{"View", func() { a.View()[0]++ }},
	} {
		if n := testing.AllocsPerRun(100, test.op); n != 0 {
			t.Errorf("%s allocates %v times", test.name, n)
		}
	}
}
