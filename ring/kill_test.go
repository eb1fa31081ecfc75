package ring_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const killCapacity = 8

func newKillRing(t proctest.Fataler, s *shm.Segment) *ring.MPMC[job] {
	return proctest.Must(ring.NewMPMC[job](s, "kill", killCapacity))(t)
}

// garbage is what a victim writes and never publishes as a whole.
var garbage = jobs.make(666)

// A victim goes as far in an operation as it is told, and is killed there.
var _ = proctest.Register("victim", func(c *proctest.Child) {
	q := newKillRing(c, shared.Open(c))
	var what string
	var n, k int
	fmt.Sscan(c.Arg(0), &what, &n, &k)
	switch what {
	case "reserve":
		r := proctest.Must(q.TryReserve())(c)
		*r.Value() = garbage
	case "next":
		l := proctest.Must(q.TryNext())(c)
		c.Send("lent", l.Value().ID)
	case "claim": // n slots for writing, and fill the last k
		pos, run, err := q.Claim(n)
		if err != nil || int(run) != n {
			c.Fatalf("claimed %d of %d: %v", run, n, err)
		}
		q.Fill(pos, run, k, garbage)
	case "take": // n messages, and free the slots of the last k
		pos, run, err := q.Take(make([]job, n))
		if err != nil || int(run) != n {
			c.Fatalf("took %d of %d: %v", run, n, err)
		}
		q.Free(pos, run, k)
	}
	c.Send("there")
	c.Recv()
})

func newVictim(t *testing.T, operands ...any) *proctest.Proc {
	v := proctest.Start(t, "victim", fmt.Sprint(operands...))
	if operands[0] == "next" {
		v.Expect("lent", operands[2])
	}
	v.Expect("there")
	return v
}

// A survivor waits for what the dead hold up.
var _ = proctest.Register("survivor", func(c *proctest.Child) {
	q := newKillRing(c, shared.Open(c))
	c.Send("ready")
	switch c.Arg(0) {
	case "Pop":
		c.Send(proctest.Must(q.Pop(background))(c).ID)
	case "PopInto":
		dst := make([]job, 1)
		proctest.Must(q.PopInto(background, dst))(c)
		c.Send(dst[0].ID)
	case "Next":
		l := proctest.Must(q.Next(background))(c)
		c.Send(l.Value().ID)
		c.Check(l.Release())
	case "All":
		for v, err := range q.All(background) {
			c.Check(err)
			c.Send(v.ID)
			break
		}
	case "Push":
		c.Check(q.Push(background, jobs.make(77)))
		c.Send("pushed")
	case "PushAll":
		proctest.Must(q.PushAll(background, []job{jobs.make(77)}))(c)
		c.Send("pushed")
	case "Reserve":
		r := proctest.Must(q.Reserve(background))(c)
		*r.Value() = jobs.make(77)
		c.Check(r.Commit())
		c.Send("pushed")
	}
})

var (
	waysToPop  = []string{"Pop", "PopInto", "Next", "All"}
	waysToPush = []string{"Push", "PushAll", "Reserve"}
)

// newSurvivor starts a process that waits in an operation, and sees it asleep.
func newSurvivor(t *testing.T, q *ring.MPMC[job], operation string, asleep func() bool) *proctest.Proc {
	p := proctest.Start(t, "survivor", operation)
	p.Expect("ready")
	proctest.Until(t, operation+" waits", asleep)
	return p
}

// expectRescue kills the victim, and expects the survivor to go on.
func expectRescue(t *testing.T, victim, survivor *proctest.Proc, want any) {
	t.Helper()
	victim.Kill()
	dead := time.Now()
	survivor.Expect(want)
	t.Logf("the survivor went on after %v", time.Since(dead).Round(10*time.Microsecond))
	survivor.Wait()
}

func pushJobs(t *testing.T, q *ring.MPMC[job], from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		proctest.Check(t, q.TryPush(jobs.make(n)))
	}
}

func popOne(t *testing.T, q *ring.MPMC[job], n uint64) {
	t.Helper()
	if got := proctest.Must(q.Pop(background))(t); got != jobs.make(n) {
		t.Fatalf("popped %+v, want %d", got, n)
	}
}

// popJobs pops those numbers, and then nothing, however often it tries.
func popJobs(t *testing.T, q *ring.MPMC[job], from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		got, err := jobs.read(q.TryPop())
		if proctest.Check(t, err); got != n {
			t.Fatalf("popped %d, want %d", got, n)
		}
	}
	for range 200 {
		if v, err := q.TryPop(); err != ring.ErrEmpty {
			t.Fatalf("TryPop of an empty ring: %v, %v", v.ID, err)
		}
	}
}

// shift lets the ring begin at a slot other than the first.
func shift(t *testing.T, q *ring.MPMC[job], n uint64) {
	pushJobs(t, q, 0, n)
	popJobs(t, q, 0, n)
}

// goOn shows that the ring is as good as new: it takes a ring full, twice.
func goOn(t *testing.T, q *ring.MPMC[job]) {
	t.Helper()
	popJobs(t, q, 0, 0)
	for range 2 {
		pushJobs(t, q, 100, 100+killCapacity)
		checkIs(t, "push to a full ring", q.TryPush(garbage), ring.ErrFull)
		popJobs(t, q, 100, 100+killCapacity)
	}
}

// TestWriterKilled kills writers of one slot or of many, in all stages.
func TestWriterKilled(t *testing.T) {
	proctest.Mortal(t)
	for i, step := range [][]any{
		{"reserve"},
		{"claim ", 1, " ", 0}, {"claim ", 2, " ", 0}, {"claim ", 2, " ", 1},
		{"claim ", 5, " ", 0}, {"claim ", 5, " ", 3}, {"claim ", 5, " ", 4},
		{"claim ", 8, " ", 1}, {"claim ", 8, " ", 7},
	} {
		t.Run(fmt.Sprint(step...)+"/Consumer", func(t *testing.T) {
			q := newKillRing(t, newSegment(t))
			shift(t, q, uint64(i))
			victim := newVictim(t, step...)
			survivor := newSurvivor(t, q, waysToPop[i%len(waysToPop)], q.PopWaiting)
			if i%2 == 0 && q.Len() < killCapacity {
				pushJobs(t, q, 1, 2) // behind the claim
				expectRescue(t, victim, survivor, 1)
			} else {
				victim.Kill()
				proctest.Until(t, "there is room", func() bool { return q.TryPush(jobs.make(1)) == nil })
				expectRescue(t, victim, survivor, 1)
			}
			goOn(t, q)
		})
		t.Run(fmt.Sprint(step...)+"/Producer", func(t *testing.T) {
			q := newKillRing(t, newSegment(t))
			shift(t, q, uint64(i))
			victim := newVictim(t, step...)
			n := uint64(0)
			for ; q.TryPush(jobs.make(n)) == nil; n++ {
			}
			survivor := newSurvivor(t, q, waysToPush[i%len(waysToPush)], q.PushWaiting)
			expectRescue(t, victim, survivor, "pushed")
			for want := range n {
				popOne(t, q, want)
			}
			popOne(t, q, 77)
			goOn(t, q)
		})
	}
}

// TestBatchReaderKilled kills readers that have taken many messages, and freed
// the slots of some. The messages are gone with them; the room is not.
func TestBatchReaderKilled(t *testing.T) {
	proctest.Mortal(t)
	for i, step := range [][]any{
		{"take ", 2, " ", 0}, {"take ", 2, " ", 1}, {"take ", 5, " ", 0},
		{"take ", 5, " ", 4}, {"take ", 8, " ", 3}, {"take ", 8, " ", 7},
	} {
		t.Run(fmt.Sprint(step...), func(t *testing.T) {
			q := newKillRing(t, newSegment(t))
			shift(t, q, uint64(i))
			pushJobs(t, q, 0, killCapacity)
			victim := newVictim(t, step...)
			survivor := newSurvivor(t, q, waysToPush[i%len(waysToPush)], q.PushWaiting)
			taken := uint64(step[1].(int))
			for n := taken; n < killCapacity; n++ { // others read on meanwhile
				popOne(t, q, n)
			}
			expectRescue(t, victim, survivor, "pushed")
			popJobs(t, q, 77, 78)
			goOn(t, q)
		})
	}
}

// TestReaderKilled kills readers between Next and Release. The message comes
// again, once.
func TestReaderKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, way := range waysToPop {
		t.Run(way, func(t *testing.T) {
			q := newKillRing(t, newSegment(t))
			for round := range uint64(killCapacity + 1) {
				pushJobs(t, q, round, round+1)
				victim := newVictim(t, "next", " ", round)
				popJobs(t, q, 0, 0) // not while it lives
				if round%4 == 3 {
					survivor := newSurvivor(t, q, way, q.PopWaiting)
					expectRescue(t, victim, survivor, round)
					continue
				}
				pushJobs(t, q, 50, 51)
				victim.Kill()
				got := []uint64{proctest.Must(q.Pop(background))(t).ID, proctest.Must(q.Pop(background))(t).ID}
				if got[0] != 50 || got[1] != round {
					t.Fatalf("popped %d, want 50 and then %d", got, round)
				}
			}
			goOn(t, q)
		})
	}
	t.Run("twice", func(t *testing.T) {
		q := newKillRing(t, newSegment(t))
		pushJobs(t, q, 5, 6)
		for range 3 {
			newVictim(t, "next", " ", 5).Kill()
			proctest.Until(t, "the message is lent again", func() bool {
				l, err := q.TryNext()
				if err != nil {
					return false
				}
				if l.Value().ID != 5 {
					t.Fatalf("lent message %d", l.Value().ID)
				}
				proctest.Check(t, q.TryPush(*l.Value()))
				return l.Release() == nil
			})
		}
		popJobs(t, q, 5, 6)
		goOn(t, q)
	})
}

// TestAllKilled kills several at once, with a message behind what they hold.
func TestAllKilled(t *testing.T) {
	proctest.Mortal(t)
	q := newKillRing(t, newSegment(t))
	shift(t, q, 5)
	var victims []*proctest.Proc
	for _, step := range [][]any{
		{"claim ", 2, " ", 1}, {"reserve"}, {"reserve"}, {"claim ", 2, " ", 0}, {"reserve"},
	} {
		victims = append(victims, newVictim(t, step...))
	}
	pushJobs(t, q, 1, 2)
	survivor := newSurvivor(t, q, "Pop", q.PopWaiting)
	for _, v := range victims[1:] {
		v.Kill()
	}
	expectRescue(t, victims[0], survivor, 1)
	goOn(t, q)
}

// TestWriterKilledAndClosed: the dead do not keep a closed ring from its end.
func TestWriterKilledAndClosed(t *testing.T) {
	proctest.Mortal(t)
	q := newKillRing(t, newSegment(t))
	victim := newVictim(t, "reserve")
	pushJobs(t, q, 1, 2)
	proctest.Check(t, q.Close())
	if _, err := q.TryPop(); err != ring.ErrEmpty {
		t.Fatalf("TryPop behind a live writer: %v", err)
	}
	victim.Kill()
	popOne(t, q, 1)
	if _, err := q.Pop(background); err != ring.ErrClosed {
		t.Fatalf("Pop in the end: %v", err)
	}
}
