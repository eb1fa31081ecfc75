package shm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
)

type atkProc struct {
	seg     *Segment
	b       *Barrier
	places  int    // oracle
	arrived int    // in phase
	phase   uint32 // of arrived
}

func (p *atkProc) in(phase uint32) int {
	if p.phase != phase {
		return 0
	}
	return p.arrived
}

func TestAtkcSim(t *testing.T) {
	stop := time.Now().Add(20 * time.Second)
	for seed := uint64(1); time.Now().Before(stop); seed++ {
		for _, goOn := range []bool{false, true} {
			if !atkSim(t, seed, goOn) {
				return
			}
		}
	}
}

func atkSim(t *testing.T, seed uint64, goOn bool) bool {
	r := rand.New(rand.NewPCG(seed, 7))
	name := fmt.Sprintf("atk%d", os.Getpid())
	root, err := Create(name, 1<<18, &Options{MaxProcs: 6})
	if err != nil {
		t.Fatal(err)
	}
	defer Remove(name, nil)
	defer root.Close()
	const n = 3
	var opts []BarrierOption
	if goOn {
		opts = append(opts, GoOn)
	}
	obs, err := NewBarrier(root, "b", n, opts...)
	if err != nil {
		t.Fatal(err)
	}
	var procs []*atkProc
	open := func() *atkProc {
		s, err := Open(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewBarrier(s, "b", n, opts...)
		if err != nil {
			t.Fatal(err)
		}
		p := &atkProc{seg: s, b: b}
		procs = append(procs, p)
		return p
	}
	kill := func(i int) {
		procs[i].seg.Close()
		procs = append(procs[:i], procs[i+1:]...)
	}
	defer func() {
		for _, p := range procs {
			p.seg.Close()
		}
	}()
	var log []string
	say := func(f string, a ...any) { log = append(log, fmt.Sprintf(f, a...)) }
	// check that a phase may end now: all living parties have come, or n have.
	deadArr, deadKnown := 0, 0 // arrivals of the dead in the phase; dead parties since the last clear
	var deadPhase uint32
	ok := true
	fail := func(f string, a ...any) {
		ok = false
		t.Errorf("seed %d goOn %v: %s\n%v", seed, goOn, fmt.Sprintf(f, a...), log)
	}
	was := obs.load()
	after := func() {
		w := obs.load()
		if phaseOf(w) != phaseOf(was) && phaseOf(w) != brokeOf(w) { // ended
			p := phaseOf(was)
			all, missing := 0, false
			for _, q := range procs {
				all += q.in(p)
				if q.in(p) < q.places {
					missing = true
				}
			}
			if deadPhase == p {
				all += deadArr
			}
			if missing && all < n {
				fail("phase %d has ended early", p)
			}
			if !goOn && all < n {
				fail("phase %d has ended with %d", p, all)
			}
			if phaseOf(w) != p+1 {
				fail("phase %d after %d", phaseOf(w), p)
			}
		}
		was = w
	}
	for range 3 {
		open()
	}
	for range 60 {
		if !ok {
			return false
		}
		for len(procs) < 2 {
			open()
		}
		i := r.IntN(len(procs))
		p := procs[i]
		w := obs.load()
		ph := phaseOf(w)
		total := 0
		for _, q := range procs {
			total += max(q.places, q.in(ph))
		}
		switch x := r.IntN(20); {
		case x < 9: // a Wait, of a known party or, if there is room, another
			if broken(w) {
				q, _, _ := p.b.arrive(context.Background())
				say("%d comes, broken %d", p.b.core.ID(), q)
				break
			}
			if p.in(ph) >= p.places && total >= n {
				break
			}
			before := procs
			_ = before
			half := r.IntN(8) == 0
			// oracle first, as the phase may end in it
			living := false
			for _, q := range procs {
				living = living || q.places > 0
			}
			if half {
				p.b.Stay()
				p.b.end()
				after()
				if !broken(p.b.load()) {
					p.b.enter()
				}
				if !broken(p.b.load()) {
					ph = phaseOf(p.b.load())
					mine := p.b.ledger.Mine()
					line := *mine
					a := arrivedIn(line, ph) + 1
					arch.StoreRelease64(mine, uint64(ph)<<phaseShift|line&(lineMask<<goneShift)|max(placesOf(line), a)<<placesShift|a)
					if deadPhase != ph {
						deadPhase, deadArr = ph, 0
					}
					if !living {
						deadArr = 0
					}
					deadArr += p.in(ph) + 1
				}
				say("%d comes by half and dies", p.b.core.ID())
				kill(i)
				_ = deadKnown
				break
			}
			if !living && deadPhase == ph {
				// whoever was dead is forgotten, unless the phase ends first
			}
			// do it
			p.b.Stay()
			p.b.end()
			p.b.lock.Unlock()
			after()
			ph = phaseOf(obs.load())
			if p.phase != ph {
				p.phase, p.arrived = ph, 0
			}
			save := *p
			p.arrived++
			p.places = max(p.places, p.arrived)
			q, lead, err := p.b.arrive(context.Background())
			say("%d comes in %d, leader %v, %v", p.b.core.ID(), q, lead, err)
			if x := p.b.load(); broken(x) && !lead && arrivedIn(*p.b.ledger.Mine(), ph) != uint64(p.arrived) {
				*p = save // it was broken before
			}
			after()
		case x < 15: // somebody who waits looks
			if p.in(ph) == 0 || broken(w) {
				break
			}
			lead := p.b.attend(ph)
			say("%d looks, leader %v, broken %v", p.b.core.ID(), lead, broken(p.b.load()))
			after()
			// now that it has looked: nobody is waited for in vain
			w := p.b.load()
			if phaseOf(w) == ph && !broken(w) {
				all, missing := 0, false
				for _, q := range procs {
					all += q.in(ph)
					missing = missing || q.in(ph) < q.places
				}
				if all >= n {
					fail("all have come, and phase %d goes on", ph)
				}
				for slot := range p.b.ledger.Len() {
					if line := *p.b.ledger.Count(slot); placesOf(line) > 0 && p.b.core.DeadIn(slot, p.b.ledger.Owner(slot)) {
						fail("a dead one has places after a look")
					}
				}
				for _, q := range procs {
					if l := *q.b.ledger.Mine(); q.b.ledger.Owner(q.b.core.Slot()) == q.b.core.ID() {
						if int(placesOf(l)) != q.places {
							fail("%d has %d places, wants %d", q.b.core.ID(), placesOf(l), q.places)
						}
						if arrivedIn(l, ph) != uint64(q.in(ph)) {
							fail("%d has arrived %d, wants %d", q.b.core.ID(), arrivedIn(l, ph), q.in(ph))
						}
					} else if q.places > 0 {
						fail("%d has places, and no line", q.b.core.ID())
					}
				}
			}
		case x < 17:
			say("%d dies", p.b.core.ID())
			if p.in(ph) > 0 {
				if deadPhase != ph {
					deadPhase, deadArr = ph, 0
				}
				deadArr += p.in(ph)
			}
			if r.IntN(4) == 0 {
				p.b.Stay()
			}
			kill(i)
		case x < 18:
			q := open()
			say("%d opens in slot %d", q.b.core.ID(), q.b.core.Slot())
			if len(procs) > 4 {
				if d := procs[0]; d.in(ph) > 0 {
					if deadPhase != ph {
						deadPhase, deadArr = ph, 0
					}
					deadArr += d.in(ph)
				}
				kill(0)
				say("first dies")
			}
		case x < 19 || broken(w):
			say("reset by %d", p.b.core.ID())
			p.b.Reset()
			for _, q := range procs {
				q.places, q.arrived = 0, 0
			}
			deadArr = 0
			was = obs.load()
		default:
			say("abort")
			p.b.Abort()
			was = obs.load()
		}
	}
	return ok
}
