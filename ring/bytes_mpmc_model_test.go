package ring_test

import (
	"encoding/binary"
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

// A byteModel is what a BytesMPMC should do, as seen by one goroutine that plays several
// attachments, of which some die in the middle of what they do. Those who repair after
// them die too, or come too late.
type byteModel struct {
	t      *testing.T
	rnd    *rand.Rand
	chunks int
	log    []string
	actors []*byteActor
	next   uint64 // number of the next message
	length map[uint64]int

	entries []*byteEntry // what is in the ring, in order
	orphans []uint64     // lent to those who died
	seen    []claimSeen  // by a repairer, some time ago
}

type byteEntry struct {
	number  uint64
	holder  *byteActor // of room that is reserved
	dead    bool       // the holder is
	reserve ring.ReservedBytes
}

type byteActor struct {
	seg      *shm.Segment
	q        *ring.BytesMPMC
	reserved []*byteEntry
	lent     []heldBytes
}

type heldBytes struct {
	l      ring.LentBytes
	number uint64
}

type claimSeen struct{ pos, word uint64 }

func (m *byteModel) fatalf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

func (m *byteModel) logf(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

func (m *byteModel) actor() *byteActor {
	i := m.rnd.IntN(len(m.actors))
	if m.actors[i] == nil {
		s := shared.Open(m.t)
		m.actors[i] = &byteActor{seg: s, q: proctest.Must(ring.NewBytesMPMC(s, "model", 64*m.chunks))(m.t)}
	}
	return m.actors[i]
}

// message makes the next message, of any length that can carry its number.
func (m *byteModel) message(a *byteActor) []byte {
	most := a.q.MaxLen()
	if m.rnd.IntN(2) == 0 {
		most = min(most, 120)
	}
	b := make([]byte, 8+m.rnd.IntN(most-7))
	m.fill(b, m.next)
	m.length[m.next] = len(b)
	return b
}

func (m *byteModel) fill(b []byte, n uint64) {
	for i := range b {
		b[i] = byte(n*31 + uint64(i)*7)
	}
	binary.NativeEndian.PutUint64(b, n)
}

// number reads a message, which has to be whole.
func (m *byteModel) number(b []byte) uint64 {
	m.t.Helper()
	if len(b) < 8 {
		m.fatalf("message of %d bytes", len(b))
	}
	n := binary.NativeEndian.Uint64(b)
	want := make([]byte, m.length[n])
	if len(want) == len(b) {
		m.fill(want, n)
	}
	if !slices.Equal(b, want) {
		m.fatalf("message %d of %d bytes is torn: %x", n, m.length[n], b)
	}
	return n
}

func (m *byteModel) anyLent() bool {
	return slices.ContainsFunc(m.actors, func(a *byteActor) bool { return a != nil && len(a.lent) > 0 })
}

// vacant reports whether nothing but what the dead have left is in the ring.
func (m *byteModel) vacant() bool {
	return len(m.orphans) == 0 && !m.anyLent() &&
		!slices.ContainsFunc(m.entries, func(e *byteEntry) bool { return !e.dead })
}

// retry does something as often as it takes to look for all of the dead.
func (m *byteModel) retry(what string, do func() bool) {
	for range 64 * (m.chunks + 2) {
		if do() {
			return
		}
	}
	m.fatalf("%s does not succeed", what)
}

// push expects room, unless there may be none.
func (m *byteModel) push() {
	a := m.actor()
	b := m.message(a)
	err := a.q.TryPush(b)
	m.logf("push %d of %d: %v", m.next, len(b), err)
	switch {
	case err == nil:
	case err != ring.ErrFull:
		m.fatalf("push: %v", err)
	case m.vacant():
		m.retry("push to an empty ring", func() bool { return a.q.TryPush(b) == nil })
	default:
		return
	}
	m.entries = append(m.entries, &byteEntry{number: m.next})
	m.next++
}

func (m *byteModel) reserve() {
	a := m.actor()
	b := m.message(a)
	r, err := a.q.TryReserve(min(len(b)+m.rnd.IntN(100), a.q.MaxLen()))
	m.logf("reserve %d of %d: %v", m.next, len(b), err)
	if err != nil {
		return
	}
	copy(r.Bytes(), b)
	e := &byteEntry{number: m.next, holder: a, reserve: r}
	m.next++
	m.entries = append(m.entries, e)
	a.reserved = append(a.reserved, e)
}

// settle commits or cancels a reservation.
func (m *byteModel) settle() {
	a := m.actor()
	if len(a.reserved) == 0 {
		return
	}
	i := m.rnd.IntN(len(a.reserved))
	e := a.reserved[i]
	a.reserved = slices.Delete(a.reserved, i, i+1)
	if m.rnd.IntN(2) == 0 {
		m.logf("commit %d", e.number)
		proctest.Check(m.t, e.reserve.Commit(m.length[e.number]))
		e.holder = nil
		return
	}
	m.logf("cancel %d", e.number)
	proctest.Check(m.t, e.reserve.Cancel())
	i = slices.Index(m.entries, e)
	m.entries = slices.Delete(m.entries, i, i+1)
}

// expect returns the entry that the next pop has to return: nil if there is none
// because the ring is empty, or because somebody alive is writing.
func (m *byteModel) expect() *byteEntry {
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

// took checks that a pop, or a Next, was right to return a message.
func (m *byteModel) took(what string, b []byte) uint64 {
	n := m.number(b)
	m.logf("%s: %d", what, n)
	if i := slices.Index(m.orphans, n); i >= 0 {
		m.orphans = slices.Delete(m.orphans, i, i+1)
		return n
	}
	e := m.expect()
	if e == nil || e.number != n {
		m.fatalf("%s: got %d, want %+v or one of %d", what, n, e, m.orphans)
	}
	for m.entries[0] != e { // the dead are passed
		m.entries = m.entries[1:]
	}
	m.entries = m.entries[1:]
	return n
}

// get takes a message, if there is one to take.
func (m *byteModel) get(what string, try func() error) {
	tries := 1
	if m.expect() != nil || len(m.orphans) > 0 {
		tries = 64 * (m.chunks + 2) // enough to look for all of the dead
	}
	var err error
	for range tries {
		if err = try(); err == nil {
			return
		}
		if err != ring.ErrEmpty {
			m.fatalf("%s: %v", what, err)
		}
	}
	if e := m.expect(); e != nil || len(m.orphans) > 0 {
		m.fatalf("%s: nothing, want %+v or one of %d", what, e, m.orphans)
	}
}

func (m *byteModel) pop() {
	a := m.actor()
	m.get("pop", func() error {
		b, err := a.q.TryPop([]byte("xy"))
		if err == nil {
			m.took("pop", b[2:])
		}
		return err
	})
}

func (m *byteModel) lend() {
	a := m.actor()
	m.get("next", func() error {
		l, err := a.q.TryNext()
		if err == nil {
			a.lent = append(a.lent, heldBytes{l, m.took("next", l.Bytes())})
		}
		return err
	})
}

func (m *byteModel) release() {
	a := m.actor()
	if len(a.lent) == 0 {
		return
	}
	i := m.rnd.IntN(len(a.lent))
	h := a.lent[i]
	a.lent = slices.Delete(a.lent, i, i+1)
	m.logf("release %d", h.number)
	if n := m.number(h.l.Bytes()); n != h.number {
		m.fatalf("what is lent has changed from %d to %d", h.number, n)
	}
	proctest.Check(m.t, h.l.Release())
}

// die ends an actor, often inside a take.
func (m *byteModel) die() {
	a := m.actor()
	some := func(chunks int) int { return m.rnd.IntN(chunks + 1) }
	switch m.rnd.IntN(3) {
	case 0:
		if b, err := a.q.Take(some); err == nil {
			m.took("take", b)
		}
	case 1:
		m.logf("repair in part")
		a.q.RepairPart(some)
	}
	m.logf("death of %d", slices.Index(m.actors, a))
	for _, e := range a.reserved {
		e.dead = true
	}
	for _, h := range a.lent {
		m.orphans = append(m.orphans, h.number)
	}
	proctest.Check(m.t, a.seg.Close())
	m.actors[slices.Index(m.actors, a)] = nil
}

// late has a repairer look, or do what it would have done when it looked.
func (m *byteModel) late() {
	a := m.actor()
	if len(m.seen) == 0 {
		pos, words := a.q.Claims()
		for i := range pos {
			m.seen = append(m.seen, claimSeen{pos[i], words[i]})
		}
		return
	}
	i := m.rnd.IntN(len(m.seen))
	s := m.seen[i]
	m.seen = slices.Delete(m.seen, i, i+1)
	m.logf("late repair of %#x at %d: %v", s.word, s.pos, a.q.Repair(s.pos, s.word))
}

// TestByteModel compares random steps with the model, and then drains the ring.
func TestByteModel(t *testing.T) {
	proctest.Mortal(t)
	seed := newSeed(t)
	for round := range 200 {
		rnd := newRand(seed, round)
		m := &byteModel{rnd: rnd, chunks: 2 << rnd.IntN(7), actors: make([]*byteActor, 3), length: map[uint64]int{}}
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			m.t = t
			newSegment(t)
			if rnd.IntN(2) == 0 {
				a := m.actor()
				a.q.SetStart(uint64(m.chunks) * (lateLaps[rnd.IntN(5)] - rnd.Uint64N(10)))
			}
			steps := []func(){
				m.push, m.push, m.push, m.push, m.reserve, m.reserve, m.settle, m.settle,
				m.pop, m.pop, m.pop, m.lend, m.lend, m.release, m.release, m.die, m.late,
			}
			for range 200 {
				steps[rnd.IntN(len(steps))]()
			}
			m.drain()
		})
	}
}

// drain has everybody die, and expects what is left.
func (m *byteModel) drain() {
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
	for round := range 2 { // all the room is there
		for range m.chunks {
			m.retry("push of a chunk", func() bool { return a.q.TryPush([]byte{byte(round)}) == nil })
		}
		checkIs(m.t, "push to a full ring", a.q.TryPush(nil), ring.ErrFull)
		for range m.chunks {
			b := proctest.Must(a.q.TryPop(nil))(m.t)
			if len(b) != 1 || b[0] != byte(round) {
				m.fatalf("popped %x", b)
			}
		}
	}
	for _, a := range m.actors {
		if a != nil {
			proctest.Check(m.t, a.seg.Close())
		}
	}
}
