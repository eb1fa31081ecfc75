package history

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var (
	timeFlag = flag.Duration("history.time", 200*time.Millisecond, "how long each object is tested, with kills and without")
	seedFlag = flag.Uint64("history.seed", 0, "seed of the random choices, 0 for a new one")
)

// A subject is an object whose histories are checked.
type subject struct {
	players int
	open    func(p *player) (turn, leave func()) // finds or makes the round's object
	finish  func(p *player)                      // the referee's part, when the others have ended
	model   model
	adjust  func(history []event) []event // before it is checked
}

const (
	segmentName = "history"
	referee     = maxPlayers - 1
	manyRounds  = 2000 // as many objects as a segment gets
)

func TestLinearizable(t *testing.T) {
	for name, s := range subjects {
		t.Run(name, func(t *testing.T) { testSubject(t, name, s, false) })
		t.Run(name+"/killed", func(t *testing.T) { testSubject(t, name, s, true) })
	}
}

func testSubject(t *testing.T, name string, s *subject, kills bool) {
	if kills {
		proctest.Mortal(t)
	}
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer func() {
		if t.Failed() {
			t.Logf("run again with -history.seed=%d", seed)
		}
	}()
	var rounds, operations, overlaps, cut int
	var longest time.Duration
	for start := time.Now(); rounds == 0 || time.Since(start) < *timeFlag; {
		m := newMatch(t, name, s, rand.New(rand.NewPCG(seed, uint64(rounds))))
		for range manyRounds {
			if time.Since(start) > *timeFlag && rounds > 0 {
				break
			}
			began := time.Now()
			history := m.play(kills)
			longest = max(longest, time.Since(began))
			rounds++
			operations += len(history)
			overlaps += overlapping(history)
			for _, e := range history {
				if e.pending {
					cut++
				}
			}
			m.judge(history)
		}
		m.end()
	}
	t.Logf("%d rounds, of %v at most, %d operations, of which %d overlapped others and %d were cut off by a kill",
		rounds, longest.Round(time.Millisecond), operations, overlaps, cut)
}

// A match is some rounds in one segment.
type match struct {
	t       *testing.T
	name    string
	rnd     *rand.Rand
	subject *subject
	path    string
	tape    *tape
	seg     *shm.Segment
	procs   []*proctest.Proc // nil if it was killed
	round   uint64
}

func newMatch(t *testing.T, name string, s *subject, rnd *rand.Rand) *match {
	proctest.Dir(t)
	m := &match{t: t, name: name, rnd: rnd, subject: s, path: filepath.Join(t.TempDir(), "tape"), procs: make([]*proctest.Proc, s.players)}
	m.tape = newTape(t, m.path)
	m.seg = proctest.Must(shm.Create(segmentName, 8<<20, &shm.Options{MaxObjects: 2 * manyRounds, MaxProcs: 16}))(t)
	return m
}

func (m *match) end() {
	for _, p := range m.procs {
		if p != nil {
			p.Send("end")
			p.Wait()
		}
	}
	proctest.Check(m.t, m.seg.Close())
	proctest.Check(m.t, shm.Remove(segmentName, nil))
}

// play plays a round, and returns its history.
func (m *match) play(kills bool) []event {
	m.round++
	for i := range m.tape.pages {
		clear(m.tape.pages[i][:])
	}
	doomed := make([]bool, len(m.procs))
	seed := m.rnd.Uint64()
	for i := range m.procs {
		if m.procs[i] == nil {
			m.procs[i] = proctest.Start(m.t, "player", m.name, m.path, fmt.Sprint(i))
		}
		doomed[i] = kills && (i == 0 || m.rnd.IntN(3) == 0)
		m.procs[i].Send(m.round, seed, kills, doomed[i])
	}
	for _, p := range m.procs {
		p.Expect("ready")
	}
	atomic.StoreUint64(&m.tape.started, m.round)
	for i, p := range m.procs {
		if !doomed[i] {
			p.Expect("done")
			continue
		}
		if _, stderr := p.Exit(); stderr != "" {
			m.t.Fatal(stderr)
		}
		m.procs[i] = nil
	}
	m.subject.finish(&player{
		t: m.t, rnd: m.rnd, seg: m.seg, name: fmt.Sprint(m.round), who: referee, tape: m.tape,
	})
	history := m.tape.history()
	for i, d := range doomed {
		if d {
			history = append(history, m.tape.death(i))
		}
	}
	return history
}

// An event is an operation of a history.
type event struct {
	record
	who     int
	pending bool // it may or may not have happened
	excused bool // it may have found the object busy
}

// history returns what is on the tape.
func (t *tape) history() (history []event) {
	for who := range t.pages {
		for _, r := range t.pages[who] {
			if r.call == 0 {
				break
			}
			e := event{record: r, who: who, pending: r.ret == 0}
			if e.pending {
				e.ret = t.clock + 1
			}
			history = append(history, e)
		}
	}
	return history
}

// death is the event that a player dies: at some time after all that it did, the
// others may notice.
func (t *tape) death(who int) event {
	last := uint64(0)
	for _, r := range t.pages[who] {
		last = max(last, r.call, r.ret)
	}
	return event{record: record{input: input{kind: death}, call: last, ret: t.clock + 1}, who: who}
}

// overlapping counts the operations that others overlap.
func overlapping(history []event) (n int) {
	for i, e := range history {
		for j, f := range history {
			if i != j && e.kind != death && f.kind != death && e.call < f.ret && f.call < e.ret {
				n++
				break
			}
		}
	}
	return n
}

// judge fails the test if no order explains the history.
func (m *match) judge(history []event) {
	if m.subject.adjust != nil {
		history = m.subject.adjust(history)
	}
	if result := m.subject.model.check(history); result != porcupine.Ok {
		m.t.Fatalf("round %d: the checker says %s of\n%s", m.round, result, describe(history))
	}
}

func describe(history []event) string {
	sorted := slices.SortedFunc(slices.Values(history), func(a, b event) int { return cmp.Compare(a.call, b.call) })
	var lines []string
	for _, e := range sorted {
		lines = append(lines, e.String())
	}
	return strings.Join(lines, "\n")
}

func (e event) String() string {
	s := fmt.Sprintf("%5d-%-5d player %d: %v %d %d", e.call, e.ret, e.who, e.kind, e.a, e.b)
	switch {
	case e.kind == death:
		return fmt.Sprintf("%5d-%-5d player %d: dead", e.call, e.ret, e.who)
	case e.pending:
		return s + ": cut off"
	case e.ok == 0 && (e.excused || e.n > 0):
		return s + ": no, which may be"
	case e.ok == 0:
		return s + ": no"
	}
	return s + fmt.Sprint(": ", e.v[:e.n])
}
