package sim_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/sim"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	seats     = 9   // attachments: those of the agents of one run
	manyRings = 500 // one or two objects each, and five for other tests
	arena     = 8 << 20
)

// A stage is where runs are made: a segment, with a ring for each run, until it is full of
// them.
type stage struct {
	t     *testing.T
	seats [seats]*shm.Segment
	rings int
	total total
}

// A total is what was done in all runs.
type total struct{ Runs, Steps, Sleeps, Wakes, Deaths int }

func (t total) String() string {
	return fmt.Sprintf("%d runs, %d steps, %d sleeps, %d wakes, %d deaths", t.Runs, t.Steps, t.Sleeps, t.Wakes, t.Deaths)
}

func (t *total) add(w *sim.World) {
	t.Runs++
	t.Steps += w.Steps
	t.Sleeps += w.Sleeps
	t.Wakes += w.Wakes
	t.Deaths += w.Deaths
}

func newStage(t *testing.T) *stage {
	proctest.Dir(t)
	s := &stage{t: t, rings: manyRings}
	t.Cleanup(s.clear)
	return s
}

func (s *stage) clear() {
	if s.seats[0] == nil {
		return
	}
	for i := range s.seats {
		s.leave(i)
	}
	proctest.Check(s.t, shm.Remove("sim", nil))
}

// seat returns an attachment.
func (s *stage) seat(i int) *shm.Segment {
	if s.seats[i] == nil {
		s.seats[i] = proctest.Must(shm.OpenOrCreate("sim", arena, &shm.Options{MaxObjects: 2*manyRings + 5}))(s.t)
	}
	return s.seats[i]
}

// leave closes an attachment. Whatever it was at has died.
func (s *stage) leave(i int) {
	if s.seats[i] != nil {
		proctest.Check(s.t, s.seats[i].Close())
		s.seats[i] = nil
	}
}

// test makes a run, and ends the test if anything is wrong with it.
func (s *stage) test(seed uint64) {
	if w, err := s.play(seed); err != nil {
		s.t.Fatalf("%v\nrun again with -sim.seed=%d", err, seed)
	} else {
		s.total.add(w)
	}
}

// testSteps pushes and pops in a world, which has to notice it.
func (s *stage) testSteps() {
	for _, kind := range []string{"MPMC", "BytesMPMC"} {
		r := proctest.Must(ringtest.Kinds[kind](s.seat(0), kind, 4))(s.t)
		p, c := proctest.Must(r.Producer())(s.t), proctest.Must(r.Consumer())(s.t)
		w := sim.NewWorld(1)
		w.Add("agent", nil, func(*sim.Agent) error {
			_, err := c.TryPop()
			return errors.Join(p.TryPush(1), err)
		})
		if err := w.Run(); !errors.Is(err, ring.ErrEmpty) || w.Steps < 4 {
			s.t.Fatalf("the %s makes %d steps (%v): this is to be built from the copies", kind, w.Steps, err)
		}
	}
}

// testPassing has one Put pass over many messages that are held. It looks at each of them a few
// times, and not at all of them each time.
func (s *stage) testPassing() {
	steps := func(holds int) int {
		q := proctest.Must(ring.NewWorkQueue[uint64](s.seat(0), fmt.Sprint("passing ", holds), 2*holds))(s.t)
		for n := range q.Cap() {
			proctest.Check(s.t, q.TryPut(uint64(n)))
			if t := proctest.Must(q.TryGet())(s.t); n >= holds {
				proctest.Check(s.t, t.Ack())
			}
		}
		w := sim.NewWorld(1)
		w.Add("agent", nil, func(*sim.Agent) error { return q.TryPut(1) })
		proctest.Check(s.t, w.Run())
		return w.Steps
	}
	if few, many := steps(64), steps(512); many > 12*few {
		s.t.Errorf("a Put makes %d steps to pass over 64 messages, and %d to pass over 512", few, many)
	}
}

// testJoined has a worker hold a message at all times, now in one slot, now in the other, while
// somebody joins.
func (s *stage) testJoined() {
	const runs = 300
	q := proctest.Must(ring.NewWorkQueue[uint64](s.seat(0), "joined", 2))(s.t)
	other := proctest.Must(ring.NewWorkQueue[uint64](s.seat(1), "joined", 2))(s.t)
	for seed := range uint64(runs) {
		proctest.Check(s.t, q.TryPut(0))
		t := proctest.Must(q.TryGet())(s.t)
		busy := true
		w := sim.NewWorld(seed)
		w.Add("worker", nil, func(a *sim.Agent) error {
			for range 20 {
				if err := q.TryPut(1); err != nil {
					return err
				}
				next, err := q.TryGet()
				if err := errors.Join(err, t.Ack()); err != nil {
					return err
				}
				t = next
			}
			busy = false
			return t.Ack()
		})
		w.Add("joiner", nil, func(a *sim.Agent) error {
			if err := other.Join(background); err != nil || !busy {
				return err
			}
			return errors.New("joined, and there were messages all the while")
		})
		if err := w.Run(); err != nil {
			s.t.Fatalf("a run of testJoined: %v", err)
		}
	}
}

// testSame makes a run twice. It has to be the same, or nobody could look at it again.
func (s *stage) testSame(seed uint64) {
	a := proctest.Must(s.play(seed))(s.t)
	b := proctest.Must(s.play(seed))(s.t)
	if a.Steps != b.Steps || a.Sleeps != b.Sleeps || a.Wakes != b.Wakes || a.Deaths != b.Deaths {
		s.t.Errorf("the run of seed %d took %d steps, and %d the second time", seed, a.Steps, b.Steps)
	}
}

// play makes a run of that seed.
func (s *stage) play(seed uint64) (*sim.World, error) {
	if s.rings == manyRings {
		s.clear()
		s.rings = 0
	}
	s.rings++
	var r interface{ judge() error }
	var w *sim.World
	deaths := false
	if seed%3 == 0 {
		work := newWorkRun(s, seed)
		r, w, deaths = work, work.world, work.deaths
	} else {
		run := newRun(s, seed)
		r, w, deaths = run, run.world, run.deaths
	}
	if *traceFlag {
		w.Trace = os.Stdout
	}
	wait.SetSlice(time.Hour) // who sleeps looks for the dead once,
	if deaths {
		wait.SetSlice(0) // or each time
	}
	err := w.Run()
	if err == nil {
		err = r.judge()
	}
	if err != nil {
		err = fmt.Errorf("%v: %w", r, err)
	}
	return w, err
}

// A subject is what kind of ring a run is about.
type subject struct {
	name     string
	kind     ringtest.Kind
	capacity int
	batch    int // messages at once, at most
}

func newSubject(rnd *rand.Rand) subject {
	switch size := 1 << (rnd.IntN(4) + rnd.IntN(4)); rnd.IntN(6) {
	case 0:
		return subject{"MPMC", ringtest.MPMC(ringtest.Words), size, 2 * size}
	case 1:
		return subject{"MPMC of jobs", ringtest.MPMC(ringtest.Jobs), size, 2 * size}
	default:
		spread := []uint64{1, 100, 1000, 5000}[rnd.IntN(4)]
		salt := rnd.Uint64()
		length := func(n uint64, longest int) int {
			h := mix(n ^ salt)
			return 8 + int(h>>32%min(uint64(longest-7), 1+h%spread))
		}
		return subject{"BytesMPMC", ringtest.BytesMPMC(1, length), 128 * size, 4 * size}
	}
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
