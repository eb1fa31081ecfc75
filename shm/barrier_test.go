package shm_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestBarrierAlone is alone. (CPython's test_single_thread.)
func TestBarrierAlone(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, 1)
	if newBarrier(t, s.Segment, 1) != b {
		t.Error("two NewBarrier of one name on one Segment differ")
	}
	for range 3 {
		wantEnd(t, barrierWaits(b), "leader")
		wantEnd(t, barrierWaits(newBarrier(t, s.Another(t), 1)), "leader")
	}
}

// A marcher passes the barrier again and again, and counts who has come and who leads.
var _ = proctest.Register("marcher", func(c *proctest.Child) {
	seg := shared.Open(c)
	b, came := newBarrier(c, seg, 2*parties), newArray[int](c, seg, "came", 2)
	march(c, b, came)
	c.Check(seg.Close())
})

const marches = 300

func march(t proctest.Fataler, b *shm.Barrier, came *shm.Array[int]) {
	for i := range marches {
		shm.AddAt(came, 0, 1)
		leader, err := b.Wait(context.Background())
		proctest.Check(t, err)
		if n := came.Load(0); n < 2*parties*(i+1) || n > 2*parties*(i+2) {
			t.Fatalf("%d have come at the end of phase %d", n, i)
		}
		if leader {
			shm.AddAt(came, 1, 1)
		}
	}
}

// TestBarrierMarch has processes, and several goroutines of one, meet in each phase, and has
// one leader in each. (CPython's test_barrier, test_barrier_10, test_wait_return.)
func TestBarrierMarch(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		b, came := newBarrier(t, s.Segment, 2*parties), newArray[int](t, s.Segment, "came", 2)
		procs := s.StartAll(t, parties, "marcher")
		var marchers []<-chan bool
		for range parties {
			marchers = append(marchers, proctest.Go(func() bool { march(t, b, came); return true }))
		}
		for _, m := range marchers {
			proctest.Result(t, m)
		}
		for _, p := range procs {
			p.Wait()
		}
		if n := came.Load(1); n != marches {
			t.Errorf("%d leaders in %d phases", n, marches)
		}
	})
}

// TestBarrierContext has a context end while its party waits, and before: the phase breaks.
// (CPython's test_timeout.)
func TestBarrierContext(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p := startParty(t, s, "break")
	var none context.Context
	_, err := b.Wait(none)
	proctest.WantError(t, "Wait", err, fs.ErrInvalid, `barrier "b"`)
	if b.Broken() {
		t.Error("broken by a nil context")
	}
	for _, before := range []bool{false, true} {
		p.Send("Wait")
		untilWaiting(t, b, 1)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if before {
			cancel()
		}
		w := proctest.Go(func() error { _, err := b.Wait(ctx); return err })
		if !before {
			untilWaiting(t, b, 2)
			cancel()
		}
		proctest.WantError(t, "Wait", proctest.Result(t, w), context.Canceled, `barrier "b"`, shared.Name)
		p.Expect("broken")
		_, err := b.Wait(context.Background())
		proctest.WantError(t, "Wait", err, shm.ErrBroken, `barrier "b"`, shared.Name)
		b.Reset()
	}
}

// TestBarrierContextPaused has a context end while somebody is stopped in the middle of an
// arrival.
func TestBarrierContextPaused(t *testing.T) {
	s := shared.Named(t)
	b, other := newBarrier(t, s.Segment, parties), newBarrier(t, s.Another(t), parties)
	w := barrierWaits(b)
	untilWaiting(t, b, 1)
	other.Stay()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := b.Wait(ctx)
	proctest.WantError(t, "Wait", err, context.DeadlineExceeded, `barrier "b"`)
	wantEnd(t, w, "broken")
}

func TestBarrierMismatch(t *testing.T) {
	s := shared.Named(t)
	newBarrier(t, s.Segment, parties)
	for _, n := range []int{0, -1, 1024, math.MaxInt} {
		_, err := shm.NewBarrier(s.Segment, "other", n)
		proctest.WantError(t, "NewBarrier", err, shm.ErrSize, `barrier "other"`, shared.Name, "1023")
	}
	_, err := shm.NewBarrier(s.Segment, "b", parties+1)
	proctest.WantError(t, "NewBarrier", err, shm.ErrMismatch, `barrier "b"`, "3", "4")
	_, err = shm.NewBarrier(s.Segment, "b", parties, shm.GoOn)
	proctest.WantError(t, "NewBarrier", err, shm.ErrMismatch, `barrier "b"`)
	proctest.Must(shm.NewBarrier(s.Segment, "most", 1023))(t)
}

// TestBarrierClosed closes the Segment of one who waits. Others take it for a death.
func TestBarrierClosed(t *testing.T) {
	eachBarrier(t, func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string) {
		seg := s.Another(t)
		closed := newBarrier(t, seg, parties, barrierOptions[kind]...)
		v, w := barrierWaits(closed), barrierWaits(b)
		untilWaiting(t, b, 2)
		start := time.Now()
		proctest.Check(t, seg.Close())
		wantClosed(t, "Wait", proctest.Result(t, v), `barrier "b"`)
		if kind == "break" {
			wantEnd(t, w, "broken")
			proctest.Prompt(t, "told", start)
		} else {
			call(startParty(t, s, kind).Proc, "Wait", "leader")
			wantEnd(t, w, "done")
		}
		for range 2 {
			for name, call := range map[string]func(){
				"Abort": closed.Abort, "Reset": closed.Reset,
				"Broken": func() { closed.Broken() }, "Waiting": func() { closed.Waiting() },
			} {
				wantClosed(t, name, proctest.PanicOf(call), `barrier "b"`)
			}
			wantClosed(t, "Wait", barrierEnd(closed), `barrier "b"`)
		}
		_, err := shm.NewBarrier(seg, "b", parties, barrierOptions[kind]...)
		wantClosed(t, "NewBarrier", err, `barrier "b"`)
	})
}

// TestBarrierCloseUnderLoad closes a Segment in the middle of everything.
func TestBarrierCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		b := newBarrier(t, seg, 1, shm.GoOn)
		shared.CloseUnder(t, seg, func() {
			if _, err := b.Wait(context.Background()); errors.Is(err, shm.ErrSegmentClosed) {
				panic(err)
			}
		}, func() { b.Waiting() }, b.Reset, b.Abort)
	}
}
