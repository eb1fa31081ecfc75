package segment

import (
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// rotator has others take turns in attending, so that there is always one, until it is
// told to end.
var _ = proctest.Register("rotator", func(c *proctest.Child) {
	var all []*Segment
	for range 3 {
		s, err := Open("s", nil)
		c.Check(err)
		all = append(all, s)
	}
	o := attended(c, all[0])[0]
	all[0].Attend(o, layout.Producer)
	c.Send("ready")
	end := make(chan struct{})
	go func() { c.Recv(); close(end) }()
	for i := 0; ; i++ {
		from, to := i%len(all), (i+1)%len(all)
		all[to].Attend(o, layout.Producer)
		if i%5 == 0 { // in another slot, or the same
			c.Check(all[from].Close())
			s, err := Open("s", nil)
			c.Check(err)
			all[from] = s
		} else {
			all[from].Leave(o, layout.Producer)
		}
		select {
		case <-end:
			return
		default:
		}
	}
})

// TestAttendRotation looks at those who take turns.
func TestAttendRotation(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	o := attended(t, s)[0]
	p := proctest.Start(t, "rotator")
	p.Recv()
	for range 3000 {
		if alive, died := s.Attended(o, layout.Producer); !alive || died {
			t.Fatalf("alive %v, died %v", alive, died)
		}
		runtime.Gosched()
	}
	p.Send("end")
	p.Wait()
	wantAttended(t, s, o, layout.Producer, false, true) // it has ended without closing
}
