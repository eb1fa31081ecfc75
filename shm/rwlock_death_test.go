package shm_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestRWReaderKilled kills a reader: that is no obstacle to a writer, in each way to ask,
// and is not told to anybody.
func TestRWReaderKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, method := range []string{"Lock", "LockContext"} {
		t.Run(method, func(t *testing.T) {
			s := shared.Named(t)
			reader, writer := s.Start(t, "rwlock"), s.Start(t, "rwlock")
			call(reader, "RLock", "done")
			call(reader, "RLock", "done")
			writer.Send(method)
			proctest.Until(t, "the writer sleeps", newRWLock(t, s.Segment, "rw").WriterWaits)
			start := time.Now()
			reader.Kill()
			writer.Expect("done")
			proctest.Prompt(t, "locked", start)
			call(writer, "Unlock", "done")
			call(writer, method, "done") // the line is as the dead has left it
			call(writer, "Unlock", "done")
			end(writer)
		})
	}
	t.Run("TryLock", func(t *testing.T) {
		s := shared.Named(t)
		l := newRWLock(t, s.Segment, "rw")
		reader := s.Start(t, "rwlock")
		call(reader, "RLock", "done")
		if l.TryLock() {
			t.Fatal("TryLock succeeded while the reader lived")
		}
		start := time.Now()
		reader.Kill()
		proctest.Until(t, "TryLock succeeds", l.TryLock)
		proctest.Prompt(t, "locked", start)
	})
}

// TestRWReaderOfManyKilled kills one of two readers: the writer waits for the other.
func TestRWReaderOfManyKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	l := newRWLock(t, s.Segment, "rw")
	for _, killed := range []int{0, 1} { // before and behind the other one's line
		readers := s.StartAll(t, 2, "rwlock")
		for _, p := range readers {
			call(p, "RLock", "done")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		readers[killed].Kill()
		proctest.WantError(t, "LockContext", l.LockContext(ctx), context.DeadlineExceeded)
		if l.TryLock() {
			t.Error("TryLock robbed a reader that lives")
		}
		call(readers[1-killed], "RUnlock", "done")
		pass(l)
		end(readers[1-killed])
	}
}

// TestRWWriterKilled kills the writer while readers and writers wait, in each way.
func TestRWWriterKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct{ method, answer, undo string }{
		{"LockContext", "owner died", "Unlock"},
		{"Lock", "done", "Unlock"},
		{"RLockContext", "owner died", "RUnlock"},
		{"RLock", "done", "RUnlock"},
	} {
		t.Run(test.method, func(t *testing.T) {
			s := shared.Named(t)
			l := newRWLock(t, s.Segment, "rw")
			owner, waiter := s.Start(t, "rwlock"), s.Start(t, "rwlock")
			call(owner, "Lock", "done")
			waiter.Send(test.method)
			proctest.Until(t, "the waiter sleeps", func() bool { return l.ReadersWait() || l.WritersQueue() })
			start := time.Now()
			owner.Kill()
			waiter.Expect(test.answer)
			proctest.Prompt(t, "taken over", start)
			call(waiter, test.undo, "done")
			end(waiter)
		})
	}
	for name, try := range map[string]func(*shm.RWLock) bool{"TryLock": (*shm.RWLock).TryLock, "TryRLock": (*shm.RWLock).TryRLock} {
		t.Run(name, func(t *testing.T) {
			s := shared.Named(t)
			l := newRWLock(t, s.Segment, "rw")
			owner := s.Start(t, "rwlock")
			call(owner, "Lock", "done")
			if try(l) {
				t.Fatal("it succeeded while the owner lived")
			}
			start := time.Now()
			owner.Kill()
			proctest.Until(t, "it succeeds", func() bool { return try(l) })
			proctest.Prompt(t, "taken over", start)
		})
	}
}

// TestRWWriterDied follows the report of a death through its life.
func TestRWWriterDied(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	owner := s.Start(t, "rwlock")
	call(owner, "Lock", "done")
	owner.Kill()
	p, q := s.Start(t, "rwlock"), s.Start(t, "rwlock")
	for _, step := range []struct {
		p              *proctest.Proc
		method, answer string
	}{
		{p, "RLockContext", "owner died"},
		{q, "RLockContext", "owner died"}, // beside the other
		{q, "TryLock", "false"},
		{q, "RUnlock", "done"},
		{q, "RLock", "done"}, // does not care
		{p, "RUnlock", "done"},
		{q, "RUnlock", "done"},
		{p, "TryRLock", "true"},
		{p, "RUnlock", "done"},
		{q, "LockContext", "owner died"}, // to everybody, until somebody repairs
		{q, "Unlock", "done"},
		{p, "RLockContext", "owner died"},
		{p, "RUnlock", "done"},
		{p, "Lock", "done"},
		{p, "Unlock", "done"},
		{q, "TryLock", "true"},
		{q, "Unlock", "done"},
		{p, "LockContext", "owner died"},
		{p, "MarkConsistent", "done"},
		{p, "Unlock", "done"},
		{q, "RLockContext", "done"},
		{p, "RLockContext", "done"},
		{q, "RUnlock", "done"},
		{p, "RUnlock", "done"},
		{q, "LockContext", "done"},
		{q, "Unlock", "done"},
	} {
		call(step.p, step.method, step.answer)
	}
	end(p)
	end(q)
}

func TestRWWriterDiedError(t *testing.T) {
	s := shared.Named(t)
	owner := s.Start(t, "rwlock")
	call(owner, "Lock", "done")
	owner.Kill()
	l := newRWLock(t, s.Segment, "rw")
	proctest.WantError(t, "RLockContext", l.RLockContext(context.Background()), shm.ErrOwnerDied, `rwlock "rw"`, shared.Name)
	l.RUnlock()
	proctest.WantError(t, "LockContext", l.LockContext(context.Background()), shm.ErrOwnerDied, `rwlock "rw"`, shared.Name)
}

// TestRWDeathWhileInconsistent has one process after the other die with the lock held.
func TestRWDeathWhileInconsistent(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	answer := "done"
	for range 3 {
		p := s.Start(t, "rwlock")
		call(p, "LockContext", answer)
		p.Kill()
		answer = "owner died"
		p = s.Start(t, "rwlock")
		call(p, "RLockContext", answer)
		p.Kill() // a reader does no harm
	}
	p := s.Start(t, "rwlock")
	call(p, "LockContext", answer)
	call(p, "MarkConsistent", "done")
	p.Kill() // with the lock held still
	l := newRWLock(t, s.Segment, "rw")
	proctest.WantError(t, "RLockContext", l.RLockContext(context.Background()), shm.ErrOwnerDied)
}

// TestRWWaiterKilled kills those who wait. That is nobody's loss, and nobody is told: what
// a writer has not got it cannot have left half changed.
func TestRWWaiterKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct {
		holder, release, waiter string
		sleeps                  func(*shm.RWLock) bool
	}{
		{"RLock", "RUnlock", "Lock", (*shm.RWLock).WriterWaits},
		{"Lock", "Unlock", "Lock", (*shm.RWLock).WritersQueue},
		{"Lock", "Unlock", "RLock", (*shm.RWLock).ReadersWait},
	} {
		t.Run(test.waiter+" beside "+test.holder, func(t *testing.T) {
			s := shared.Named(t)
			l := newRWLock(t, s.Segment, "rw")
			for _, dies := range []string{"before the holder leaves", "before and with no other waiter"} {
				holder, waiter, other := s.Start(t, "rwlock"), s.Start(t, "rwlock"), s.Start(t, "rwlock")
				call(holder, test.holder, "done")
				waiter.Send(test.waiter)
				proctest.Until(t, "the waiter sleeps", func() bool { return test.sleeps(l) })
				if dies == "before the holder leaves" {
					other.Send("RLockContext") // waits for the one or the other
					waiter.Kill()
					call(holder, test.release, "done")
					other.Expect("done")
				} else {
					waiter.Kill()
					call(holder, test.release, "done")
					call(other, "RLockContext", "done")
				}
				call(other, "RUnlock", "done")
				call(other, "LockContext", "done")
				call(other, "Unlock", "done")
				end(other)
				end(holder)
			}
		})
	}
	t.Run("a reader beside a writer that waits no more", func(t *testing.T) {
		s := shared.Named(t)
		l := newRWLock(t, s.Segment, "rw")
		holder, writer, reader := s.Start(t, "rwlock"), s.Start(t, "rwlock"), s.Start(t, "rwlock")
		call(holder, "RLock", "done")
		writer.Send("Lock")
		proctest.Until(t, "the writer sleeps", l.WriterWaits)
		reader.Send("RLockContext")
		proctest.Until(t, "a reader sleeps", l.ReadersWait)
		start := time.Now()
		writer.Kill()
		reader.Expect("done") // beside the holder, and not told of a death
		proctest.Prompt(t, "read-locked", start)
		call(reader, "RUnlock", "done")
		call(holder, "RUnlock", "done")
		end(reader)
		end(holder)
	})
}

// TestRWKilledInUnlock kills a writer within Unlock, while a reader and a writer wait.
func TestRWKilledInUnlock(t *testing.T) {
	proctest.Mortal(t)
	for _, step := range []string{"Leave", "HalfUnlock"} {
		t.Run(step, func(t *testing.T) {
			s := shared.Named(t)
			l := newRWLock(t, s.Segment, "rw")
			owner, reader, writer := s.Start(t, "rwlock"), s.Start(t, "rwlock"), s.Start(t, "rwlock")
			call(owner, "Lock", "done")
			reader.Send("RLockContext")
			writer.Send("LockContext")
			proctest.Until(t, "both sleep", func() bool { return l.ReadersWait() && l.WritersQueue() })
			call(owner, step, "done")
			start := time.Now()
			owner.Kill()
			reader.Expect("done")
			call(reader, "RUnlock", "done")
			writer.Expect("done")
			proctest.Prompt(t, "locked", start)
			call(writer, "Unlock", "done")
			end(reader)
			end(writer)
		})
	}
}

// TestRWKilledInRUnlock kills a reader that has left, but not yet woken the writer; and
// one that has only come, and not yet looked whether it holds the lock.
func TestRWKilledInRUnlock(t *testing.T) {
	proctest.Mortal(t)
	for _, steps := range [][]string{{"RLock", "HalfRUnlock"}, {"BeginRLock"}} {
		s := shared.Named(t)
		l := newRWLock(t, s.Segment, "rw")
		reader, writer := s.Start(t, "rwlock"), s.Start(t, "rwlock")
		call(reader, steps[0], "done")
		writer.Send("LockContext")
		proctest.Until(t, "the writer sleeps", l.WriterWaits)
		for _, step := range steps[1:] {
			call(reader, step, "done")
		}
		start := time.Now()
		reader.Kill()
		writer.Expect("done")
		proctest.Prompt(t, "locked", start)
		call(writer, "Unlock", "done")
		end(writer)
	}
}

// TestRWSlotTakenAgain starts processes in the slot of a dead reader, and of a dead
// writer: what the dead have left there is not theirs.
func TestRWSlotTakenAgain(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 2}) // this process and one more
	l := newRWLock(t, s.Segment, "rw")
	for range 3 {
		reader := s.Start(t, "rwlock")
		call(reader, "RLock", "done")
		if l.TryLock() {
			t.Fatal("TryLock succeeded beside a reader")
		}
		reader.Kill()
		pass(l)
		heir := s.Start(t, "rwlock") // there is no other slot
		call(heir, "TryRLock", "true")
		if l.TryLock() {
			t.Fatal("TryLock succeeded beside a reader in the slot of a dead one")
		}
		call(heir, "RUnlock", "done")
		call(heir, "Lock", "done")
		heir.Kill()
		heir = s.Start(t, "rwlock")
		call(heir, "LockContext", "owner died")
		call(heir, "MarkConsistent", "done")
		call(heir, "Unlock", "done")
		end(heir)
	}
}

// TestRWCloseHeld closes the Segment of a reader, and of a writer, instead of killing
// them.
func TestRWCloseHeld(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	p, q := s.Start(t, "rwlock"), s.Start(t, "rwlock")
	call(p, "RLock", "done")
	q.Send("LockContext")
	end(p)
	q.Expect("done")
	r := s.Start(t, "rwlock")
	r.Send("RLockContext")
	end(q)
	r.Expect("owner died")
	call(r, "RUnlock", "done")
	end(r)
}

// TestRWPaused suspends a reader, and a writer, for long: they are not dead, and nobody
// robs them.
func TestRWPaused(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct{ method, undo string }{{"RLock", "RUnlock"}, {"Lock", "Unlock"}} {
		s := shared.Named(t)
		owner := s.Start(t, "rwlock")
		call(owner, test.method, "done")
		owner.Stop()
		l := newRWLock(t, s.Segment, "rw")
		for name, f := range rwContexts(l) {
			if test.method == "RLock" && name == "RLockContext" {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			proctest.WantError(t, name, f(ctx), context.DeadlineExceeded)
		}
		if l.TryLock() {
			t.Error("TryLock succeeded while the owner is paused")
		}
		owner.Continue()
		call(owner, test.undo, "done")
		pass(l)
		end(owner)
	}
}
