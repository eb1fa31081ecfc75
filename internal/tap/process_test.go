package tap

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

const passing = 20_000 // messages that pass under a tap

var _ = proctest.Register("producer", func(c *proctest.Child) { end(c, true) })
var _ = proctest.Register("consumer", func(c *proctest.Child) { end(c, false) })

// end pushes all messages, or pops them and sees to it that none is lost.
func end(c *proctest.Child, produces bool) {
	s := shared.Open(c)
	defer s.Close()
	e := kinds[proctest.Must(strconv.Atoi(c.Arg(0)))(c)].open(c, s, 64)
	c.Send("ready")
	c.Expect("go")
	for n := uint64(0); n < passing; {
		if produces {
			switch err := e.push(n); err {
			case nil:
				n++
			case ring.ErrFull:
				runtime.Gosched()
			default:
				c.Check(err)
			}
			continue
		}
		switch got, err := e.pop(); {
		case err == ring.ErrEmpty:
			runtime.Gosched()
		case err != nil || got != n:
			c.Fatalf("popped %d, %v, expected %d", got, err, n)
		default:
			n++
		}
	}
	if produces {
		c.Check(e.close())
	}
	c.Send("done")
}

// TestPassing taps a ring between two processes: neither loses anything, and the tap sees whole
// messages in their order, and counts the others.
func TestPassing(t *testing.T) {
	for i, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := shared.Named(t)
			k.open(t, s.Segment, 64)
			procs := []*proctest.Proc{s.Start(t, "producer", strconv.Itoa(i))}
			if k.name != "broadcast" {
				procs = append(procs, s.Start(t, "consumer", strconv.Itoa(i)))
			}
			for _, p := range procs {
				p.Expect("ready")
			}
			var seen, missed, next uint64
			err := Watch(t.Context(), shared.Name, object, nil, Options{}, func(*Tap) func(Event) error {
				for _, p := range procs {
					p.Send("go")
				}
				return func(e Event) error {
					if missed += e.Missed; e.Missed != 0 {
						return nil
					}
					n, whole := number(e.Data)
					if !whole || n < next || n >= passing {
						t.Errorf("message %d of %d, whole: %v", n, next, whole)
						return layout.ErrCorrupt
					}
					if k.room == 1 && e.Position != n {
						t.Errorf("message %d at position %d", n, e.Position)
					}
					seen, next = seen+1, n+1
					return nil
				}
			})
			proctest.Check(t, err)
			for _, p := range procs {
				p.Expect("done")
				p.Wait()
			}
			if k.name != "bytes" && seen*k.unit+missed != passing*k.unit {
				t.Errorf("saw %d, and missed %d, of %d", seen, missed, passing)
			}
			t.Logf("saw %d", seen)
		})
	}
}
