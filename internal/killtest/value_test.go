//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"fmt"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/shm"
)

// big is too large for an atomic word. All its elements tell the same number.
type big [9]uint64

func bigOf(n uint64) (b big) {
	for i := range b {
		b[i] = n + uint64(i)
	}
	return b
}

// values are the operations of a Value, and of an Array's small elements. Every
// one of them makes initial(round) changed(round).
func values() []operation {
	large := func(name string, c valueScene, do func(v *shm.Value[big], from, to big) []uint64) operation {
		c.large = true
		op := operation{name: "Value, large, " + name, play: c.play, after: dead}
		op.victim = func(v *victim) func() result {
			x := must(shm.NewValue[big](v.seg, "v"))
			from, to := bigOf(initial(v.round)), bigOf(changed(v.round))
			return func() result { return did(do(x, from, to)...) }
		}
		if c.waits {
			op.other = func(seg *shm.Segment) func() result { return waitFor(must(shm.NewValue[big](seg, "v"))) }
		}
		if c.other {
			op.inside = true
			op.other = func(seg *shm.Segment) func() result {
				x := must(shm.NewValue[big](seg, "v"))
				return func() result { x.Update(countUp); return did() }
			}
		}
		return op
	}
	small := func(name string, c valueScene, do func(v *shm.Value[uint64], from, to uint64) []uint64) operation {
		op := operation{name: "Value, small, " + name, play: c.play}
		op.victim = func(v *victim) func() result {
			x := must(shm.NewValue[uint64](v.seg, "v"))
			from, to := initial(v.round), changed(v.round)
			return func() result { return did(do(x, from, to)...) }
		}
		if c.waits {
			op.other = func(seg *shm.Segment) func() result {
				x := must(shm.NewValue[uint64](seg, "v"))
				return func() result {
					_, version := x.LoadVersion()
					now, _, err := x.Wait(context.Background(), version)
					return failed(err, now)
				}
			}
		}
		return op
	}
	store := func(v *shm.Value[big], _, to big) []uint64 { v.Store(to); return nil }
	return []operation{
		letting(large("Store", valueScene{}, store)),
		letting(large("Store, sleeping", valueScene{held: true}, store)),
		letting(large("Store, writer dead", valueScene{dead: true}, store)),
		letting(large("Store, another waits", valueScene{waits: true}, store)),
		large("Swap", valueScene{}, func(v *shm.Value[big], _, to big) []uint64 { old := v.Swap(to); return old[:1] }),
		large("CompareAndSwap", valueScene{cas: true}, func(v *shm.Value[big], from, to big) []uint64 {
			return truth(v.CompareAndSwap(from, to))
		}),
		large("Update", valueScene{adds: true}, func(v *shm.Value[big], _, _ big) []uint64 {
			v.Update(countUp)
			return nil
		}),
		large("Update, another sleeps", valueScene{adds: true, other: true}, func(v *shm.Value[big], _, _ big) []uint64 {
			v.Update(func(b big) big { killtest.Mark(); return countUp(b) })
			return nil
		}),
		letting(small("Store", valueScene{}, func(v *shm.Value[uint64], _, to uint64) []uint64 { v.Store(to); return nil })),
		letting(small("Store, another waits", valueScene{waits: true}, func(v *shm.Value[uint64], _, to uint64) []uint64 { v.Store(to); return nil })),
		small("Swap", valueScene{}, func(v *shm.Value[uint64], _, to uint64) []uint64 { return []uint64{v.Swap(to)} }),
		small("CompareAndSwap", valueScene{cas: true}, func(v *shm.Value[uint64], from, to uint64) []uint64 {
			return truth(v.CompareAndSwap(from, to))
		}),
		small("Add", valueScene{adds: true}, func(v *shm.Value[uint64], from, to uint64) []uint64 { return []uint64{shm.Add(v, to-from)} }),
		small("Update", valueScene{adds: true}, func(v *shm.Value[uint64], from, to uint64) []uint64 {
			v.Update(func(x uint64) uint64 { return x + to - from })
			return nil
		}),
		{name: "Array, AddAt of a byte", play: arrayScene, victim: func(v *victim) func() result {
			a := must(shm.NewArray[uint8](v.seg, "a", 8))
			return func() result { shm.AddAt(a, 1, 1); return did() }
		}},
	}
}

func initial(round uint64) uint64 { return round << 8 }
func changed(round uint64) uint64 { return round<<8 + 1 }

// countUp is what an Update does. It is never given what nobody has stored, such as the
// pages that Close puts in the memory's place.
func countUp(b big) big {
	if b != bigOf(b[0]) {
		panic(fmt.Sprintf("updates what nobody has stored: %x", b))
	}
	return bigOf(b[0] + 1)
}

// number is a Value of either size, or an entry of a Table, as the test sees it.
type number struct {
	s     *stage
	small *shm.Value[uint64]
	large writable
	owner int // where the writers' lock of a large one is
}

// writable is a large Value, or an entry.
type writable interface {
	Load() big
	Store(big)
	Update(func(big) big) big
	Wait(ctx context.Context, version uint64) (big, uint64, error)
	LoadVersion() (big, uint64)
}

// load returns the number, which has to be whole.
func (n number) load() uint64 {
	n.s.Helper()
	if n.small != nil {
		return n.small.Load()
	}
	b := n.large.Load()
	if b != bigOf(b[0]) {
		n.s.fatalf("torn value %x", b)
	}
	return b[0]
}

func (n number) store(x uint64) {
	if n.small != nil {
		n.small.Store(x)
	} else {
		n.large.Store(bigOf(x))
	}
}

func (n number) add(delta uint64) {
	if n.small != nil {
		n.small.Update(func(x uint64) uint64 { return x + delta })
	} else {
		n.large.Update(func(b big) big { return bigOf(b[0] + delta) })
	}
}

// writer returns who has the writers' lock.
func (n number) writer() uint64 {
	if n.small != nil {
		return 0
	}
	return n.s.wide("v", n.owner) & ownerMask
}
