package storm

import (
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// calm has all processes end: producers first, since they may be waiting for
// consumers. There is one process at least, to serve what is left of others.
func (s *storm) calm() {
	if len(s.living) == 0 {
		s.start()
	}
	s.resume(true)
	set(&s.ledger.stop, 1)
	for producing := true; producing; {
		s.sleep(time.Millisecond)
		producing = false
		for _, w := range s.living {
			producing = producing || !w.ended(s.ledger, w.producers)
		}
	}
	set(&s.ledger.drain, 1)
	for _, w := range s.living {
		w.proc.Wait()
	}
	s.living = nil
}

// drain pops what is left, until the rings say that there will be no more.
func (s *storm) drain() {
	o := newObjects(s.t, s.seg, s.sizes)
	a := &actor{t: s.t, ledger: s.ledger, page: &s.ledger.pages[next(&s.ledger.used)]}

	proctest.Check(s.t, o.mpmc.Close())
	proctest.Check(s.t, o.many.Close())
	proctest.Check(s.t, proctest.Must(o.spsc.Producer())(s.t).Close())
	proctest.Check(s.t, proctest.Must(o.bytes.Producer())(s.t).Close())
	c, b := proctest.Must(o.spsc.Consumer())(s.t), proctest.Must(o.bytes.Consumer())(s.t)
	for _, r := range []struct {
		ringID
		pop func() (id uint64, err error)
	}{
		{mpmc, func() (uint64, error) {
			m, err := o.mpmc.Pop(background)
			return m[0], err
		}},
		{spsc, func() (uint64, error) {
			m, err := c.Pop(background)
			return m[0], err
		}},
		{bytesRing, func() (uint64, error) {
			m, err := b.Pop(background, nil)
			if err != nil {
				return 0, err
			}
			return a.parse(bytesRing, m), nil
		}},
		{bytesMPMC, func() (uint64, error) {
			m, err := o.many.Pop(background, nil)
			if err != nil {
				return 0, err
			}
			return a.parse(bytesMPMC, m), nil
		}},
	} {
		if r.roles() {
			a.write(newEntry(r.ringID, 0, next(&s.ledger.poppers[r.ringID]), 0))
		}
		for {
			id, err := r.pop()
			if err == ring.ErrClosed {
				break
			}
			proctest.Check(s.t, err)
			a.popped(id)
		}
	}
	s.drainLines(a)
	s.inspect(o)
}

// inspect checks all that is no ring.
func (s *storm) inspect(o objects) {
	pages := s.ledger.written()
	within := func(what string, got uint64, of func(p *page) tally) {
		var sum tally
		for i := range pages {
			t := of(&pages[i])
			if t.begun != t.done && (pages[i].cut == 0 || t.begun != t.done+1) {
				s.t.Errorf("%s: actor %d began %d and did %d", what, i, t.begun, t.done)
			}
			sum.begun, sum.done = sum.begun+t.begun, sum.done+t.done
		}
		if got < sum.done || got > sum.begun {
			s.t.Errorf("%s: %d, and %d were begun, %d done", what, got, sum.begun, sum.done)
		}
	}
	if !o.mu.TryLock() || !o.mutex.TryLock() || !o.leftFree() {
		s.t.Error("a lock is not free")
	}
	within("changes under the lock", o.pair.Load(0), func(p *page) tally { return p.locked })
	within("updates of a value", o.updated.Load()[0], func(p *page) tally { return p.updated })
	for i := range counters {
		within("additions", o.added.Load(i), func(p *page) tally { return p.added[i] })
		row, version := o.rows.LoadVersion(i)
		within("updates of an entry", version, func(p *page) tally { return p.rows[i] })
		if row[0] != version || !row.whole() {
			s.t.Errorf("entry %d is torn, or not that of its version %d: %x", i, version, row)
		}
	}
	if !o.stored.Load().whole() || !o.updated.Load().whole() {
		s.t.Error("a value is torn")
	}
	repairs, deaths := uint64(0), uint64(0)
	for i := range pages {
		repairs += pages[i].repairs
		if what, _ := pages[i].doing(); (what.locks() || what.bare() == selecting) && pages[i].cut == 1 {
			deaths++
		}
	}
	if repairs > deaths {
		s.t.Errorf("%d deaths in the lock were reported, and at most %d were", repairs, deaths)
	}
	s.removeAll()
	size := int64(s.sizes.permits)
	if !o.permits.TryAcquire(size) || o.permits.TryAcquire(1) {
		s.t.Errorf("%d of %d permits are free", o.permits.Value(), size)
	}
}

// judge adds what the ledger says to the report.
func (s *storm) judge() {
	v := s.ledger.judge()
	for _, f := range v.faults {
		s.t.Error(f)
	}
	s.report.verdict = *v
	l := s.ledger
	s.report.closed, s.report.dropped, s.report.abandoned = l.closed, l.dropped, l.abandoned
	s.report.removed, s.report.refused = l.removed, l.refused
	s.report.toldEmpty, s.report.toldFull = l.toldEmpty, l.toldFull
	s.report.gaps = s.watch.gaps
	s.report.stall, s.report.slow, s.report.slowest = s.watch.stall, s.watch.slow, s.watch.slowest
	s.t.Logf("%d slots, %d bytes, %d permits: %v", s.sizes.slots, s.sizes.bytes, s.sizes.permits, s.report)
}
