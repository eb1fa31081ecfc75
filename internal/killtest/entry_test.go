//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/shm"
)

// entry is an entry of a Table, as if it were a Value.
type entry struct{ *shm.Table[big] }

const (
	tableLen   = 3 // of the table: a group with three spare slots
	entryIndex = 1 // of the one that is used
	entryOwner = 40*entryIndex + 8
)

func newEntry(seg *shm.Segment) entry { return entry{must(shm.NewTable[big](seg, "v", tableLen))} }

func (e entry) Load() big                  { return e.Table.Load(entryIndex) }
func (e entry) LoadVersion() (big, uint64) { return e.Table.LoadVersion(entryIndex) }
func (e entry) Store(x big)                { e.Table.Store(entryIndex, x) }
func (e entry) Swap(x big) big             { return e.Table.Swap(entryIndex, x) }
func (e entry) Update(f func(big) big) big { return e.Table.Update(entryIndex, f) }
func (e entry) Wait(ctx context.Context, version uint64) (big, uint64, error) {
	return e.Table.Wait(ctx, entryIndex, version)
}

// waitFor waits for another version.
func waitFor(w writable) func() result {
	return func() result {
		_, version := w.LoadVersion()
		now, _, err := w.Wait(context.Background(), version)
		return failed(err, now[0])
	}
}

// entries are the operations of a Table. Those of an entry do what those of a large
// Value do.
func entries() []operation {
	row := func(name string, c valueScene, do func(e entry, from, to big) []uint64) operation {
		c.entry, c.large = true, true
		op := operation{name: "Table, " + name, play: c.play, changes: true, after: dead}
		op.victim = func(v *victim) func() result {
			e := newEntry(v.seg)
			from, to := bigOf(initial(v.round)), bigOf(changed(v.round))
			return func() result { return did(do(e, from, to)...) }
		}
		if c.waits {
			op.other = func(seg *shm.Segment) func() result { return waitFor(newEntry(seg)) }
		}
		if c.other {
			op.inside = true
			op.other = func(seg *shm.Segment) func() result {
				e := newEntry(seg)
				return func() result { e.Update(countUp); return did() }
			}
		}
		return op
	}
	store := func(e entry, _, to big) []uint64 { e.Store(to); return nil }
	return []operation{
		row("Store", valueScene{}, store),
		row("Store, sleeping", valueScene{held: true}, store),
		row("Store, writer dead", valueScene{dead: true}, store),
		row("Store, another waits", valueScene{waits: true}, store),
		row("Swap", valueScene{}, func(e entry, _, to big) []uint64 { old := e.Swap(to); return old[:1] }),
		row("Update", valueScene{adds: true}, func(e entry, _, _ big) []uint64 {
			e.Update(countUp)
			return nil
		}),
		row("Update, another sleeps", valueScene{adds: true, other: true}, func(e entry, _, _ big) []uint64 {
			e.Update(func(b big) big { killtest.Mark(); return countUp(b) })
			return nil
		}),
		{name: "Table, Wait, sleeping", play: waitScene, victim: func(v *victim) func() result {
			e := newEntry(v.seg)
			_, version := e.LoadVersion()
			return func() result {
				b, now, err := e.Wait(context.Background(), version)
				return failed(err, b[0], now-version)
			}
		}},
	}
}

// waitScene has the victim wait for what the test stores when it sleeps.
func waitScene(s *stage) scene {
	e := newEntry(s.seg)
	from, to := initial(s.round), changed(s.round)
	stored := false
	store := func() {
		if !stored {
			e.Store(bigOf(to))
			stored = true
		}
	}
	return scene{
		ready:  func() { e.Store(bigOf(from)) },
		asleep: store,
		paused: func() func() { store(); return nil },
		check: func(o outcome) {
			s.must("the victim's Wait", o.err)
			if o.ended && (o.values[0] != to || o.values[1] != 1) {
				s.fatalf("waited for another value than %x, and got %x, %d versions later", from, o.values[0], o.values[1])
			}
			store()
			_, version := e.LoadVersion()
			woken := s.background("Wait", func() { e.Wait(context.Background(), version) })
			e.Store(bigOf(to + 1))
			woken(patience)
		},
	}
}
