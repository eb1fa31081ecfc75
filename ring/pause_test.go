package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A sleepwalker is stopped in the middle of an operation, and goes on with it.
var _ = proctest.Register("sleepwalker", func(c *proctest.Child) {
	q := newKillRing(c, shared.Open(c))
	switch c.Arg(0) {
	case "writer":
		r := proctest.Must(q.TryReserve())(c)
		*r.Value() = jobs.make(1)
		c.Send("there")
		c.Expect("go on")
		c.Check(r.Commit())
	case "batch writer":
		pos, run, err := q.Claim(3)
		c.Check(err)
		q.Fill(pos, run, 1, jobs.make(1))
		c.Send("there")
		c.Expect("go on")
		q.Fill(pos, run, 3, jobs.make(1))
	case "reader":
		l := proctest.Must(q.TryNext())(c)
		c.Send("there")
		c.Expect("go on")
		c.Send(l.Value().ID)
		c.Check(l.Release())
	case "batch reader":
		dst := make([]job, 3)
		pos, run, err := q.Take(dst)
		c.Check(err)
		c.Send("there")
		c.Expect("go on")
		q.Free(pos, run, 3)
		c.Send(dst[0].ID, dst[2].ID)
	}
	c.Send("done")
})

// goOnAsleep tells the stopped process to go on, and resumes it.
func goOnAsleep(p *proctest.Proc) {
	p.Send("go on")
	p.Continue()
}

// TestWriterPaused: who is stopped inside a push is waited for.
func TestWriterPaused(t *testing.T) {
	proctest.Mortal(t)
	for writer, messages := range map[string]int{"writer": 1, "batch writer": 3} {
		t.Run(writer, func(t *testing.T) {
			q := newKillRing(t, newSegment(t))
			p := proctest.Start(t, "sleepwalker", writer)
			p.Expect("there")
			p.Stop()
			pushJobs(t, q, 2, 5)
			popJobs(t, q, 0, 0)
			survivor := newSurvivor(t, q, "Pop", q.PopWaiting)
			goOnAsleep(p)
			p.Expect("done")
			p.Wait()
			survivor.Expect(1)
			survivor.Wait()
			for range messages - 1 {
				popOne(t, q, 1)
			}
			popJobs(t, q, 2, 5)
			goOn(t, q)
		})
	}
}

// TestReaderPaused: what is being read by who is stopped comes to nobody else,
// and its room is kept.
func TestReaderPaused(t *testing.T) {
	proctest.Mortal(t)
	for _, reader := range []string{"reader", "batch reader"} {
		t.Run(reader, func(t *testing.T) {
			q := newKillRing(t, newSegment(t))
			pushJobs(t, q, 1, 1+killCapacity)
			p := proctest.Start(t, "sleepwalker", reader)
			p.Expect("there")
			p.Stop()
			for range 200 {
				checkIs(t, "push to a full ring", q.TryPush(garbage), ring.ErrFull)
			}
			survivor := newSurvivor(t, q, "Push", q.PushWaiting)
			goOnAsleep(p)
			next := uint64(2)
			if reader == "reader" {
				p.Expect(1)
			} else {
				p.Expect(1, 3)
				next = 4
			}
			p.Expect("done")
			p.Wait()
			survivor.Expect("pushed")
			survivor.Wait()
			for n := next; n <= killCapacity; n++ {
				popOne(t, q, n)
			}
			popJobs(t, q, 77, 78)
			goOn(t, q)
		})
	}
}
