package shm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func newBarrier(t proctest.Fataler, seg *shm.Segment, parties int, options ...shm.BarrierOption) *shm.Barrier {
	t.Helper()
	return proctest.Must(shm.NewBarrier(seg, "b", parties, options...))(t)
}

const parties = 3 // of most tests

// The options by the argument of a helper.
var barrierOptions = map[string][]shm.BarrierOption{"break": nil, "go on": {shm.GoOn}}

// eachBarrier runs a test with both kinds of Barrier.
func eachBarrier(t *testing.T, test func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string)) {
	for kind, options := range barrierOptions {
		t.Run(kind, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			test(t, s, newBarrier(t, s.Segment, parties, options...), kind)
		})
	}
}

// The helper "party" calls the methods of the barrier "b" that it is sent, and says what they
// did.
var _ = proctest.Register("party", func(c *proctest.Child) {
	seg := shared.Open(c)
	b := newBarrier(c, seg, parties, barrierOptions[c.Arg(0)]...)
	methods := map[string]func(){
		"Abort": b.Abort, "Reset": b.Reset, "Stay": b.Stay, "EnterHalf": b.EnterHalf, "ArriveHalf": b.ArriveHalf,
		"EndSilently": b.EndSilently, "ResetHalf": b.ResetHalf,
	}
	for {
		method := c.Recv()
		if method == "end" {
			break
		}
		if method == "Wait" {
			c.Send(barrierEnd(b))
			continue
		}
		methods[method]()
		c.Send("done")
	}
	c.Check(seg.Close())
})

// party is a helper that ends with the test, unless it has been killed or ended before.
type party struct {
	*proctest.Proc
	gone bool
}

func startParty(t *testing.T, s shared.Segment, kind string) *party {
	t.Helper()
	p := &party{Proc: s.Start(t, "party", kind)}
	t.Cleanup(func() {
		if !p.gone && !t.Failed() {
			p.end()
		}
	})
	return p
}

func (p *party) Kill() { p.Proc.Kill(); p.gone = true }
func (p *party) end()  { end(p.Proc); p.gone = true }

// barrierEnd waits, and says what came of it.
func barrierEnd(b *shm.Barrier) any {
	switch leader, err := b.Wait(context.Background()); {
	case errors.Is(err, shm.ErrBroken):
		return "broken"
	case err != nil:
		return err
	case leader:
		return "leader"
	}
	return "done"
}

func barrierWaits(b *shm.Barrier) <-chan any { return proctest.Go(func() any { return barrierEnd(b) }) }

// untilWaiting waits until so many have come to a barrier.
func untilWaiting(t *testing.T, b *shm.Barrier, n int) {
	t.Helper()
	proctest.Until(t, "they have come", func() bool { return b.Waiting() == n })
}

// meet has the test and helpers wait for each other, and checks that there is one leader.
func meet(t *testing.T, b *shm.Barrier, procs ...*party) {
	t.Helper()
	for _, p := range procs {
		p.Send("Wait")
	}
	leaders := 0
	if got := proctest.Result(t, barrierWaits(b)); got == "leader" {
		leaders++
	} else if got != "done" {
		t.Errorf("Wait: %v", got)
	}
	for _, p := range procs {
		if got := p.Recv(); got == "leader" {
			leaders++
		} else if got != "done" {
			t.Errorf("Wait: %v", got)
		}
	}
	if leaders != 1 {
		t.Errorf("%d leaders, expected one", leaders)
	}
}
