package shm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestCondSignal wakes one for each Signal, with L and without, and processes in turn.
// (sync's TestCondSignal, CPython's test_notify.)
func TestCondSignal(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		c := newCond(t, s.Segment)
		c.Signal() // nobody waits
		procs := []*condProc{startCond(t, s), startCond(t, s), startCond(t, s)}
		const each = 3
		for range each {
			for _, p := range procs {
				p.begins(t, c, "Wait")
			}
		}
		for i := range each * len(procs) {
			if i%2 == 0 {
				c.Signal()
			} else {
				c.L.Lock()
				c.Signal()
				if n := c.Granted(); n != 1 {
					t.Errorf("%d have L's signal", n)
				}
				c.L.Unlock()
			}
			stays(t, c, each*len(procs)-1-i)
			if i%len(procs) == len(procs)-1 {
				for _, p := range procs {
					p.Expect("woken")
				}
			}
		}
		w := begins(t, c)
		call(procs[0].Proc, "Signal", "done")
		wantEnd(t, w, "woken")
	})
}

// TestCondOrder wakes goroutines of one process in the order in which they came, also if some
// of them are cancelled. (sync's TestCondSignalGenerations.)
func TestCondOrder(t *testing.T) {
	s := shared.Named(t)
	c, other := newCond(t, s.Segment), newCond(t, s.Another(t))
	const n = 30
	woken := make(chan int, n)
	var cancels []context.CancelFunc
	var waiters sync.WaitGroup
	defer waiters.Wait()
	for i := range n {
		ctx, cancel := context.WithCancel(t.Context())
		cancels = append(cancels, cancel)
		waiters.Go(func() {
			c.L.Lock()
			defer c.L.Unlock()
			if err := c.WaitContext(ctx); err == nil {
				woken <- i
			}
		})
		proctest.Until(t, "it waits", func() bool { return c.Waiting() == i+1 })
		pass(c.L)
	}
	for i := 0; i < n; i += 3 {
		cancels[i]()
	}
	proctest.Until(t, "they are cancelled", func() bool { return c.Waiting() == n-n/3 })
	for i := range n {
		if i%3 == 0 {
			continue
		}
		other.Signal()
		if got := proctest.Result(t, woken); got != i {
			t.Fatalf("%d was woken, expected %d", got, i)
		}
	}
}

// TestCondBroadcast wakes all, and none of those who come after. (sync's TestCondBroadcast.)
func TestCondBroadcast(t *testing.T) {
	s := shared.Named(t)
	c := newCond(t, s.Segment)
	other := newCond(t, s.Another(t))
	c.Broadcast() // nobody waits
	procs := []*condProc{startCond(t, s), startCond(t, s)}
	for round := range 5 {
		var waits []<-chan any
		for range 3 {
			waits = append(waits, begins(t, c))
			for _, p := range procs {
				p.begins(t, c, "Wait")
			}
		}
		if round%2 == 0 {
			other.Broadcast()
		} else {
			c.L.Lock()
			c.Broadcast()
			c.L.Unlock()
		}
		late := begins(t, c)
		for _, w := range waits {
			wantEnd(t, w, "woken")
			for _, p := range procs {
				p.Expect("woken")
			}
		}
		stays(t, c, 1)
		c.Signal()
		wantEnd(t, late, "woken")
	}
}

// TestCondContext has a context end before and while its goroutine waits. It has L then.
// (CPython's test_timeout, test_waitfor_timeout.)
func TestCondContext(t *testing.T) {
	s := shared.Named(t)
	c, p := newCond(t, s.Segment), startCond(t, s)
	waits := func(ctx context.Context) error {
		c.L.Lock()
		defer c.L.Unlock() // it panics if L is not held
		return c.WaitContext(ctx)
	}
	var none context.Context
	proctest.WantError(t, "WaitContext", waits(none), fs.ErrInvalid, `cond "c"`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	proctest.WantError(t, "WaitContext", waits(ended), context.Canceled, `cond "c"`, shared.Name)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		p.begins(t, c, "Wait") // who is woken although the test has waited longer, maybe
		w := proctest.Go(func() error { return waits(ctx) })
		v := proctest.Go(func() error { return waits(ctx) })
		proctest.Until(t, "they wait", func() bool { return c.Waiting() == 3 })
		cancel()
		proctest.WantError(t, "WaitContext", proctest.Result(t, w), context.Canceled, `cond "c"`, shared.Name)
		proctest.WantError(t, "WaitContext", proctest.Result(t, v), context.Canceled, `cond "c"`, shared.Name)
		stays(t, c, 1)
		c.Signal()
		p.Expect("woken")
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	proctest.WantError(t, "WaitContext", waits(short), context.DeadlineExceeded, `cond "c"`)
}

// TestCondCancelledWithLock is cancelled while another process has L: it returns when it has
// L, and a signal that it gets meanwhile is another's.
func TestCondCancelledWithLock(t *testing.T) {
	s := shared.Named(t)
	c, p, q := newCond(t, s.Segment), startCond(t, s), startCond(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	w := proctest.Go(func() error {
		c.L.Lock()
		defer c.L.Unlock()
		return c.WaitContext(ctx)
	})
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == 1 })
	q.begins(t, c, "Wait")
	call(p.Proc, "Lock", "done")
	cancel()
	proctest.Until(t, "it does not wait", func() bool { return c.Waiting() == 1 })
	call(p.Proc, "Signal", "done")
	select {
	case <-w:
		t.Error("returned without L")
	default:
	}
	call(p.Proc, "Unlock", "done")
	q.Expect("woken")
	proctest.WantError(t, "WaitContext", proctest.Result(t, w), context.Canceled)
}

// TestCondSignalledAndCancelled has a context end after the signal: WaitContext returns nil,
// or the signal goes to another.
func TestCondSignalledAndCancelled(t *testing.T) {
	s := shared.Named(t)
	c, p := newCond(t, s.Segment), startCond(t, s)
	for range proctest.Scaled(300) {
		ctx, cancel := context.WithCancel(t.Context())
		var waits []<-chan error
		for i := range 3 {
			waits = append(waits, proctest.Go(func() error {
				c.L.Lock()
				defer c.L.Unlock()
				return c.WaitContext(ctx)
			}))
			proctest.Until(t, "it waits", func() bool { return c.Waiting() == i+1 })
		}
		p.begins(t, c, "Wait")
		go cancel()
		for range 4 {
			c.Signal()
		}
		cancel()
		p.Expect("woken")
		for _, w := range waits {
			if err := proctest.Result(t, w); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		stays(t, c, 0)
	}
}

// TestCondMismatch asks for a Cond with another lock.
func TestCondMismatch(t *testing.T) {
	s := shared.Named(t)
	c := newCond(t, s.Segment)
	if newCond(t, s.Segment) != c {
		t.Error("two NewCond of one name on one Segment differ")
	}
	if c.L != newLock(t, s.Segment, "mu") {
		t.Error("L is another lock")
	}
	other := s.Another(t)
	newCond(t, other)
	_, err := shm.NewCond(other, "c", newLock(t, other, "other"))
	proctest.WantError(t, "NewCond", err, shm.ErrMismatch, `cond "c"`, shared.Name, "another lock")
	_, err = shm.NewCond(other, "d", c.L)
	proctest.WantError(t, "NewCond", err, shm.ErrMismatch, `cond "d"`, `lock "mu"`, "another Segment")
	_, err = shm.NewCond(other, "d", nil)
	proctest.WantError(t, "NewCond", err, fs.ErrInvalid, `cond "d"`)
}

// TestCondMisuse waits without L. (CPython's test_unacquired_wait.)
func TestCondMisuse(t *testing.T) {
	s := shared.Named(t)
	c, other := newCond(t, s.Segment), newLock(t, s.Another(t), "mu")
	for range 2 {
		proctest.WantText(t, "Wait", proctest.PanicOf(c.Wait), `cond "c"`, "Wait on a Cond whose Lock")
		proctest.WantText(t, "WaitContext", proctest.PanicOf(func() { _ = c.WaitContext(t.Context()) }), "Wait on a Cond")
		other.TryLock() // another process has it from then on
	}
	stays(t, c, 0)
}

// TestCondClosed closes the Segment of those who wait: one asleep, and others for their turn.
// What they had got goes to others.
func TestCondClosed(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	seg := s.Another(t)
	c, closed := newCond(t, s.Segment), newCond(t, seg)
	var waits []<-chan any
	for range 3 {
		waits = append(waits, begins(t, closed))
	}
	panics := proctest.Go(func() any {
		return proctest.PanicOf(func() { closed.L.Lock(); closed.Wait() })
	})
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == 4 })
	proctest.Until(t, "it sleeps", func() bool { return c.SleepsIn(closed) })
	start := time.Now()
	proctest.Check(t, seg.Close())
	for _, w := range append(waits, panics) {
		wantClosed(t, "Wait", proctest.Result(t, w), `cond "c"`)
	}
	proctest.Prompt(t, "told", start)
	w := begins(t, c)
	for range 2 {
		c.Signal()
	}
	// Where the memory stays shared, those who waited may have locked L before they noticed.
	if got := proctest.Result(t, w); got != "woken" && (mapping.Severs() || got != "owner died") {
		t.Errorf("Wait: %v", got)
	}
	wantClosed(t, "Signal", proctest.PanicOf(closed.Signal), `cond "c"`)
	wantClosed(t, "Broadcast", proctest.PanicOf(closed.Broadcast), `cond "c"`)
	wantClosed(t, "Wait", proctest.PanicOf(closed.Wait), `cond "c"`)
	wantClosed(t, "WaitContext", closed.WaitContext(t.Context()), `cond "c"`)
	_, err := shm.NewCond(seg, "c", closed.L)
	wantClosed(t, "NewCond", err, `cond "c"`)
}

// TestCondCloseUnderLoad closes a Segment in the middle of everything.
func TestCondCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		c := newCond(t, seg)
		wait := func() {
			if err := c.L.LockContext(context.Background()); err != nil && !errors.Is(err, shm.ErrOwnerDied) {
				panic(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			if err := c.WaitContext(ctx); errors.Is(err, shm.ErrSegmentClosed) {
				panic(err)
			}
			c.L.Unlock()
		}
		shared.CloseUnder(t, seg, c.Signal, c.Broadcast, wait, wait, func() { c.L.Lock(); c.Wait(); c.L.Unlock() })
	}
}

// A buffer is what producers and consumers share, under one lock: they tell each other of
// room and of messages by Signals.
type buffer struct {
	room, full *shm.Cond
	state      *shm.Array[int64] // in the buffer, put, taken, sums of what was
}

func newBuffer(t proctest.Fataler, seg *shm.Segment) buffer {
	mu := newLock(t, seg, "mu")
	return buffer{
		room:  proctest.Must(shm.NewCond(seg, "room", mu))(t),
		full:  proctest.Must(shm.NewCond(seg, "full", mu))(t),
		state: newArray[int64](t, seg, "state", 3),
	}
}

const (
	bufferRoom  = 2
	bufferMoves = 2000 // of each goroutine
)

// move puts or takes, n times.
func (b buffer) move(n int, by int64) {
	mine, others, at := b.room, b.full, 1
	able := func(n int64) bool { return n < bufferRoom }
	if by < 0 {
		mine, others, at = b.full, b.room, 2
		able = func(n int64) bool { return n > 0 }
	}
	for range n {
		b.room.L.Lock()
		for !able(b.state.Load(0)) {
			mine.Wait()
		}
		b.state.Store(0, b.state.Load(0)+by)
		b.state.Store(at, b.state.Load(at)+1)
		b.room.L.Unlock()
		others.Signal()
	}
}

func (b buffer) run() {
	var ends []<-chan bool
	for _, by := range []int64{1, -1, 1, -1} {
		ends = append(ends, proctest.Go(func() bool { b.move(proctest.Scaled(bufferMoves), by); return true }))
	}
	for _, e := range ends {
		<-e
	}
}

var _ = proctest.Register("buffer", func(c *proctest.Child) {
	seg := shared.Open(c)
	newBuffer(c, seg).run()
	c.Check(seg.Close())
})

// TestCondBuffer has producers and consumers of several processes move messages through a
// small buffer, each by one Signal. A signal that is lost, or goes to nobody, stops them.
func TestCondBuffer(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		b := newBuffer(t, s.Segment)
		procs := s.StartAll(t, 2, "buffer")
		b.run()
		for _, p := range procs {
			p.Wait()
		}
		want := int64(6 * proctest.Scaled(bufferMoves))
		if got := [3]int64{b.state.Load(0), b.state.Load(1), b.state.Load(2)}; got != [3]int64{0, want, want} {
			t.Errorf("in the buffer, put and taken: %d", got)
		}
	})
}

// A crier signals, waits with and without an end, and checks that nothing but a later signal
// has woken it.
var _ = proctest.Register("crier", func(c *proctest.Child) {
	seg := shared.Open(c)
	var ends []<-chan bool
	for range 3 {
		ends = append(ends, proctest.Go(func() bool { cry(c, seg); return true }))
	}
	for _, e := range ends {
		<-e
	}
	c.Check(seg.Close())
})

func cry(t proctest.Fataler, seg *shm.Segment) {
	c := newCond(t, seg)
	begun, done := shared.Value[int64](t, seg, "begun"), shared.Value[int64](t, seg, "done")
	for i := range proctest.Scaled(3000) {
		if i%7 < 5 {
			shm.Add(begun, 1)
			if i%7 == 0 {
				c.Broadcast()
			} else {
				c.Signal()
			}
			shm.Add(done, 1)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%3)*20*time.Microsecond)
		c.L.Lock()
		before := done.Load()
		err := c.WaitContext(ctx)
		switch {
		case err == nil && begun.Load() <= before:
			t.Fatalf("woken by nothing")
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			t.Fatalf("%v", err)
		}
		c.L.Unlock()
		cancel()
	}
}

// TestCondNoWakeUpOfNothing has nobody woken but by a Signal or Broadcast that came after it had
// begun to wait, also if others are cancelled. In the end no signal is left over.
func TestCondNoWakeUpOfNothing(t *testing.T) {
	s := shared.Named(t)
	c := newCond(t, s.Segment)
	procs := s.StartAll(t, 2, "crier")
	cry(t, s.Segment)
	for _, p := range procs {
		p.Wait()
	}
	if c.Waiting() != 0 || c.Granted() != 0 || c.Casting() {
		t.Errorf("%d wait, %d signals are left", c.Waiting(), c.Granted())
	}
}

// Many signals, of several processes at once, wake as many.
var _ = proctest.Register("signaller", func(c *proctest.Child) {
	seg := shared.Open(c)
	cond := newCond(c, seg)
	for {
		var n int
		if line := c.Recv(); line == "end" {
			break
		} else if _, err := fmt.Sscan(line, &n); err != nil {
			c.Fatalf("%v", err)
		}
		for range n {
			cond.Signal()
		}
		c.Send("done")
	}
	c.Check(seg.Close())
})

// TestCondManySignals has as many Signals as wait, of several processes at once, wake all, and
// one more wakes nobody. (sync's TestCondSignalStealing.)
func TestCondManySignals(t *testing.T) {
	s := shared.Named(t)
	c, other := newCond(t, s.Segment), newCond(t, s.Another(t))
	procs := s.StartAll(t, 2, "signaller")
	for range proctest.Scaled(100) {
		var waits []<-chan any
		for range 4 {
			waits = append(waits, begins(t, c), begins(t, other))
		}
		for _, p := range procs {
			p.Send(3)
		}
		c.Signal()
		other.Signal()
		for _, w := range waits {
			wantEnd(t, w, "woken")
		}
		for _, p := range procs {
			p.Expect("done")
		}
		c.Signal()
		stays(t, c, 0)
	}
	for _, p := range procs {
		end(p)
	}
}

// TestCondWaitFor waits for a state that several processes bring about by steps. (CPython's
// test_waitfor.)
func TestCondWaitFor(t *testing.T) {
	s := shared.Named(t)
	c, state := newCond(t, s.Segment), shared.Value[int64](t, s.Segment, "state")
	const steps = 4
	other := newCond(t, s.Another(t))
	w := proctest.Go(func() int64 {
		other.L.Lock()
		defer other.L.Unlock()
		for state.Load() != steps {
			other.Wait()
		}
		return state.Load()
	})
	for range steps {
		proctest.Until(t, "it waits", func() bool { return c.Waiting() == 1 })
		c.L.Lock()
		shm.Add(state, 1)
		c.Signal()
		c.L.Unlock()
	}
	if got := proctest.Result(t, w); got != steps {
		t.Errorf("the state was %d", got)
	}
}

func TestCondSize(t *testing.T) {
	for _, procs := range []int{1, 128, 1024} {
		if got, want := shm.CondSize(procs), int64(384+128*procs); got != want {
			t.Errorf("CondSize(%d) is %d, expected %d", procs, got, want)
		}
	}
}
