package shm_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestRWLockMisuse does what a holder only may do, without holding the lock so.
func TestRWLockMisuse(t *testing.T) {
	writing := map[string]func(*shm.RWLock){"Unlock": (*shm.RWLock).Unlock, "MarkConsistent": (*shm.RWLock).MarkConsistent}
	reading := map[string]func(*shm.RWLock){"RUnlock": (*shm.RWLock).RUnlock}
	helper := func(lock, unlock string) func(t *testing.T, s shared.Segment, l *shm.RWLock) {
		return func(t *testing.T, s shared.Segment, l *shm.RWLock) {
			p := s.Start(t, "rwlock")
			call(p, lock, "done")
			t.Cleanup(func() { call(p, unlock, "done"); end(p) })
		}
	}
	for _, state := range []struct {
		name          string
		make          func(t *testing.T, s shared.Segment, l *shm.RWLock)
		reads, writes bool // what this process does hold
	}{
		{name: "never locked", make: func(*testing.T, shared.Segment, *shm.RWLock) {}},
		{name: "unlocked", make: func(_ *testing.T, _ shared.Segment, l *shm.RWLock) { pass(l); pass(l.RLocker()) }},
		{name: "held for reading", reads: true, make: func(_ *testing.T, _ shared.Segment, l *shm.RWLock) { l.RLock() }},
		{name: "held for writing", writes: true, make: func(_ *testing.T, _ shared.Segment, l *shm.RWLock) { l.Lock() }},
		{name: "read by another process", make: helper("RLock", "RUnlock")},
		{name: "held by another process", make: helper("Lock", "Unlock")},
		{name: "awaited", make: func(t *testing.T, s shared.Segment, l *shm.RWLock) {
			reader := newRWLock(t, s.Another(t), "rw")
			reader.RLock()
			writer := proctest.Go(func() bool { l.Lock(); return true })
			proctest.Until(t, "the writer sleeps", l.WriterWaits)
			t.Cleanup(func() { reader.RUnlock(); proctest.Result(t, writer); l.Unlock() })
		}},
		{name: "abandoned", make: func(t *testing.T, s shared.Segment, l *shm.RWLock) {
			other := s.Another(t)
			newRWLock(t, other, "rw").Lock()
			other.Close()
			pass(l)
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			s := shared.Named(t)
			l := newRWLock(t, s.Segment, "rw")
			state.make(t, s, l)
			check := func(misuses map[string]func(*shm.RWLock), how string) {
				for name, misuse := range misuses {
					word, line := l.Word(), l.Line()
					p := proctest.PanicOf(func() { misuse(l) })
					proctest.WantText(t, name, p, "isthmus: ", name, `rwlock "rw"`, shared.Name, "does not hold for "+how)
					if l.Word() != word || l.Line() != line {
						t.Errorf("%s changed the lock from %x and %x to %x and %x", name, word, line, l.Word(), l.Line())
					}
				}
			}
			if !state.writes {
				check(writing, "writing")
			}
			if !state.reads {
				check(reading, "reading")
			}
		})
	}
}

// TestRUnlockTooMany wakes the writer that saw a reader too few in the meantime.
func TestRUnlockTooMany(t *testing.T) {
	s := shared.Named(t)
	l, other := newRWLock(t, s.Segment, "rw"), newRWLock(t, s.Another(t), "rw")
	other.RLock()
	writer := proctest.Go(func() bool { other.Lock(); return true })
	proctest.Until(t, "the writer sleeps", other.WriterWaits)
	proctest.WantText(t, "RUnlock", proctest.PanicOf(l.RUnlock), "does not hold for reading")
	other.RUnlock()
	proctest.Result(t, writer)
	other.Unlock()
}

func TestRWLockClosed(t *testing.T) {
	for _, state := range []string{"free", "held", "read"} {
		t.Run(state, func(t *testing.T) {
			s := shared.Named(t)
			l := newRWLock(t, s.Segment, "rw")
			switch state {
			case "held":
				l.Lock()
			case "read":
				l.RLock()
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first round must not leave anything for the second
				for _, call := range []struct {
					name string
					f    func()
				}{
					{"Unlock", l.Unlock},
					{"RUnlock", l.RUnlock},
					{"MarkConsistent", l.MarkConsistent},
					{"Lock", l.Lock},
					{"RLock", l.RLock},
					{"TryLock", func() { l.TryLock() }},
					{"TryRLock", func() { l.TryRLock() }},
				} {
					wantClosed(t, call.name, proctest.PanicOf(call.f), `rwlock "rw"`)
				}
				for _, f := range rwContexts(l) {
					wantClosed(t, "with a context", f(context.Background()), `rwlock "rw"`)
				}
			}
			_, err := shm.NewRWLock(s.Segment, "rw")
			wantClosed(t, "NewRWLock", err, `rwlock "rw"`)
		})
	}
}

// TestCloseWhileRWWaits closes a Segment while goroutines wait: readers and writers for a
// writer, and a writer for readers.
func TestCloseWhileRWWaits(t *testing.T) {
	proctest.Mortal(t)
	for _, writes := range []bool{true, false} {
		s := shared.Named(t)
		other := newRWLock(t, s.Another(t), "rw")
		l := newRWLock(t, s.Segment, "rw")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var waiters []<-chan any
		wait := func(f func() any) { waiters = append(waiters, proctest.Go(f)) }
		if writes {
			other.Lock()
		} else {
			other.RLock()
		}
		for range 3 {
			wait(func() any { return proctest.PanicOf(l.Lock) })
			wait(func() any { return l.LockContext(context.Background()) })
			wait(func() any { return l.LockContext(ctx) })
			if writes {
				wait(func() any { return proctest.PanicOf(l.RLock) })
				wait(func() any { return l.RLockContext(ctx) })
			}
		}
		proctest.Until(t, "waiters sleep", func() bool {
			if writes {
				return l.ReadersWait() && l.WritersQueue()
			}
			return l.WriterWaits()
		})
		start := time.Now()
		s.Close()
		for _, w := range waiters {
			wantClosed(t, "a waiter", proctest.Result(t, w), `rwlock "rw"`)
		}
		proctest.Prompt(t, "told", start)
		if writes {
			other.Unlock()
		} else {
			other.RUnlock()
		}
		pass(other)
	}
}
