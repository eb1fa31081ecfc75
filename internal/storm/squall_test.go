package storm

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// A squall is a small storm on one object. Hands, each a process with some goroutines, work
// on it until they are killed, and others take their places. The test's own process is not
// killed, and again and again it sees that what it has a right to comes about. L is what all
// write down, in a file outside of the segment.
type squall[L any] struct {
	t       *testing.T
	rnd     *rand.Rand
	path    string
	failed  *uint64
	log     *L
	seg     *shm.Segment
	hands   []*hand
	started int
	killed  int
	dying   func(l *L, h int) // says in the log that a hand is about to be killed
	end     time.Time
}

// A sheet is what is in the file.
type sheet[L any] struct {
	failed uint64 // hand + 1 that is about to end with an error
	log    L
}

type hand struct {
	number int
	role   string
	proc   *proctest.Proc
}

const maxHands = 4096 // in one squall

func newSquall[L any](t *testing.T) *squall[L] {
	proctest.Mortal(t)
	proctest.Dir(t)
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &squall[L]{
		t: t, rnd: newRand(seed, 0), path: filepath.Join(t.TempDir(), "log"), dying: func(*L, int) {},
		end: time.Now().Add(*timeFlag / 4),
	}
	all := newFile[sheet[L]](t, s.path)
	s.failed, s.log = &all.failed, &all.log
	s.seg = proctest.Must(shm.Create(segmentName, 1<<20, &shm.Options{MaxProcs: maxOpen}))(t)
	t.Cleanup(func() {
		s.seg.Close()
		proctest.Check(t, shm.Remove(segmentName, nil))
		t.Logf("%d kills survived, %d processes started", s.killed, s.started)
		if t.Failed() {
			t.Logf("run again with -storm.seed=%d", seed)
		}
	})
	return s
}

// goesOn reports whether it is not time to end. It goes on until somebody was killed.
func (s *squall[L]) goesOn() bool {
	return !s.t.Failed() && s.started < maxHands/2 && (s.killed == 0 || time.Now().Before(s.end))
}

// start starts a hand.
func (s *squall[L]) start(role string, args ...any) {
	s.startWith(&proctest.Options{Env: []string{fmt.Sprint("GOMAXPROCS=", 1<<s.rnd.IntN(3))}}, role, args...)
}

func (s *squall[L]) startWith(opts *proctest.Options, role string, args ...any) {
	h := &hand{number: s.started, role: role}
	s.started++
	h.proc = proctest.StartWith(s.t, opts, role, s.path, fmt.Sprint(h.number), fmt.Sprint(s.rnd.Uint64()), fmt.Sprint(args...))
	s.hands = append(s.hands, h)
}

// man starts hands until there are n.
func (s *squall[L]) man(n int, role string, args ...any) {
	for range n - s.count(role) {
		s.start(role, args...)
	}
}

// count returns how many hands have a role.
func (s *squall[L]) count(role string) (n int) {
	for _, h := range s.hands {
		if h.role == role {
			n++
		}
	}
	return n
}

// kill kills one of the hands of a role, but not the last.
func (s *squall[L]) kill(role string, last bool) {
	var of []int
	for i, h := range s.hands {
		if h.role == role {
			of = append(of, i)
		}
	}
	if len(of) == 0 || len(of) == 1 && !last {
		return
	}
	i := of[s.rnd.IntN(len(of))]
	h := s.hands[i]
	s.dying(s.log, h.number)
	h.proc.Kill()
	s.killed++
	s.hands = append(s.hands[:i], s.hands[i+1:]...)
}

// nap lets the hands work for a while.
func (s *squall[L]) nap(most time.Duration) { time.Sleep(time.Duration(s.rnd.Int64N(int64(most)))) }

// until waits for what the hands have to do. If one of them has failed, so does the test.
func (s *squall[L]) until(what string, condition func() bool) {
	s.t.Helper()
	proctest.Until(s.t, what, func() bool {
		for _, h := range s.hands {
			if get(s.failed) == uint64(h.number)+1 {
				h.proc.Wait() // and fail, with what it says
			}
		}
		return condition()
	})
}

// over waits for the end of all hands.
func (s *squall[L]) over() {
	for _, h := range s.hands {
		h.proc.Wait()
	}
}

// A mate is a goroutine of a hand.
type mate[L any] struct {
	*proctest.Child
	rnd  *rand.Rand
	file *sheet[L]
	log  *L
	seg  *shm.Segment
	hand int
	args string
}

func (m *mate[L]) Fatalf(format string, args ...any) {
	set(&m.file.failed, uint64(m.hand)+1)
	m.Child.Fatalf(format, args...)
}

func (m *mate[L]) Check(err error) { proctest.Check(m, err) }

// crewOf registers a role whose hands have some goroutines.
func crewOf[L any](role string, goroutines ...func(m *mate[L])) proctest.Registered {
	return proctest.Register(role, func(c *proctest.Child) {
		file, _ := mapFile[sheet[L]](c, c.Arg(0))
		var number int
		var seed uint64
		_, err := fmt.Sscan(c.Arg(1)+" "+c.Arg(2), &number, &seed)
		proctest.Check(c, err)
		seg := open(c)
		done := make(chan bool)
		for i, f := range goroutines {
			go func() {
				f(&mate[L]{Child: c, rnd: newRand(seed, uint64(i)), file: file, log: &file.log, seg: seg, hand: number, args: c.Arg(3)})
				done <- true
			}()
		}
		for range goroutines {
			<-done
		}
		c.Check(seg.Close())
	})
}

// dawdle takes some time, or none.
func (m *mate[L]) dawdle() {
	if m.rnd.IntN(4) == 0 {
		time.Sleep(time.Duration(m.rnd.IntN(200)) * time.Microsecond)
	}
}
