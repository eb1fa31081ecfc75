package sim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/isthmus-go/isthmus/internal/sim"
	"github.com/isthmus-go/isthmus/shm"
)

// A condRun is the work of some processes, of a goroutine or some each, that wait on a Cond and
// wake each other; of one who cancels; and of one who broadcasts whenever nobody else can go on.
type condRun struct {
	world     *sim.World
	stage     *condStage
	procs     []*condProc
	deaths    bool
	habits    condHabits
	busy      int // goroutines that are not over
	cancels   []*condOp
	now       *condSeat // of whom to look
	record    condRecord
	goroutine map[*sim.Agent]*condGoroutine
}

// condHabits are how a run differs from others.
type condHabits struct {
	waits, cancels, broadcasts, held float64 // how likely an operation is a Wait, and so on
	pause                            int     // before each, in steps, at most
}

type condProc struct {
	seat   int
	cond   *condSeat
	agents []*sim.Agent
}

// A condGoroutine does some operations, one after the other.
type condGoroutine struct {
	run  *condRun
	proc *condProc
	rnd  *rand.Rand
	left int
	only *condKind // of its operations, unless it is nil
	op   *condOp
}

func newCondRun(s *condStage, seed uint64) (*condRun, error) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	pick := func(of ...float64) float64 { return of[rnd.IntN(len(of))] }
	r := &condRun{
		world: sim.NewWorld(seed), stage: s, deaths: rnd.IntN(4) == 0, goroutine: map[*sim.Agent]*condGoroutine{},
		habits: condHabits{
			waits: pick(.4, .5, .7), cancels: pick(0, .2, .6), broadcasts: pick(0, .2, .4), held: pick(0, .5),
			pause: []int{1, 100, 400}[rnd.IntN(3)],
		},
	}
	procs, scene := 2+rnd.IntN(5), seed%condScene == 0
	if scene {
		procs = 5
	}
	for seat := range procs {
		c, err := s.cond(seat)
		if err != nil {
			return nil, err
		}
		r.procs = append(r.procs, &condProc{seat: seat, cond: c})
	}
	r.procs[0].cond.inside.SetTurn(rnd.IntN(condProcs))
	var err error
	if r.now, err = s.cond(condSweeper); err != nil {
		return nil, err
	}
	if scene {
		r.setScene(rnd)
	} else {
		r.people(seed, rnd)
	}
	r.record.init(r)
	r.world.Watch = r.record.watch
	r.world.Add("canceller", func() bool { return len(r.cancels) > 0 || r.busy == 0 }, func(a *sim.Agent) error {
		return r.cancel(a, rnd)
	})
	sweeper := &condGoroutine{run: r, proc: &condProc{seat: condSweeper, cond: r.now}}
	r.goroutine[r.world.Add("sweeper", nil, sweeper.sweep)] = sweeper
	return r, nil
}

// people gives each process a goroutine or some, and lets some of the processes die.
func (r *condRun) people(seed uint64, rnd *rand.Rand) {
	r.world.SetFreeze([]float64{.002, .01, .03, .06}[rnd.IntN(4)])
	for i, p := range r.procs {
		goroutines := 1
		if rnd.IntN(3) == 0 || r.deaths && rnd.IntN(3) == 0 {
			goroutines += 1 + rnd.IntN(2)
		}
		for k := range goroutines {
			r.add(p, fmt.Sprintf("goroutine %d of process %d", k, i), nil, rand.New(rand.NewPCG(seed, uint64(2+10*i+k))), 1+rnd.IntN(3))
		}
	}
	if !r.deaths {
		return
	}
	r.world.SetDie([]float64{.003, .01, .03}[rnd.IntN(3)])
	for _, i := range rnd.Perm(len(r.procs))[:1+rnd.IntN(len(r.procs))/2+rnd.IntN(2)] {
		r.doom(r.procs[i])
	}
	heir := &condProc{seat: condHeir}
	r.procs = append(r.procs, heir)
	r.add(heir, "heir", func() bool { return r.world.Deaths > 0 || r.busy == 1 }, rand.New(rand.NewPCG(seed, 99)), 1+rnd.IntN(3))
}

// add adds a goroutine to a process.
func (r *condRun) add(p *condProc, name string, ready func() bool, rnd *rand.Rand, ops int) *condGoroutine {
	g := &condGoroutine{run: r, proc: p, rnd: rnd, left: ops}
	a := r.world.Add(name, ready, g.work)
	p.agents = append(p.agents, a)
	r.goroutine[a] = g
	r.busy++
	return g
}

// doom lets a process die.
func (r *condRun) doom(p *condProc) {
	for i, a := range p.agents {
		others := append(append([]*sim.Agent(nil), p.agents[:i]...), p.agents[i+1:]...)
		a.Mortal(func() {
			for _, a := range p.agents {
				g := r.goroutine[a]
				if g.left >= 0 {
					r.busy--
				}
				g.left = -1
			}
			r.record.died(p)
			r.stage.leave(p.seat)
		}, others...)
	}
}

func (g *condGoroutine) work(a *sim.Agent) (err error) {
	if g.proc.cond == nil { // it has just been born
		a.Begin("NewCond")
		if g.proc.cond, err = g.run.stage.cond(g.proc.seat); err != nil {
			return err
		}
	}
	h := &g.run.habits
	for ; g.left > 0; g.left-- {
		a.Pause(g.rnd.IntN(h.pause))
		kind, held := g.choose(), g.rnd.Float64() < h.held
		held = held || kind == condWait
		if held {
			a.Begin("Lock")
			if err := g.consistent(g.proc.cond.L.LockContext(background)); err != nil {
				return err
			}
		}
		if kind == condWait {
			err = g.wait(a)
		} else {
			g.wake(a, kind)
		}
		if err != nil {
			return err
		}
		if held {
			a.Begin("Unlock")
			g.proc.cond.L.Unlock()
		}
	}
	g.left = -1
	g.run.busy--
	return nil
}

// choose says what it does next.
func (g *condGoroutine) choose() condKind {
	switch h := &g.run.habits; {
	case g.only != nil:
		return *g.only
	case g.rnd.Float64() < h.waits:
		return condWait
	case g.rnd.Float64() < h.broadcasts:
		return condBroadcast
	}
	return condSignal
}

// consistent declares what L protects consistent, if somebody has died with it.
func (g *condGoroutine) consistent(err error) error {
	if !errors.Is(err, shm.ErrOwnerDied) {
		return err
	}
	g.proc.cond.L.MarkConsistent()
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return nil
}

func (g *condGoroutine) wait(a *sim.Agent) error {
	a.Begin("Wait")
	ctx := background
	g.op = g.run.record.begin(condWait, g)
	if g.rnd.Float64() < g.run.habits.cancels {
		ctx, g.op.cancel = context.WithCancel(background)
		g.run.cancels = append(g.run.cancels, g.op)
	}
	err := g.proc.cond.WaitContext(ctx)
	err = g.consistent(err)
	a.Begin("waited")
	g.run.record.end(g.op)
	return g.op.returned(err)
}

func (g *condGoroutine) wake(a *sim.Agent, kind condKind) {
	a.Begin(kind.String())
	g.op = g.run.record.begin(kind, g)
	if kind == condSignal {
		g.proc.cond.Signal()
	} else {
		g.proc.cond.Broadcast()
	}
	g.run.record.end(g.op)
}

// cancel cancels those who want it, in any order.
func (r *condRun) cancel(a *sim.Agent, rnd *rand.Rand) error {
	for {
		sim.Until(func() bool { return len(r.cancels) > 0 || r.busy == 0 })
		if r.busy == 0 {
			return nil
		}
		a.Pause(rnd.IntN(1 + 2*r.habits.pause))
		i := rnd.IntN(len(r.cancels))
		op := r.cancels[i]
		r.cancels = append(r.cancels[:i], r.cancels[i+1:]...)
		op.cancelled = r.record.tick()
		op.cancel()
	}
}

// sweep broadcasts when nobody else can go on, until all are over.
func (g *condGoroutine) sweep(a *sim.Agent) error {
	for range 20 {
		a.Last()
		if g.run.busy == 0 {
			return nil
		}
		if n := g.run.record.waiting(); n > 0 && g.proc.cond.inside.Owed() {
			return errors.New("somebody waits, and the dead have left something")
		}
		g.wake(a, condBroadcast)
	}
	return errors.New("nobody goes on after a Broadcast")
}

func (r *condRun) String() string {
	return fmt.Sprintf("%d processes, deaths: %v, %+v", len(r.procs), r.deaths, r.habits)
}
