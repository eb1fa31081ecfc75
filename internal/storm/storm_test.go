package storm

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var (
	timeFlag = flag.Duration("storm.time", 2*time.Second, "how long the storm lasts")
	seedFlag = flag.Uint64("storm.seed", 0, "seed of the random choices, 0 for a new one")
)

const (
	roundTime = 4 * time.Second // at most, and a new segment and ledger after it
	maxProcs  = maxSeats / maxCrew
	manySlots = 1 << 13 // room for maxAtOnce
	maxOpen   = 64      // attachments, with those that wait for the collector
	grantTime = 50 * time.Millisecond
	reportAll = time.Minute
)

// TestStorm lets storms rage for as long as the flag says, one after another.
func TestStorm(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer func() {
		if t.Failed() {
			t.Logf("run again with -storm.seed=%d", seed)
		}
	}()
	var total report
	start := time.Now()
	reported := start
	for stream := uint64(0); ; stream++ {
		left := *timeFlag - time.Since(start)
		if left <= 0 || t.Failed() {
			break
		}
		t.Run(fmt.Sprint(stream), func(t *testing.T) {
			total.add(newStorm(t, newRand(seed, stream)).rage(left))
		})
		if time.Since(reported) > reportAll {
			reported = time.Now()
			t.Log(total, "so far")
		}
	}
	t.Log(total)
	if !t.Failed() && total.killed == 0 {
		t.Error("nobody was killed")
	}
}

// A storm is one round: one segment, and the processes that use it.
type storm struct {
	t      *testing.T
	rnd    *rand.Rand
	path   string
	ledger *ledger
	seg    *shm.Segment
	sizes  sizes
	pauses bool // processes are stopped, too
	living []*worker
	report report
	watch  watch
}

// A worker is one of the processes, with one crew.
type worker struct {
	crew
	proc  *proctest.Proc
	pause time.Time // until when it is stopped
}

func newStorm(t *testing.T, rnd *rand.Rand) *storm {
	proctest.Mortal(t)
	proctest.Dir(t)
	s := &storm{
		t: t, rnd: rnd, path: filepath.Join(t.TempDir(), "ledger"), report: report{rounds: 1},
		sizes: sizes{slots: 1 << rnd.IntN(8), bytes: 128 << rnd.IntN(8), permits: 1 + rnd.IntN(6)},
	}
	s.pauses = rnd.IntN(2) == 0
	switch rnd.IntN(5) {
	case 0:
		s.sizes.slots = 1 + rnd.IntN(2)
	case 1:
		s.sizes.slots = manySlots
	}
	s.ledger = newFile[ledger](t, s.path)
	s.ledger.slots = uint64(s.sizes.slots)
	s.ledger.longest = uint64(min(maxLength, s.sizes.bytes/2-16)) // for both rings of bytes
	s.seg = proctest.Must(shm.Create(segmentName, 1<<20, &shm.Options{MaxProcs: maxOpen}))(t)
	t.Cleanup(func() {
		s.seg.Close()
		proctest.Check(t, shm.Remove(segmentName, nil))
	})
	return s
}

// rage starts processes and kills them for a while, and then compares what is
// left with the ledger.
func (s *storm) rage(left time.Duration) report {
	end := time.Now().Add(min(left, roundTime/2+rand.N(roundTime/2)))
	over := func() bool {
		return !s.ledger.roomy() || s.report.killed > 0 && time.Now().After(end)
	}
	for crowd := 1; !over(); {
		switch {
		case len(s.living) < crowd:
			s.start()
		case s.rnd.IntN(4) == 0:
			crowd = 1 + s.rnd.IntN(maxProcs)
		default:
			s.kill()
			for s.rnd.IntN(3) == 0 {
				s.kill()
			}
		}
		if s.pauses && s.rnd.IntN(3) == 0 {
			s.pause()
		}
		s.look()
	}
	s.calm()
	s.drain()
	s.judge()
	return s.report
}

// start starts a process at the first free seats.
func (s *storm) start() {
	taken := map[int]bool{}
	for _, w := range s.living {
		taken[w.seat] = true
	}
	w := &worker{crew: crew{producers: 1 + s.rnd.IntN(2), consumers: 1 + s.rnd.IntN(2)}}
	w.berths, w.upset = 1+s.rnd.IntN(w.size()), s.rnd.IntN(2)
	if !mapping.Severs() {
		w.berths, w.upset = 1, 0 // what is done after Close still happens
	}
	for taken[w.seat] {
		w.seat += maxCrew
	}
	for i := range w.seats(s.ledger) {
		seat := &w.seats(s.ledger)[i]
		seat.page, seat.ended = 0, 0
	}
	w.proc = proctest.StartWith(s.t,
		&proctest.Options{Env: []string{fmt.Sprint("GOMAXPROCS=", 1<<s.rnd.IntN(3))}},
		"worker", s.path, s.sizes.String(), fmt.Sprint(w.crew, " ", s.rnd.Uint64()))
	s.living = append(s.living, w)
	s.report.started++
}

// kill kills one of the living, if any.
func (s *storm) kill() {
	if len(s.living) == 0 {
		return
	}
	i := s.rnd.IntN(len(s.living))
	w := s.living[i]
	s.grant(w)
	seats := w.seats(s.ledger)
	mute(seats)
	killed := w.proc.Kill()
	for j := range seats {
		set(&seats[j].held, 0)
		set(&seats[j].closed, (seats[j].closed+1)&^1)
		seats[j].leave()
	}
	if killed {
		s.report.killed++
		for _, p := range w.pages(s.ledger) {
			p.cut = 1
			s.ledger.begun(&p.latest)
			s.ledger.bereave(p)
		}
	}
	s.ledger.lines[w.line()].orphan()
	for j := range seats {
		set(&seats[j].muted, seats[j].muted+1)
	}
	s.bury(i)
}

// grant lets a process go on for a random number of operations, in most cases. It
// may end meanwhile.
func (s *storm) grant(w *worker) {
	ops := func() (sum uint64) {
		for _, p := range w.pages(s.ledger) {
			_, n := p.doing()
			sum += n
		}
		return sum
	}
	goal := ops() + s.rnd.Uint64N(1<<s.rnd.IntN(14))
	for end := time.Now().Add(grantTime); ops() < goal && time.Now().Before(end); {
		time.Sleep(time.Duration(s.rnd.IntN(500)) * time.Microsecond)
		s.watchAll()
	}
}

// bury forgets a process that is gone.
func (s *storm) bury(i int) {
	s.living[i] = s.living[len(s.living)-1]
	s.living = s.living[:len(s.living)-1]
}

// sleep looks on for a while.
func (s *storm) sleep(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(time.Until(end), time.Millisecond))
		s.look()
	}
}

// look sees how the living get on, and who has ended in good order.
func (s *storm) look() {
	s.resume(false)
	for i := len(s.living) - 1; i >= 0; i-- {
		if w := s.living[i]; !w.pausing() && w.ended(s.ledger, w.size()) {
			w.proc.Wait()
			s.bury(i)
		}
	}
	s.watchAll()
}

// watchAll sees how the living get on.
func (s *storm) watchAll() {
	if w := s.watch.look(s.ledger, s.living); w != nil {
		s.t.Logf("%v hangs; %v", w.crew, s.watch)
		w.proc.Wait() // and fail, with its stacks
	}
	if out := s.ledger.permitsOut(); out > uint64(s.sizes.permits) {
		s.t.Fatalf("%d permits are out, of %d", out, s.sizes.permits)
	}
}
