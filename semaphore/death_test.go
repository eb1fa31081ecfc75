package semaphore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// whole checks that all permits are there, no more and no fewer.
func whole(t *testing.T, sem *semaphore.Semaphore) {
	t.Helper()
	if !sem.TryAcquire(sem.Size()) {
		t.Fatalf("permits were lost: %d of %d are free", sem.Value(), sem.Size())
	}
	if sem.TryAcquire(1) {
		t.Fatal("there is a permit too many")
	}
	sem.Release(sem.Size())
	if sem.Value() != sem.Size() {
		t.Errorf("%d of %d permits are free in the end", sem.Value(), sem.Size())
	}
}

// TestPermitsComeBack kills a process that holds permits, while another waits for
// one, for several, or for all.
func TestPermitsComeBack(t *testing.T) {
	proctest.Mortal(t)
	for _, n := range []int64{1, 2, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := shared.Named(t)
			holder, waiter := s.Start(t, "semaphore", "4"), s.Start(t, "semaphore", "4")
			call(holder, "Acquire", 1, "done")
			call(holder, "Acquire", 3, "done")
			waiter.Send("Acquire", n)
			sem := newSemaphore(t, s.Segment, 4, nil)
			proctest.Until(t, "the waiter sleeps", sem.Sleepers)
			start := time.Now()
			holder.Kill()
			waiter.Expect("done")
			proctest.Prompt(t, "they came back", start)
			call(waiter, "Release", n, "done")
			whole(t, sem)
			end(waiter)
		})
	}
}

// TestOnlyTheDeadsComeBack kills one of three that hold permits.
func TestOnlyTheDeadsComeBack(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 6, nil)
	dying, living := s.Start(t, "semaphore", "6"), s.Start(t, "semaphore", "6")
	call(dying, "Acquire", 3, "done")
	call(living, "Acquire", 2, "done")
	if !sem.TryAcquire(1) || sem.TryAcquire(1) {
		t.Fatal("there is not exactly one permit left")
	}
	dying.Kill()
	if !sem.TryAcquire(3) {
		t.Error("TryAcquire does not find the permits of the dead")
	}
	if sem.TryAcquire(1) {
		t.Error("the living were robbed")
	}
	sem.Release(4)
	call(living, "Release", 2, "done")
	whole(t, sem)
	end(living)
}

// TestCloseReturnsPermits closes the holder's Segment instead of killing it.
func TestCloseReturnsPermits(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 2, nil)
	p := s.Start(t, "semaphore", "2")
	call(p, "Acquire", 2, "done")
	acquired := proctest.Go(func() error { return sem.Acquire(context.Background(), 2) })
	end(p)
	if err := proctest.Result(t, acquired); err != nil {
		t.Error(err)
	}
	sem.Release(2)
	whole(t, sem)
}

// TestSlotTakenAgain starts a process in the slot of one that died with permits:
// it has not inherited them.
func TestSlotTakenAgain(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 2}) // this process and one more
	sem := newSemaphore(t, s.Segment, 3, nil)
	for range 3 {
		p := s.Start(t, "semaphore", "3")
		call(p, "Acquire", 2, "done")
		p.Kill()
		p = s.Start(t, "semaphore", "3")
		p.Send("Release 1")
		proctest.WantText(t, "Release by the heir", p.Recv(), "more than held")
		call(p, "Acquire", 1, "done")
		if !sem.TryAcquire(2) || sem.TryAcquire(1) {
			t.Error("the heir's permit does not count, or those of the dead still do")
		}
		sem.Release(2)
		call(p, "Release", 1, "done")
		end(p)
	}
	whole(t, sem)
}

// TestKilledInChange kills a process between the steps of a change, with waiters
// and without.
func TestKilledInChange(t *testing.T) {
	proctest.Mortal(t)
	for _, change := range []struct {
		name string
		n    int64
	}{{"acquire", 2}, {"release", -2}} {
		for _, step := range []string{semaphore.StepBegun, semaphore.StepHeld, semaphore.StepSettled} {
			t.Run(change.name+"/"+step, func(t *testing.T) {
				s := shared.Named(t)
				sem := newSemaphore(t, s.Segment, 4, nil)
				waiter, p := s.Start(t, "semaphore", "4"), s.Start(t, "semaphore", "4")
				call(p, "Acquire", 2, "done")
				waiter.Send("Acquire 3")
				proctest.Until(t, "the waiter sleeps", sem.Sleepers)
				call(p, step, change.n, "done")
				if step == semaphore.StepSettled { // but the waiter may be inside one of its own
					proctest.Until(t, "the change is settled", func() bool { return !sem.Busy() })
				} else if !sem.Busy() {
					t.Fatal("the semaphore is not inside a change")
				}
				start := time.Now()
				p.Kill()
				waiter.Expect("done")
				proctest.Prompt(t, "acquired", start)
				if !sem.TryAcquire(1) || sem.TryAcquire(1) {
					t.Error("there is not exactly one permit left")
				}
				sem.Release(1)
				call(waiter, "Release", 3, "done")
				whole(t, sem)
				end(waiter)
			})
		}
	}
}

// TestKilledInRepair kills processes that were repairing what dead ones have left.
func TestKilledInRepair(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	p := s.Start(t, "semaphore", "4")
	call(p, "Acquire", 1, "done")
	call(p, semaphore.StepHeld, 2, "done")
	p.Kill()
	for range 3 {
		p = s.Start(t, "semaphore", "4")
		call(p, semaphore.StepTaken, 0, "done")
		p.Kill()
	}
	if err := sem.Acquire(context.Background(), 4); err != nil {
		t.Error(err)
	}
	sem.Release(4)
	whole(t, sem)
}

// TestDeathIsFoundByAll has every operation deal with a change that a dead
// process has left.
func TestDeathIsFoundByAll(t *testing.T) {
	proctest.Mortal(t)
	for name, op := range map[string]func(t *testing.T, sem *semaphore.Semaphore){
		"Acquire": func(t *testing.T, sem *semaphore.Semaphore) {
			if err := sem.Acquire(context.Background(), 3); err != nil {
				t.Error(err)
			}
			sem.Release(3)
		},
		"TryAcquire": func(t *testing.T, sem *semaphore.Semaphore) {
			if !sem.TryAcquire(3) {
				t.Error("TryAcquire failed")
			}
			sem.Release(3)
		},
		"Release": func(t *testing.T, sem *semaphore.Semaphore) { sem.Release(1) },
	} {
		t.Run(name, func(t *testing.T) {
			s := shared.Named(t)
			sem := newSemaphore(t, s.Segment, 4, nil)
			if !sem.TryAcquire(1) {
				t.Fatal("TryAcquire failed")
			}
			p := s.Start(t, "semaphore", "4")
			call(p, semaphore.StepBegun, 3, "done")
			p.Kill()
			start := time.Now()
			op(t, sem)
			proctest.Prompt(t, "done", start)
			if name != "Release" {
				sem.Release(1)
			}
			whole(t, sem)
		})
	}
}

// TestChangerLives shows that a change is not taken over from the living. Those
// who may wait do so, and those who may not fail.
func TestChangerLives(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	if !sem.TryAcquire(1) {
		t.Fatal("TryAcquire failed")
	}
	p := s.Start(t, "semaphore", "4")
	call(p, semaphore.StepBegun, 1, "done")
	if sem.TryAcquire(1) {
		t.Error("TryAcquire succeeded inside somebody's change")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Millisecond)
	defer cancel()
	wantBare(t, sem.Acquire(ctx, 1), context.DeadlineExceeded)
	released := proctest.Go(func() bool { sem.Release(1); return true })
	if !sem.Busy() {
		t.Error("the change was taken over")
	}
	p.Kill()
	proctest.Result(t, released)
	whole(t, sem)
}

// TestWaiterKilled kills a process that waits: that is nobody's loss.
func TestWaiterKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 2, nil)
	if !sem.TryAcquire(2) {
		t.Fatal("TryAcquire failed")
	}
	p, q := s.Start(t, "semaphore", "2"), s.Start(t, "semaphore", "2")
	p.Send("Acquire 2")
	proctest.Until(t, "the waiter is urgent", sem.Urgent)
	q.Send("Acquire 1")
	p.Kill()
	start := time.Now()
	sem.Release(2)
	q.Expect("done")
	proctest.Prompt(t, "acquired", start)
	call(q, "Release", 1, "done")
	whole(t, sem)
	end(q)
}
