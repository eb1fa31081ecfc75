package shm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func newOnce(t proctest.Fataler, seg *shm.Segment, name string) *shm.Once {
	t.Helper()
	return proctest.Must(shm.NewOnce(seg, name))(t)
}

var (
	errTry  = errors.New("try again")
	succeed = func() error { return nil }
	fail    = func() error { return errTry }
)

// never is the f of a Do that must not call it.
func never(t *testing.T) func() error {
	return func() error { t.Error("f was called"); return nil }
}

// do calls Do in a goroutine.
func do(o *shm.Once, f func() error) <-chan error {
	return proctest.Go(func() error { return o.Do(context.Background(), f) })
}

// stay returns an f that says that it runs, and then returns what it is sent.
func stay() (f func() error, runs chan bool, end chan error) {
	runs, end = make(chan bool), make(chan error)
	return func() error { runs <- true; return <-end }, runs, end
}

// TestOnce has many goroutines of two attachments do it.
func TestOnce(t *testing.T) {
	s := shared.Named(t)
	o, other := newOnce(t, s.Segment, "o"), newOnce(t, s.Another(t), "o")
	if newOnce(t, s.Segment, "o") != o || o == other {
		t.Error("a Once is one on one Segment, and another on another")
	}
	if o.Done() {
		t.Error("done before")
	}
	var one atomic.Int32 // the race detector sees the edges of one attachment only
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := []*shm.Once{o, other}[i%2].Do(context.Background(), func() error { one.Add(1); return nil })
			if n := one.Load(); err != nil || n != 1 {
				t.Errorf("Do: %v, and it was done %d times", err, n)
			}
		})
	}
	wg.Wait()
	if one.Load() != 1 || !o.Done() || !other.Done() || o.OwnerDied() {
		t.Errorf("done %d times: %v, %v, a death: %v", one.Load(), o.Done(), other.Done(), o.OwnerDied())
	}
	proctest.Check(t, o.Do(context.Background(), never(t)))
}

// TestOnceFails has f fail in all ways: the next Do calls its own.
func TestOnceFails(t *testing.T) {
	o := newOnce(t, shared.Named(t).Segment, "o")
	for range 3 {
		if err := o.Do(context.Background(), fail); err != errTry {
			t.Errorf("Do: %v, expected the error of f", err)
		}
		if p := proctest.PanicOf(func() { _ = o.Do(context.Background(), func() error { panic("f") }) }); p != "f" {
			t.Errorf("Do panicked with %v, expected what f did", p)
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = o.Do(context.Background(), func() error { runtime.Goexit(); return nil }) })
		wg.Wait()
		if o.Done() || o.OwnerDied() {
			t.Error("done, or dead, after f has failed")
		}
	}
	proctest.Check(t, o.Do(context.Background(), succeed))
	proctest.Check(t, o.Do(context.Background(), never(t)))
}

// TestOnceWaits has others wait for an f that runs: when it fails, exactly one of them
// runs its own.
func TestOnceWaits(t *testing.T) {
	s := shared.Named(t)
	onces := []*shm.Once{newOnce(t, s.Segment, "o"), newOnce(t, s.Another(t), "o"), newOnce(t, s.Another(t), "o")}
	f, runs, end := stay()
	first := do(onces[0], f)
	<-runs
	var waiters []<-chan error
	for i := range 9 {
		waiters = append(waiters, do(onces[i%3], f))
	}
	for range 4 {
		proctest.Until(t, "a waiter sleeps", onces[0].Awaited)
		select {
		case <-runs:
			t.Fatal("two f run")
		default:
		}
		end <- errTry
		<-runs
	}
	end <- nil
	failed := 0
	for _, w := range append(waiters, first) {
		switch err := proctest.Result(t, w); err {
		case nil:
		case errTry:
			failed++
		default:
			t.Error(err)
		}
	}
	if failed != 4 {
		t.Errorf("%d were told that f failed, expected 4", failed)
	}
}

// TestOnceWakesAll has everybody go who waits, of each process, as soon as it is done: sleeps
// are long here.
func TestOnceWakesAll(t *testing.T) {
	s := shared.Named(t)
	others := []*shm.Segment{s.Another(t), s.Another(t), s.Another(t)}
	for i := range 5 {
		name := fmt.Sprint("o", i)
		o := newOnce(t, s.Segment, name)
		f, runs, end := stay()
		first := do(o, f)
		<-runs
		var waiters []<-chan error
		for _, other := range others {
			waiters = append(waiters, do(newOnce(t, other, name), never(t)))
		}
		proctest.Until(t, "a waiter sleeps", o.Awaited)
		end <- nil
		for _, w := range append(waiters, first) {
			proctest.Check(t, proctest.Result(t, w))
		}
	}
}

// TestOnceContext has Do end by its context.
func TestOnceContext(t *testing.T) {
	s := shared.Named(t)
	o, other := newOnce(t, s.Segment, "o"), newOnce(t, s.Another(t), "o")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	var none context.Context
	proctest.WantError(t, "Do", o.Do(none, never(t)), fs.ErrInvalid, `once "o"`)
	proctest.WantError(t, "Do", o.Do(ended, never(t)), context.Canceled, `once "o"`, shared.Name)
	f, runs, end := stay()
	first := do(other, f)
	<-runs
	ctx, cancel := context.WithCancel(context.Background())
	asleep := proctest.Go(func() error { return o.Do(ctx, never(t)) })
	queued := proctest.Go(func() error { return o.Do(ctx, never(t)) })
	proctest.Until(t, "a waiter sleeps", o.Awaited)
	cancel()
	for _, w := range []<-chan error{asleep, queued} {
		proctest.WantError(t, "Do", proctest.Result(t, w), context.Canceled, `once "o"`)
	}
	end <- nil
	proctest.Check(t, proctest.Result(t, first))
	proctest.Check(t, o.Do(ended, never(t))) // it does not wait
}

// TestOnceInside has f call Do, which would wait for itself.
func TestOnceInside(t *testing.T) {
	o := newOnce(t, shared.Named(t).Segment, "o")
	proctest.Check(t, o.Do(context.Background(), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		proctest.WantError(t, "Do", o.Do(ctx, never(t)), context.DeadlineExceeded)
		return nil
	}))
}

// A once helper calls Do, with an f that does what it is told to.
var _ = proctest.Register("once", func(c *proctest.Child) {
	seg := shared.Open(c)
	o := newOnce(c, seg, "o")
	c.Expect("do")
	err := o.Do(context.Background(), func() error {
		c.Send("inside", o.OwnerDied())
		switch c.Recv() {
		case "fail":
			return errTry
		case "end silently":
			o.EndSilently()
			c.Send("ended")
			c.Recv()
		case "write":
			newArray[int](c, seg, "a", 1).View()[0] = 7
		}
		return nil
	})
	if err != nil && err != errTry {
		c.Fatalf("Do: %v", err)
	}
	c.Send(err, newArray[int](c, seg, "a", 1).View()[0])
	c.Check(seg.Close())
})

// TestOnceProcesses has one process see what another has done.
func TestOnceProcesses(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		o := newOnce(t, s.Segment, "o")
		p, q, r := s.Start(t, "once"), s.Start(t, "once"), s.Start(t, "once")
		p.Send("do")
		p.Expect("inside", false)
		q.Send("do")
		proctest.Until(t, "a waiter sleeps", o.Awaited)
		if o.Done() {
			t.Error("done while f runs")
		}
		p.Send("fail")
		p.Expect(errTry, 0)
		q.Expect("inside", false)
		r.Send("do")
		q.Send("write")
		q.Expect(nil, 7)
		r.Expect(nil, 7)
		proctest.Check(t, o.Do(context.Background(), never(t)))
		for _, p := range []*proctest.Proc{p, q, r} {
			p.Wait()
		}
	})
}

// TestOnceExecutorKilled kills a process inside f, with one that waits, and with one that
// comes.
func TestOnceExecutorKilled(t *testing.T) {
	for _, waits := range []bool{false, true} {
		t.Run(fmt.Sprint(waits), func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			o := newOnce(t, s.Segment, "o")
			p, q := s.Start(t, "once"), s.Start(t, "once")
			p.Send("do")
			p.Expect("inside", false)
			if waits {
				q.Send("do")
				proctest.Until(t, "a waiter sleeps", o.Awaited)
			}
			start := time.Now()
			p.Kill()
			if !waits {
				q.Send("do")
			}
			q.Expect("inside", true)
			proctest.Prompt(t, "taken over", start)
			q.Send("write")
			q.Expect(nil, 7)
			q.Wait()
			proctest.Check(t, o.Do(context.Background(), never(t)))
			if !o.Done() || !o.OwnerDied() {
				t.Errorf("done: %v, a death: %v", o.Done(), o.OwnerDied())
			}
		})
	}
}

// TestOnceSlotTakenAgain starts a process in the slot of the dead executor.
func TestOnceSlotTakenAgain(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 2})
	p := s.Start(t, "once")
	p.Send("do")
	p.Expect("inside", false)
	p.Kill()
	q := s.Start(t, "once")
	q.Send("do")
	q.Expect("inside", true)
	q.Send("succeed")
	q.Expect(nil, 0)
	q.Wait()
}

// TestOnceKilledBeforeWake kills a process between the success of its f and its wake.
func TestOnceKilledBeforeWake(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	o := newOnce(t, s.Segment, "o")
	p := s.Start(t, "once")
	p.Send("do")
	p.Expect("inside", false)
	waiter := do(o, never(t))
	proctest.Until(t, "a waiter sleeps", o.Awaited)
	p.Send("end silently")
	p.Expect("ended")
	start := time.Now()
	p.Kill()
	proctest.Check(t, proctest.Result(t, waiter))
	proctest.Prompt(t, "told", start)
	if o.OwnerDied() {
		t.Error("died inside f, which had returned")
	}
}

// TestOnceClosed closes the Segment of those who wait, and of who runs f: to the others
// that is a death.
func TestOnceClosed(t *testing.T) {
	for _, inside := range []error{nil, errTry} {
		t.Run(fmt.Sprint(inside), func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			seg := s.Another(t)
			o, other := newOnce(t, seg, "o"), newOnce(t, s.Segment, "o")
			f, runs, end := stay()
			first := do(o, f)
			<-runs
			waiters := []<-chan error{do(o, never(t)), do(o, never(t))}
			successor := do(other, succeed)
			proctest.Until(t, "a waiter sleeps", o.Awaited)
			seg.Close()
			for _, w := range waiters {
				wantClosed(t, "Do", proctest.Result(t, w), `once "o"`)
			}
			proctest.Check(t, proctest.Result(t, successor))
			end <- inside
			if err := proctest.Result(t, first); inside == nil {
				wantClosed(t, "Do", err, `once "o"`)
			} else if err != inside {
				t.Errorf("Do: %v, expected the error of f", err)
			}
			if !other.Done() || !other.OwnerDied() {
				t.Errorf("done: %v, a death: %v", other.Done(), other.OwnerDied())
			}
			for range 2 {
				wantClosed(t, "Do", o.Do(context.Background(), never(t)), `once "o"`)
				wantClosed(t, "Done", proctest.PanicOf(func() { o.Done() }), `once "o"`)
				wantClosed(t, "OwnerDied", proctest.PanicOf(func() { o.OwnerDied() }), `once "o"`)
			}
			_, err := shm.NewOnce(seg, "o")
			wantClosed(t, "NewOnce", err, `once "o"`)
		})
	}
}

// A try helper tries each of the onces, and counts both numbers of each array up, one
// after the other.
var _ = proctest.Register("try", func(c *proctest.Child) {
	seg := shared.Open(c)
	c.Send("ready")
	c.Expect("go")
	for i := range onces {
		a := newArray[int](c, seg, fmt.Sprint("a", i), 2)
		c.Check(newOnce(c, seg, fmt.Sprint("o", i)).Do(context.Background(), func() error {
			x := a.Load(0) + 1
			a.Store(0, x)
			runtime.Gosched()
			a.Store(1, x)
			return nil
		}))
		if a.Load(0) != a.Load(1) || a.Load(0) == 0 {
			c.Fatalf("done, and the numbers are %d and %d", a.Load(0), a.Load(1))
		}
	}
	c.Check(seg.Close())
})

const onces = 20

// TestOnceKilledAnywhere kills processes wherever they are.
func TestOnceKilledAnywhere(t *testing.T) {
	random := proctest.Random(t)
	for i := range 5 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			procs := s.StartAll(t, 4, "try")
			for _, p := range procs {
				p.Expect("ready")
			}
			for _, p := range procs {
				p.Send("go")
			}
			for _, p := range procs[:2] {
				last := newOnce(t, s.Segment, fmt.Sprint("o", random.IntN(onces)))
				proctest.Until(t, "the others go on", last.Done)
				p.Kill()
			}
			for _, p := range procs[2:] {
				p.Wait()
			}
			for i := range onces {
				proctest.Check(t, newOnce(t, s.Segment, fmt.Sprint("o", i)).Do(context.Background(), never(t)))
			}
		})
	}
}
