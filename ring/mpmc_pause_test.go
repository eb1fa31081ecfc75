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
		fill := claimThree(c, q, c.Arg(0))
		fill(1)
		c.Send("there")
		c.Expect("go on")
		fill(3)
	case "reader":
		l := proctest.Must(q.TryNext())(c)
		c.Send("there")
		c.Expect("go on")
		c.Send(proctest.Must(l.Read())(c))
		c.Check(l.Release())
	case "batch reader":
		free, first, last := takeThree(c, q, c.Arg(0))
		c.Send("there")
		c.Expect("go on")
		free()
		c.Send(first, last)
	}
	c.Send("done")
})

// claimThree is the first step of a push of three messages 1. The next publishes n, the first last.
func claimThree(t proctest.Fataler, q crowdRing, kind string) (fill func(n int)) {
	if kind == "MPMC" {
		pos, run, err := q.mpmc().Claim(3)
		proctest.Check(t, err)
		return func(n int) { q.mpmc().Fill(pos, run, n, ringtest.Jobs.Make(1)) }
	}
	one := make([]byte, crowdLen(1, q.bytes().MaxLen()))
	ringtest.Fill(one, 1)
	bs := [][]byte{one, one, one}
	pos, _, err := q.bytes().Claim(bs)
	proctest.Check(t, err)
	return func(n int) { q.bytes().Fill(pos, bs, n) }
}

// takeThree is the first step of a pop of three messages. The next frees their room.
func takeThree(t proctest.Fataler, q crowdRing, kind string) (free func(), first, last uint64) {
	if kind == "MPMC" {
		dst := make([]ringtest.Job, 3)
		pos, run, err := q.mpmc().Take(dst)
		proctest.Check(t, err)
		return func() { q.mpmc().Free(pos, run, 3) }, dst[0].ID, dst[2].ID
	}
	lens := make([]int, 3)
	b, _, err := q.bytes().Take(lens, func(chunks int) int { return chunks })
	proctest.Check(t, err)
	return q.bytes().FreeTaken, ringtest.Number(b), ringtest.Number(b[lens[0]+lens[1]:])
}

// eachSleepwalker runs a test with each of the rings and a sleepwalker that is stopped in
// an operation, or in one of a batch.
func eachSleepwalker(t *testing.T, who string, test func(t *testing.T, q crowdRing, kind string, start func() *proctest.Proc, batch bool)) {
	eachCrowd(t, func(t *testing.T, kind string) {
		for _, batch := range []bool{false, true} {
			name := who
			if batch {
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
