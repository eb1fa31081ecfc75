package shm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func newWaitGroup(t proctest.Fataler, seg *shm.Segment, name string, options ...shm.WaitGroupOption) *shm.WaitGroup {
	t.Helper()
	return proctest.Must(shm.NewWaitGroup(seg, name, options...))(t)
}

// The options by the argument of a helper.
var groupOptions = map[string][]shm.WaitGroupOption{"return": nil, "report": {shm.ReportDead}}

// eachGroup runs a test with both kinds of WaitGroup.
func eachGroup(t *testing.T, test func(t *testing.T, s shared.Segment, g *shm.WaitGroup, kind string)) {
	for kind, options := range groupOptions {
		t.Run(kind, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			test(t, s, newWaitGroup(t, s.Segment, "g", options...), kind)
		})
	}
}

// The helper "group" calls the methods of the WaitGroup "g" that it is sent, and says what
// they did.
var _ = proctest.Register("group", func(c *proctest.Child) {
	seg := shared.Open(c)
	g := newWaitGroup(c, seg, "g", groupOptions[c.Arg(0)]...)
	for {
		var method string
		n := 0
		if _, err := fmt.Sscanln(c.Recv(), &method, &n); err != nil {
			c.Fatalf("%v", err)
		}
		var answer any = "done"
		p := proctest.PanicOf(func() {
			switch method {
			case "Add":
				g.Add(n)
			case "Take":
				answer = g.Take(n)
			case "Go":
				for range n {
					g.Go(func() { select {} })
				}
			case "Wait":
				answer = groupEnd(g)
			case "Stay":
				g.Stay()
			case "DoneHalf":
				g.DoneHalf()
			case "DoneSilently":
				g.DoneSilently()
			}
		})
		if method == "end" {
			break
		}
		if p != nil {
			answer = p
		}
		c.Send(answer)
	}
	c.Check(seg.Close())
})

// groupEnd waits, and says what came of it.
func groupEnd(g *shm.WaitGroup) any {
	switch err := g.WaitContext(context.Background()); {
	case errors.Is(err, shm.ErrOwnerDied):
		return "owner died"
	case err != nil:
		return err
	}
	return "done"
}

// groupWaits calls groupEnd in a goroutine.
func groupWaits(g *shm.WaitGroup) <-chan any { return proctest.Go(func() any { return groupEnd(g) }) }

// wantEnd checks what came of a wait.
func wantEnd(t *testing.T, w <-chan any, want any) {
	t.Helper()
	if got := proctest.Result(t, w); got != want {
		t.Errorf("Wait: %v, expected %v", got, want)
	}
}

// groupStep is a method that a helper calls, and its answer.
type groupStep struct {
	method string
	n      int
	answer any
}

func (s groupStep) by(p *proctest.Proc) {
	p.Send(s.method, s.n)
	p.Expect(s.answer)
}

// endGroup ends the helper.
func endGroup(p *proctest.Proc) {
	p.Send("end", 0)
	p.Wait()
}

// wantTotal checks how many counts there are.
func wantTotal(t *testing.T, g *shm.WaitGroup, want uint64) {
	t.Helper()
	if got := g.Total(); got != want {
		t.Errorf("there are %d counts, expected %d", got, want)
	}
}
