//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// objectScene is what goes on around the making of an object in a fresh segment.
func objectScene(s *stage) scene {
	old := must(shm.NewLock(s.seg, "old"))
	return scene{
		ready: s.litter,
		paused: func() func() {
			must(shm.NewLock(s.seg, "old")).Lock() // what exists is found at once
			old.Unlock()
			done := s.background("NewValue", func() { must(shm.NewValue[big](s.seg, "another")) })
			done(slice) // it may have to wait for the victim
			return func() { done(patience) }
		},
		check: func(o outcome) {
			s.must("the victim's New", o.err)
			done := s.background("New", func() {
				v, err := shm.NewValue[big](s.seg, "another")
				s.must("NewValue", err)
				v.Store(bigOf(^uint64(0) - 8))
				q, err := ring.NewMPMC[message](s.seg, "new", slots)
				s.must("NewMPMC", err)
				s.must("TryPush", q.TryPush(pack(5)))
				n, err := unpack(q.TryPop())
				s.must("TryPop", err)
				if n != 5 {
					s.fatalf("pushed 5 and popped %d", n)
				}
				sem, err := semaphore.New(s.seg, "newsem", permits, nil)
				s.must("New", err)
				if sem.Value() != permits || !sem.TryAcquire(permits) {
					s.fatalf("a new semaphore has %d permits", sem.Value())
				}
			})
			done(patience)
		},
	}
}

// litter writes what dead creators may have left into the free directory entries
// and the free part of the arena.
func (s *stage) litter() {
	h := must(layout.Decode(s.view, int64(len(s.view))))
	end := uint64(h.ArenaOff)
	for i := range h.MaxObjects {
		mem := h.Entry(s.view, i)
		if e, state, _ := layout.ReadEntry(mem); state != layout.Free {
			end = e.Off + e.Room
			continue
		}
		for j := 4; j < len(mem); j++ { // the state stays 0
			mem[j] = 0xa5
		}
	}
	for i := end; i < uint64(len(s.view)); i++ {
		s.view[i] = 0xa5
	}
}
