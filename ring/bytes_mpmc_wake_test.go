package ring_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A byte dormouse sleeps until it can pop a message, or push one of so many bytes.
var _ = proctest.Register("byte dormouse", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewBytesMPMC(s, "dormice", 512))(c)
	c.Send("ready")
	if c.Arg(0) == "pop" {
		proctest.Must(q.Pop(background, nil))(c)
	} else {
		c.Check(q.Push(background, make([]byte, proctest.Must(strconv.Atoi(c.Arg(0)))(c))))
	}
	c.Send("woken")
	c.Check(s.Close())
})

// byteDormice starts some of them, one after the other, and gives them time to fall
// asleep. Without it the test would show less, and not fail.
func byteDormice(t *testing.T, asleep func() bool, what ...string) (procs []*proctest.Proc) {
	for _, w := range what {
		p := proctest.Start(t, "byte dormouse", w)
		p.Expect("ready")
		proctest.Until(t, "somebody waits", asleep)
		time.Sleep(5 * time.Millisecond)
		procs = append(procs, p)
	}
	return procs
}

func expectWoken(p *proctest.Proc) {
	p.Expect("woken")
	p.Wait()
}

// TestByteWakes makes room for the second of two who wait for some, and publishes the
// second of two messages before the first.
func TestByteWakes(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "dormice", 512))(t)
	for range 8 {
		proctest.Check(t, q.TryPush(nil)) // a chunk each
	}
	procs := byteDormice(t, q.PushWaiting, "200", "10")
	proctest.Must(q.TryPop(nil))(t)
	expectWoken(procs[1]) // the first needs more
	for range 4 {
		proctest.Must(q.TryPop(nil))(t)
	}
	expectWoken(procs[0])
	for {
		if _, err := q.TryPop(nil); err == ring.ErrEmpty {
			break
		}
	}

	for _, on := range []int{0, 7} { // to the last chunk, so that the message lies at the first
		for range on {
			proctest.Check(t, q.TryPush(nil))
			proctest.Must(q.TryPop(nil))(t)
		}
		procs = byteDormice(t, q.PopWaiting, "pop", "pop")
		r := proctest.Must(q.TryReserve(100))(t)
		proctest.Check(t, q.TryPush(nil))
		time.Sleep(time.Millisecond) // the one that was woken sleeps again
		proctest.Check(t, r.Commit(100))
		for _, p := range procs {
			expectWoken(p)
		}
	}
}
