package sim_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/sim"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// condScenes is how many scenes there are before others, of which also one in condScene is one.
const (
	condScenes = 3000
	condScene  = 8
)

// condSteps is for how many steps there are runs of a Cond, if nothing else is said.
const condSteps = 2_500_000

// TestConds lets agents wait on a Cond, and wake each other, run by run.
func TestConds(t *testing.T) {
	if !*insideFlag {
		testInside(t)
		return
	}
	wait.SetSpin(false)
	proctest.Mortal(t)
	proctest.Dir(t)
	s := &condStage{t: t}
	defer s.clear()
	if *seedFlag != 0 {
		s.test(*seedFlag)
		return
	}
	start := time.Now()
	for range condScenes {
		s.test(rand.Uint64() / condScene * condScene)
	}
	for s.total.Steps < condSteps || time.Since(start) < *timeFlag {
		s.test(rand.Uint64())
	}
	t.Log(s.total)
	if s.total.Sleeps == 0 || s.total.Wakes == 0 || s.total.Deaths == 0 {
		t.Error("nobody slept, was woken, or died")
	}
	for range 10 {
		s.testSame(rand.Uint64())
	}
}

const (
	manyConds = 400
	condArena = 2 << 20
	condProcs = 8

	condHeir    = condProcs - 2 // the seat of who attaches when somebody has died
	condSweeper = condProcs - 1 // and of who broadcasts in the end
)

// A condStage is where runs are made: a segment, with a Cond for each run, until it is full of them.
type condStage struct {
	t     *testing.T
	seats [condProcs]*shm.Segment
	conds int
	total total
}

// A condSeat is a Cond as an attachment has it.
type condSeat struct {
	*shm.Cond
	inside condInside
}

// condInside is what the copies let tests see of a Cond.
type condInside interface {
	Slot() int
	Joins() uint64
	Line(slot int) (waiting, granted uint64, casting bool)
	Owed() bool
	Holds() bool
	SetTurn(slot int)
}

// cond returns the Cond of a run, as an attachment has it.
func (s *condStage) cond(seat int) (*condSeat, error) {
	if s.seats[seat] == nil { // the heir's
		if err := s.attach(seat); err != nil {
			return nil, err
		}
	}
	l, err := shm.NewLock(s.seats[seat], fmt.Sprint("L", s.conds))
	if err != nil {
		return nil, err
	}
	c, err := shm.NewCond(s.seats[seat], fmt.Sprint("cond", s.conds), l)
	if err != nil {
		return nil, err
	}
	return &condSeat{Cond: c, inside: any(c).(condInside)}, nil
}

func (s *condStage) attach(seat int) (err error) {
	s.seats[seat], err = shm.OpenOrCreate("sim", condArena, &shm.Options{MaxObjects: 2 * manyConds, MaxProcs: condProcs})
	return err
}

// enter has all but the heir attached, in their order: so each run has the same slots.
func (s *condStage) enter() error {
	if s.conds == manyConds {
		s.clear()
	}
	s.leave(condHeir)
	for seat, seg := range s.seats {
		if seg == nil && seat != condHeir {
			if err := s.attach(seat); err != nil {
				return err
			}
		}
	}
	s.conds++
	return nil
}

// leave closes an attachment. Whatever it was at has died.
func (s *condStage) leave(seat int) {
	if s.seats[seat] != nil {
		proctest.Check(s.t, s.seats[seat].Close())
		s.seats[seat] = nil
	}
}

func (s *condStage) clear() {
	for i := range s.seats {
		s.leave(i)
	}
	if s.conds > 0 {
		proctest.Check(s.t, shm.Remove("sim", nil))
	}
	s.conds = 0
}

func (s *condStage) test(seed uint64) {
	w, err := s.play(seed)
	if err != nil {
		s.t.Fatalf("%v\nrun again with -sim.seed=%d", err, seed)
	}
	s.total.add(w)
}

// testSame makes a run twice.
func (s *condStage) testSame(seed uint64) {
	a := proctest.Must(s.play(seed))(s.t)
	if b := proctest.Must(s.play(seed))(s.t); a.Steps != b.Steps || a.Sleeps != b.Sleeps || a.Wakes != b.Wakes || a.Deaths != b.Deaths {
		s.t.Errorf("the run of seed %d took %d steps, and %d the second time", seed, a.Steps, b.Steps)
	}
}

// play makes a run of that seed.
func (s *condStage) play(seed uint64) (*sim.World, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	r, err := newCondRun(s, seed)
	if err != nil {
		return nil, err
	}
	if *traceFlag {
		r.world.Trace = os.Stdout
	}
	wait.SetSlice(time.Hour) // who sleeps looks for the dead once,
	if r.deaths {
		wait.SetSlice(0) // or each time
	}
	if err = r.world.Run(); err == nil {
		err = r.judge()
	}
	if err != nil {
		err = fmt.Errorf("%v: %w\n%v", r, err, &r.record)
	}
	return r.world, err
}
