//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"errors"
	"io/fs"

	"github.com/isthmus-go/isthmus/internal/layout"
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
				s.pushAndPop("new", false)
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

// removeObjectScene is what goes on around the removal of an object in a fresh segment,
// whose users have gone, while another makes it if it does not exist.
func removeObjectScene(s *stage) scene {
	s.formerly("new")
	old := must(shm.NewLock(s.seg, "old"))
	inUse := false // by the test, before the victim has ended
	// remake leaves nothing in the ring, of which the old one has a message.
	remake := func(mayBeOld bool) {
		s.pushAndPop("new", mayBeOld)
		s.is("RemoveObject of what is in use", s.seg.RemoveObject("new"), shm.ErrInUse)
	}
	return scene{
		paused: func() func() {
			must(shm.NewLock(s.seg, "old")).Lock() // what is in use is found at once
			old.Unlock()
			inUse = true
			done := s.background("NewMPMC", func() { remake(true) })
			done(slice) // it may have to wait for the victim
			return func() { done(patience) }
		},
		check: func(o outcome) {
			if !(inUse && errors.Is(o.err, shm.ErrInUse)) {
				s.must("the victim's RemoveObject", o.err)
			}
			s.background("New", func() {
				remake(!o.ended || o.err != nil)
				s.formerly("another")
				s.must("RemoveObject", s.seg.RemoveObject("another"))
				s.is("RemoveObject of what is removed", s.seg.RemoveObject("another"), fs.ErrNotExist)
			})(patience)
		},
	}
}

// reuseScene is objectScene where an object has left its room.
func reuseScene(s *stage) scene {
	s.formerly("gone")
	s.must("RemoveObject", s.seg.RemoveObject("gone"))
	return objectScene(s)
}

const formerMessage = 7

// pushAndPop pushes a message to a ring and pops it, behind formerMessage if that may be
// there.
func (s *stage) pushAndPop(name string, mayBeOld bool) {
	s.Helper()
	r := newRing("MPMC", s.seg, name)
	s.must("TryPush", must(r.Producer()).TryPush(5))
	c := must(r.Consumer())
	n, err := c.TryPop()
	if n == formerMessage && mayBeOld {
		n, err = c.TryPop()
	}
	if n != 5 || err != nil {
		s.fatalf("pushed 5 and popped %d, %v", n, err)
	}
}

// formerly makes a ring that nobody uses any more, and that has a message.
func (s *stage) formerly(name string) {
	s.Helper()
	seg := must(shm.Open(segmentName, s.opts))
	check(must(newRing("MPMC", seg, name).Producer()).TryPush(formerMessage))
	check(seg.Close())
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
