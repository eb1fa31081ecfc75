package ring_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// modes are the ways to push and to pop.
var modes = []string{"try", "wait", "batch", "place"}

// maxTries is how often a "try" is repeated before it waits instead: where two
// processes share a processor, trying again only keeps the other from it.
const maxTries = 100

// pushSome pushes one message or more, of from to to-1, and returns the number
// of the next.
func pushSome(p producer, q queue, mode string, rnd *rand.Rand, from, to uint64) (uint64, error) {
	switch mode {
	case "try":
		for range maxTries {
			if err := p.TryPush(from); err != ring.ErrFull {
				return from + 1, err
			}
			runtime.Gosched()
		}
	case "batch":
		k, err := p.PushAll(background, from, min(to, from+1+rnd.Uint64N(3*uint64(q.Cap()))))
		return from + uint64(k), err
	case "place":
		r, err := p.Reserve(background, from)
		if err != nil {
			return from, err
		}
		return from + 1, r.Commit()
	case "mixed":
		return pushSome(p, q, modes[rnd.IntN(len(modes))], rnd, from, to)
	}
	return from + 1, p.Push(background, from)
}

// popSome pops one message or more, and passes them on.
func popSome(c consumer, q queue, mode string, rnd *rand.Rand, got func(n uint64)) error {
	switch mode {
	case "try":
		for range maxTries {
			n, err := c.TryPop()
			if err == nil {
				got(n)
			}
			if err != ring.ErrEmpty {
				return err
			}
			runtime.Gosched()
		}
	case "batch":
		ns, err := c.PopInto(background, 1+rnd.IntN(3*q.Cap()))
		for _, n := range ns {
			got(n)
		}
		if err == nil && len(ns) == 0 {
			err = errors.New("PopInto returned without a message")
		}
		return err
	case "place":
		l, err := c.Next(background)
		if err == nil {
			got(l.N)
			err = l.Release()
		}
		return err
	case "iterate":
		for n, err := range c.All(background) {
			if err != nil {
				return err
			}
			got(n)
			if rnd.IntN(5) == 0 {
				return nil
			}
		}
		return ring.ErrClosed
	case "mixed":
		i := rnd.IntN(len(modes) + 1)
		return popSome(c, q, append(modes, "iterate")[i], rnd, got)
	}
	n, err := c.Pop(background)
	if err == nil {
		got(n)
	}
	return err
}

// A stream is one ring that both helpers go through.
type stream struct {
	kind, mode string
	capacity   int
}

func parseStream(c *proctest.Child, s string) stream {
	f := strings.Split(s, ",")
	return stream{f[0], f[1], proctest.Must(strconv.Atoi(f[2]))(c)}
}

func (s stream) String() string { return fmt.Sprintf("%s,%s,%d", s.kind, s.mode, s.capacity) }

const streamSeed, streamLength, firstStream = 0, 1, 2 // the helpers' arguments

// A stream pusher pushes numbers to each of its rings, in order.
var _ = proctest.Register("stream pusher", func(c *proctest.Child) {
	eachStream(c, func(s stream, q queue, rnd *rand.Rand, count uint64) {
		p := proctest.Must(q.Producer())(c)
		for n := uint64(0); n < count; {
			var err error
			if n, err = pushSome(p, q, s.mode, rnd, n, count); err != nil {
				c.Fatalf("%v: push of message %d: %v", s, n, err)
			}
		}
		c.Check(p.Close())
	})
})

// A stream popper pops them, and checks that they come once, in order.
var _ = proctest.Register("stream popper", func(c *proctest.Child) {
	eachStream(c, func(s stream, q queue, rnd *rand.Rand, count uint64) {
		co := proctest.Must(q.Consumer())(c)
		next, err := uint64(0), error(nil)
		for err == nil {
			err = popSome(co, q, s.mode, rnd, func(n uint64) {
				if n != next&q.Mask() {
					c.Fatalf("%v: got message %d, want %d", s, n, next)
				}
				next++
			})
		}
		if err != ring.ErrClosed || next != count || q.Len() != 0 {
			c.Fatalf("%v: %d messages of %d, Len %d, %v", s, next, count, q.Len(), err)
		}
	})
})

func eachStream(c *proctest.Child, do func(s stream, q queue, rnd *rand.Rand, count uint64)) {
	seg := shared.Open(c)
	seed := proctest.Must(strconv.ParseUint(c.Arg(streamSeed), 10, 64))(c)
	count := proctest.Must(strconv.ParseUint(c.Arg(streamLength), 10, 64))(c)
	rnd := newRand(seed, len(c.Arg(firstStream)))
	for _, arg := range c.Args()[firstStream:] {
		s := parseStream(c, arg)
		do(s, newQueue(c, seg, s.kind, arg, s.capacity), rnd, count)
	}
	c.Check(seg.Close())
}

// runStreams sends messages from one process to another through each ring.
func runStreams(t *testing.T, length int, opts *proctest.Options, streams []stream) {
	args := []string{fmt.Sprint(newSeed(t)), fmt.Sprint(scaled(length))}
	for _, s := range streams {
		args = append(args, s.String())
	}
	popper := proctest.StartWith(t, opts, "stream popper", args...)
	pusher := proctest.StartWith(t, opts, "stream pusher", args...)
	pusher.Wait()
	popper.Wait()
}

// eachMode returns a stream of each ring for each way to push and to pop.
func eachMode() (streams []stream) {
	for _, kind := range ringtest.Main {
		for _, mode := range append(modes, "iterate") {
			streams = append(streams, stream{kind, mode, 4})
		}
	}
	return streams
}

// TestStream has every message type, capacity and way to push and pop, also in
// batches larger than the ring.
func TestStream(t *testing.T) {
	for _, procs := range []int{1, 2, 8} {
		t.Run(fmt.Sprint("GOMAXPROCS=", procs), func(t *testing.T) {
			newSegment(t)
			runStreams(t, 1000, &proctest.Options{Env: []string{fmt.Sprint("GOMAXPROCS=", procs)}}, eachMode())
		})
	}
	for _, capacity := range []int{1, 2, 5, 64} {
		t.Run(fmt.Sprint("capacity ", capacity), func(t *testing.T) {
			newSegment(t)
			var streams []stream
			for _, kind := range slices.Sorted(maps.Keys(ringtest.Kinds)) {
				streams = append(streams, stream{kind, "mixed", capacity})
			}
			runStreams(t, 500, nil, streams)
		})
	}
	t.Run("inherited", func(t *testing.T) {
		s, err := shm.Anonymous(4<<20, nil)
		if err != nil {
			t.Skip(err)
		}
		defer s.Close()
		runStreams(t, 500, shared.Inherit(s), eachMode())
	})
}
