//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"fmt"

	"github.com/isthmus-go/isthmus/shm"
)

// loadFence is what a reader passes between its copying and its second look. Right after
// it only that look can notice that writers have overtaken it.
const loadFence = "github.com/isthmus-go/isthmus/internal/arch.LoadFence"

// farEntry is an entry of a Table in another group than the first, one of 13 slots for 9
// entries.
type farEntry struct{ *shm.Table[big] }

const (
	farLen   = 17
	farIndex = 9
)

func (e farEntry) LoadVersion() (big, uint64) { return e.Table.LoadVersion(farIndex) }
func (e farEntry) Store(x big)                { e.Table.Store(farIndex, x) }

// readable is what is read without a lock: a large Value, or an entry.
type readable interface {
	LoadVersion() (big, uint64)
	Store(big)
}

// reads are operations that copy what writers may change meanwhile.
func reads() (ops []operation) {
	large := func(seg *shm.Segment) readable { return must(shm.NewValue[big](seg, "v")) }
	entry := func(seg *shm.Segment) readable { return farEntry{must(shm.NewTable[big](seg, "v", farLen))} }
	for _, c := range []readScene{
		{"Value, large", large, 2, true},
		{"Value, large", large, 3, false},
		{"Table", entry, 4, true},
		{"Table", entry, 5, false},
	} {
		ops = append(ops, operation{
			name: fmt.Sprintf("%s, Load, %d writes", c.name, c.writes), play: c.play, after: loadFence,
			victim: func(v *victim) func() result {
				x := c.open(v.seg)
				return func() result {
					b, version := x.LoadVersion()
					return did(append([]uint64{b[0], version}, truth(b == bigOf(b[0]))...)...)
				}
			},
		})
	}
	return ops
}

// readScene is what goes on around a read. The test writes while the victim is paused.
type readScene struct {
	name   string
	open   func(seg *shm.Segment) readable
	writes uint64
	keeps  bool // so few writes that what the victim has copied is whole
}

func (c readScene) play(s *stage) scene {
	x := c.open(s.seg)
	from := initial(s.round)
	var version, written uint64
	return scene{
		ready: func() {
			x.Store(bigOf(from))
			_, version = x.LoadVersion()
		},
		paused: func() func() {
			for written < c.writes {
				written++
				x.Store(bigOf(from + written))
			}
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's Load", o.err)
			if !o.ended {
				return
			}
			got, later, whole := o.values[0], o.values[1]-version, o.values[2] == 1
			if !whole || got != from+later || later > written {
				s.fatalf("the value was %x, and went on by %d: got %x, %d versions later, whole: %v", from, written, got, later, whole)
			}
			if s.always && written > 0 && (later == 0) != c.keeps {
				s.fatalf("after %d writes since its copying, the victim has what was there %d versions later", written, later)
			}
		},
	}
}
