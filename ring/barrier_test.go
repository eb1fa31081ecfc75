package ring_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// A segment is made for barriers if its maker has them. In one that is not, both
// sides run fences; in one that is, a process without barriers runs fences where
// it publishes, and polls where it would sleep.

// The maker makes the test's segment without barriers.
var _ = proctest.Register("maker", func(c *proctest.Child) {
	if err := proctest.Refuse("membarrier"); err != nil {
		c.Send("no sandbox:", err)
		return
	}
	s := proctest.Must(shm.Create(shared.Name, 1<<20, nil))(c)
	c.Send("made", segment.Of(s).WakerFence())
	c.Check(s.Close())
})

// A ping-pong player pushes to one ring and pops from the other, in turns.
var _ = proctest.Register("player", func(c *proctest.Child) {
	if c.Arg(0) == "without" {
		if err := proctest.Refuse("membarrier"); err != nil {
			c.Send("no sandbox:", err)
			return
		}
	}
	s := shared.Open(c)
	wait.SetSpin(false)
	c.Send("fence", segment.Of(s).WakerFence())
	for _, kind := range ringtest.Main {
		for _, from := range []string{"a", "b"} {
			out, in := newQueue(c, s, kind, kind+from+c.Arg(1), 2), newQueue(c, s, kind, kind+from+c.Arg(2), 2)
			p, co := proctest.Must(out.Producer())(c), proctest.Must(in.Consumer())(c)
			for n := range uint64(scaled(2000)) {
				if from == c.Arg(1) {
					c.Check(p.Push(background, n))
				}
				if got := proctest.Must(co.Pop(background))(c); got != n {
					c.Fatalf("%s: got %d, want %d", kind, got, n)
				}
				if from != c.Arg(1) {
					c.Check(p.Push(background, n))
				}
			}
		}
	}
	c.Check(s.Close())
})

// TestBarriers plays between processes with and without barriers. Every message
// finds its receiver asleep, or about to be: one wake-up that were lost would
// hold the game up.
func TestBarriers(t *testing.T) {
	proctest.MaySkip("maker", "player")
	for _, made := range []string{"with", "without"} {
		for _, second := range []string{"with", "without"} {
			t.Run(made+" and "+second, func(t *testing.T) {
				if made == "with" {
					s := newSegment(t)
					if segment.Of(s).WakerFence() {
						t.Skip("the platform has no barriers")
					}
				} else {
					proctest.Dir(t)
					maker := proctest.Start(t, "maker")
					line := maker.Recv()
					maker.Wait()
					if line != "made true" {
						t.Skip(line)
					}
					t.Cleanup(func() { proctest.Check(t, shm.Remove(shared.Name, nil)) })
				}
				b := proctest.Start(t, "player", second, "b", "a")
				want := fmt.Sprint("fence ", made == "without" || second == "without")
				switch line := b.Recv(); {
				case strings.HasPrefix(line, "no sandbox"):
					b.Wait()
					t.Skip(line)
				case line != want:
					t.Fatalf("got %q, want %q", line, want)
				}
				a := proctest.Start(t, "player", "with", "a", "b")
				a.Expect("fence", made == "without")
				a.Wait()
				b.Wait()
			})
		}
	}
}
