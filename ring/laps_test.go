package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// lateLaps are laps that a ring comes to late or never, a little before some
// part of a word that holds laps, or positions, is used up.
var lateLaps = []uint64{
	1<<18 - 2, 1<<19 - 2, 1<<20 - 2, 1<<31 - 2, 1<<32 - 2, 1<<59 - 2, 1<<61 - 2,
	1<<13 - 2, 1<<14 - 2, 1<<52 - 2,
}

// maxPos is further than any ring comes: positions are compared by the sign of
// their difference.
const maxPos = 1 << 62

// TestLateLaps sends messages through rings that are about to use up something.
func TestLateLaps(t *testing.T) {
	for _, kind := range mainKinds {
		for _, capacity := range []int{1, 2, 8} {
			t.Run(fmt.Sprint(kind, "/capacity ", capacity), func(t *testing.T) {
				seed := newSeed(t)
				for _, lap := range lateLaps {
					size := uint64(capacity)
					switch kind {
					case "Bytes":
						size *= 32
					case "BytesMPMC":
						size *= 2 // chunks
					}
					if lap > maxPos/size {
						continue
					}
					start := lap * size
					s := newSegment(t)
					newQueue(t, s, kind, "ends", capacity).SetStart(start)
					q, p, c := ends(t, s, kind, capacity)
					if n := q.Len(); n != 0 {
						t.Fatalf("lap %#x: Len is %d", lap, n)
					}
					rnd := newRand(seed, 0)
					var in, out uint64
					for round := range uint64(12) {
						in += fillUp(t, p, q, in)
						for keep := round % 3; out+keep < in; {
							err := popSome(c, q, modes[rnd.IntN(len(modes))], rnd, func(n uint64) {
								if n != out {
									t.Fatalf("lap %#x: popped %d, want %d", lap, n, out)
								}
								out++
							})
							proctest.Check(t, err)
						}
					}
					for ; out < in; out++ {
						expectPop(t, c, q, out)
					}
					expectEmpty(t, c, q)
				}
			})
		}
	}
}

// TestKilledInLateLaps has writers and readers die in each of the laps around a
// wrap.
func TestKilledInLateLaps(t *testing.T) {
	proctest.Mortal(t)
	for _, lap := range lateLaps {
		if lap > maxPos/killCapacity {
			continue
		}
		t.Run(fmt.Sprintf("lap %#x", lap), func(t *testing.T) {
			s := newSegment(t)
			q := newKillRing(t, s)
			q.SetStart(lap * killCapacity)
			for range 4 {
				for _, what := range []string{"writing", "freeing", "reading", "lending"} {
					dying := shared.Open(t)
					d := newKillRing(t, dying)
					switch what {
					case "writing":
						pos, run, err := d.Claim(5)
						proctest.Check(t, err)
						d.Fill(pos, run, 2, garbage)
					case "freeing":
						pushJobs(t, q, 0, killCapacity)
						pos, run, err := d.Take(make([]job, 5))
						proctest.Check(t, err)
						d.Free(pos, run, 2)
					case "reading", "lending":
						pushJobs(t, q, 9, 10)
						proctest.Must(d.TryNext())(t)
					}
					proctest.Check(t, dying.Close())
					switch what {
					case "freeing":
						for n := uint64(5); n < killCapacity; n++ {
							popOne(t, q, n)
						}
						proctest.Check(t, q.Push(background, jobs.make(8)))
						popOne(t, q, 8)
					case "reading":
						if got := proctest.Must(q.Pop(background))(t); got != jobs.make(9) {
							t.Fatalf("popped %+v", got)
						}
					case "lending":
						l := proctest.Must(q.Next(background))(t)
						if *l.Value() != jobs.make(9) {
							t.Fatalf("lent %+v", *l.Value())
						}
						proctest.Check(t, l.Release())
					}
					goOn(t, q)
				}
			}
		})
	}
}

// A late consumer shares a ring that is about to wrap.
var _ = proctest.Register("late consumer", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, "late", 4))(c)
	var count, sum, next uint64
	for n, err := range q.All(background) {
		c.Check(err)
		if n < next {
			c.Fatalf("message %d comes after %d", n, next-1)
		}
		next = n + 1
		count++
		sum += n
	}
	c.Send(count, sum)
	c.Check(s.Close())
})

// TestLateStream crosses wraps between processes.
func TestLateStream(t *testing.T) {
	const length = 500
	for _, lap := range []uint64{1<<18 - 50, 1<<19 - 50, 1<<60 - 50} {
		t.Run(fmt.Sprintf("lap %#x", lap), func(t *testing.T) {
			q := proctest.Must(ring.NewMPMC[uint64](newSegment(t), "late", 4))(t)
			q.SetStart(lap * uint64(q.Cap()))
			consumers := []*proctest.Proc{proctest.Start(t, "late consumer"), proctest.Start(t, "late consumer")}
			for n := range uint64(length) {
				proctest.Check(t, q.Push(background, n))
			}
			proctest.Check(t, q.Close())
			var count, sum uint64
			for _, p := range consumers {
				var k, s uint64
				fmt.Sscan(p.Recv(), &k, &s)
				count, sum = count+k, sum+s
				p.Wait()
			}
			if count != length || sum != length*(length-1)/2 {
				t.Errorf("%d messages of sum %d, want %d of %d", count, sum, length, length*(length-1)/2)
			}
		})
	}
}
