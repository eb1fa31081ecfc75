//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// sample is how many points of an operation are tried without -killtest.all.
const sample = 3

// perCPU is how many operations are tested at once, for each processor. To attach
// takes a process some 10 ms of waiting, for the kernel's registration of its
// barriers.
const perCPU = 6

// TestKilled kills a process at points of each operation, in the all mode at
// every one, and checks what it has left.
func TestKilled(t *testing.T) { testAll(t, killed) }

// TestPaused stops a process there for a while instead.
func TestPaused(t *testing.T) { testAll(t, paused) }

// TestClosed lets another thread of the process close the Segment there, and then
// the operation go on.
func TestClosed(t *testing.T) { testAll(t, shut) }

// fate is what a victim meets at a point.
type fate string

const (
	killed fate = "killed"
	paused fate = "paused"
	shut   fate = "closed" // its Segment is
)

// sampled reports whether a few random points of each operation will do.
func sampled() bool { return !*allFlag && partFlag.n == 0 }

func testAll(t *testing.T, f fate) {
	proctest.MaySkip("other")
	if race.Enabled {
		t.Skip("the race detector's own instructions are not the module's")
	}
	needTracing(t)
	waitQuickly(t)
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	stages := perCPU * runtime.NumCPU()
	cpus := make(chan int, stages)
	for i := range stages {
		cpus <- i
	}
	var mu sync.Mutex
	var rows []row
	t.Run("in", func(t *testing.T) {
		c := compileC(t)
		for i := range operations {
			op := &operations[i]
			if f == shut && op.outside {
				continue // there is nothing to close
			}
			if op.c != "" && !c.tries(op, seed, f) {
				continue
			}
			t.Run(op.name, func(t *testing.T) {
				t.Parallel()
				cpu := <-cpus
				defer func() { cpus <- cpu }()
				defer func() {
					if t.Failed() {
						t.Logf("run again with -killtest.seed=%d", seed)
					}
				}()
				s := newStage(t, op, f, cpu)
				if op.c != "" {
					s.cVictim, s.program = c.path, c.program
				}
				s.Cleanup(func() {
					if t.Failed() {
						t.Logf("it was at %s", s.where)
					}
				})
				r := s.run(rand.New(rand.NewPCG(seed, uint64(i))))
				mu.Lock()
				defer mu.Unlock()
				rows = append(rows, r)
				if !sampled() {
					fmt.Print(r) // at once, for it takes minutes to the table
				}
			})
		}
	})
	report(t, rows, f)
}

// needTracing skips the test where processes cannot be traced.
func needTracing(t *testing.T) {
	tracer, err := killtest.NewTracer(0)
	if err != nil {
		t.Skip(err)
	}
	defer tracer.Close()
	_, err = tracer.Start(must(os.Executable()), nil, nil, os.Stdin, os.Stderr)
	if errors.Is(err, killtest.ErrRefused) {
		t.Skip(err)
	}
	check(err)
}

// waitQuickly makes this process find the dead quickly.
func waitQuickly(t *testing.T) {
	proctest.Mortal(t)
	wait.SetSlice(slice)
}

// run tries the points of one operation.
func (s *stage) run(random *rand.Rand) row {
	start := time.Now()
	trace := s.trace(!sampled() || !s.op.long || random.IntN(4) == 0)
	s.gentle = s.fate == paused
	points := trace.Everywhere()
	if s.op.long {
		points = trace.Essential()
	}
	r := row{name: s.op.name, instructions: len(trace.PCs), calls: trace.Calls, points: len(points)}
	always := s.fixed(trace)
	for _, i := range s.choose(trace, points, random) {
		s.always = slices.Contains(always, points[i])
		s.where = fmt.Sprintf("point %d: %s", i, trace.Where(points[i]))
		reached := s.try(trace, points[i])
		if !reached && (s.always || !sampled()) { // the runtime may have come between
			reached = s.try(trace, points[i])
		}
		if !reached {
			r.missed++
		}
		r.tried++
	}
	r.stall, r.took = s.stall, time.Since(start)
	return r
}

// choose returns the indexes of the points to try.
func (s *stage) choose(trace *killtest.Trace, points []killtest.Point, random *rand.Rand) (chosen []int) {
	if *onlyFlag >= 0 {
		return []int{*onlyFlag}
	}
	for i := range points {
		if partFlag.has(i) {
			chosen = append(chosen, i)
		}
	}
	if !sampled() {
		return chosen
	}
	random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	if s.op.c != "" {
		return chosen[:min(len(chosen), sample)]
	}
	chosen = chosen[:min(len(chosen), sample)]
	for _, at := range s.fixed(trace) {
		chosen = append(chosen, slices.Index(points, at))
	}
	return slices.DeleteFunc(chosen, func(i int) bool { return i < 0 })
}

// fixed returns the points that are always tried.
func (s *stage) fixed(trace *killtest.Trace) (points []killtest.Point) {
	if s.fate == shut && s.op.c != "" {
		return trace.After(lookOfC)
	}
	if s.fate == shut {
		return trace.After(look)
	}
	if s.op.changes {
		for _, i := range trace.Changes {
			points = append(points, killtest.Point{Index: i + 1})
		}
	}
	if s.op.after != "" {
		after := trace.After(s.op.after)
		if len(after) == 0 && s.op.after == loadFence {
			s.fatalf("it runs no fence")
		}
		points = append(points, after...)
	}
	return points
}

// look is how an operation looks whether its Segment is closed. Right after it
// only another look can notice that it is now.
const look = "sync/atomic.(*Bool).Load"

// traces are the operations' traces, which serve all tests of this process.
var traces sync.Map

func (s *stage) trace(steps bool) *killtest.Trace {
	if t, ok := traces.Load(s.op.name); ok {
		return t.(*killtest.Trace)
	}
	s.gentle = true
	t := s.record(steps)
	traces.Store(s.op.name, t)
	return t
}

// record executes the operation, instruction by instruction if so told: a sample
// of a long operation mostly has system calls only. In the all mode it does so
// up to four times, for the runtime may come between, until a trace is as long as the
// shortest, and returns that.
func (s *stage) record(steps bool) *killtest.Trace {
	best := &killtest.Trace{}
	if steps {
		best = s.recordOnce()
	}
	if !sampled() && !s.op.long {
		for range 3 {
			trace := s.recordOnce()
			if len(trace.PCs) == len(best.PCs) {
				break
			}
			if len(trace.PCs) < len(best.PCs) {
				best = trace
			}
		}
	}
	if s.op.long {
		s.where = "recording the system calls"
		sc := s.start()
		s.must("record", best.RecordCalls(s.live, s.sleeper(sc)))
		s.conclude(sc)
	}
	return best
}

func (s *stage) recordOnce() *killtest.Trace {
	s.where = "recording"
	sc := s.start()
	before := slices.Clone(s.view)
	changed := func(bool) bool {
		if s.view == nil || bytes.Equal(before, s.view) {
			return false
		}
		if s.overlook(before); bytes.Equal(before, s.view) {
			return false
		}
		copy(before, s.view)
		return true
	}
	if s.op.draft {
		changed = s.draftChanged()
	}
	trace, err := killtest.Record(s.live, s.program, changed, s.sleeper(sc))
	s.must("record", err)
	s.conclude(sc)
	return trace
}
