package history

import (
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var (
	valueSubject = &subject{players: 3, open: openVariable(newValue, toWord, fromWord), finish: finishVariable(newValue, fromWord), model: valueModel}
	largeSubject = &subject{players: 3, open: openVariable(newValue, toLarge, fromLarge), finish: finishVariable(newValue, fromLarge), model: valueModel}
	entrySubject = &subject{players: 3, open: openVariable(newEntry, toLarge, fromLarge), finish: finishVariable(newEntry, fromLarge), model: valueModel}
)

// A variable is a Value, or an entry of a Table.
type variable[T any] interface {
	Load() T
	Store(x T)
	Swap(x T) T
	CompareAndSwap(old, x T) bool
	Update(f func(T) T) T
}

func newValue[T comparable](p *player) variable[T] {
	return proctest.Must(shm.NewValue[T](p.seg, p.name))(p.t)
}

// newEntry makes one of a table of two, whose writers share three spare slots.
func newEntry[T comparable](p *player) variable[T] {
	return entry[T]{proctest.Must(shm.NewTable[T](p.seg, p.name, 2))(p.t)}
}

type entry[T comparable] struct{ *shm.Table[T] }

func (e entry[T]) Load() T              { return e.Table.Load(1) }
func (e entry[T]) Store(x T)            { e.Table.Store(1, x) }
func (e entry[T]) Swap(x T) T           { return e.Table.Swap(1, x) }
func (e entry[T]) Update(f func(T) T) T { return e.Table.Update(1, f) }
func (e entry[T]) CompareAndSwap(old, x T) (swapped bool) {
	e.Update(func(now T) T {
		if swapped = now == old; swapped {
			return x
		}
		return now
	})
	return swapped
}

func toWord(_ proctest.Fataler, x uint64) uint64   { return x }
func fromWord(_ proctest.Fataler, x uint64) uint64 { return x }

// A large value has the same number in all places.
type large [25]uint64

func toLarge(_ proctest.Fataler, x uint64) (l large) {
	for i := range l {
		l[i] = x
	}
	return l
}

func fromLarge(t proctest.Fataler, l large) uint64 {
	if l != toLarge(t, l[0]) {
		t.Fatalf("a value is torn: %d", l)
	}
	return l[0]
}

func openVariable[T any](open func(*player) variable[T], to func(proctest.Fataler, uint64) T, from func(proctest.Fataler, T) uint64) func(p *player) (turn, leave func()) {
	return func(p *player) (turn, leave func()) {
		v := open(p)
		seen := uint64(0)
		return func() {
			x := uint64(p.who+1)<<32 | uint64(p.n)<<16
			switch p.rnd.IntN(5) {
			case 0:
				seen = loadValue(p, v, from)
			case 1:
				p.do(input{kind: store, a: x}, func() output { v.Store(to(p.t, x)); return did() })
			case 2:
				seen = p.do(input{kind: swap, a: x}, func() output { return did(from(p.t, v.Swap(to(p.t, x)))) }).v[0]
			case 3:
				p.do(input{kind: compareAndSwap, a: seen, b: x}, func() output {
					return didIf(v.CompareAndSwap(to(p.t, seen), to(p.t, x)))
				})
			case 4:
				seen = p.do(input{kind: add, a: 1}, func() output {
					return did(from(p.t, v.Update(func(y T) T {
						p.dawdle()
						return to(p.t, from(p.t, y)+1)
					})))
				}).v[0]
			}
		}, nothing
	}
}

func loadValue[T any](p *player, v variable[T], from func(proctest.Fataler, T) uint64) uint64 {
	return p.do(input{kind: load}, func() output { return did(from(p.t, v.Load())) }).v[0]
}

func finishVariable[T any](open func(*player) variable[T], from func(proctest.Fataler, T) uint64) func(p *player) {
	return func(p *player) { loadValue(p, open(p), from) }
}

var valueModel = model{
	initial: uint64(0),
	step: func(state any, e event) (any, bool) {
		x := state.(uint64)
		switch e.kind {
		case death:
			return x, true
		case load:
			return x, e.v[0] == x
		case store:
			return e.a, true
		case swap:
			return e.a, e.pending || e.v[0] == x
		case add:
			return x + e.a, e.pending || e.v[0] == x+e.a
		case compareAndSwap:
			if e.ok == 0 {
				return x, x != e.a
			}
			return e.b, x == e.a
		}
		return x, false
	},
	guesses: justDone,
}
