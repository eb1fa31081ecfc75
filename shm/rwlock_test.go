package shm_test

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

var _ sync.Locker = (*shm.RWLock)(nil)

// TestSameRWLock makes a lock twice: on one Segment that is the same lock, on two
// Segments of one file it is as with two processes.
func TestSameRWLock(t *testing.T) {
	s := shared.Named(t)
	a, b := newRWLock(t, s.Segment, "rw"), newRWLock(t, s.Segment, "rw")
	if a != b {
		t.Error("two NewRWLock of one name on one Segment differ")
	}
	other := newRWLock(t, s.Another(t), "rw")
	a.RLock()
	if other.TryLock() {
		t.Error("TryLock through another Segment succeeded on a read-locked lock")
	}
	b.RUnlock()
	b.Lock()
	if other.TryRLock() {
		t.Error("TryRLock through another Segment succeeded on a locked lock")
	}
	a.Unlock()
}

// TestRWLockSize makes a lock in a segment of just its size.
func TestRWLockSize(t *testing.T) {
	proctest.Dir(t)
	for _, procs := range []int{30, 128, 1024} {
		size := shm.RWLockSize(procs)
		if want := int64(256 + 128*procs); size != want {
			t.Errorf("RWLockSize(%d) is %d, expected %d", procs, size, want)
		}
		seg := proctest.Must(shm.Create("sized", size, &shm.Options{MaxProcs: procs}))(t)
		pass(newRWLock(t, seg, "rw"))
		proctest.Check(t, seg.Close())
		proctest.Check(t, shm.Remove("sized", nil))
	}
}

// TestRWTry goes through what may and may not be held beside what, in one process and
// between two.
func TestRWTry(t *testing.T) {
	s := shared.Named(t)
	mine := newRWLock(t, s.Segment, "rw")
	for name, other := range map[string]*shm.RWLock{
		"same process": mine, "another process": newRWLock(t, s.Another(t), "rw"),
	} {
		try := func(what string, f func() bool, want bool) {
			t.Helper()
			if got := f(); got != want {
				t.Fatalf("%s, %s: %v, expected %v", name, what, got, want)
			}
		}
		for range 3 {
			try("TryLock of a free lock", mine.TryLock, true)
			try("TryLock of a locked one", other.TryLock, false)
			try("TryRLock of a locked one", other.TryRLock, false)
			mine.Unlock()
			try("TryRLock of a free lock", mine.TryRLock, true)
			try("TryRLock of a read-locked one", other.TryRLock, true)
			try("TryLock of a read-locked one", other.TryLock, false)
			try("another TryRLock of a read-locked one", mine.TryRLock, true)
			other.RUnlock()
			mine.RUnlock()
			try("TryLock of one with a reader left", other.TryLock, false)
			mine.RUnlock()
			try("TryLock of a free lock again", other.TryLock, true)
			other.Unlock()
		}
	}
}

// TestRWByAnotherGoroutine shows that the process holds the lock.
func TestRWByAnotherGoroutine(t *testing.T) {
	l := newRWLock(t, shared.Named(t).Segment, "rw")
	l.RLock()
	proctest.Result(t, proctest.Go(func() bool { l.RUnlock(); return true }))
	l.Lock()
	proctest.Result(t, proctest.Go(func() bool { l.Unlock(); return true }))
	if !l.TryLock() {
		t.Error("TryLock failed after Unlock by another goroutine")
	}
	l.Unlock()
}

// rwContexts are the two methods that take a context, and how to find out that they hold
// nothing.
func rwContexts(l *shm.RWLock) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{"LockContext": l.LockContext, "RLockContext": l.RLockContext}
}

func TestRWContextRefused(t *testing.T) {
	l := newRWLock(t, shared.Named(t).Segment, "rw")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancel := context.WithTimeout(context.Background(), -time.Second)
	defer cancel()
	for name, f := range rwContexts(l) {
		for _, test := range []struct {
			ctx  context.Context
			want error
		}{
			{nil, fs.ErrInvalid},
			{cancelled, context.Canceled},
			{expired, context.DeadlineExceeded},
		} {
			err := f(test.ctx)
			proctest.WantError(t, name, err, test.want, `rwlock "rw"`, shared.Name)
			if !l.TryLock() {
				t.Fatalf("%s took the lock and returned %v", name, err)
			}
			l.Unlock()
		}
	}
}

// TestRWContextCancelled cancels those who wait: for a writer, for readers, and for their
// turns. They leave nothing behind.
func TestRWContextCancelled(t *testing.T) {
	for _, test := range []struct {
		holder, release string
		sleeps          func(l *shm.RWLock) bool
		waiters         []string
	}{
		{"Lock", "Unlock", func(l *shm.RWLock) bool { return l.ReadersWait() && l.WritersQueue() },
			[]string{"LockContext", "RLockContext", "LockContext", "RLockContext"}},
		{"RLock", "RUnlock", (*shm.RWLock).WriterWaits, []string{"LockContext", "LockContext"}},
	} {
		t.Run(test.holder, func(t *testing.T) {
			s := shared.Named(t)
			holder := s.Start(t, "rwlock")
			call(holder, test.holder, "done")
			l := newRWLock(t, s.Segment, "rw")
			ctx, cancel := context.WithCancel(context.Background())
			var waiters []<-chan error
			for _, name := range test.waiters {
				f := rwContexts(l)[name]
				waiters = append(waiters, proctest.Go(func() error { return f(ctx) }))
			}
			proctest.Until(t, "waiters sleep", func() bool { return test.sleeps(l) })
			start := time.Now()
			cancel()
			for i, c := range waiters {
				proctest.WantError(t, test.waiters[i], proctest.Result(t, c), context.Canceled, `rwlock "rw"`, shared.Name)
			}
			proctest.Prompt(t, "cancelled", start)
			if n := l.Line(); n != 0 {
				t.Errorf("the cancelled have left %#x in their line", n)
			}
			if l.TryLock() {
				t.Error("TryLock succeeded while another process holds the lock")
			}
			if got, want := l.TryRLock(), test.holder == "RLock"; got != want {
				t.Errorf("TryRLock beside a %s: %v", test.holder, got)
			} else if got {
				l.RUnlock()
			}
			call(holder, test.release, "done")
			end(holder)
			if err := l.LockContext(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRWCancelledLetsReadersIn cancels a writer that has kept readers of another process
// out.
func TestRWCancelledLetsReadersIn(t *testing.T) {
	s := shared.Named(t)
	holder, reader := s.Start(t, "rwlock"), s.Start(t, "rwlock")
	call(holder, "RLock", "done")
	l := newRWLock(t, s.Segment, "rw")
	ctx, cancel := context.WithCancel(context.Background())
	writer := proctest.Go(func() error { return l.LockContext(ctx) })
	proctest.Until(t, "the writer sleeps", l.WriterWaits)
	reader.Send("RLock")
	proctest.Until(t, "the reader sleeps", l.ReadersWait)
	cancel()
	proctest.WantError(t, "LockContext", proctest.Result(t, writer), context.Canceled)
	reader.Expect("done")
	call(reader, "RUnlock", "done")
	call(holder, "RUnlock", "done")
	end(reader)
	end(holder)
}

// TestRWHandOver wakes those who sleep in another process: the writer by the last reader,
// readers by the writer, and a writer by another.
func TestRWHandOver(t *testing.T) {
	s := shared.Named(t)
	a, b, c := s.Start(t, "rwlock"), s.Start(t, "rwlock"), s.Start(t, "rwlock")
	l := newRWLock(t, s.Segment, "rw")
	for range 3 {
		call(a, "RLock", "done")
		call(a, "RLock", "done")
		call(b, "RLock", "done")
		c.Send("Lock")
		proctest.Until(t, "the writer sleeps", l.WriterWaits)
		call(a, "RUnlock", "done")
		call(b, "RUnlock", "done")
		call(a, "RUnlock", "done")
		c.Expect("done")

		a.Send("RLock")
		b.Send("RLockContext")
		proctest.Until(t, "readers sleep", l.ReadersWait)
		call(c, "Unlock", "done")
		a.Expect("done")
		b.Expect("done")
		call(a, "RUnlock", "done")
		call(b, "RUnlock", "done")

		call(a, "Lock", "done")
		b.Send("Lock")
		proctest.Until(t, "a writer sleeps", l.WritersQueue)
		call(a, "Unlock", "done")
		b.Expect("done")
		call(b, "Unlock", "done")
	}
	for _, p := range []*proctest.Proc{a, b, c} {
		end(p)
	}
}
