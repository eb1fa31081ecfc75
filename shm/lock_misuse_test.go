package shm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestLockMisuse does what a holder only may do, without holding the lock.
func TestLockMisuse(t *testing.T) {
	calls := map[string]func(mu *shm.Lock){
		"Unlock":         (*shm.Lock).Unlock,
		"MarkConsistent": (*shm.Lock).MarkConsistent,
	}
	for _, state := range []struct {
		name string
		make func(t *testing.T, s shared.Segment, mu *shm.Lock)
	}{
		{"never locked", func(t *testing.T, s shared.Segment, mu *shm.Lock) {}},
		{"unlocked", func(t *testing.T, s shared.Segment, mu *shm.Lock) {
			pass(mu)
		}},
		{"held through another Segment", func(t *testing.T, s shared.Segment, mu *shm.Lock) {
			newLock(t, s.Another(t), "mu").Lock()
		}},
		{"held by another process", func(t *testing.T, s shared.Segment, mu *shm.Lock) {
			p := s.Start(t, "lock")
			call(p, "Lock", "done")
			t.Cleanup(func() { call(p, "Unlock", "done"); end(p) })
		}},
		{"held by a dead process", func(t *testing.T, s shared.Segment, mu *shm.Lock) {
			p := s.Start(t, "lock")
			call(p, "Lock", "done")
			p.Kill()
		}},
		{"abandoned and free", func(t *testing.T, s shared.Segment, mu *shm.Lock) {
			other := s.Another(t)
			newLock(t, other, "mu").Lock()
			other.Close()
			pass(mu)
		}},
		{"abandoned and held by another process", func(t *testing.T, s shared.Segment, mu *shm.Lock) {
			other := s.Another(t)
			newLock(t, other, "mu").Lock()
			other.Close()
			p := s.Start(t, "lock")
			call(p, "Lock", "done")
			t.Cleanup(func() { call(p, "Unlock", "done"); end(p) })
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			s := shared.Named(t)
			mu := newLock(t, s.Segment, "mu")
			state.make(t, s, mu)
			for name, misuse := range calls {
				before := mu.Word()
				p := proctest.PanicOf(func() { misuse(mu) })
				proctest.WantText(t, name, p, "isthmus: ", name, `lock "mu"`, shared.Name, "does not hold")
				if after := mu.Word(); after != before {
					t.Errorf("%s changed the lock from %x to %x", name, before, after)
				}
			}
		})
	}
}

// TestMarkConsistentNeedless marks as consistent what is so.
func TestMarkConsistentNeedless(t *testing.T) {
	mu := newLock(t, shared.Named(t).Segment, "mu")
	mu.Lock()
	mu.MarkConsistent()
	mu.Unlock()
	if err := mu.LockContext(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestUnlockInAnotherProcess is the same misuse in a process of its own.
func TestUnlockInAnotherProcess(t *testing.T) {
	s := shared.Named(t)
	mu := newLock(t, s.Segment, "mu")
	p := s.Start(t, "lock")
	mu.Lock()
	p.Send("Unlock")
	proctest.WantText(t, "Unlock", p.Recv(), "isthmus: ", `lock "mu"`, shared.Name, "does not hold")
	mu.Unlock()
	end(p)
}

func TestLockClosed(t *testing.T) {
	for _, state := range []string{"free", "held"} {
		t.Run(state, func(t *testing.T) {
			s := shared.Named(t)
			mu := newLock(t, s.Segment, "mu")
			if state == "held" {
				mu.Lock()
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first round must not leave anything for the second
				for _, call := range []struct {
					name string
					f    func()
				}{
					{"Unlock", mu.Unlock},
					{"MarkConsistent", mu.MarkConsistent},
					{"Lock", mu.Lock},
					{"TryLock", func() { mu.TryLock() }},
				} {
					wantClosed(t, call.name, proctest.PanicOf(call.f), `lock "mu"`)
				}
				wantClosed(t, "LockContext", mu.LockContext(context.Background()), `lock "mu"`)
			}
			_, err := shm.NewLock(s.Segment, "mu")
			wantClosed(t, "NewLock", err, `lock "mu"`)
		})
	}
}

// wantClosed checks that a panic or an error is ErrSegmentClosed, about the object.
func wantClosed(t *testing.T, what string, v any, object string) {
	t.Helper()
	if err, ok := v.(error); !ok || !errors.Is(err, shm.ErrSegmentClosed) {
		t.Errorf("%s: %v, expected ErrSegmentClosed", what, v)
	}
	proctest.WantText(t, what, v, "isthmus: ", object, shared.Name)
}
