package shm_test

import (
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// The locks that Select takes: how somebody else holds each, and how it is given back.
var selectLocks = map[string]func(t proctest.Fataler, seg *shm.Segment) (hold func(), lock shm.Case, free func()){
	"Lock": func(t proctest.Fataler, seg *shm.Segment) (func(), shm.Case, func()) {
		l := proctest.Must(shm.NewLock(seg, "lock"))(t)
		return l.Lock, l.LockCase(), func() { l.MarkConsistent(); l.Unlock() }
	},
	"RecursiveLock": func(t proctest.Fataler, seg *shm.Segment) (func(), shm.Case, func()) {
		l := proctest.Must(shm.NewRecursiveLock(seg, "recursive"))(t)
		return func() { l.Lock(1); l.Lock(1) }, l.LockCase(1), func() { l.MarkConsistent(1); l.Unlock(1) }
	},
	"RWLock": func(t proctest.Fataler, seg *shm.Segment) (func(), shm.Case, func()) {
		l := proctest.Must(shm.NewRWLock(seg, "rw"))(t)
		return l.Lock, l.RLockCase(), func() { l.RUnlock(); l.Lock(); l.MarkConsistent(); l.Unlock() }
	},
}

var _ = proctest.Register("select owner", func(c *proctest.Child) {
	hold, _, _ := selectLocks[c.Arg(0)](c, shared.Open(c))
	hold()
	c.Send("holds")
	c.Recv()
})

// TestSelectOwnerKilled selects a lock whose owner dies: that is reported, until it is
// declared consistent.
func TestSelectOwnerKilled(t *testing.T) {
	proctest.Mortal(t)
	for name, lock := range selectLocks {
		t.Run(name, func(t *testing.T) {
			seg := shared.Named(t).Segment
			_, c, free := lock(t, seg)
			event := proctest.Must(shm.NewEvent(seg, "event"))(t)
			owner := proctest.Start(t, "select owner", name)
			owner.Expect("holds")
			event.Set()
			if i, err := shm.Select(t.Context(), c, event.WaitCase()); i != 1 || err != nil {
				t.Errorf("held: %d, %v", i, err)
			}
			event.Clear()
			selected := shm.SelectChan(t.Context(), c, event.WaitCase())
			owner.Kill()
			if got := proctest.Result(t, selected); got.Index != 0 || !errors.Is(got.Err, shm.ErrOwnerDied) {
				t.Errorf("after the death: %+v", got)
			}
			free()
			if i, err := shm.Select(t.Context(), c, event.WaitCase()); i != 0 || err != nil {
				t.Errorf("consistent: %d, %v", i, err)
			}
		})
	}
}

// TestSelectLockedAgain selects a lock that its own token holds.
func TestSelectLockedAgain(t *testing.T) {
	l := proctest.Must(shm.NewRecursiveLock(shared.Named(t).Segment, "recursive"))(t)
	l.Lock(1)
	if i, err := shm.Select(t.Context(), l.LockCase(1), l.LockCase(2)); i != 0 || err != nil || l.Count(1) != 2 {
		t.Errorf("got %d, %v, held %d times", i, err, l.Count(1))
	}
	l.Unlock(1)
	other := shm.SelectChan(t.Context(), l.LockCase(2))
	l.Unlock(1)
	if got := proctest.Result(t, other); got.Err != nil || l.Count(2) != 1 {
		t.Errorf("the other token: %+v", got)
	}
	l.Unlock(2)
}
