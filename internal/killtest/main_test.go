//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

var (
	allFlag  = flag.Bool("killtest.all", false, "try every point of every operation, also those in the allocator, which takes hours")
	seedFlag = flag.Uint64("killtest.seed", 0, "seed of the random choice of points, 0 for a new one")
	onlyFlag = flag.Int("killtest.point", -1, "try only the point of this number, of the operations that -test.run selects")
)

// A part is one of n equal parts of something.
type part struct{ i, n int }

// partFlag is the part of the points of each operation that is tried.
var partFlag part

func init() {
	flag.Var(&partFlag, "killtest.part", "try every n-th point of every operation, from the i-th on: `i/n`, 0/n being the first")
}

func (p *part) String() string { return fmt.Sprintf("%d/%d", p.i, p.n) }

func (p *part) Set(text string) error {
	if _, err := fmt.Sscanf(text, "%d/%d", &p.i, &p.n); err != nil || p.i < 0 || p.i >= p.n {
		return fmt.Errorf("want i/n, i from 0 to n-1")
	}
	return nil
}

// has reports whether the i-th point is in the part. All are, if there are no parts.
func (p *part) has(i int) bool { return p.n == 0 || i%p.n == p.i }

// A victim is this binary, started with the operation's name in envVictim.
const (
	envVictim = "ISTHMUS_KILLTEST_VICTIM"
	envRound  = "ISTHMUS_KILLTEST_ROUND"
	envClose  = "ISTHMUS_KILLTEST_CLOSE" // a thread of the victim is to close its Segment when told to
)

func init() {
	if os.Getenv(envVictim) != "" {
		runtime.LockOSThread() // the main goroutine, to the main thread
	}
}

func TestMain(m *testing.M) {
	if name := os.Getenv(envVictim); name != "" {
		victimMain(name)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		f.Value.Set(fmt.Sprint(perCPU * runtime.NumCPU())) // as many as there are stages
	}
	proctest.Main(m)
}

// slice bounds the sleeps of everybody, so that the dead are found quickly.
const slice = 2 * time.Millisecond

// victim is what an operation has to work with in its own process.
type victim struct {
	seg   *shm.Segment // nil if the operation attaches itself
	round uint64       // counts the victims of an operation
}

// message n of the round. Messages are numbered without repetition.
func (v *victim) message(n int) uint64 { return messageOf(v.round, n) }

func messageOf(round uint64, n int) uint64 { return round<<8 | uint64(n) }

// victimMain prepares an operation, and executes it between two marks. Then it
// prints the result and stops at a third.
func victimMain(name string) {
	wait.SetSpin(false)
	wait.SetSlice(time.Hour) // single steps take long, and must not end a sleep
	v := &victim{}
	fmt.Sscan(os.Getenv(envRound), &v.round)
	op := find(name)
	if !op.outside {
		v.seg = must(shm.Open(segmentName, nil))
	}
	if os.Getenv(envClose) != "" {
		wait.SetSlice(closerSlice)
		v.startCloser()
	}
	if op.joins() {
		v.join(op.ring)
		killtest.Mark()
	}
	do := op.victim(v)
	runtime.Gosched() // a preemption that is due comes now
	r := execute(do, !op.inside)
	if op.lets && r.err == nil && closed(v.seg) {
		r = failed(shm.ErrSegmentClosed) // the Close may have come in its middle
	}
	fmt.Println(r)
	killtest.Mark()
	os.Exit(3)
}

// join pushes and pops once, which leaves the ring as it was: empty. Any handle of the
// Segment's has then joined both sides.
func (v *victim) join(kind string) {
	e := must(newEnd(kind, v.seg, ""))
	n := v.message(127)
	check(e.TryPush(n))
	if got := must(e.TryPop()); got != n {
		panic(fmt.Sprintf("pushed %x and popped %x", n, got))
	}
}

// execute does an operation between two marks, the first of which it may leave to
// the operation. A panic is a result.
func execute(do func() result, mark bool) (r result) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err, ok := p.(error)
		if !ok {
			err = fmt.Errorf("panic: %v", p)
		}
		r = failed(err)
		killtest.Mark()
	}()
	if mark {
		killtest.Mark()
	}
	r = do()
	killtest.Mark()
	return r
}

func find(name string) *operation {
	for i := range operations {
		if operations[i].name == name {
			return &operations[i]
		}
	}
	panic("no operation " + name)
}

// must is for what cannot fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
