package shm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestObjectsClosed uses values and arrays after Close.
func TestObjectsClosed(t *testing.T) {
	s := shared.Named(t)
	v, w := shared.Value[int](t, s.Segment, "value"), shared.Value[block](t, s.Segment, "block")
	a, b := newArray[uint16](t, s.Segment, "array", 3), newArray[padded3](t, s.Segment, "others", 3)
	table := newTable[row](t, s.Segment, "table", rows)
	v.Store(1)
	w.Store(blockOf(1))
	a.Store(1, 1)
	table.Store(9, rowOf(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		object string
		calls  map[string]func()
	}{
		{`value "value"`, map[string]func(){
			"Load":           func() { v.Load() },
			"Store":          func() { v.Store(2) },
			"Swap":           func() { v.Swap(2) },
			"CompareAndSwap": func() { v.CompareAndSwap(1, 2) },
			"Update":         func() { v.Update(func(int) int { return 2 }) },
			"Add":            func() { shm.Add(v, 1) },
			"LoadVersion":    func() { v.LoadVersion() },
		}},
		{`value "block"`, map[string]func(){
			"Load":           func() { w.Load() },
			"Store":          func() { w.Store(blockOf(2)) },
			"Swap":           func() { w.Swap(blockOf(2)) },
			"CompareAndSwap": func() { w.CompareAndSwap(blockOf(1), blockOf(2)) },
			"Update":         func() { w.Update(func(block) block { return blockOf(2) }) },
		}},
		{`array "array"`, map[string]func(){
			"Load":             func() { a.Load(1) },
			"Store":            func() { a.Store(1, 2) },
			"SwapAt":           func() { shm.SwapAt(a, 1, 2) },
			"CompareAndSwapAt": func() { shm.CompareAndSwapAt(a, 1, 1, 2) },
			"AddAt":            func() { shm.AddAt(a, 1, 1) },
			"CopyIn":           func() { a.CopyIn(0, []uint16{2, 2, 2}) },
			"CopyOut":          func() { a.CopyOut(0, make([]uint16, 3)) },
			"View":             func() { a.View() },
			"All": func() {
				for range a.All() {
				}
			},
		}},
		{`table "table"`, map[string]func(){
			"Load":        func() { table.Load(9) },
			"LoadVersion": func() { table.LoadVersion(9) },
			"Store":       func() { table.Store(9, rowOf(2)) },
			"Swap":        func() { table.Swap(9, rowOf(2)) },
			"Update":      func() { table.Update(9, func(row) row { return rowOf(2) }) },
			"All": func() {
				for range table.All() {
				}
			},
		}},
		{`array "others"`, map[string]func(){
			"Load":  func() { b.Load(1) },
			"Store": func() { b.Store(1, padded3{}) },
		}},
	} {
		for name, call := range test.calls {
			wantClosed(t, name, proctest.PanicOf(call), test.object)
		}
	}
	_, err := shm.NewValue[int](s.Segment, "value")
	wantClosed(t, "NewValue", err, `value "value"`)
	_, err = shm.NewArray[int](s.Segment, "new", 1)
	wantClosed(t, "NewArray", err, `array "new"`)
	_, err = shm.NewTable[int](s.Segment, "new", 1)
	wantClosed(t, "NewTable", err, `table "new"`)

	if !mapping.Severs() {
		return // whoever is caught in the middle finishes on the segment there
	}
	// Nothing of that has reached the segment.
	again := s.Another(t)
	if got := shared.Value[int](t, again, "value").Load(); got != 1 {
		t.Errorf("the value is %d", got)
	}
	if got := shared.Value[block](t, again, "block").Load(); got != blockOf(1) {
		t.Errorf("the block begins with %d", got[0])
	}
	if got, v := newTable[row](t, again, "table", rows).LoadVersion(9); got != rowOf(1) || v != 1 {
		t.Errorf("the row is %d, version %d", got[0], v)
	}
	if got := newArray[uint16](t, again, "array", 3).View(); got[0] != 0 || got[1] != 1 || got[2] != 0 {
		t.Errorf("the array is %v", got)
	}
}

// TestCloseWhileWaiting closes a Segment while goroutines wait for a lock: one
// asleep, and some for their turn to sleep.
func TestCloseWhileWaiting(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	other := newLock(t, s.Another(t), "mu")
	other.Lock()
	mu := newLock(t, s.Segment, "mu")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var waiters []<-chan any
	for range 3 {
		waiters = append(waiters,
			proctest.Go(func() any { return proctest.PanicOf(mu.Lock) }),
			proctest.Go(func() any { return mu.LockContext(context.Background()) }),
			proctest.Go(func() any { return mu.LockContext(ctx) }))
	}
	proctest.Until(t, "a waiter sleeps", mu.Sleepers)
	start := time.Now()
	s.Close()
	for _, w := range waiters {
		wantClosed(t, "a waiter", proctest.Result(t, w), `lock "mu"`)
	}
	proctest.Prompt(t, "told", start)
	other.Unlock()
}

// TestCloseWhileWritersWait does the same to writers of a large value.
func TestCloseWhileWritersWait(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	other := shared.Value[block](t, s.Another(t), "block")
	other.StoreUpTo(shm.StepLocked, block{})
	v := shared.Value[block](t, s.Segment, "block")
	var writers []<-chan any
	for range 3 {
		writers = append(writers, proctest.Go(func() any { return proctest.PanicOf(func() { v.Store(blockOf(1)) }) }))
	}
	proctest.Until(t, "a writer sleeps", v.WritersWait)
	s.Close()
	for _, w := range writers {
		wantClosed(t, "Store", proctest.Result(t, w), `value "block"`)
	}
}

// TestCloseWhileTableWritersWait does the same to writers of an entry.
func TestCloseWhileTableWritersWait(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	other := newTable[row](t, s.Another(t), "table", rows)
	for i := range 4 {
		other.StoreUpTo(shm.StepClaimed, i, row{})
	}
	table := newTable[row](t, s.Segment, "table", rows)
	var writers []<-chan any
	for i := range 8 { // half of them for the lock, half for a slot
		writers = append(writers, proctest.Go(func() any {
			return proctest.PanicOf(func() { table.Store(i, rowOf(1)) })
		}))
	}
	for i := range 4 {
		proctest.Until(t, "a writer sleeps", func() bool { return table.WritersWait(i) && table.SpareWanted(i) })
	}
	s.Close()
	for _, w := range writers {
		wantClosed(t, "Store", proctest.Result(t, w), `table "table"`)
	}
}

// TestCloseUnderLoad closes a Segment in the middle of everything that other
// goroutines do with it. They get ErrSegmentClosed, and no fault.
func TestCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		mu, rw := newLock(t, seg, "mu"), newRWLock(t, seg, "rw")
		v, w := shared.Value[int](t, seg, "value"), shared.Value[block](t, seg, "block")
		a, table := newArray[uint8](t, seg, "array", 3), newTable[row](t, seg, "table", rows)
		shared.CloseUnder(t, seg,
			func() { pass(mu) },
			func() {
				switch err := mu.LockContext(context.Background()); {
				case errors.Is(err, shm.ErrOwnerDied):
					mu.MarkConsistent()
				case err != nil:
					panic(err)
				}
				mu.Unlock()
			},
			func() { pass(rw) },
			func() { pass(rw.RLocker()) },
			func() {
				err := rw.RLockContext(context.Background())
				if err != nil && !errors.Is(err, shm.ErrOwnerDied) { // a writer was inside at the last Close
					panic(err)
				}
				rw.RUnlock()
			},
			func() { v.Update(func(x int) int { return x + 1 }) },
			func() { w.Store(blockOf(1)) },
			func() { w.Load() },
			func() { shm.AddAt(a, 1, 1) },
			func() { table.Store(1, rowOf(1)) },
			func() { table.Update(1, func(r row) row { return r }) },
			func() { table.Load(1) },
			func() {
				if _, _, err := table.Wait(context.Background(), 1, 1<<58); err != nil {
					panic(err)
				}
			},
		)
	}
}
