package wait

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// hooked is a Fence with something that happens in each Barrier: after the sleeper has
// said that it sleeps, and before its test.
type hooked struct {
	word     uint32
	barriers int
	between  func(n int)
	polls    bool // it cannot be a barrier
}

func (h *hooked) Barrier() bool {
	h.barriers++
	if h.between != nil {
		h.between(h.barriers)
	}
	return !h.polls
}

func (h *hooked) Census(time.Duration) uint64 { return 0 }

// asleepAtOnce switches spinning off.
func asleepAtOnce(t *testing.T) {
	SetSpin(false)
	t.Cleanup(func() { SetSpin(true) })
}

// sleepsOf sets the bound of sleeps.
func sleepsOf(t *testing.T, d time.Duration) {
	before := Slice()
	SetSlice(d)
	t.Cleanup(func() { SetSlice(before) })
}

// notSlept fails the test if a sleep of f ends by its bound although the condition
// holds.
func notSlept(t *testing.T, f func() error) {
	t.Helper()
	sleepsOf(t, 20*time.Millisecond)
	before := Overslept()
	if err := f(); err != nil {
		t.Error(err)
	}
	if n := Overslept() - before; n != 0 {
		t.Errorf("slept %d times although there was nothing to wait for", n)
	}
}

// TestChangeBeforeFence has the condition come between the sleeper's bits and its
// fence, in each of its rounds: the waker may have seen nobody, so that the sleeper
// has to see it.
func TestChangeBeforeFence(t *testing.T) {
	asleepAtOnce(t)
	for round := 1; round <= 4; round++ {
		done := false
		h := &hooked{}
		e := NewEvent(&h.word, h)
		h.between = func(n int) {
			if !e.Waiting() {
				t.Error("a fence before it says that it sleeps")
			}
			if done = n == round; !done {
				e.Notify(Everybody) // of another change, so that this round's sleep ends
			}
		}
		for name, await := range map[string]func(context.Context, func() bool, func()) error{
			"Await": e.Await, "AwaitEach": e.AwaitEach,
		} {
			done, h.barriers = false, 0
			notSlept(t, func() error { return await(context.Background(), func() bool { return done }, func() {}) })
			if h.barriers != round {
				t.Errorf("%s: %d fences, expected %d", name, h.barriers, round)
			}
		}
	}
}

// TestWordOfEvent follows the word through sleeps and wakes.
func TestWordOfEvent(t *testing.T) {
	var word uint32
	e := NewEvent(&word, &hooked{})
	if e.Waiting() || Asleep(&word) {
		t.Error("somebody waits for a new Event")
	}
	e.Notify(1)
	if word != 0 {
		t.Errorf("woke nobody, and the word is %#x", word)
	}
	seen := e.arm()
	if seen != waiting|fresh || word != seen || !e.Waiting() || !Asleep(&word) {
		t.Errorf("one is about to sleep, and the word is %#x", word)
	}
	// Nobody sleeps in the kernel yet: the wake finds nobody, and the epoch keeps the
	// one from sleeping.
	e.Notify(1)
	if word != epoch {
		t.Errorf("woken before its sleep, and the word is %#x", word)
	}
	if seen = e.arm(); seen != epoch|waiting|fresh || e.arm() != seen {
		t.Errorf("again, and the word is %#x", word)
	}
	WakeAll(&word)
	if word != 2*epoch {
		t.Errorf("all woken, and the word is %#x", word)
	}
}

// TestWakeKeepsWaiting wakes as many as a wake is for: there may be more, so that the
// next waker has to look.
func TestWakeKeepsWaiting(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	word := uint32(0)
	events := []Event{NewEvent(&word, &hooked{}), NewEvent(&word, &hooked{}), NewEvent(&word, &hooked{})}
	var permits atomic.Int32
	woken := make(chan error)
	for i := range events {
		go func() {
			woken <- events[i].Await(context.Background(), func() bool {
				n := permits.Load()
				return n > 0 && permits.CompareAndSwap(n, n-1)
			}, func() {})
		}()
	}
	for range events {
		for !events[0].Waiting() {
			time.Sleep(50 * time.Microsecond)
		}
		permits.Add(1)
		if !events[0].Waiting() {
			t.Fatal("somebody sleeps, and the word does not say so")
		}
		events[0].Notify(1)
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
	}
}

// TestCancelledTurn has one that waits for its turn give up: nobody is queued after
// that, and the turn is not lost.
func TestCancelledTurn(t *testing.T) {
	asleepAtOnce(t)
	word := uint32(0)
	e := NewEvent(&word, &hooked{})
	if _, err := e.enter(context.Background()); err != nil || !e.Queued() {
		t.Fatalf("the first does not get the turn: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Await(ctx, func() bool { return false }, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("waited for its turn, and got %v", err)
	}
	e.leave()
	if e.Queued() {
		t.Error("somebody is queued")
	}
	if err := e.Await(context.Background(), func() bool { return true }, func() {}); err != nil || e.Queued() {
		t.Errorf("the next gets %v, queued %v", err, e.Queued())
	}
}

// TestStalled has the sleeper look for the dead before its first sleep, after a Slice, and in
// its turn, and see at once what that has changed.
func TestStalled(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, 5*time.Millisecond)
	for i, atLeast := range []time.Duration{0, Slice(), 2*Slice() + (lookGap-1)*long()} {
		word, n, looks := uint32(0), 0, i+1
		e := NewEvent(&word, &hooked{})
		notLate, before := time.Now(), Overslept()
		if err := e.Await(context.Background(), func() bool { return n == looks }, func() { n++ }); err != nil {
			t.Error(err)
		}
		if took := time.Since(notLate); took < atLeast {
			t.Errorf("looked %d times in %v", looks, took)
		}
		if Overslept() != before {
			t.Errorf("slept after look %d, although that had changed what it waits for", looks)
		}
	}
}

// TestPolls has a sleeper whose fence does not reach the wakers look by itself.
func TestPolls(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	h := &hooked{polls: true}
	e := NewEvent(&h.word, h)
	start := time.Now()
	if err := e.Await(context.Background(), func() bool { return time.Since(start) > 3*poll }, func() {}); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Minute/2 {
		t.Errorf("nobody could wake it, and it slept for %v", took)
	}
}

// TestPollsLater has a fence not reach the wakers from the second sleep on.
func TestPollsLater(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	h := &hooked{}
	e := NewEvent(&h.word, h)
	h.between = func(n int) {
		if n == 1 {
			e.Notify(Everybody) // so that it does not sleep yet
		}
		h.polls = n > 1
	}
	start, looks := time.Now(), 0
	polled := func() bool {
		if h.polls {
			looks++
		}
		return looks > 10
	}
	if err := e.Await(context.Background(), polled, func() {}); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Minute/2 {
		t.Errorf("nobody could wake it, and it slept for %v", took)
	}
}

// TestOutOfTurn has one come while another of its process has the turn: it does not look
// before it has it.
func TestOutOfTurn(t *testing.T) {
	word := uint32(0)
	e := NewEvent(&word, &hooked{})
	if _, err := e.enter(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if err := e.Await(ctx, func() bool { t.Error("out of turn"); return true }, func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited for its turn, and got %v", err)
	}
	other := e.Another()
	if err := other.Await(context.Background(), func() bool { return true }, func() {}); err != nil || other.Queued() {
		t.Errorf("who has turns of its own gets %v, queued %v", err, other.Queued())
	}
	if other.arm(); !e.Waiting() {
		t.Error("two Events of different words")
	}
	e.leave()
}

// TestMovesOn has a sleeper find itself on the wrong Event each time, until its context
// ends.
func TestMovesOn(t *testing.T) {
	var words [2]uint32
	h := &hooked{}
	events := [2]Event{NewEvent(&words[0], h), NewEvent(&words[1], h)}
	ctx, cancel := context.WithCancel(context.Background())
	moves, tries := 0, 0
	err := sleep(ctx, func() []*Event { moves++; return []*Event{&events[moves%2]} }, func() bool {
		if tries++; tries == 10 {
			cancel()
		}
		return tries > 1000
	}, func() {}, false)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, and got %v after %d tries", err, tries)
	}
}

// TestMoves has a sleeper move to another Event between two tries: it sleeps on the
// one that it is woken by.
func TestMoves(t *testing.T) {
	var words [2]uint32
	h := &hooked{}
	events := [2]Event{NewEvent(&words[0], h), NewEvent(&words[1], h)}
	on, done := 0, false
	start := time.Now()
	notSlept(t, func() error {
		SetSlice(time.Minute)
		return sleep(context.Background(), func() []*Event { return []*Event{&events[on]} }, func() bool {
			on = min(1, h.barriers) // moved by the try after the first fence
			if h.barriers == 2 {
				done = true
			}
			return done
		}, func() {}, false)
	})
	if took := time.Since(start); took > time.Minute/2 {
		t.Errorf("it has slept for %v on the Event that it was to leave", took)
	}
	if got := []bool{events[0].Waiting(), events[1].Waiting()}; !slices.Equal(got, []bool{true, true}) {
		t.Errorf("it has armed %v", got)
	}
}
