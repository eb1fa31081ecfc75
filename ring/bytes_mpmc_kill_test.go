package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const byteKillRoom = 8 // of the ring, in messages of the usual length

func newByteKillRing(t proctest.Fataler, s *shm.Segment) bytesMPMCQueue {
	return proctest.Must(newBytesMPMC(s, "kill", byteKillRoom))(t).(bytesMPMCQueue)
}

// A byte victim goes as far in an operation as it is told, and is killed there.
var _ = proctest.Register("byte victim", func(c *proctest.Child) {
	q := newByteKillRing(c, shared.Open(c))
	var n int
	fmt.Sscan(c.Arg(1), &n)
	switch c.Arg(0) {
	case "reserve": // n bytes
		r := proctest.Must(q.BytesMPMC.TryReserve(n))(c)
		fill(r.Bytes(), 666)
	case "next":
		l := proctest.Must(q.BytesMPMC.TryNext())(c)
		c.Send("lent", number(l.Bytes()))
	case "take": // the next message, and free all but the first n chunks
		proctest.Must(q.Take(func(int) int { return n }))(c)
	}
	c.Send("there")
	c.Recv()
})

func newByteVictim(t *testing.T, what string, n int) *proctest.Proc {
	v := proctest.Start(t, "byte victim", what, fmt.Sprint(n))
	if what == "next" {
		v.Expect("lent", n)
	}
	v.Expect("there")
	return v
}

// A byte survivor waits for what the dead hold up.
var _ = proctest.Register("byte survivor", func(c *proctest.Child) {
	q := newByteKillRing(c, shared.Open(c))
	c.Send("ready")
	switch c.Arg(0) {
	case "Pop":
		c.Send(proctest.Must(q.Pop(background))(c))
	case "PopInto":
		c.Send(proctest.Must(q.PopInto(background, 1))(c)[0])
	case "Next":
		n, release, err := q.Next(background)
		c.Check(err)
		c.Send(n)
		c.Check(release())
	case "All":
		for n, err := range q.All(background) {
			c.Check(err)
			c.Send(n)
			break
		}
	case "Push":
		c.Check(q.Push(background, 77))
		c.Send("pushed")
	case "PushAll":
		proctest.Must(q.PushAll(background, 77, 78))(c)
		c.Send("pushed")
	case "Reserve":
		c.Check(proctest.Must(q.Reserve(background, 77))(c)())
		c.Send("pushed")
	}
})

func newByteSurvivor(t *testing.T, operation string, asleep func() bool) *proctest.Proc {
	p := proctest.Start(t, "byte survivor", operation)
	p.Expect("ready")
	proctest.Until(t, operation+" waits", asleep)
	return p
}

// goOnBytes shows that the ring is empty, and as good as new.
func goOnBytes(t *testing.T, q bytesMPMCQueue) {
	t.Helper()
	for range 200 {
		if n, err := q.TryPop(); err != ring.ErrEmpty {
			t.Fatalf("TryPop of an empty ring: %d, %v", n, err)
		}
	}
	chunks := q.Cap() / 64
	for range 2 {
		for i := range chunks {
			if err := q.BytesMPMC.TryPush(nil); err != nil {
				t.Fatalf("push to chunk %d of %d: %v", i, chunks, err)
			}
		}
		checkIs(t, "push to a full ring", q.BytesMPMC.TryPush(nil), ring.ErrFull)
		for range chunks {
			proctest.Must(q.BytesMPMC.TryPop(nil))(t)
		}
	}
	proctest.Check(t, q.BytesMPMC.TryPush(make([]byte, q.MaxLen())))
	proctest.Must(q.BytesMPMC.TryPop(nil))(t)
}

// move lets the ring begin at another chunk than the first.
func (q bytesMPMCQueue) move(t *testing.T, chunks int) {
	for range chunks {
		proctest.Check(t, q.BytesMPMC.TryPush(nil))
		proctest.Must(q.BytesMPMC.TryPop(nil))(t)
	}
}

// TestByteWriterKilled kills writers of one chunk, of many, and of what goes round the
// end of the ring.
func TestByteWriterKilled(t *testing.T) {
	proctest.Mortal(t)
	for i, n := range []int{0, 56, 57, 300, 504} {
		for start := 0; start < 16; start += 5 {
			t.Run(fmt.Sprintf("%d bytes at %d/Consumer", n, start), func(t *testing.T) {
				q := newByteKillRing(t, newSegment(t))
				q.move(t, start)
				victim := newByteVictim(t, "reserve", n)
				survivor := newByteSurvivor(t, waysToPop[(i+start)%len(waysToPop)], q.PopWaiting)
				if q.TryPush(1) != nil { // behind the claim
					victim.Kill()
					proctest.Until(t, "there is room", func() bool { return q.TryPush(1) == nil })
				}
				expectRescue(t, victim, survivor, 1)
				goOnBytes(t, q)
			})
			t.Run(fmt.Sprintf("%d bytes at %d/Producer", n, start), func(t *testing.T) {
				q := newByteKillRing(t, newSegment(t))
				q.move(t, start)
				victim := newByteVictim(t, "reserve", n)
				k := 0
				for ; q.BytesMPMC.TryPush(q.text(5)) == nil; k++ {
				}
				survivor := newByteSurvivor(t, waysToPush[(i+start)%len(waysToPush)], q.PushWaiting)
				for range k { // then only the dead are in the way
					victim.Kill()
					proctest.Must(q.Pop(background))(t)
				}
				expectRescue(t, victim, survivor, "pushed")
				if got := proctest.Must(q.Pop(background))(t); got != 77 {
					t.Fatalf("popped %d", got)
				}
				goOnBytes(t, q)
			})
		}
	}
}

// TestByteTakerKilled kills consumers that have taken a message, and freed some of its
// room. The message is gone with them; the room is not.
func TestByteTakerKilled(t *testing.T) {
	proctest.Mortal(t)
	for i, left := range []int{99, 5, 3, 2, 1} {
		for start := 0; start < 16; start += 5 {
			t.Run(fmt.Sprintf("%d chunks left at %d", left, start), func(t *testing.T) {
				q := newByteKillRing(t, newSegment(t))
				q.move(t, start)
				proctest.Check(t, q.BytesMPMC.TryPush(make([]byte, 400)))
				k := uint64(0)
				for ; q.TryPush(k) == nil; k++ {
				}
				victim := newByteVictim(t, "take", left)
				survivor := newByteSurvivor(t, waysToPush[i%len(waysToPush)], q.PushWaiting)
				expectRescue(t, victim, survivor, "pushed")
				for n := range k {
					expectPop(t, q, q, n)
				}
				expectPop(t, q, q, 77)
				goOnBytes(t, q)
			})
		}
	}
}

// TestByteReaderKilled kills readers between Next and Release. The message comes again,
// once.
func TestByteReaderKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, way := range waysToPop {
		t.Run(way, func(t *testing.T) {
			q := newByteKillRing(t, newSegment(t))
			for round := range uint64(12) {
				proctest.Check(t, q.TryPush(round))
				victim := newByteVictim(t, "next", int(round))
				if round%4 == 3 {
					survivor := newByteSurvivor(t, way, q.PopWaiting)
					expectRescue(t, victim, survivor, round)
					continue
				}
				proctest.Check(t, q.TryPush(50))
				victim.Kill()
				got := []uint64{proctest.Must(q.Pop(background))(t), proctest.Must(q.Pop(background))(t)}
				if got[0] != 50 || got[1] != round {
					t.Fatalf("popped %d, want 50 and then %d", got, round)
				}
			}
			goOnBytes(t, q)
		})
	}
	t.Run("in the way", func(t *testing.T) {
		q := newByteKillRing(t, newSegment(t))
		proctest.Check(t, q.TryPush(9))
		victim := newByteVictim(t, "next", 9)
		k := uint64(0)
		for ; q.TryPush(k) == nil; k++ {
		}
		survivor := newByteSurvivor(t, "Push", q.PushWaiting)
		for n := range k {
			expectPop(t, q, q, n)
		}
		// There is room by now, but maybe not in one piece.
		victim.Kill()
		got := []uint64{proctest.Must(q.Pop(background))(t), proctest.Must(q.Pop(background))(t)}
		if got[0]+got[1] != 9+77 {
			t.Fatalf("popped %d", got)
		}
		survivor.Expect("pushed")
		survivor.Wait()
		goOnBytes(t, q)
	})
}

// TestByteWriterKilledAndClosed: the dead do not keep a closed ring from its end.
func TestByteWriterKilledAndClosed(t *testing.T) {
	proctest.Mortal(t)
	for _, what := range []string{"reserve", "next"} {
		t.Run(what, func(t *testing.T) {
			q := newByteKillRing(t, newSegment(t))
			n := 300
			if what == "next" {
				n = 2
				proctest.Check(t, q.TryPush(2))
			}
			victim := newByteVictim(t, what, n)
			if what == "reserve" {
				proctest.Check(t, q.TryPush(1))
			}
			proctest.Check(t, q.Close())
			if _, err := q.TryPop(); err != ring.ErrEmpty {
				t.Fatalf("TryPop while somebody alive holds something: %v", err)
			}
			victim.Kill()
			if what == "next" {
				if got := proctest.Must(q.Pop(background))(t); got != 2 {
					t.Fatalf("popped %d", got)
				}
			} else if got := proctest.Must(q.Pop(background))(t); got != 1 {
				t.Fatalf("popped %d", got)
			}
			if _, err := q.Pop(background); err != ring.ErrClosed {
				t.Fatalf("Pop in the end: %v", err)
			}
		})
	}
}

// TestByteTriesInTurn has one handle try to push and to pop in turn, while a dead
// process's room is in the way: it has to look for the dead from both sides.
func TestByteTriesInTurn(t *testing.T) {
	proctest.Mortal(t)
	for _, first := range []int{0, 1} { // whether a pop or a push has the even numbers
		q := newByteKillRing(t, newSegment(t))
		for q.BytesMPMC.TryPush(make([]byte, 100)) == nil {
		}
		proctest.Must(q.BytesMPMC.TryPop(nil))(t) // so that they are not where the next pop looks
		newByteVictim(t, "take", 99).Kill()
		for {
			if _, err := q.BytesMPMC.TryPop(nil); err == ring.ErrEmpty {
				break
			}
		}
		for range first {
			q.BytesMPMC.TryPop(nil)
		}
		long := make([]byte, q.MaxLen())
		tries := 0
		for ; q.BytesMPMC.TryPush(long) != nil; tries++ {
			if _, err := q.BytesMPMC.TryPop(nil); err != ring.ErrEmpty {
				t.Fatalf("TryPop of an empty ring: %v", err)
			}
			if tries > 1000 {
				t.Fatal("nobody looks for the dead")
			}
		}
		if tries == 0 {
			t.Fatal("the dead were not in the way")
		}
	}
}
