package wait

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long something may take that does not hang.
const patience = 3 * time.Minute

// TestAwaitInTurn has a waiter come to its place in the Queue, and leave it.
func TestAwaitInTurn(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, 2*time.Millisecond)
	w := newWorld(t)
	q := &w.queues[0]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	// It becomes the first by itself.
	var calls []bool
	take := func(first bool) bool {
		if !first && q.load().first() == 1 {
			t.Error("it is first, and takes as if it were not")
		}
		calls = append(calls, first)
		return first
	}
	w.set(makeOrder(0, 0, 0, 3))
	if err := q.Await(ctx, take, func() {}); err != nil || calls[0] || !calls[len(calls)-1] {
		t.Errorf("%v, with %v", err, calls)
	}
	w.is("after it was served", makeOrder(0, 0, 0, 5))

	// It is the first when it comes.
	calls = nil
	w.set(makeOrder(1, 2, 4, 5))
	if err := q.Await(ctx, take, func() {}); err != nil || !slices.Equal(calls, []bool{true}) {
		t.Errorf("the first: %v, with %v", err, calls)
	}
	if o := q.load(); o.first() != 2 || o.next() != 0 {
		t.Errorf("after it was served, %d is first and %d next", o.first(), o.next())
	}

	// It is the next, as one that came at this beat, and gives up.
	w.set(makeOrder(2, 0, 0, 100))
	soon, giveUp := context.WithCancel(ctx)
	next := 0
	err := q.Await(soon, func(bool) bool {
		if o := q.load(); o.next() == 1 {
			next++
			w.is("it waits", makeOrder(2, 1, 100, 100))
			giveUp()
		} else { // others are served before it is hungry, and the first is not stale
			q.mu.Lock()
			q.seen = 0
			q.mu.Unlock()
			w.set(makeOrder(2, 0, 0, 100))
		}
		return false
	}, func() {})
	if !errors.Is(err, context.Canceled) || next == 0 {
		t.Errorf("it gives up: %v", err)
	}
	w.is("after it gave up", makeOrder(2, 0, 0, 100))

	// The first is dead.
	w.dead[1] = true
	if err := q.Await(ctx, func(first bool) bool { return first || !q.Barred() }, func() {}); err != nil {
		t.Errorf("behind somebody dead: %v", err)
	}
	if q.Barred() || q.Queued() {
		t.Error("somebody is left in the end")
	}
}

// TestAwaitStalled has a waiter look for the dead.
func TestAwaitStalled(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Millisecond)
	q := &newWorld(t).queues[0]
	looked, tries := false, 0
	if err := q.Await(context.Background(), func(bool) bool { tries++; return looked || tries > 100 }, func() { looked = true }); err != nil || !looked {
		t.Errorf("%v, looked for the dead: %v", err, looked)
	}
}

// TestAllAheadAreWoken has somebody asleep ahead: a wake of one wakes all who are there.
func TestAllAheadAreWoken(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	w := newWorld(t)
	w.set(makeOrder(1, 2, 0, 0))
	e := &w.queues[0].ahead
	for range 20 {
		var done atomic.Bool
		ended := make(chan error)
		go func() { ended <- e.Await(context.Background(), done.Load, func() {}) }()
		for !e.Waiting() {
			time.Sleep(50 * time.Microsecond)
		}
		time.Sleep(time.Millisecond) // for it to fall asleep, which proves more
		done.Store(true)
		w.words.Wake(1)
		if e.Waiting() {
			t.Error("one was woken, and there may be more")
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestAwaitEnds has one that is first end in all ways: those behind are woken if
// it has not taken what they were refused.
func TestAwaitEnds(t *testing.T) {
	asleepAtOnce(t)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		closed bool
		behind bool
	}{
		"served":    {ctx: context.Background()},
		"cancelled": {ctx: ended, behind: true},
		"closed":    {ctx: context.Background(), closed: true, behind: true},
	} {
		w := newWorld(t)
		q := &Queue{}
		q.Init(&w.words, closing{attachment{0, &w.dead}, test.closed}, false)
		w.set(makeOrder(1, 0, 0, 0))
		// It does not wait for its turn, in which the end of ctx would be seen first.
		w.wants(name, test.behind, true, func() {
			for {
				w.set(makeOrder(1, 0, 0, 0))
				err := q.Await(test.ctx, func(bool) bool { return test.ctx == context.Background() }, func() {})
				if (err == nil) != (test.ctx == context.Background()) {
					t.Errorf("%s: %v", name, err)
				}
				if !q.Barred() {
					return // else select has seen the end of ctx before the turn
				}
			}
		})
	}
}

// closing is an attachment that is closed, or not.
type closing struct {
	attachment
	closed bool
}

func (c closing) Closed() bool { return c.closed }

// TestAwaitQueues has one come while another of its process waits: it takes nothing
// before it has the turn.
func TestAwaitQueues(t *testing.T) {
	w := newWorld(t)
	q := &w.queues[0]
	if _, err := q.behind.enter(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if err := q.Await(ctx, func(bool) bool { t.Error("out of turn"); return true }, func() {}); err == nil {
		t.Error("it has taken something")
	}
	q.behind.leave()
}

// TestAwaitCrowd has goroutines of four processes take turns with a lock, each for long
// enough that the others are hungry, and some give up. No wake-up is lost.
func TestAwaitCrowd(t *testing.T) {
	asleepAtOnce(t)
	for _, shared := range []bool{false, true} {
		w := newWorld(t)
		permits := int32(1)
		if shared {
			permits = 2
		}
		var free atomic.Int32
		free.Store(permits)
		take := func(first bool) bool {
			for {
				n := free.Load()
				if n == 0 || !first && w.words.Barred() {
					return false
				}
				if free.CompareAndSwap(n, n-1) {
					return true
				}
			}
		}
		give := func(q *Queue) {
			free.Add(1)
			if q.Waiting() {
				q.Wake(1)
			}
		}
		notSlept(t, func() error {
			SetSlice(10 * time.Second)
			var wg sync.WaitGroup
			for i := range w.queues {
				q := &w.queues[i]
				q.shared = shared
				for g := range 2 {
					wg.Go(func() {
						for n := range 25 {
							ctx, cancel := context.WithCancel(context.Background())
							if g == 1 && n%3 == 0 {
								time.AfterFunc(time.Duration(n)*200*time.Microsecond, cancel)
							}
							if err := q.Await(ctx, take, func() {}); err == nil {
								time.Sleep(300 * time.Microsecond)
								give(q)
							}
							cancel()
						}
					})
				}
			}
			wg.Wait()
			return nil
		})
		if free.Load() != permits || w.words.Barred() {
			t.Errorf("%d of %d are free in the end, barred: %v", free.Load(), permits, w.words.Barred())
		}
	}
}
