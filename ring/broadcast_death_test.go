package ring_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
)

const castCapacity = 8

// openCast opens the ring that tests and their helpers share.
func openCast(t proctest.Fataler, sort string) *ring.Broadcast[[9]uint64] {
	opts := append([]ring.Option{ring.FailOnDeath}, broadcasts[sort]...)
	return proctest.Must(ring.NewBroadcast[[9]uint64](shared.Open(t), "cast", castCapacity, opts...))(t)
}

func pageOf(n uint64) (v [9]uint64) {
	for i := range v {
		v[i] = n
	}
	return v
}

// A listener subscribes, says so, pops what it is told to, and tells the error.
var _ = proctest.Register("listener", func(c *proctest.Child) {
	s := proctest.Must(openCast(c, c.Arg(0)).Subscribe(ring.FromNow))(c)
	for {
		c.Send("ready")
		for range proctest.Must(strconv.Atoi(c.Recv()))(c) {
			_, err := s.Pop(background)
			if errors.Is(err, ring.ErrEvicted) {
				c.Send("evicted")
				return
			}
			if !errors.Is(err, ring.ErrLapped) && !errors.Is(err, ring.ErrPeerDied) {
				c.Check(err)
			}
		}
	}
})

// A caster pushes messages of its number, and then one in place that it does not commit, or
// as many as it can.
var _ = proctest.Register("caster", func(c *proctest.Child) {
	p := proctest.Must(openCast(c, c.Arg(0)).Producer())(c)
	first := proctest.Must(strconv.ParseUint(c.Arg(1), 10, 64))(c) << 32
	if c.Arg(2) == "endless" {
		c.Send("ready")
		for n := first; ; n++ {
			c.Check(p.Push(background, pageOf(n)))
		}
	}
	for n := range uint64(3) {
		c.Check(p.Push(background, pageOf(first+n)))
	}
	*proctest.Must(p.TryReserve())(c) = pageOf(99)
	c.Send("ready")
	c.Recv()
})

// TestBroadcastSubscriberKilled: the producer goes on without the dead, and waits for the
// stopped until they are evicted.
func TestBroadcastSubscriberKilled(t *testing.T) {
	proctest.Mortal(t)
	newSegment(t)
	b := openCast(t, "lossless")
	p := proctest.Must(b.Producer())(t)
	n := uint64(0)
	fill := func() {
		for range castCapacity {
			proctest.Check(t, p.TryPush(pageOf(n)))
			n++
		}
		checkIs(t, "TryPush to a full ring", p.TryPush(pageOf(n)), ring.ErrFull)
	}
	listener := proctest.Start(t, "listener", "lossless")
	listener.Expect("ready")
	fill()
	listener.Kill()
	start := time.Now()
	proctest.Check(t, p.Push(background, pageOf(n)))
	proctest.Prompt(t, "Push after a death", start)

	listener = proctest.Start(t, "listener", "lossless")
	listener.Expect("ready")
	fill()
	listener.Kill()
	for tries := 0; p.TryPush(pageOf(n)) != nil; tries++ {
		if tries > 1000 {
			t.Fatal("TryPush does not look for the dead")
		}
	}

	listener = proctest.Start(t, "listener", "lossless")
	listener.Expect("ready")
	fill()
	listener.Kill()
	for tries := 0; p.TryPush(pageOf(n)) != nil; tries++ {
		if time.Sleep(wait.Slice()); tries > 2 {
			t.Fatal("TryPush does not look for the dead after a Slice")
		}
	}

	stopped := proctest.Start(t, "listener", "lossless")
	stopped.Expect("ready")
	fill()
	stopped.Send(castCapacity + 1)
	proctest.Must(p.PushAll(background, [][9]uint64{pageOf(n)}))(t) // it pops
	stopped.Expect("ready")
	stopped.Stop()
	for p.TryPush(pageOf(n)) == nil {
	}
	blocked := proctest.Go(func() error { return p.Push(background, pageOf(n)) })
	select {
	case err := <-blocked:
		t.Fatalf("Push does not wait for a stopped subscriber: %v", err)
	case <-time.After(patience):
	}
	for id := range proctest.Must(b.Subscribers())(t) {
		proctest.Check(t, b.Evict(id))
	}
	proctest.Check(t, proctest.Result(t, blocked))
	stopped.Continue()
	stopped.Send(1)
	stopped.Expect("evicted")
	stopped.Wait()
}

// TestBroadcastProducerKilled: a successor goes on where the dead one stopped; who waits
// meanwhile is told, once it has all messages.
func TestBroadcastProducerKilled(t *testing.T) {
	proctest.Mortal(t)
	for sort := range broadcasts {
		t.Run(sort, func(t *testing.T) {
			newSegment(t)
			s := proctest.Must(openCast(t, sort).Subscribe(ring.FromNow))(t)
			for generation := range uint64(4) {
				caster := proctest.Start(t, "caster", sort, fmt.Sprint(generation), "three")
				caster.Expect("ready")
				if generation%2 == 0 {
					_, err := openCast(t, sort).Producer()
					checkIs(t, "a second producer", err, ring.ErrRoleTaken)
				}
				caster.Kill()
				for n := range uint64(3) {
					if v, err := s.Pop(background); err != nil || v != pageOf(generation<<32+n) {
						t.Fatalf("got %v, %v", v, err)
					}
				}
				start := time.Now()
				_, err := s.Pop(background)
				checkIs(t, "Pop of the dead", err, ring.ErrPeerDied)
				proctest.Prompt(t, "Pop of the dead", start)
			}
		})
	}
}

// TestBroadcastStorm kills producers and subscribers at any moment. A subscriber that lives
// gets each message whole and in order, and misses none in a lossless ring, or as many as
// it is told.
func TestBroadcastStorm(t *testing.T) {
	proctest.Mortal(t)
	for sort := range broadcasts {
		t.Run(sort, func(t *testing.T) {
			newSegment(t)
			s := proctest.Must(openCast(t, sort).Subscribe(ring.FromNow))(t)
			rnd := newRand(newSeed(t), 0)
			next, missed := uint64(0), uint64(0)
			pop := func() error {
				v, err := s.Pop(background)
				var lapped *ring.LappedError
				switch {
				case errors.As(err, &lapped) && sort == "lossy":
					missed += lapped.Missed
				case err != nil:
					return err
				case v != pageOf(v[0]):
					t.Fatalf("torn: %x", v)
				case v[0] != next && v[0] != (next>>32+1)<<32 && missed == 0:
					t.Fatalf("got %x, want %x, or the first of a successor", v[0], next)
				case v[0] < next || v[0] > next+missed && v[0]>>32 == next>>32:
					t.Fatalf("got %x, want %x, after missing %d", v[0], next, missed)
				default:
					next, missed = v[0]+1, 0
				}
				return nil
			}
			for generation := range uint64(scaled(6)) {
				listener := proctest.Start(t, "listener", sort)
				listener.Expect("ready")
				listener.Send(1 << 30)
				caster := proctest.Start(t, "caster", sort, fmt.Sprint(generation), "endless")
				caster.Expect("ready")
				for range rnd.IntN(2000) {
					proctest.Check(t, pop())
				}
				listener.Kill()
				for range rnd.IntN(2000) {
					proctest.Check(t, pop())
				}
				caster.Kill()
				err := pop()
				for err == nil {
					err = pop()
				}
				checkIs(t, "Pop of the dead", err, ring.ErrPeerDied)
			}
		})
	}
}
