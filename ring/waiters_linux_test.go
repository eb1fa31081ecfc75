package ring_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func usualSlice() { wait.SetSlice(20 * time.Millisecond) }

// waitersOf returns the rings of a process with n sleepers.
func waitersOf(t proctest.Fataler, seg *shm.Segment, n int) (rings []*ring.SPSC[int64]) {
	for i := range n {
		rings = append(rings, proctest.Must(ring.NewSPSC[int64](seg, fmt.Sprintf("%d of %d", i, n), 2))(t))
	}
	return rings
}

// The helper "waiters" has as many goroutines as it is told wait for a message, each on a
// ring of its own. A message is the time at which it was pushed.
var _ = proctest.Register("waiters", func(c *proctest.Child) {
	usualSlice()
	var n int
	if _, err := fmt.Sscan(c.Arg(0), &n); err != nil {
		c.Fatalf("%v", err)
	}
	seg := shared.Open(c)
	rings := waitersOf(c, seg, n)
	before := status(c, "VmRSS:")
	late := make(chan time.Duration, 10_000)
	for _, r := range rings {
		q := proctest.Must(r.Consumer())(c)
		go func() {
			for {
				v, err := q.Pop(background)
				if err != nil {
					return
				}
				late <- time.Duration(time.Now().UnixNano() - v)
			}
		}()
	}
	c.Send("ready")
	for {
		switch c.Recv() {
		case "used":
			var u syscall.Rusage
			c.Check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
			c.Send(u.Utime.Nano() + u.Stime.Nano())
		case "size":
			c.Send(status(c, "VmRSS:")-before, status(c, "Threads:"))
		case "late":
			var all []time.Duration
			for len(late) > 0 {
				all = append(all, <-late)
			}
			slices.Sort(all)
			c.Send(all[len(all)/2].Nanoseconds())
		case "end":
			c.Check(seg.Close())
			return
		}
	}
})

// status returns a number of /proc/self/status.
func status(t proctest.Fataler, name string) (n int) {
	_, rest, _ := strings.Cut(string(proctest.Must(os.ReadFile("/proc/self/status"))(t)), name)
	if _, err := fmt.Sscan(rest, &n); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func startWaiters(b testing.TB, n int) (p *proctest.Proc, ask func(string) []int) {
	p = proctest.Start(b, "waiters", fmt.Sprint(n))
	p.Expect("ready")
	return p, func(what string) (answer []int) {
		p.Send(what)
		for _, s := range strings.Fields(p.Recv()) {
			var v int
			if _, err := fmt.Sscan(s, &v); err != nil {
				b.Fatal(err)
			}
			answer = append(answer, v)
		}
		return answer
	}
}

// TestWaiters has many goroutines of a process wait, each on a ring of its own, in few threads.
func TestWaiters(t *testing.T) {
	proctest.Mortal(t)
	const n = 500
	seg := newSegment(t)
	var ends []*ring.Producer[int64]
	for _, r := range waitersOf(t, seg, n) {
		ends = append(ends, proctest.Must(r.Producer())(t))
	}
	p, ask := startWaiters(t, n)
	if !futex.NativeAny() {
		t.Log("the kernel does not wait on several words: hubs poll")
	}
	for _, e := range ends {
		proctest.Check(t, e.Push(background, time.Now().UnixNano()))
	}
	proctest.Until(t, "all messages are popped", func() bool {
		return !slices.ContainsFunc(ends, func(e *ring.Producer[int64]) bool { return e.TryPush(0) == ring.ErrFull })
	})
	if threads := ask("size")[1]; threads > 100 {
		t.Errorf("%d threads for %d goroutines that wait", threads, n)
	}
	p.Send("end")
	p.Wait()
}

// BenchmarkWaiters has two processes wait: one with many goroutines, each on a ring of its
// own, and one with a single goroutine. Each turn is a message to one of the first, and one
// to the other, after both have slept for a while.
func BenchmarkWaiters(b *testing.B) {
	for _, n := range []int{2, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			proctest.Mortal(b)
			proctest.Dir(b)
			seg := proctest.Must(shm.Create(shared.Name, 64<<20, &shm.Options{MaxObjects: n + 10}))(b)
			defer func() {
				proctest.Check(b, seg.Close())
				proctest.Check(b, shm.Remove(shared.Name, nil))
			}()
			producers := func(n int) (ends []*ring.Producer[int64]) {
				for _, r := range waitersOf(b, seg, n) {
					ends = append(ends, proctest.Must(r.Producer())(b))
				}
				return ends
			}
			toMany, toOne := producers(n), producers(1)
			many, askMany := startWaiters(b, n)
			one, askOne := startWaiters(b, 1)
			time.Sleep(3 * time.Second) // until the Go runtime has come to rest
			used, start := askMany("used")[0], time.Now()
			time.Sleep(3 * time.Second)
			idle := float64(askMany("used")[0]-used) / float64(time.Since(start))
			turn := 0
			for b.Loop() {
				for _, p := range []*ring.Producer[int64]{toMany[turn*31%n], toOne[0]} {
					time.Sleep(2 * time.Millisecond)
					proctest.Check(b, p.Push(background, time.Now().UnixNano()))
				}
				turn++
			}
			time.Sleep(10 * time.Millisecond)
			size := askMany("size")
			wake, lone := askMany("late")[0], askOne("late")[0]
			b.ReportMetric(float64(wake)/1e3, "µs/wake")
			b.ReportMetric(float64(lone)/1e3, "µs/lone-wake")
			b.ReportMetric(100*idle, "idle-%")
			b.ReportMetric(float64(size[0])/float64(n), "KiB/waiter")
			b.ReportMetric(float64(size[1]), "threads")
			for _, p := range []*proctest.Proc{many, one} {
				p.Send("end")
				p.Wait()
			}
		})
	}
}
