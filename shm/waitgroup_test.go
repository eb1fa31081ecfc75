package shm_test

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestWaitGroup lets goroutines of two attachments go only when all have come.
func TestWaitGroup(t *testing.T) {
	const n = 16
	s := shared.Named(t)
	other := s.Another(t)
	came, left := newWaitGroup(t, s.Segment, "came"), newWaitGroup(t, s.Segment, "left")
	groups := []*shm.WaitGroup{left, newWaitGroup(t, other, "left")}
	if newWaitGroup(t, s.Segment, "came") != came || groups[0] == groups[1] {
		t.Error("a WaitGroup is one on one Segment, and another on another")
	}
	for range 8 {
		came.Add(n)
		left.Add(n)
		exited := make(chan bool, n)
		for i := range n {
			go func() {
				came.Done()
				groups[i%2].Wait()
				exited <- true
			}()
		}
		came.Wait()
		for range n {
			select {
			case <-exited:
				t.Fatal("let go too soon")
			default:
			}
			groups[1].Done()
		}
		for range n {
			<-exited
		}
	}
	left.Wait()
	proctest.Check(t, left.WaitContext(context.Background()))
}

// TestWaitGroupMisuse takes off what is not there, and adds too much.
func TestWaitGroupMisuse(t *testing.T) {
	s := shared.Named(t)
	g, other := newWaitGroup(t, s.Segment, "g"), newWaitGroup(t, s.Another(t), "g")
	other.Add(3)
	if !other.Take(0) || other.Take(1) || !g.Take(1) {
		t.Error("took over what is its own, or not what another has added")
	}
	for name, call := range map[string]func(){
		"Add(-4)":          func() { g.Add(-4) },
		"Add(-3) of other": func() { other.Add(-3) }, // one is taken over
		"Add(min)":         func() { g.Add(math.MinInt) },
	} {
		p := proctest.PanicOf(call)
		proctest.WantText(t, name, p, "isthmus: ", `wait group "g"`, shared.Name, "negative WaitGroup counter")
		wantTotal(t, g, 3)
	}
	for name, call := range map[string]func(){
		"Add(max)":  func() { g.Add(math.MaxInt32 - 2) },
		"Add(more)": func() { g.Add(math.MaxInt) },
	} {
		proctest.WantText(t, name, proctest.PanicOf(call), "isthmus: ", `wait group "g"`, "more than 2147483647 counts")
		wantTotal(t, g, 3)
	}
	proctest.WantText(t, "Take(-1)", proctest.PanicOf(func() { g.Take(-1) }), "isthmus: ", "take -1 counts")
	g.Add(0)
	g.Add(math.MaxInt32 - 3)
	g.Add(3 - math.MaxInt32)
	g.Done()
	other.Add(-2)
	g.Wait()
	proctest.WantText(t, "Done", proctest.PanicOf(g.Done), "negative WaitGroup counter")
	proctest.WantText(t, "Done", proctest.PanicOf(other.Done), "negative WaitGroup counter")
}

// TestWaitGroupMany has no Wait return too soon.
func TestWaitGroupMany(t *testing.T) {
	g := newWaitGroup(t, shared.Named(t).Segment, "g")
	for range proctest.Scaled(1000) {
		n := [2]int{}
		g.Add(1)
		go func() { n[0]++; g.Done() }()
		g.Add(1)
		go func() { n[1]++; g.Done() }()
		g.Wait()
		if n != [2]int{1, 1} {
			t.Fatal("Wait returned too soon")
		}
	}
}

func TestWaitGroupGo(t *testing.T) {
	s := shared.Named(t)
	g, other := newWaitGroup(t, s.Segment, "g"), newWaitGroup(t, s.Another(t), "g")
	i, end := 0, make(chan bool)
	g.Go(func() { <-end; i++ })
	g.Go(func() { <-end; runtime.Goexit() })
	if other.Take(1) {
		t.Error("took over the count of a goroutine")
	}
	proctest.WantText(t, "Done", proctest.PanicOf(other.Done), "negative WaitGroup counter")
	wantTotal(t, g, 2)
	close(end)
	g.Wait()
	if i != 1 {
		t.Errorf("f ran %d times", i)
	}
}

var _ = proctest.Register("panics", func(c *proctest.Child) {
	seg := shared.Open(c)
	g := newWaitGroup(c, seg, "g")
	g.Go(func() { panic("in f") })
	g.Wait()
	c.Fatalf("Wait has returned")
})

// TestWaitGroupGoPanics has a process die of a panic in f before anybody takes its end for
// that of f.
func TestWaitGroupGoPanics(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	status, stderr := s.Start(t, "panics").Exit()
	proctest.WantText(t, "panic", stderr, "in f")
	if status != 2 {
		t.Errorf("the status is %d\n%s", status, stderr)
	}
	newWaitGroup(t, s.Segment, "g").Wait() // its count comes back
}

// TestWaitGroupReused adds again at once: who waited goes all the same.
func TestWaitGroupReused(t *testing.T) {
	s := shared.Named(t)
	g, other := newWaitGroup(t, s.Segment, "g"), newWaitGroup(t, s.Another(t), "g")
	g.Add(1)
	for range proctest.Scaled(200) {
		w := groupWaits(other)
		proctest.Until(t, "the waiter sleeps", g.Awaited)
		g.Done()
		g.Add(1)
		wantEnd(t, w, "done")
	}
}

// TestWaitGroupContext has a wait end by its context, also where somebody is stopped in
// the middle of a change.
func TestWaitGroupContext(t *testing.T) {
	for _, stays := range []bool{false, true} {
		t.Run(fmt.Sprint(stays), func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			g, other := newWaitGroup(t, s.Segment, "g"), newWaitGroup(t, s.Another(t), "g")
			var none context.Context
			proctest.WantError(t, "WaitContext", g.WaitContext(none), fs.ErrInvalid, `wait group "g"`)
			gone := s.Another(t)
			newWaitGroup(t, gone, "g").Add(1) // something to look for
			other.Add(1)
			ctx, cancel := context.WithCancel(context.Background())
			if stays {
				other.Stay()
			}
			gone.Close()
			w := proctest.Go(func() error { return g.WaitContext(ctx) })
			proctest.Until(t, "the waiter sleeps", g.Awaited)
			cancel()
			proctest.WantError(t, "WaitContext", proctest.Result(t, w), context.Canceled, `wait group "g"`, shared.Name)
			proctest.WantError(t, "WaitContext", g.WaitContext(ctx), context.Canceled)
		})
	}
}

// A child takes a count over, or not, writes, and is done.
var _ = proctest.Register("child", func(c *proctest.Child) {
	seg := shared.Open(c)
	g := newWaitGroup(c, seg, "g")
	if c.Arg(0) == "take" && !g.Take(1) {
		c.Fatalf("there is no count")
	}
	shm.AddAt(newArray[int](c, seg, "a", 1), 0, 1)
	g.Done()
	c.Check(seg.Close())
})

// TestWaitGroupChildren has a parent add what its children do.
func TestWaitGroupChildren(t *testing.T) {
	for _, how := range []string{"take", "leave"} {
		t.Run(how, func(t *testing.T) {
			shared.Each(t, func(t *testing.T, s shared.Segment) {
				const n = 4
				g := newWaitGroup(t, s.Segment, "g")
				g.Add(n)
				procs := s.StartAll(t, n, "child", how)
				g.Wait()
				if got := newArray[int](t, s.Segment, "a", 1).Load(0); got != n {
					t.Errorf("%d children are done, expected %d", got, n)
				}
				for _, p := range procs {
					p.Wait()
				}
				if g.Take(1) {
					t.Error("took over a count of those who are done")
				}
			})
		})
	}
}

// A worker adds itself, works, is done, and waits for the others.
var _ = proctest.Register("worker", func(c *proctest.Child) {
	seg := shared.Open(c)
	g, done := newWaitGroup(c, seg, "g"), newArray[int](c, seg, "a", 1)
	g.Add(1)
	c.Send("ready")
	c.Expect("go")
	shm.AddAt(done, 0, 1)
	g.Done()
	g.Wait()
	if n := done.Load(0); n != workers {
		c.Fatalf("%d of %d are done", n, workers)
	}
	c.Check(seg.Close())
})

const workers = 4

// TestWaitGroupWorkers has workers add themselves, and wait for each other.
func TestWaitGroupWorkers(t *testing.T) {
	s := shared.Named(t)
	procs := s.StartAll(t, workers, "worker")
	proctest.Together(procs)
	newWaitGroup(t, s.Segment, "g").Wait()
}

// TestWaitGroupMismatch has others disagree about the dead.
func TestWaitGroupMismatch(t *testing.T) {
	s := shared.Named(t)
	newWaitGroup(t, s.Segment, "returns")
	newWaitGroup(t, s.Segment, "reports", shm.ReportDead)
	_, err := shm.NewWaitGroup(s.Segment, "returns", shm.ReportDead)
	proctest.WantError(t, "NewWaitGroup", err, shm.ErrMismatch, `wait group "returns"`)
	_, err = shm.NewWaitGroup(s.Segment, "reports")
	proctest.WantError(t, "NewWaitGroup", err, shm.ErrMismatch, `wait group "reports"`)
}

// TestWaitGroupClosed closes the Segment of those who wait, and of those who count.
func TestWaitGroupClosed(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	seg := s.Another(t)
	g, other := newWaitGroup(t, seg, "g"), newWaitGroup(t, s.Segment, "g")
	g.Add(1)
	end := make(chan bool)
	g.Go(func() { <-end })
	asleep := []<-chan any{groupWaits(g), proctest.Go(func() any { return proctest.PanicOf(g.Wait) })}
	w := groupWaits(other)
	proctest.Until(t, "somebody sleeps", g.Awaited)
	start := time.Now()
	seg.Close()
	for _, w := range asleep {
		wantClosed(t, "Wait", proctest.Result(t, w), `wait group "g"`)
	}
	wantEnd(t, w, "done") // the counts have come back
	proctest.Prompt(t, "told", start)
	close(end)
	for range 2 {
		for name, call := range map[string]func(){
			"Add": func() { g.Add(1) }, "Done": g.Done, "Take": func() { g.Take(1) },
			"Wait": g.Wait, "Go": func() { g.Go(func() {}) },
		} {
			wantClosed(t, name, proctest.PanicOf(call), `wait group "g"`)
		}
		wantClosed(t, "WaitContext", g.WaitContext(context.Background()), `wait group "g"`)
	}
	_, err := shm.NewWaitGroup(seg, "g")
	wantClosed(t, "NewWaitGroup", err, `wait group "g"`)
}

// TestWaitGroupEndsAfterDone has a Wait see that there are no counts before the Done of its own
// process is over: it does not end before that.
func TestWaitGroupEndsAfterDone(t *testing.T) {
	g := newWaitGroup(t, shared.Named(t).Segment, "g")
	g.Add(1)
	end := g.DoneInside()
	ended := proctest.Go(func() bool { g.Wait(); return true })
	proctest.Until(t, "Wait waits", func() bool { return g.ChangeAwaited() || len(ended) > 0 })
	if len(ended) > 0 {
		t.Error("Wait ended in the middle of Done")
	}
	end()
	proctest.Result(t, ended)
}

// TestWaitGroupCloseUnderLoad closes a Segment in the middle of everything.
func TestWaitGroupCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		g := newWaitGroup(t, seg, "g")
		var tasks sync.WaitGroup
		shared.CloseUnder(t, seg,
			func() { g.Add(2); g.Add(-2) },
			func() { g.Wait() },
			func() { g.Take(1); g.Add(1); g.Done() },
			func() { tasks.Add(1); g.Go(tasks.Done); tasks.Wait() },
		)
	}
	newWaitGroup(t, s.Segment, "g").Wait()
}
