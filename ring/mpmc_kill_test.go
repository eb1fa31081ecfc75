package ring_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The rings with any number of producers and consumers are an MPMC of 8 jobs, and a
// BytesMPMC of 16 chunks. Processes are killed at all steps of their operations.

const killCapacity = 8

// A crowdRing is both ends of such a ring.
type crowdRing struct {
	queue
	producer
	consumer
}

// crowdKinds are those rings. From number 100 on a message takes as little as one can, and
// from 1<<32 on it has the length that its number begins with.
var crowdKinds = map[string]ringtest.Kind{
	"MPMC":      ringtest.MPMC(ringtest.Jobs),
	"BytesMPMC": ringtest.BytesMPMC(128, crowdLen),
}

func crowdLen(n uint64, longest int) int {
	switch {
	case n >= 1<<32:
		return int(n >> 32)
	case n >= 100:
		return 8 + int(n%49)
	default:
		return 8 + int(n*37%uint64(min(300, longest)-7))
	}
}

// shortest is a message that takes as little as one can, and sized one of that length, if
// there are lengths.
const shortest = 100

func sized(length int) uint64 { return uint64(length) << 32 }

func newCrowdRing(t proctest.Fataler, s *shm.Segment, kind, name string) crowdRing {
	q := openQueue(t, s, crowdKinds[kind], name, killCapacity)
	return crowdRing{q, proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)}
}

func newKillRing(t proctest.Fataler, s *shm.Segment, kind string) crowdRing {
	return newCrowdRing(t, s, kind, "kill")
}

func (q crowdRing) mpmc() *ring.MPMC[ringtest.Job] {
	return q.queue.Handle().(*ring.MPMC[ringtest.Job])
}
func (q crowdRing) bytes() *ring.BytesMPMC { return q.queue.Handle().(*ring.BytesMPMC) }

// units is how many of the shortest messages fit.
func (q crowdRing) units() int {
	if q.Slotted() {
		return q.Cap()
	}
	return q.Cap() / 64
}

// eachCrowd runs a test, in which processes die, with each of the rings.
func eachCrowd(t *testing.T, test func(t *testing.T, kind string)) {
	proctest.Mortal(t)
	for kind := range crowdKinds {
		t.Run(kind, func(t *testing.T) { test(t, kind) })
	}
}

// A step is how far in an operation somebody comes.
type step struct {
	what string
	n, k int
}

func (s step) String() string { return fmt.Sprint(s.what, " ", s.n, " ", s.k) }

// garbage is what a victim writes and never publishes as a whole.
const garbage = 666

// take goes the step.
func (s step) take(t proctest.Fataler, q crowdRing) {
	switch s.what {
	case "reserve":
		proctest.Must(q.TryReserve(garbage))(t)
	case "reserve bytes": // n of them
		r := proctest.Must(q.bytes().TryReserve(s.n))(t)
		ringtest.Fill(r.Bytes(), garbage)
	case "claim": // n slots for writing, and fill the last k
		pos, run, err := q.mpmc().Claim(s.n)
		if err != nil || int(run) != s.n {
			t.Fatalf("claimed %d of %d: %v", run, s.n, err)
		}
		q.mpmc().Fill(pos, run, s.k, ringtest.Jobs.Make(garbage))
	case "take": // n messages, and free the slots of the last k
		pos, run, err := q.mpmc().Take(make([]ringtest.Job, s.n))
		if err != nil || int(run) != s.n {
			t.Fatalf("took %d of %d: %v", run, s.n, err)
		}
		q.mpmc().Free(pos, run, s.k)
	case "claim bytes": // of n messages, and publish k behind the first
		bs := garbageOf(s.n)
		pos, n, err := q.bytes().Claim(bs)
		if err != nil || n != s.n {
			t.Fatalf("claimed %d of %d: %v", n, s.n, err)
		}
		q.bytes().Fill(pos, bs, s.k)
	case "take bytes": // n messages, and free all but the first k chunks
		_, n, err := q.bytes().Take(make([]int, s.n), func(int) int { return s.k })
		if err != nil || n != s.n {
			t.Fatalf("took %d of %d: %v", n, s.n, err)
		}
	case "next": // is n
		if l := proctest.Must(q.TryNext())(t); l.N != uint64(s.n) {
			t.Fatalf("message %d is lent, want %d", l.N, s.n)
		}
	default:
		t.Fatalf("no step %q", s.what)
	}
}

// garbageOf returns n messages of one or two chunks.
func garbageOf(n int) (bs [][]byte) {
	for i := range n {
		b := make([]byte, 8+i%2*100)
		ringtest.Fill(b, garbage)
		bs = append(bs, b)
	}
	return bs
}

// A victim goes as far in an operation as it is told, and is killed there.
var _ = proctest.Register("victim", func(c *proctest.Child) {
	q := newKillRing(c, shared.Open(c), c.Arg(0))
	s := step{what: c.Arg(1)}
	fmt.Sscan(c.Arg(2), &s.n)
	fmt.Sscan(c.Arg(3), &s.k)
	s.take(c, q)
	c.Send("there")
	c.Recv()
})

func newVictim(t *testing.T, kind string, s step) *proctest.Proc {
	v := proctest.Start(t, "victim", kind, s.what, fmt.Sprint(s.n), fmt.Sprint(s.k))
	v.Expect("there")
	return v
}

// A survivor waits for what the dead hold up.
var _ = proctest.Register("survivor", func(c *proctest.Child) {
	q := newKillRing(c, shared.Open(c), c.Arg(0))
	c.Send("ready")
	if pop := popOps[c.Arg(1)]; pop != nil {
		c.Send(proctest.Must(pop(background, q.consumer))(c))
		return
	}
	c.Check(pushOps[c.Arg(1)](background, q.producer, 77))
	c.Send("pushed")
})

// newSurvivor starts a process that waits in an operation, and sees it asleep.
func newSurvivor(t *testing.T, q crowdRing, kind, operation string) *proctest.Proc {
	asleep := q.PopWaiting
	if slices.Contains(waysToPush, operation) {
		asleep = q.PushWaiting
	}
	p := proctest.Start(t, "survivor", kind, operation)
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

func (q crowdRing) pushMany(t *testing.T, from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		proctest.Check(t, q.TryPush(n))
	}
}

// popOne pops message n, once it comes.
func (q crowdRing) popOne(t *testing.T, n uint64) {
	t.Helper()
	if got := proctest.Must(q.Pop(background))(t); got != n {
		t.Fatalf("popped %d, want %d", got, n)
	}
}

// popMany pops those numbers, and then nothing, however often it tries.
func (q crowdRing) popMany(t *testing.T, from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		expectPop(t, q.consumer, q.queue, n)
	}
	q.popNothing(t)
}

func (q crowdRing) popNothing(t *testing.T) {
	t.Helper()
	for range 200 {
		if n, err := q.TryPop(); err != ring.ErrEmpty {
			t.Fatalf("TryPop of an empty ring: %d, %v", n, err)
		}
	}
}

// shift lets the ring begin at a slot, or chunk, other than the first.
func (q crowdRing) shift(t *testing.T, n int) {
	t.Helper()
	for range n {
		proctest.Check(t, q.TryPush(shortest))
		q.popOne(t, shortest)
	}
}

// goOn shows that the ring is empty, and as good as new: it takes a ring full, twice.
func (q crowdRing) goOn(t *testing.T) {
	t.Helper()
	q.popNothing(t)
	n := uint64(q.units())
	for range 2 {
		q.pushMany(t, shortest, shortest+n)
		checkIs(t, "push to a full ring", q.TryPush(garbage), ring.ErrFull)
		q.popMany(t, shortest, shortest+n)
	}
	if !q.Slotted() {
		longest := sized(q.bytes().MaxLen())
		proctest.Check(t, q.TryPush(longest))
		q.popMany(t, longest, longest+1)
	}
}
