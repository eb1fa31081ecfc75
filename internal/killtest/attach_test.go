//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// attachments are the operations of Segments. They are long.
func attachments() []operation {
	outside := func(name string, play func(s *stage) scene, do func() error) operation {
		return operation{name: name, outside: true, long: true, play: play, victim: func(*victim) func() result {
			return func() result { return failed(do()) }
		}}
	}
	create := func() error { _, err := shm.Create(newName, 4096, small); return err }
	made := outside("Create", createScene, create)
	made.draft = true
	named := made
	named.name = "Create, with a temporary name"
	named.play = func(s *stage) scene { sc := createScene(s); sc.check = s.sweep(sc.check); return sc }
	plain := named.victim
	named.victim = func(v *victim) func() result { refuseTmpfile(); return plain(v) }
	either := outside("OpenOrCreate", createScene, func() error { _, err := shm.OpenOrCreate(newName, 4096, small); return err })
	either.draft = true
	return []operation{
		made, named, either,
		outside("Open", openScene, func() error { _, err := shm.Open(segmentName, nil); return err }),
		outside("Remove", removeScene, func() error { return shm.Remove(newName, nil) }),
		{name: "NewMPMC", fresh: true, long: true, play: objectScene, victim: func(v *victim) func() result {
			return func() result { _, err := ring.NewMPMC[message](v.seg, "new", slots); return failed(err) }
		}},
		{name: "New of a Semaphore", fresh: true, long: true, play: objectScene, victim: func(v *victim) func() result {
			return func() result { _, err := semaphore.New(v.seg, "newsem", permits, nil); return failed(err) }
		}},
		{name: "RemoveObject", fresh: true, long: true, play: removeObjectScene, victim: func(v *victim) func() result {
			return func() result { return failed(v.seg.RemoveObject("new")) }
		}},
		{name: "NewMPMC in a room that is used again", fresh: true, long: true, play: reuseScene, victim: func(v *victim) func() result {
			return func() result { _, err := ring.NewMPMC[message](v.seg, "new", slots); return failed(err) }
		}},
		{name: "Segment Close", long: true, play: detachScene, victim: func(v *victim) func() result {
			must(shm.NewLock(v.seg, "l")).Lock()
			check(must(semaphore.New(v.seg, "sem", permits, nil)).Acquire(context.Background(), 2))
			must(newEnd("SPSC", v.seg, producer))
			return func() result { return failed(v.seg.Close()) }
		}},
	}
}

const newName = "new"

// small is for segments that come and go.
var small = &shm.Options{MaxProcs: 4, MaxObjects: 4}

// in returns the options with the stage's directory.
func (s *stage) in(o shm.Options) *shm.Options { o.Dir = s.dir; return &o }

// use checks that a segment can be used, opened again, and removed.
func (s *stage) use(seg *shm.Segment) {
	s.Helper()
	l, err := shm.NewLock(seg, "l")
	s.must("NewLock", err)
	s.bounded("Lock", l.LockContext)
	l.Unlock()
	again, err := shm.Open(newName, s.in(*small))
	s.must("Open", err)
	v, err := shm.NewValue[big](again, "v")
	s.must("NewValue", err)
	v.Store(bigOf(1))
	s.must("Close", again.Close())
}

// remove removes the new segment, and checks that nothing of it is left.
func (s *stage) remove(mayBeGone bool) {
	s.Helper()
	err := shm.Remove(newName, s.in(*small))
	if !mayBeGone || !errors.Is(err, fs.ErrNotExist) {
		s.must("Remove", err)
	}
	s.onlyFiles("isthmus." + segmentName)
}

// onlyFiles checks what is in the segment directory.
func (s *stage) onlyFiles(want ...string) {
	s.Helper()
	var got []string
	for _, e := range must(os.ReadDir(s.dir)) {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.fatalf("in the segment directory are %q, want %q", got, want)
	}
}

// sweep returns a check that begins with somebody else's making of a segment with
// a temporary name. That removes what a dead maker has left.
func (s *stage) sweep(check func(o outcome)) func(o outcome) {
	return func(o outcome) {
		s.background("Create with a temporary name", func() {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			refuseTmpfile()
			other, err := shm.Create("other", 4096, s.in(*small))
			s.must("Create", err)
			s.must("Remove", shm.Remove("other", s.in(*small)))
			s.must("Close", other.Close())
		})(patience)
		check(o)
	}
}

// createScene is what goes on around the making of a segment.
func createScene(s *stage) scene {
	made := false // by the test
	return scene{
		paused: func() func() {
			seg, err := shm.Create(newName, 4096, s.in(*small))
			if made = err == nil; made {
				s.use(seg)
				s.must("Close", seg.Close())
			} else {
				s.is("Create", err, fs.ErrExist)
			}
			return nil
		},
		check: func(o outcome) {
			if !(made && errors.Is(o.err, fs.ErrExist)) {
				s.must("the victim's Create", o.err)
			}
			seg, err := shm.Open(newName, s.in(*small))
			if errors.Is(err, fs.ErrNotExist) && !o.ended && !made {
				seg, err = shm.Create(newName, 4096, s.in(*small))
			}
			s.must("Open or Create", err)
			s.use(seg)
			s.remove(false)
			s.must("Close", seg.Close())
		},
	}
}

// openScene is what goes on around an attachment to the stage's segment, which
// has room for four.
func openScene(s *stage) scene {
	others := func(n int) {
		s.Helper()
		var all []*shm.Segment
		for range n {
			seg, err := shm.Open(segmentName, s.opts)
			s.must("Open", err)
			all = append(all, seg)
		}
		for _, seg := range all {
			s.must("Close", seg.Close())
		}
	}
	return scene{
		paused: func() func() { others(2); return nil },
		alive:  func(outcome) { others(2) },
		check: func(o outcome) {
			s.must("the victim's Open", o.err)
			others(3)
		},
	}
}

// removeScene is what goes on around the removal of a segment that is in use.
func removeScene(s *stage) scene {
	seg := must(shm.Create(newName, 4096, s.in(*small)))
	v := must(shm.NewValue[uint64](seg, "x"))
	return scene{
		paused: func() func() { v.Store(1); return nil },
		check: func(o outcome) {
			s.must("the victim's Remove", o.err)
			v.Store(2)
			if v.Load() != 2 {
				s.fatalf("the segment was removed, and is of no use any more")
			}
			again, err := shm.Open(newName, s.in(*small))
			switch {
			case err == nil && !o.ended:
				if must(shm.NewValue[uint64](again, "x")).Load() != 2 {
					s.fatalf("the segment is another")
				}
				s.must("Close", again.Close())
				s.remove(false)
			default:
				s.is("Open", err, fs.ErrNotExist)
				s.remove(true)
			}
			fresh, err := shm.Create(newName, 4096, s.in(*small))
			s.must("Create", err)
			s.use(fresh)
			s.must("Close", fresh.Close())
			s.remove(false)
			s.must("Close", seg.Close())
		},
	}
}

// detachScene is what goes on around a Close by somebody who holds everything.
func detachScene(s *stage) scene {
	l := must(shm.NewLock(s.seg, "l"))
	sem := must(semaphore.New(s.seg, "sem", permits, nil))
	q := newQueue(s, "SPSC")
	all := func() {
		s.Helper()
		s.bounded("LockContext", func(ctx context.Context) error {
			if err := l.LockContext(ctx); !errors.Is(err, shm.ErrOwnerDied) {
				return fmt.Errorf("want ErrOwnerDied, got %w", err)
			}
			return nil
		})
		l.MarkConsistent()
		l.Unlock()
		s.bounded("Acquire", func(ctx context.Context) error { return sem.Acquire(ctx, permits) })
		sem.Release(permits)
		q.drain(q.push())
		q.check(0, 0)
	}
	done := false
	return scene{
		paused: func() func() {
			others := must(shm.Open(segmentName, s.opts))
			s.must("Close", others.Close())
			return nil
		},
		// Closing is dying.
		alive: func(outcome) { all(); done = true },
		check: func(o outcome) {
			s.must("the victim's Close", o.err)
			if !done {
				all()
			}
			s.openAll()
		},
	}
}

// openAll checks that all slots of the stage's segment but the test's are free.
func (s *stage) openAll() {
	s.Helper()
	openScene(s).check(outcome{})
}
