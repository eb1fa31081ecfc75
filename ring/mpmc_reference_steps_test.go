package ring_test

import (
	"math/rand/v2"
	"slices"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// draw takes one of several, if there are any.
func draw[T any](rnd *rand.Rand, from *[]T) (v T, ok bool) {
	if len(*from) == 0 {
		return v, false
	}
	i := rnd.IntN(len(*from))
	v = (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return v, true
}

// run takes so many steps.
func (m *reference) run(n int) {
	steps := []func(){
		m.push, m.push, m.push, m.push, m.pushAll, m.reserve, m.reserve, m.settle, m.settle,
		m.pop, m.pop, m.pop, m.popInto, m.lend, m.lend, m.release, m.release, m.die, m.late,
	}
	for range n {
		steps[m.rnd.IntN(len(steps))]()
		if q, ok := m.actor().queue.Handle().(*ring.BytesMPMC); ok {
			q.CheckFree(m.t)
		}
	}
}

// push expects room, unless there may be none.
func (m *reference) push() {
	a, n := m.actor(), m.next
	err := a.TryPush(n)
	m.logf("push %d: %v", n, err)
	switch {
	case err == nil:
	case err != ring.ErrFull:
		m.fatalf("push: %v", err)
	case m.vacant():
		m.retry("push to an empty ring", func() bool { return a.TryPush(n) == nil })
	default:
		return
	}
	m.entries = append(m.entries, &entry{number: n})
	m.next++
}

// pushAll pushes to an empty ring. To another one it might have to wait.
func (m *reference) pushAll() {
	a := m.actor()
	if len(m.entries) > 0 || !m.vacant() {
		return
	}
	from := short + m.next
	to := from + 1 + m.rnd.Uint64N(uint64(m.units))
	for n := from; n < to; n++ {
		m.entries = append(m.entries, &entry{number: n})
		m.next++
	}
	k, err := a.PushAll(background, from, to)
	m.logf("push all from %d to %d: %d, %v", from, to, k, err)
	if k != int(to-from) || err != nil {
		m.fatalf("pushed %d of %d: %v", k, to-from, err)
	}
}

func (m *reference) reserve() {
	a := m.actor()
	r, err := a.TryReserve(m.next)
	m.logf("reserve %d: %v", m.next, err)
	if err != nil {
		return
	}
	e := &entry{number: m.next, reserve: r, holder: a}
	m.next++
	m.entries = append(m.entries, e)
	a.reserved = append(a.reserved, e)
}

// settle commits or cancels a reservation.
func (m *reference) settle() {
	a := m.actor()
	e, ok := draw(m.rnd, &a.reserved)
	if !ok {
		return
	}
	if m.rnd.IntN(2) == 0 {
		m.logf("commit %d", e.number)
		proctest.Check(m.t, e.reserve.Commit())
		e.holder = nil
		return
	}
	m.logf("cancel %d", e.number)
	proctest.Check(m.t, e.reserve.Cancel())
	i := slices.Index(m.entries, e)
	m.entries = slices.Delete(m.entries, i, i+1)
}

func (m *reference) pop() { m.get("pop", m.actor().TryPop) }

func (m *reference) popInto() {
	if m.expect() == nil && len(m.orphans) == 0 {
		return // it would wait
	}
	for _, n := range proctest.Must(m.actor().PopInto(background, 1+m.rnd.IntN(m.units)))(m.t) {
		m.took("pop into", n)
	}
}

func (m *reference) lend() {
	a := m.actor()
	m.get("next", func() (uint64, error) {
		l, err := a.TryNext()
		if err == nil {
			a.lent = append(a.lent, l)
		}
		return l.N, err
	})
}

func (m *reference) release() {
	a := m.actor()
	l, ok := draw(m.rnd, &a.lent)
	if !ok {
		return
	}
	m.logf("release %d", l.N)
	if n, err := l.Read(); n != l.N || err != nil {
		m.fatalf("what is lent has changed from %d to %d: %v", l.N, n, err)
	}
	proctest.Check(m.t, l.Release())
}

// die ends an actor, often inside a batch, or a repair.
func (m *reference) die() {
	a := m.actor()
	some := func(n int) int { return m.rnd.IntN(n + 1) }
	switch m.rnd.IntN(4) {
	case 0:
		m.pushPart(a)
	case 1:
		m.takePart(a, some)
	case 2:
		m.logf("repair in part")
		q := a.queue.Handle().(repairable)
		for _, c := range q.Claims() {
			if c.Dead {
				q.RepairPart(c.Pos, c.Word, some)
			}
		}
	}
	m.logf("death of %d", slices.Index(m.actors, a))
	for _, e := range a.reserved {
		e.dead = true
	}
	for _, l := range a.lent {
		m.orphans = append(m.orphans, l.N)
	}
	proctest.Check(m.t, a.seg.Close())
	m.actors[slices.Index(m.actors, a)] = nil
}

// pushPart claims room for several messages, and publishes some of them, but not the first.
func (m *reference) pushPart(a *actor) {
	var pos, run uint64
	var n int
	var err error
	var bs [][]byte
	if m.kind == "BytesMPMC" {
		for length := 0; len(bs) == 0 || m.rnd.IntN(m.units) > 0 && len(bs) < m.units; {
			if m.rnd.IntN(2) == 0 {
				length = min(m.rnd.IntN(200), a.bytes().MaxLen())
			}
			bs = append(bs, make([]byte, length))
		}
		pos, n, err = a.bytes().Claim(bs)
	} else {
		pos, run, err = a.mpmc().Claim(1 + m.rnd.IntN(m.units))
		n = int(run)
	}
	if err != nil {
		return
	}
	k := m.rnd.IntN(n)
	m.logf("die in a claim of %d, %d of them filled", n, k)
	if m.kind == "BytesMPMC" {
		a.bytes().Fill(pos, bs[:n], k)
	} else {
		a.mpmc().Fill(pos, run, k, ringtest.Jobs.Make(1<<40))
	}
}

// takePart takes what comes next, if it takes several units, and frees some of them.
func (m *reference) takePart(a *actor, some func(n int) int) {
	if m.kind == "BytesMPMC" {
		lens := make([]int, 1+m.rnd.IntN(m.units))
		b, n, err := a.bytes().Take(lens, some)
		if err != nil {
			return
		}
		for _, k := range lens[:n] {
			m.took("take", ringtest.Number(b[:k]))
			b = b[k:]
		}
		return
	}
	dst := make([]ringtest.Job, 2+m.rnd.IntN(m.units))
	if pos, run, err := a.mpmc().Take(dst); err == nil {
		for _, v := range dst[:run] {
			m.took("take", v.ID)
		}
		a.mpmc().Free(pos, run, m.rnd.IntN(int(run)))
	}
}

// repairable is a ring whose repairs stop anywhere, or come late.
type repairable interface {
	Claims() []ring.Claim
	Repair(pos, word uint64) bool
	RepairPart(pos, word uint64, left func(n int) int)
}

// late has a repairer look, or do what it would have done when it looked.
func (m *reference) late() {
	q := m.actor().queue.Handle().(repairable)
	if len(m.seen) == 0 {
		m.seen = q.Claims()
		return
	}
	c, _ := draw(m.rnd, &m.seen)
	m.logf("late repair of %#x at %d: %v", c.Word, c.Pos, q.Repair(c.Pos, c.Word))
}

// drain has everybody die, and expects what is left. Then all the room is there, twice.
func (m *reference) drain() {
	for i := range m.actors {
		for m.actors[i] != nil {
			m.die()
		}
	}
	for m.expect() != nil || len(m.orphans) > 0 {
		m.pop()
	}
	m.pop() // nothing
	a := m.actor()
	units := uint64(m.units)
	for round := range uint64(2) {
		from := short + round*units
		for n := range units {
			m.retry("push of a unit", func() bool { return a.TryPush(from+n) == nil })
		}
		checkIs(m.t, "push to a full ring", a.TryPush(short), ring.ErrFull)
		for n := range units {
			expectPop(m.t, a.consumer, a.queue, from+n)
		}
	}
	for _, a := range m.actors {
		if a != nil {
			proctest.Check(m.t, a.seg.Close())
		}
	}
}
