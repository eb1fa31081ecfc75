package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// A sleepwalker is stopped in the middle of an operation, and goes on with it.
var _ = proctest.Register("sleepwalker", func(c *proctest.Child) {
	q := newKillRing(c, shared.Open(c), c.Arg(0))
	switch c.Arg(1) {
	case "writer":
		r := proctest.Must(q.TryReserve(1))(c)
		c.Send("there")
		c.Expect("go on")
		c.Check(r.Commit())
	case "batch writer":
		pos, run, err := q.mpmc().Claim(3)
		c.Check(err)
		q.mpmc().Fill(pos, run, 1, ringtest.Jobs.Make(1))
		c.Send("there")
		c.Expect("go on")
		q.mpmc().Fill(pos, run, 3, ringtest.Jobs.Make(1))
	case "reader":
		l := proctest.Must(q.TryNext())(c)
		c.Send("there")
		c.Expect("go on")
		c.Send(proctest.Must(l.Read())(c))
		c.Check(l.Release())
	case "batch reader":
		dst := make([]ringtest.Job, 3)
		pos, run, err := q.mpmc().Take(dst)
		c.Check(err)
		c.Send("there")
		c.Expect("go on")
		q.mpmc().Free(pos, run, 3)
		c.Send(dst[0].ID, dst[2].ID)
	}
	c.Send("done")
})

// eachSleepwalker runs a test with each of the rings and a sleepwalker that is stopped in
// an operation, of which there are batches in an MPMC.
func eachSleepwalker(t *testing.T, who string, test func(t *testing.T, q crowdRing, kind string, start func() *proctest.Proc, batch bool)) {
	eachCrowd(t, func(t *testing.T, kind string) {
		for _, batch := range []bool{false, true} {
			name := who
			if batch {
				if kind != "MPMC" {
					continue
				}
				name = "batch " + who
			}
			t.Run(name, func(t *testing.T) {
				test(t, newKillRing(t, newSegment(t), kind), kind, func() *proctest.Proc {
					p := proctest.Start(t, "sleepwalker", kind, name)
					p.Expect("there")
					p.Stop()
					return p
				}, batch)
			})
		}
	})
}

// goOnAsleep tells the stopped process to go on, and resumes it.
func goOnAsleep(p *proctest.Proc) {
	p.Send("go on")
	p.Continue()
}

// TestWriterPaused: who is stopped inside a push is waited for.
func TestWriterPaused(t *testing.T) {
	eachSleepwalker(t, "writer", func(t *testing.T, q crowdRing, kind string, start func() *proctest.Proc, batch bool) {
		p := start()
		q.pushMany(t, 2, 5)
		q.popNothing(t)
		survivor := newSurvivor(t, q, kind, "Pop")
		goOnAsleep(p)
		p.Expect("done")
		p.Wait()
		survivor.Expect(1)
		survivor.Wait()
		if batch {
			q.popOne(t, 1)
			q.popOne(t, 1)
		}
		q.popMany(t, 2, 5)
		q.goOn(t)
	})
}

// TestReaderPaused: what is being read by who is stopped comes to nobody else, and its
// room is kept.
func TestReaderPaused(t *testing.T) {
	eachSleepwalker(t, "reader", func(t *testing.T, q crowdRing, kind string, start func() *proctest.Proc, batch bool) {
		n := uint64(1)
		for ; q.TryPush(n) == nil; n++ {
		}
		p := start()
		for range 200 {
			checkIs(t, "push to a full ring", q.TryPush(n), ring.ErrFull)
		}
		survivor := newSurvivor(t, q, kind, "Push")
		goOnAsleep(p)
		next := uint64(2)
		if batch {
			p.Expect(1, 3)
			next = 4
		} else {
			p.Expect(1)
		}
		p.Expect("done")
		p.Wait()
		if q.Slotted() { // the room of one is enough
			survivor.Expect("pushed")
		}
		for ; next < n; next++ {
			q.popOne(t, next)
		}
		if !q.Slotted() {
			survivor.Expect("pushed")
		}
		survivor.Wait()
		q.popMany(t, 77, 78)
		q.goOn(t)
	})
}
