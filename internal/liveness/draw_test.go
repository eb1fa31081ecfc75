package liveness

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// scripted are locks of which others hold some. Something may happen before one is tried.
type scripted struct {
	others   []int64
	before   func()
	waits    func() // in lock
	mine     []int64
	unlocked []int64
}

func (l *scripted) try(n int64) (bool, error) {
	if l.before != nil {
		l.before()
	}
	if slices.Contains(l.others, n) {
		return false, nil
	}
	l.mine = append(l.mine, n)
	return true, nil
}

func (l *scripted) held(n int64) (bool, error) { return slices.Contains(l.others, n), nil }
func (l *scripted) lock(int64) error           { l.waits(); return nil }
func (l *scripted) share(int64) error          { return nil }
func (l *scripted) unlock(n int64) error       { l.unlocked = append(l.unlocked, n); return nil }
func (l *scripted) close() error               { return nil }

// TestDrawn has many draw at the same time: the count rises by one for each.
func TestDrawn(t *testing.T) {
	const drawers, each = 4, 20_000
	var ids atomic.Uint64
	var wg sync.WaitGroup
	for range drawers {
		wg.Go(func() {
			table := &Table{locks: &scripted{}}
			last := ID(0)
			for range each {
				if err := table.draw(&ids); err != nil || table.id <= last {
					t.Errorf("drew %d after %d: %v", table.id, last, err)
					return
				}
				last = table.id
			}
		})
	}
	wg.Wait()
	if n := ids.Load(); n != drawers*each {
		t.Errorf("%d were drawn, and the count is %d", drawers*each, n)
	}
}

// TestSlotTakenMeanwhile has somebody else take the free slot that an attacher has found,
// while it draws its ID: it takes another, or none.
func TestSlotTakenMeanwhile(t *testing.T) {
	for slots := 1; slots <= 2; slots++ {
		const other = 77
		mem := make([]byte, slots*layout.SlotSize)
		owner := func(slot int) *atomic.Uint64 {
			return layout.At[atomic.Uint64](mem, uint64(slot*layout.SlotSize+offID))
		}
		owner(0).Store(5) // who is dead
		l := &scripted{others: []int64{other}, before: func() { owner(0).Store(other) }}
		var ids atomic.Uint64
		ids.Store(100)
		table, err := Attach(&File{locks: l}, &ids, mem)
		if owner(0).Load() != other {
			t.Errorf("of %d slots that of %d has now %d", slots, other, owner(0).Load())
		}
		if slots == 2 {
			if err != nil || table.Slot() != 1 || table.ID() != 101 || owner(1).Load() != 101 {
				t.Errorf("attached as %+v: %v", table, err)
			}
			continue
		}
		if !errors.Is(err, ErrFull) || !slices.Equal(l.unlocked, []int64{101}) {
			t.Errorf("without a slot left: %v, and gave up the locks of %d", err, l.unlocked)
		}
		if _, err := Attach(&File{locks: l}, &ids, mem); !errors.Is(err, ErrFull) || ids.Load() != 101 {
			t.Errorf("a full table: %v, and the count is %d", err, ids.Load())
		}
	}
}
