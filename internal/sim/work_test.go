package sim_test

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/sim"
	"github.com/isthmus-go/isthmus/ring"
)

type (
	workQueue = ring.WorkQueue[uint64]
	workTask  = ring.Task[uint64]
)

// A workRun is the work of some producers and workers on one WorkQueue, which may have a queue
// of dead letters, and of one who joins.
type workRun struct {
	world           *sim.World
	capacity        int
	most            int // deliveries, or 0
	q, letters      []*workQueue
	producers, each int
	producing       int
	deaths          bool
	jobs            []job
	unfinished      int  // messages that were put, and not begun to be acknowledged
	wasIdle         bool // since somebody has begun to Join, there was none
}

// A job is what is known of a message.
type job struct {
	put        bool // Put has returned
	holder     *worker
	deliveries int
	ending     bool // an Ack, or the last Nack, has begun
	acked      bool // an Ack has returned
	letters    int
}

func newWorkRun(s *stage, seed uint64) *workRun {
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := &workRun{
		world: sim.NewWorld(seed), capacity: 1 << rnd.IntN(5), most: rnd.IntN(3), deaths: rnd.IntN(2) == 0,
		producers: 1 + rnd.IntN(3), each: 5 + rnd.IntN(30),
	}
	r.producing = r.producers
	workers := 1 + rnd.IntN(3)
	r.jobs = make([]job, r.producers*r.each)
	for i := range 3 + r.producers + workers {
		name := fmt.Sprint("work", s.rings)
		letters := proctest.Must(ring.NewWorkQueue[uint64](s.seat(i), name+" letters", len(r.jobs)))(s.t)
		var opts []ring.WorkQueueOption
		if r.most > 0 {
			opts = append(opts, ring.MaxDeliveries(r.most, letters))
		}
		r.letters = append(r.letters, letters)
		r.q = append(r.q, proctest.Must(ring.NewWorkQueue[uint64](s.seat(i), name, r.capacity, opts...))(s.t))
	}
	for range rnd.IntN(3 * r.capacity) { // begin somewhere else than at the start
		proctest.Check(s.t, r.q[0].TryPut(0))
		proctest.Check(s.t, proctest.Must(r.q[0].TryGet())(s.t).Ack())
	}
	r.world.Add("closer", func() bool { return r.producing == 0 }, r.end)
	r.world.Add("reader of letters", nil, r.read)
	r.world.Add("joiner", nil, r.join)
	victim := rnd.IntN(r.producers + workers)
	for i := range r.producers {
		p := &putter{run: r, id: i, q: r.q[3+i], rnd: rand.New(rand.NewPCG(seed, uint64(2+i)))}
		a := r.world.Add(fmt.Sprint("producer ", i), nil, p.work)
		if r.deaths && victim == i {
			a.Mortal(func() { r.producing--; s.leave(3 + i) })
		}
	}
	for i := range workers {
		seat := 3 + r.producers + i
		w := &worker{run: r, q: r.q[seat], rnd: rand.New(rand.NewPCG(seed, uint64(10+i))), next: make([]int, r.producers)}
		a := r.world.Add(fmt.Sprint("worker ", i), nil, w.work)
		if r.deaths && victim == r.producers+i && workers > 1 {
			a.Mortal(func() { w.dead = true; s.leave(seat) })
		}
	}
	return r
}

func (r *workRun) end(a *sim.Agent) error {
	a.Begin("Close")
	if err := r.q[0].Close(); err != nil {
		return err
	}
	a.Begin("Join")
	if err := r.q[0].Join(background); err != nil {
		return err
	}
	a.Begin("Close the letters")
	return r.letters[0].Close()
}

// read gets the dead letters.
func (r *workRun) read(a *sim.Agent) error {
	for {
		a.Rest()
		a.Begin("Get a letter")
		t, err := r.letters[1].Get(background)
		if err == ring.ErrClosed {
			return nil
		} else if err != nil {
			return err
		}
		j := &r.jobs[*t.Value()]
		if j.letters++; j.letters > 1 || j.acked || j.deliveries < r.most && r.world.Deaths == 0 {
			return fmt.Errorf("message %d is a letter: %+v", *t.Value(), *j)
		}
		a.Begin("Ack a letter")
		if err := t.Ack(); err != nil {
			return err
		}
	}
}

// join joins, again and again. There was a moment without a message each time.
func (r *workRun) join(a *sim.Agent) error {
	for range 100 {
		if r.producing == 0 {
			return nil
		}
		a.Rest()
		r.wasIdle = r.unfinished == 0
		a.Begin("Join")
		if err := r.q[2].Join(background); err != nil {
			return err
		}
		if !r.wasIdle && r.world.Deaths == 0 {
			return errors.New("joined, and there were messages all the while")
		}
	}
	return nil
}

// A putter puts its messages.
type putter struct {
	run *workRun
	id  int
	q   *workQueue
	rnd *rand.Rand
}

func (p *putter) work(a *sim.Agent) error {
	for k := 0; k < p.run.each; {
		a.Rest()
		n := p.id*p.run.each + k
		var err error
		if p.rnd.IntN(3) == 0 {
			a.Begin("TryPut")
			if err = p.q.TryPut(uint64(n)); err == ring.ErrFull {
				continue
			}
		} else {
			a.Begin("Put")
			err = p.q.Put(background, uint64(n))
		}
		if err != nil {
			return err
		}
		if j := &p.run.jobs[n]; !j.ending {
			p.run.unfinished++
			j.put = true
		} else {
			j.put = true
		}
		k++
	}
	p.run.producing--
	return nil
}

// A worker holds some messages, and ends them in any order.
type worker struct {
	run   *workRun
	q     *workQueue
	rnd   *rand.Rand
	tasks []workTask
	next  []int // the first message of each producer that may come
	dead  bool
}

func (w *worker) work(a *sim.Agent) error {
	most := w.rnd.IntN(2 * w.run.capacity)
	for {
		a.Rest()
		var err error
		switch n := len(w.tasks); {
		case n == 0 && w.rnd.IntN(4) > 0:
			a.Begin("Get")
			err = w.enter(w.q.Get(background))
		case n <= most && w.rnd.IntN(2) > 0:
			a.Begin("TryGet")
			if err = w.enter(w.q.TryGet()); err == ring.ErrEmpty || err == ring.ErrClosed && n > 0 {
				err = nil
			}
		case n > 0:
			err = w.finish(a)
		}
		if err == ring.ErrClosed {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// enter notes a delivery.
func (w *worker) enter(t workTask, err error) error {
	if err != nil {
		return err
	}
	n := int(*t.Value())
	j, calm := &w.run.jobs[n], w.run.world.Deaths == 0
	j.deliveries++
	fault := j.holder != nil && !j.holder.dead || j.acked || j.ending && calm || j.letters > 0
	switch d := t.Deliveries(); {
	case fault || calm && d != j.deliveries || d < j.deliveries || w.run.most > 0 && d > w.run.most:
		return fmt.Errorf("delivery %d of message %d: %+v", d, n, *j)
	case d == 1 && calm:
		p, k := n/w.run.each, n%w.run.each
		if k < w.next[p] {
			return fmt.Errorf("message %d of producer %d, after %d", k, p, w.next[p]-1)
		}
		w.next[p] = k + 1
	}
	j.deliveries = t.Deliveries()
	j.holder = w
	w.tasks = append(w.tasks, t)
	return nil
}

// finish ends a task.
func (w *worker) finish(a *sim.Agent) error {
	i := w.rnd.IntN(len(w.tasks))
	t := w.tasks[i]
	w.tasks = append(w.tasks[:i], w.tasks[i+1:]...)
	n := int(*t.Value())
	j := &w.run.jobs[n]
	again := w.rnd.IntN(4) == 0 && j.deliveries < 8
	if !again || t.Deliveries() == w.run.most {
		if !j.ending && j.put {
			w.run.unfinished--
			w.run.wasIdle = w.run.wasIdle || w.run.unfinished == 0
		}
		j.ending = true
	}
	if again {
		a.Begin("Nack")
		j.holder = nil
		return t.Nack()
	}
	a.Begin("Ack")
	err := t.Ack()
	j.acked, j.holder = true, nil
	if !errors.Is(t.Ack(), ring.ErrNotReserved) {
		err = errors.New("an Ack too many")
	}
	return err
}

func (r *workRun) judge() error {
	for n, j := range r.jobs {
		if j.put && !j.acked && j.letters == 0 && (j.holder == nil || !j.holder.dead || !j.ending) {
			return fmt.Errorf("message %d was lost: %+v", n, j)
		}
		if j.acked && j.letters > 0 {
			return fmt.Errorf("message %d was acknowledged, and is a letter", n)
		}
	}
	for _, q := range []*workQueue{r.q[0], r.letters[0]} {
		if q.Len() != 0 || q.InFlight() != 0 {
			return fmt.Errorf("Len is %d in the end, and InFlight %d", q.Len(), q.InFlight())
		}
	}
	return nil
}

func (r *workRun) String() string {
	return fmt.Sprintf("WorkQueue with a capacity of %d, at most %d deliveries, %d producers of %d messages each",
		r.capacity, r.most, r.producers, r.each)
}
