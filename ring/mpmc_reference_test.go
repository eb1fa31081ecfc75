package ring_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A reference is what a ring with any number of producers and consumers should do, as seen
// by one goroutine that plays several attachments, of which some die in the middle of what
// they do. Those who repair after them die too, or come too late.
type reference struct {
	t      *testing.T
	rnd    *rand.Rand
	kind   string
	units  int // how many of the shortest messages fit
	log    []string
	actors []*actor
	next   uint64 // number of the next message

	entries []*entry     // what is in the ring, in order
	orphans []uint64     // lent to those who died
	seen    []ring.Claim // by a repairer, some time ago
}

type entry struct {
	number  uint64
	reserve ringtest.Reserved
	holder  *actor // of what is reserved, until it is committed or cancelled
	dead    bool   // the holder is
}

type actor struct {
	seg *shm.Segment
	crowdRing
	reserved []*entry
	lent     []ringtest.Lent
}

// short is where the numbers of messages begin that take as little as one can.
const short = 1 << 32

// referenceKinds have a capacity in units. The byte messages are of all lengths that can
// carry a number.
var referenceKinds = map[string]ringtest.Kind{
	"MPMC": crowdKinds["MPMC"],
	"BytesMPMC": ringtest.BytesMPMC(64, func(n uint64, longest int) int {
		h := scatter(n)
		switch {
		case n >= short:
			longest = 56
		case h%2 == 0:
			longest = min(longest, 120)
		}
		return 8 + int(h>>1%uint64(longest-7))
	}),
}

// scatter returns a number that looks like any other, and follows from n.
func scatter(n uint64) uint64 { return rand.NewPCG(n, 0).Uint64() }

func (m *reference) fatalf(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter:\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

func (m *reference) logf(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

func (m *reference) actor() *actor {
	i := m.rnd.IntN(len(m.actors))
	if m.actors[i] == nil {
		s := shared.Open(m.t)
		q := openQueue(m.t, s, referenceKinds[m.kind], "reference", m.units)
		m.actors[i] = &actor{seg: s, crowdRing: crowdRing{q, proctest.Must(q.Producer())(m.t), proctest.Must(q.Consumer())(m.t)}}
	}
	return m.actors[i]
}

func (m *reference) anyLent() bool {
	return slices.ContainsFunc(m.actors, func(a *actor) bool { return a != nil && len(a.lent) > 0 })
}

// vacant reports whether nothing but what the dead have left is in the ring.
func (m *reference) vacant() bool {
	return len(m.orphans) == 0 && !m.anyLent() &&
		!slices.ContainsFunc(m.entries, func(e *entry) bool { return !e.dead })
}

// expect returns the entry that the next pop has to return: nil if there is none
// because the ring is empty, or because somebody alive is writing.
func (m *reference) expect() *entry {
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
func (m *reference) took(what string, n uint64) {
	m.logf("%s: %d", what, n)
	if i := slices.Index(m.orphans, n); i >= 0 {
		m.orphans = slices.Delete(m.orphans, i, i+1)
		return
	}
	e := m.expect()
	if e == nil || e.number != n {
		m.fatalf("%s: got %d, want %+v or one of %d", what, n, e, m.orphans)
	}
	for m.entries[0] != e { // the dead are passed
		m.entries = m.entries[1:]
	}
	m.entries = m.entries[1:]
}

// retry does something as often as it takes to look for all of the dead.
func (m *reference) retry(what string, do func() bool) {
	for range m.enough() {
		if do() {
			return
		}
	}
	m.fatalf("%s does not succeed", what)
}

func (m *reference) enough() int { return 64 * (m.units + 2) }

// get takes a message, if there is one to take.
func (m *reference) get(what string, try func() (uint64, error)) {
	tries := 1
	if m.expect() != nil || len(m.orphans) > 0 {
		tries = m.enough()
	}
	for range tries {
		n, err := try()
		if err == nil {
			m.took(what, n)
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

// TestReference compares random steps with the reference, and then drains the ring.
func TestReference(t *testing.T) {
	eachCrowd(t, func(t *testing.T, kind string) {
		seed := newSeed(t)
		for round := range 200 {
			rnd := newRand(seed, round)
			m := &reference{rnd: rnd, kind: kind, actors: make([]*actor, 3)}
			if kind == "MPMC" {
				m.units = 1 << rnd.IntN(4)
			} else {
				m.units = 2 << rnd.IntN(7)
			}
			t.Run(fmt.Sprint(round), func(t *testing.T) {
				m.t = t
				newSegment(t)
				if rnd.IntN(2) == 0 {
					m.actor().SetStart(uint64(m.units) * (lateLaps[rnd.IntN(5)] - rnd.Uint64N(10)))
				}
				m.run(200)
				m.drain()
			})
		}
	})
}
