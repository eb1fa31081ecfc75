package shm_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// TestRWWriterFirst has a writer that waits for a reader keep other readers out, even of
// the process that reads.
func TestRWWriterFirst(t *testing.T) {
	s := shared.Named(t)
	reader, writer, late := s.Start(t, "rwlock"), s.Start(t, "rwlock"), s.Start(t, "rwlock")
	l := newRWLock(t, s.Segment, "rw")
	call(reader, "RLock", "done")
	writer.Send("Lock")
	proctest.Until(t, "the writer sleeps", l.WriterWaits)
	call(late, "TryRLock", "false")
	call(reader, "TryRLock", "false")
	if l.TryRLock() || l.TryLock() {
		t.Error("the lock was to be had while a writer waits for it")
	}
	late.Send("RLock")
	proctest.Until(t, "the late reader sleeps", l.ReadersWait)
	call(reader, "RUnlock", "done")
	writer.Expect("done")
	call(writer, "Unlock", "done")
	late.Expect("done")
	call(late, "RUnlock", "done")
	for _, p := range []*proctest.Proc{reader, writer, late} {
		end(p)
	}
}

// TestRWReadersBeforeNextWriter has a reader that waits for one writer come before the
// next, which has waited for as long.
func TestRWReadersBeforeNextWriter(t *testing.T) {
	s := shared.Named(t)
	first, reader, next := s.Start(t, "rwlock"), s.Start(t, "rwlock"), s.Start(t, "rwlock")
	l := newRWLock(t, s.Segment, "rw")
	for range 5 {
		call(first, "Lock", "done")
		next.Send("Lock")
		proctest.Until(t, "the next writer sleeps", l.WritersQueue)
		reader.Send("RLock")
		proctest.Until(t, "the reader sleeps", l.ReadersWait)
		call(first, "Unlock", "done")
		reader.Expect("done")
		proctest.Until(t, "the next writer waits for the reader", func() bool { return l.Word() != 0 })
		if l.TryRLock() {
			t.Error("a reader that came after the next writer got the lock")
		}
		call(reader, "RUnlock", "done")
		next.Expect("done")
		call(next, "Unlock", "done")
	}
	for _, p := range []*proctest.Proc{first, reader, next} {
		end(p)
	}
}
