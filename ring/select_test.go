package ring_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// A bench of objects of each kind that Select takes: those of one process.
type selection struct {
	cases   []shm.Case
	names   []string
	release []func()      // lets the operation of the case take place, from any process
	did     []func() bool // reports whether it did, and undoes it
}

func (s *selection) add(name string, c shm.Case, release func(), did func() bool) {
	s.cases, s.names = append(s.cases, c), append(s.names, name)
	s.release, s.did = append(s.release, release), append(s.did, did)
}

// newSelection makes one side's. Only the one that selects has the ends that select.
func newSelection(t proctest.Fataler, seg *shm.Segment, selects bool) *selection {
	s := &selection{}
	must := func(err error) { t.Helper(); proctest.Check(t, err) }
	var c shm.Case

	spsc := proctest.Must(ring.NewSPSC[int](seg, "spsc", 2))(t)
	back := proctest.Must(ring.NewSPSC[int](seg, "back", 2))(t)
	var popped int
	two := 2
	if selects {
		consumer := proctest.Must(spsc.Consumer())(t)
		s.add("SPSC pop", consumer.PopCase(&popped), nil, func() bool { ok := popped == 1; popped = 0; return ok })
		producer := proctest.Must(back.Producer())(t)
		must(producer.TryPush(0))
		must(producer.TryPush(1))
		s.add("SPSC push", producer.PushCase(&two), nil, func() bool { return back.Len() == 2 })
	} else {
		producer, consumer := proctest.Must(spsc.Producer())(t), proctest.Must(back.Consumer())(t)
		s.add("SPSC pop", c, func() { must(producer.TryPush(1)) }, nil)
		s.add("SPSC push", c, func() { proctest.Must(consumer.TryPop())(t) }, nil)
	}

	mpmc := proctest.Must(ring.NewMPMC[int](seg, "mpmc", 2))(t)
	var got int
	s.add("MPMC pop", mpmc.PopCase(&got), func() { must(mpmc.TryPush(5)) }, func() bool { ok := got == 5; got = 0; return ok })
	full := proctest.Must(ring.NewMPMC[int](seg, "full", 2))(t)
	if selects {
		must(full.TryPush(1))
		must(full.TryPush(1))
	}
	s.add("MPMC push", full.PushCase(&two), func() { proctest.Must(full.TryPop())(t) }, func() bool { return full.Len() == 2 })

	many := proctest.Must(ring.NewBytesMPMC(seg, "many", 4096))(t)
	var longer []byte
	s.add("BytesMPMC pop", many.PopCase(&longer), func() { must(many.TryPush([]byte("long"))) },
		func() bool { ok := string(longer) == "long"; longer = longer[:0]; return ok })

	bytes := proctest.Must(ring.NewBytes(seg, "bytes", 4096))(t)
	var dst []byte
	if selects {
		s.add("Bytes pop", proctest.Must(bytes.Consumer())(t).PopCase(&dst), nil,
			func() bool { ok := string(dst) == "ab"; dst = dst[:0]; return ok })
	} else {
		p := proctest.Must(bytes.Producer())(t)
		s.add("Bytes pop", c, func() { must(p.TryPush([]byte("ab"))) }, nil)
	}

	work := proctest.Must(ring.NewWorkQueue[int](seg, "work", 4))(t)
	var task ring.Task[int]
	s.add("WorkQueue get", work.GetCase(&task), func() { must(work.TryPut(6)) }, func() bool {
		defer func() { task = ring.Task[int]{} }()
		return task.Ack() == nil
	})

	cast := proctest.Must(ring.NewBroadcast[int](seg, "cast", 4))(t)
	var heard int
	if selects {
		s.add("Broadcast pop", proctest.Must(cast.Subscribe(ring.FromNow))(t).PopCase(&heard), nil,
			func() bool { ok := heard == 7; heard = 0; return ok })
	} else {
		p := proctest.Must(cast.Producer())(t)
		s.add("Broadcast pop", c, func() { must(p.TryPush(7)) }, nil)
	}

	lock := proctest.Must(shm.NewLock(seg, "lock"))(t)
	if !selects {
		lock.Lock()
	}
	s.add("Lock", lock.LockCase(), func() { lock.Unlock() }, func() bool { ok := !lock.TryLock(); lock.Unlock(); return ok })

	recursive := proctest.Must(shm.NewRecursiveLock(seg, "recursive"))(t)
	if !selects {
		recursive.Lock(7)
	}
	s.add("RecursiveLock", recursive.LockCase(7), func() { recursive.Unlock(7) }, func() bool {
		defer recursive.Unlock(7)
		return recursive.Count(7) == 1
	})

	rw := proctest.Must(shm.NewRWLock(seg, "rw"))(t)
	if !selects {
		rw.Lock()
	}
	s.add("RWLock", rw.RLockCase(), func() { rw.Unlock() }, func() bool { ok := !rw.TryLock(); rw.RUnlock(); return ok })

	sem := proctest.Must(semaphore.New(seg, "sem", 2, nil))(t)
	if !selects {
		must(sem.Acquire(background, 2))
	}
	s.add("Semaphore", sem.AcquireCase(2), func() { sem.Release(2) }, func() bool { ok := sem.Value() == 0; sem.Release(2); return ok })

	event := proctest.Must(shm.NewEvent(seg, "event"))(t)
	s.add("Event", event.WaitCase(), event.Set, event.IsSet)

	value := proctest.Must(shm.NewValue[int64](seg, "value"))(t)
	var version uint64
	s.add("Value", value.ChangeCase(&version), func() { value.Store(9) }, func() bool { _, version = value.LoadVersion(); return version == 9 })

	table := proctest.Must(shm.NewTable[int64](seg, "table", 3))(t)
	var entry uint64
	s.add("Table", table.ChangeCase(1, &entry), func() { table.Store(1, 1) }, func() bool { _, entry = table.LoadVersion(1); return entry == 1 })
	return s
}

// releaser lets the operations of another process take place, one after another.
var _ = proctest.Register("releaser", func(c *proctest.Child) {
	seg := shared.Open(c)
	s := newSelection(c, seg, false)
	c.Send("ready")
	for i := range s.release {
		c.Expect(i)
		s.release[i]()
		c.Send("done")
	}
	c.Check(seg.Close())
})

// TestSelectEach lets the operation of each case take place in its turn: while the process
// sleeps in Select, and before.
func TestSelectEach(t *testing.T) {
	for _, sleeps := range []bool{true, false} {
		t.Run(fmt.Sprintf("sleeps %v", sleeps), func(t *testing.T) {
			s := newSegment(t)
			own := newSelection(t, s, true)
			p := proctest.Start(t, "releaser")
			p.Expect("ready")
			for i, name := range own.names {
				if !sleeps {
					p.Send(i)
					p.Expect("done")
				}
				selected := shm.SelectChan(background, own.cases...)
				if sleeps {
					if i%2 == 0 { // else it may be asleep, or not
						time.Sleep(2 * time.Millisecond)
					}
					p.Send(i)
					p.Expect("done")
				}
				got := proctest.Result(t, selected)
				if got.Index != i || got.Err != nil || !own.did[i]() {
					t.Fatalf("%s: got index %d, %v", name, got.Index, got.Err)
				}
				own.cases[i] = shm.Case{}
			}
			p.Wait()
			ctx, cancel := context.WithTimeout(background, time.Millisecond)
			defer cancel()
			if i, err := shm.Select(ctx, own.cases...); i != -1 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with no case that takes place: %d, %v", i, err)
			}
		})
	}
}

// TestSelectFair has all cases ready, again and again.
func TestSelectFair(t *testing.T) {
	s := newSegment(t)
	var cases []shm.Case
	var v int
	for i := range 4 {
		q := proctest.Must(ring.NewMPMC[int](s, fmt.Sprint(i), 1024))(t)
		for range 1024 {
			proctest.Check(t, q.TryPush(i))
		}
		cases = append(cases, q.PopCase(&v))
	}
	var count [4]int
	for range 1000 {
		i := proctest.Must(shm.Select(background, cases...))(t)
		if v != i {
			t.Fatalf("index %d, and got %d", i, v)
		}
		count[i]++
	}
	for i, n := range count {
		if n < 150 || n > 350 {
			t.Errorf("case %d was chosen %d times of 1000", i, n)
		}
	}
}

// TestSelectBad wants what cannot be.
func TestSelectBad(t *testing.T) {
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[int](s, "q", 2))(t)
	sem := proctest.Must(semaphore.New(s, "sem", 2, nil))(t)
	var v int
	pop := q.PopCase(&v)
	ended, cancel := context.WithCancel(background)
	cancel()
	proctest.Check(t, q.TryPush(1))
	for _, ctx := range []context.Context{nil, ended} {
		i, err := shm.Select(ctx, pop)
		if i != -1 || v != 0 || ctx == nil && !errors.Is(err, fs.ErrInvalid) || ctx != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("with context %v: %d, %v, %d", ctx, i, err, v)
		}
	}
	if i, err := shm.Select(background, sem.AcquireCase(-1)); i != 0 || !errors.Is(err, semaphore.ErrPermits) {
		t.Errorf("negative permits: %d, %v", i, err)
	}
	if i, err := shm.Select(background, sem.AcquireCase(3), pop); i != 1 || err != nil || v != 1 {
		t.Errorf("too many permits, or a message: %d, %v, %d", i, err, v)
	}
	proctest.Check(t, q.Close())
	if i, err := shm.Select(background, pop); i != 0 || !errors.Is(err, ring.ErrClosed) {
		t.Errorf("closed: %d, %v", i, err)
	}
}

// TestSelectSegmentClosed closes the segment of one case under a Select that sleeps.
func TestSelectSegmentClosed(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	var v int
	here := proctest.Must(ring.NewMPMC[int](s, "q", 2))(t)
	other := shared.Open(t)
	there := proctest.Must(ring.NewMPMC[int](other, "q2", 2))(t)
	selected := shm.SelectChan(background, here.PopCase(&v), there.PopCase(&v))
	proctest.Until(t, "it sleeps", there.PopWaiting)
	proctest.Check(t, other.Close())
	if got := proctest.Result(t, selected); got.Index != 1 || !errors.Is(got.Err, shm.ErrSegmentClosed) {
		t.Errorf("got %+v", got)
	}
}

var _ = proctest.Register("resident", func(c *proctest.Child) {
	seg := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[int](seg, "q", 2, ring.FailOnDeath))(c)
	c.Check(q.TryPush(1))
	c.Send("ready")
	c.Recv()
	c.Check(seg.Close())
})

// TestSelectGone waits for the end of a peer, and for messages of it.
func TestSelectGone(t *testing.T) {
	proctest.Mortal(t)
	for _, kill := range []bool{true, false} {
		s := newSegment(t)
		q := proctest.Must(ring.NewMPMC[int](s, "q", 2, ring.FailOnDeath))(t)
		empty := proctest.Must(ring.NewMPMC[int](s, "empty", 2))(t)
		p := proctest.Start(t, "resident")
		p.Expect("ready")
		var v int
		if i, err := shm.Select(background, q.PopCase(&v), empty.PopCase(&v)); i != 0 || err != nil || v != 1 {
			t.Errorf("a message: %d, %v, %d", i, err, v)
		}
		var peer shm.Peer
		for _, peer = range proctest.Must(s.Peers())(t) {
			if !peer.Self {
				break
			}
		}
		gone, told := shm.SelectChan(background, s.GoneCase(peer), empty.PopCase(&v)), shm.SelectChan(background, q.PopCase(&v), empty.PopCase(&v))
		alone := shm.SelectChan(background, s.GoneCase(peer))
		proctest.Until(t, "they sleep", func() bool { return empty.PopWaiting() && q.PopWaiting() })
		if kill {
			p.Kill()
		} else {
			p.Send("end")
			p.Wait()
		}
		for _, c := range []<-chan shm.Selected{gone, alone} {
			if got := proctest.Result(t, c); got != (shm.Selected{}) {
				t.Errorf("killed %v: %+v", kill, got)
			}
		}
		if kill {
			if got := proctest.Result(t, told); got.Index != 0 || !errors.Is(got.Err, ring.ErrPeerDied) {
				t.Errorf("killed: %+v", got)
			}
		} else {
			proctest.Check(t, empty.TryPush(2))
			if got := proctest.Result(t, told); got != (shm.Selected{Index: 1}) {
				t.Errorf("not killed: %+v", got)
			}
		}
	}
}

// A chooser pops from three rings at once until they are closed, and says how much that was.
var _ = proctest.Register("chooser", func(c *proctest.Child) {
	wait.SetSpin(false)
	seg := shared.Open(c)
	c.Send("ready")
	c.Send(choose(c, seg))
	c.Check(seg.Close())
})

// choose pops from all rings by goroutines that select, that give up now and then, and that
// pop from one ring; it returns the sum.
func choose(t proctest.Fataler, seg *shm.Segment) (sum int) {
	var qs []*ring.MPMC[int]
	for i := range 3 {
		qs = append(qs, proctest.Must(ring.NewMPMC[int](seg, fmt.Sprint("q", i), 4))(t))
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := func(v int) { mu.Lock(); sum += v; mu.Unlock() }
	for g := range 3 {
		wg.Go(func() {
			var v int
			cases := []shm.Case{qs[0].PopCase(&v), qs[1].PopCase(&v), qs[2].PopCase(&v)}
			for open := 3; open > 0; {
				ctx, cancel := background, func() {}
				if g == 2 {
					ctx, cancel = context.WithTimeout(background, 200*time.Microsecond)
				}
				i, err := shm.Select(ctx, cases...)
				cancel()
				switch {
				case err == nil:
					got(v)
				case errors.Is(err, ring.ErrClosed):
					cases[i] = shm.Case{}
					open--
				case i >= 0:
					proctest.Check(t, err)
				}
			}
		})
		wg.Go(func() {
			for {
				v, err := qs[g].Pop(background)
				if errors.Is(err, ring.ErrClosed) {
					return
				}
				proctest.Check(t, err)
				got(v)
			}
		})
	}
	wg.Wait()
	return sum
}

// TestSelectPassesOn sends messages through three rings to goroutines of two processes that
// pop from one, or select among all: a wake that one of them does not use must reach another.
func TestSelectPassesOn(t *testing.T) {
	s := newSegment(t)
	var qs []*ring.MPMC[int]
	for i := range 3 {
		qs = append(qs, proctest.Must(ring.NewMPMC[int](s, fmt.Sprint("q", i), 4))(t))
	}
	p := proctest.Start(t, "chooser")
	p.Expect("ready")
	wait.SetSpin(false)
	defer wait.SetSpin(true)
	own := proctest.Go(func() int { return choose(t, s) })
	n := proctest.Scaled(3000)
	for v := 1; v <= n; v++ {
		proctest.Check(t, qs[v%3].Push(background, v))
		if v%7 == 0 {
			proctest.Until(t, "all are popped", func() bool { return qs[0].Len()+qs[1].Len()+qs[2].Len() == 0 })
		}
	}
	for _, q := range qs {
		proctest.Check(t, q.Close())
	}
	var theirs int
	if _, err := fmt.Sscan(p.Recv(), &theirs); err != nil {
		t.Fatal(err)
	}
	if sum := proctest.Result(t, own) + theirs; sum != n*(n+1)/2 {
		t.Errorf("popped %d, expected %d", sum, n*(n+1)/2)
	}
	p.Wait()
}

func BenchmarkSelect(b *testing.B) {
	s := newSegment(b)
	var v int
	q := proctest.Must(ring.NewMPMC[int](s, "q", 2))(b)
	empty := proctest.Must(ring.NewMPMC[int](s, "empty", 2))(b)
	cases := []shm.Case{q.PopCase(&v), empty.PopCase(&v)}
	b.ReportAllocs()
	for b.Loop() {
		_ = q.TryPush(1)
		_, _ = shm.Select(background, cases...)
	}
}

func BenchmarkGoSelect(b *testing.B) {
	q, empty := make(chan int, 2), make(chan int, 2)
	for b.Loop() {
		q <- 1
		select {
		case <-q:
		case <-empty:
		}
	}
}

func BenchmarkSelectChan(b *testing.B) {
	s := newSegment(b)
	var v int
	q := proctest.Must(ring.NewMPMC[int](s, "q", 2))(b)
	pop := q.PopCase(&v)
	for b.Loop() {
		_ = q.TryPush(1)
		<-shm.SelectChan(background, pop)
	}
}
