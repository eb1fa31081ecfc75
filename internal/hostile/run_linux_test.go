package hostile

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// tally counts what came of operations.
type tally struct {
	programs, refused, operations, corrupt, misuse, rescued int64
}

func (t *tally) add(o tally) {
	t.programs += o.programs
	t.refused += o.refused
	t.operations += o.operations
	t.corrupt += o.corrupt
	t.misuse += o.misuse
	t.rescued += o.rescued
}

func (t tally) String() string {
	return fmt.Sprintf("%d programs, %d files refused, %d operations, %d of them ErrCorrupt, %d panics of misuse, %d times an owner who is alive was waited for until the segment was restored",
		t.programs, t.refused, t.operations, t.corrupt, t.misuse, t.rescued)
}

// run runs an operation. What it must not do, faults included, is an error. What
// is to be restored for an endless one is; any other that does not return ends
// the process.
func (w *world) run(kind string, op operation, arg byte) (err error) {
	if !w.found[kind] {
		return nil
	}
	w.tally.operations++
	w.watch.begin(op)
	defer func() {
		if w.watch.end() {
			w.tally.rescued++
		}
		switch r := recover().(type) {
		case nil:
		case string:
			if !isMisuse(r) {
				err = errors.New(r)
			}
			w.tally.misuse++
		case error:
			err = r
			if !errors.Is(r, shm.ErrSegmentClosed) {
				err = fmt.Errorf("%w\n%s", r, debug.Stack())
			}
		default:
			err = fmt.Errorf("%v\n%s", r, debug.Stack())
		}
	}()
	err = op.do(w.handles, arg)
	if errors.Is(err, shm.ErrCorrupt) {
		w.tally.corrupt++
	}
	if isDocumented(err) {
		return nil
	}
	return fmt.Errorf("undocumented error: %w", err)
}

func isMisuse(text string) bool {
	for _, m := range misuses {
		if strings.Contains(text, m) {
			return true
		}
	}
	return false
}

// A watch looks after operations that take long.
type watch struct {
	mu      sync.Mutex
	op      string // the one that is running, if any
	endless bool
	number  int
	rescued bool

	rescue func()
	timer  *time.Timer
	quit   chan struct{}
	gone   sync.WaitGroup
}

// patience is how long an endless operation waits for its rescue.
const patience = 100 * time.Microsecond

// newWatch makes one that calls rescue, again and again, while an endless
// operation does not return.
func newWatch(rescue func()) *watch {
	w := &watch{rescue: rescue, quit: make(chan struct{})}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.gone.Go(w.bark)
	return w
}

func (w *watch) begin(op operation) {
	w.mu.Lock()
	w.op, w.endless, w.rescued = op.name, op.endless, false
	w.number++
	w.mu.Unlock()
	if op.endless {
		w.timer.Reset(patience)
	}
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.op != "" && w.endless {
		w.rescue()
		w.rescued = true
		w.timer.Reset(patience)
	}
}

func (w *watch) end() (rescued bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.endless {
		w.timer.Stop()
	}
	w.op = ""
	return w.rescued
}

// bark ends the process if an operation does not return, rescued or not.
func (w *watch) bark() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	since, last := time.Now(), 0
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		if w.op == "" || w.number != last {
			since, last = time.Now(), w.number
		}
		if time.Since(since) > proctest.Timeout() {
			debug.SetTraceback("all")
			panic(w.op + " does not return")
		}
		w.mu.Unlock()
	}
}

func (w *watch) close() {
	w.timer.Stop()
	close(w.quit)
	w.gone.Wait()
}

// A storm writes patches, over and over, from a goroutine of its own.
type storm struct {
	patches chan func()
	done    chan struct{}
	over    atomic.Bool
	blowing bool
}

func newStorm() *storm {
	s := &storm{patches: make(chan func()), done: make(chan struct{})}
	go func() {
		for patch := range s.patches {
			for !s.over.Load() {
				patch()
				runtime.Gosched() // there may be one processor, or many storms
			}
			s.done <- struct{}{}
		}
	}()
	return s
}

func (s *storm) begin(mem []byte, part part, ids [4]uint64, steps []step) {
	s.over.Store(false)
	s.blowing = true
	s.patches <- func() {
		for _, step := range steps {
			if step.isPatch() {
				step.apply(mem, part, ids)
			}
		}
	}
}

// end waits until the storm is over, if there is one.
func (s *storm) end() {
	if s.blowing {
		s.over.Store(true)
		<-s.done
		s.blowing = false
	}
}

func (s *storm) close() { close(s.patches) }
