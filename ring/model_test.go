package ring_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A model is what an MPMC should do, as seen by one goroutine that plays several
// attachments, of which some die in the middle of what they do.
type model struct {
	t        *testing.T
	rnd      *rand.Rand
	capacity int
	log      []string
	actors   []*actor
	next     uint64 // number of the next message

	// What is in the ring, in order. Messages are numbers; claims are the
	// actors that hold them, until they commit or cancel.
	entries []*entry
	orphans []uint64 // lent to those who died
}

type entry struct {
	number uint64
	holder *actor // of a slot that is reserved
	dead   bool   // the holder is
}

type actor struct {
	seg      *shm.Segment
	q        *ring.MPMC[uint64]
	reserved []held[ring.Reserved[uint64]]
	lent     []held[ring.Lent[uint64]]
}

type held[H any] struct {
	handle H
	entry  *entry
}

func (m *model) fatalf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

func (m *model) logf(format string, args ...any) { m.log = append(m.log, fmt.Sprintf(format, args...)) }

func (m *model) actor() *actor {
	i := m.rnd.IntN(len(m.actors))
	if m.actors[i] == nil {
		s := shared.Open(m.t)
		m.actors[i] = &actor{seg: s, q: proctest.Must(ring.NewMPMC[uint64](s, "model", m.capacity))(m.t)}
	}
	return m.actors[i]
}

// push expects room, unless there may be none.
func (m *model) push() {
	a := m.actor()
	n := m.next
	err := a.q.TryPush(n)
	m.logf("push %d: %v", n, err)
	switch {
	case err == nil:
		m.next++
		m.entries = append(m.entries, &entry{number: n})
	case err != ring.ErrFull:
		m.fatalf("push: %v", err)
	case len(m.entries) == 0 && len(m.orphans) == 0 && !m.anyLent():
		m.retry("push to an empty ring", func() bool { return a.q.TryPush(n) == nil })
		m.next++
		m.entries = append(m.entries, &entry{number: n})
	}
}

func (m *model) pushAll() {
	a := m.actor()
	if len(m.entries) > 0 || len(m.orphans) > 0 || m.anyLent() {
		return // it might have to wait
	}
	vs := make([]uint64, 1+m.rnd.IntN(m.capacity))
	for i := range vs {
		vs[i] = m.next
		m.entries = append(m.entries, &entry{number: m.next})
		m.next++
	}
	k, err := a.q.PushAll(background, vs)
	m.logf("push all %d: %d, %v", vs, k, err)
	if k != len(vs) || err != nil {
		m.fatalf("pushed %d of %d: %v", k, len(vs), err)
	}
}

func (m *model) reserve() {
	a := m.actor()
	r, err := a.q.TryReserve()
	m.logf("reserve %d: %v", m.next, err)
	if err != nil {
		return
	}
	*r.Value() = m.next
	e := &entry{number: m.next, holder: a}
	m.next++
	m.entries = append(m.entries, e)
	a.reserved = append(a.reserved, held[ring.Reserved[uint64]]{r, e})
}

// settle commits or cancels a reservation.
func (m *model) settle() {
	a := m.actor()
	if len(a.reserved) == 0 {
		return
	}
	i := m.rnd.IntN(len(a.reserved))
	h := a.reserved[i]
	a.reserved = slices.Delete(a.reserved, i, i+1)
	if m.rnd.IntN(2) == 0 {
		m.logf("commit %d", h.entry.number)
		proctest.Check(m.t, h.handle.Commit())
		h.entry.holder = nil
		return
	}
	m.logf("cancel %d", h.entry.number)
	proctest.Check(m.t, h.handle.Cancel())
	m.remove(h.entry)
}

func (m *model) remove(e *entry) {
	i := slices.Index(m.entries, e)
	m.entries = slices.Delete(m.entries, i, i+1)
}

// expect returns the entry that the next pop has to return: nil if there is none
// because the ring is empty, or because somebody alive is writing.
func (m *model) expect() *entry {
	for _, e := range m.entries {
		switch {
		case e.holder == nil:
			return e
		case !e.dead:
			return nil
		}
	}
	return nil
}

// took checks that a pop, or a Next, was right to return a number.
func (m *model) took(what string, n uint64) *entry {
	m.logf("%s: %d", what, n)
	if i := slices.Index(m.orphans, n); i >= 0 {
		m.orphans = slices.Delete(m.orphans, i, i+1)
		return &entry{number: n}
	}
	e := m.expect()
	if e == nil || e.number != n {
		m.fatalf("%s: got %d, want %+v or one of %d", what, n, e, m.orphans)
	}
	for m.entries[0] != e { // the dead are passed
		m.entries = m.entries[1:]
	}
	m.entries = m.entries[1:]
	return e
}

// nothing checks that a pop was right to return ErrEmpty, even after many tries.
func (m *model) nothing(what string, err error) {
	if err != ring.ErrEmpty {
		m.fatalf("%s: %v", what, err)
	}
	if e := m.expect(); e != nil || len(m.orphans) > 0 {
		m.fatalf("%s: nothing, want %+v or one of %d", what, e, m.orphans)
	}
}

// retry does something as often as it takes to look for all of the dead.
func (m *model) retry(what string, do func() bool) {
	for range 64 * (m.capacity + 2) {
		if do() {
			return
		}
	}
	m.fatalf("%s does not succeed", what)
}

// tries is how often a pop is tried: enough to look for all of the dead.
func (m *model) tries() int {
	if m.expect() == nil && len(m.orphans) == 0 {
		return 1
	}
	return 64 * (m.capacity + 2)
}

func (m *model) pop() {
	a := m.actor()
	var err error
	for range m.tries() {
		var n uint64
		if n, err = a.q.TryPop(); err == nil {
			m.took("pop", n)
			return
		}
	}
	m.nothing("pop", err)
}

func (m *model) popInto() {
	if m.expect() == nil && len(m.orphans) == 0 {
		return // it would wait
	}
	a := m.actor()
	dst := make([]uint64, 1+m.rnd.IntN(m.capacity))
	k, err := a.q.PopInto(background, dst)
	proctest.Check(m.t, err)
	for _, n := range dst[:k] {
		m.took("pop into", n)
	}
}

func (m *model) lend() {
	a := m.actor()
	var err error
	for range m.tries() {
		var l ring.Lent[uint64]
		if l, err = a.q.TryNext(); err == nil {
			e := m.took("next", *l.Value())
			a.lent = append(a.lent, held[ring.Lent[uint64]]{l, e})
			return
		}
	}
	m.nothing("next", err)
}

func (m *model) release() {
	a := m.actor()
	if len(a.lent) == 0 {
		return
	}
	i := m.rnd.IntN(len(a.lent))
	h := a.lent[i]
	a.lent = slices.Delete(a.lent, i, i+1)
	m.logf("release %d", h.entry.number)
	if *h.handle.Value() != h.entry.number {
		m.fatalf("what is lent has changed from %d to %d", h.entry.number, *h.handle.Value())
	}
	proctest.Check(m.t, h.handle.Release())
}

func (m *model) anyLent() bool {
	return slices.ContainsFunc(m.actors, func(a *actor) bool { return a != nil && len(a.lent) > 0 })
}

// die ends an actor, often inside a batch.
func (m *model) die() {
	a := m.actor()
	switch m.rnd.IntN(3) {
	case 0:
		if pos, run, err := a.q.Claim(1 + m.rnd.IntN(m.capacity)); err == nil {
			n := m.rnd.IntN(int(run))
			m.logf("die in a claim of %d, %d of them filled", run, n)
			a.q.Fill(pos, run, n, 1<<40)
		}
	case 1:
		dst := make([]uint64, 2+m.rnd.IntN(m.capacity))
		if pos, run, err := a.q.Take(dst); err == nil {
			n := m.rnd.IntN(int(run))
			m.logf("die in a take of %d, %d of them freed", dst[:run], n)
			for _, n := range dst[:run] {
				m.took("take", n)
			}
			a.q.Free(pos, run, n)
		}
	}
	m.logf("death of %d", slices.Index(m.actors, a))
	for _, h := range a.reserved {
		h.entry.dead = true
	}
	for _, h := range a.lent {
		m.orphans = append(m.orphans, h.entry.number)
	}
	proctest.Check(m.t, a.seg.Close())
	m.actors[slices.Index(m.actors, a)] = nil
}

// TestModel compares random steps with the model, and then drains the ring.
func TestModel(t *testing.T) {
	seed := newSeed(t)
	for round := range 200 {
		rnd := newRand(seed, round)
		m := &model{t: t, rnd: rnd, capacity: 1 << rnd.IntN(4), actors: make([]*actor, 3)}
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			m.t = t
			newSegment(t)
			if rnd.IntN(2) == 0 {
				a := m.actor()
				a.q.SetStart(uint64(m.capacity) * (lateLaps[rnd.IntN(5)] - rnd.Uint64N(10)))
			}
			steps := []func(){
				m.push, m.push, m.push, m.pushAll, m.reserve, m.reserve, m.settle, m.settle,
				m.pop, m.pop, m.popInto, m.lend, m.lend, m.release, m.release, m.die,
			}
			for range 150 {
				steps[rnd.IntN(len(steps))]()
			}
			m.drain()
		})
	}
}

// drain has everybody die, and expects what is left.
func (m *model) drain() {
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
	for n := range uint64(m.capacity) {
		m.retry("push to an empty ring", func() bool { return a.q.TryPush(n) == nil })
	}
	checkIs(m.t, "push to a full ring", a.q.TryPush(0), ring.ErrFull)
	for _, a := range m.actors {
		if a != nil {
			proctest.Check(m.t, a.seg.Close())
		}
	}
}
