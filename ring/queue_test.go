package ring_test

import (
	"context"
	"fmt"
	"iter"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A queue is a ring of some kind. To its tests, its messages are numbers: number
// n is a message whose bytes all follow from n, and are checked when it is read.
type queue interface {
	Producer() (producer, error)
	Consumer() (consumer, error)
	Len() int
	Cap() int
	Mask() uint64 // a message holds its number and Mask
	ProducerAlive() bool
	ConsumerAlive() bool
	PopWaiting() bool
	PushWaiting() bool
	SetStart(pos uint64)
	SetEnds(producers, consumers ring.Abandoned)
}

type producer interface {
	TryPush(n uint64) error
	Push(ctx context.Context, n uint64) error
	PushAll(ctx context.Context, from, to uint64) (int, error) // of from to to-1
	TryReserve(n uint64) (commit func() error, err error)      // and writes n
	Reserve(ctx context.Context, n uint64) (commit func() error, err error)
	Close() error
	Detach() error
}

type consumer interface {
	TryPop() (uint64, error)
	Pop(ctx context.Context) (uint64, error)
	PopInto(ctx context.Context, most int) ([]uint64, error)
	TryNext() (n uint64, release func() error, err error)
	Next(ctx context.Context) (n uint64, release func() error, err error)
	All(ctx context.Context) iter.Seq2[uint64, error]
	Detach() error
}

// kinds are the rings to test, by name.
var kinds = map[string]func(s *shm.Segment, name string, capacity int, opts ...ring.Option) (queue, error){
	"SPSC": newSPSC(words), "SPSC/1B": newSPSC(octets), "SPSC/3B": newSPSC(triples),
	"SPSC/40B": newSPSC(jobs), "SPSC/1KiB": newSPSC(pages), "SPSC/5001B": newSPSC(odds),
	"MPMC": newMPMC(words), "MPMC/1B": newMPMC(octets), "MPMC/3B": newMPMC(triples),
	"MPMC/40B": newMPMC(jobs), "MPMC/1KiB": newMPMC(pages), "MPMC/5001B": newMPMC(odds),
	"Bytes": newBytes, "BytesMPMC": newBytesMPMC,
}

// mainKinds have one kind of each ring.
var mainKinds = []string{"SPSC", "MPMC", "Bytes", "BytesMPMC"}

func newQueue(t proctest.Fataler, s *shm.Segment, kind, name string, capacity int, opts ...ring.Option) queue {
	return proctest.Must(kinds[kind](s, name, capacity, opts...))(t)
}

// ends makes a queue, and claims both of its ends.
func ends(t proctest.Fataler, s *shm.Segment, kind string, capacity int) (queue, producer, consumer) {
	q := newQueue(t, s, kind, "ends", capacity)
	return q, proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
}

// A shape is a message type.
type shape[T comparable] struct {
	make   func(n uint64) T
	number func(v T) uint64
	mask   uint64
}

type job struct {
	ID    uint64
	Flag  bool
	Share float64
	Tag   [9]byte
}

var (
	words   = shape[uint64]{func(n uint64) uint64 { return n }, func(v uint64) uint64 { return v }, ^uint64(0)}
	octets  = shape[uint8]{func(n uint64) uint8 { return uint8(n) }, func(v uint8) uint64 { return uint64(v) }, 0xff}
	triples = shape[[3]byte]{
		func(n uint64) (v [3]byte) { fill(v[:], n); return v },
		func(v [3]byte) uint64 { return uint64(v[0]) | uint64(v[1])<<8 | uint64(v[2])<<16 }, 1<<24 - 1,
	}
	jobs = shape[job]{
		func(n uint64) job {
			v := job{ID: n, Flag: n&1 != 0, Share: float64(n)}
			fill(v.Tag[:], n)
			return v
		},
		func(v job) uint64 { return v.ID }, ^uint64(0),
	}
	pages = shape[[1024]byte]{
		func(n uint64) (v [1024]byte) { fill(v[:], n); return v },
		func(v [1024]byte) uint64 { return number(v[:]) }, ^uint64(0),
	}
	odds = shape[[5001]byte]{
		func(n uint64) (v [5001]byte) { fill(v[:], n); return v },
		func(v [5001]byte) uint64 { return number(v[:]) }, ^uint64(0),
	}
)

// fill writes n to b, low byte first, over and over.
func fill(b []byte, n uint64) {
	for i := range b {
		b[i] = byte(n >> (i % 8 * 8))
	}
}

// number reads what fill wrote to 8 bytes or more.
func number(b []byte) (n uint64) {
	for i := range 8 {
		n |= uint64(b[i]) << (i * 8)
	}
	return n
}

func (s shape[T]) Mask() uint64 { return s.mask }

// read returns the number of a message, and an error if it is torn.
func (s shape[T]) read(v T, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	n := s.number(v)
	if v != s.make(n) {
		return n, fmt.Errorf("message %d is torn: %v", n, v)
	}
	return n, nil
}

func (s shape[T]) readAll(seq iter.Seq2[T, error]) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for v, err := range seq {
			if !yield(s.read(v, err)) {
				return
			}
		}
	}
}

// pushing and popping are what the ends of SPSC and MPMC have in common.
type pushing[T comparable] interface {
	TryPush(T) error
	Push(context.Context, T) error
	PushAll(context.Context, []T) (int, error)
	Close() error
}

type pushEnd[T comparable] struct {
	pushing[T]
	shape[T]
}

func (p pushEnd[T]) TryPush(n uint64) error { return p.pushing.TryPush(p.make(n)) }
func (p pushEnd[T]) Push(ctx context.Context, n uint64) error {
	return p.pushing.Push(ctx, p.make(n))
}
func (p pushEnd[T]) PushAll(ctx context.Context, from, to uint64) (int, error) {
	vs := make([]T, 0, to-from)
	for n := from; n < to; n++ {
		vs = append(vs, p.make(n))
	}
	return p.pushing.PushAll(ctx, vs)
}

type popping[T comparable] interface {
	TryPop() (T, error)
	Pop(context.Context) (T, error)
	PopInto(context.Context, []T) (int, error)
	All(context.Context) iter.Seq2[T, error]
}

type popEnd[T comparable] struct {
	popping[T]
	shape[T]
}

func (c popEnd[T]) TryPop() (uint64, error) { return c.read(c.popping.TryPop()) }
func (c popEnd[T]) Pop(ctx context.Context) (uint64, error) {
	return c.read(c.popping.Pop(ctx))
}
func (c popEnd[T]) PopInto(ctx context.Context, most int) ([]uint64, error) {
	vs := make([]T, most)
	k, err := c.popping.PopInto(ctx, vs)
	ns := make([]uint64, k)
	for i := range ns {
		n, torn := c.read(vs[i], nil)
		if torn != nil {
			return nil, torn
		}
		ns[i] = n
	}
	return ns, err
}
func (c popEnd[T]) All(ctx context.Context) iter.Seq2[uint64, error] {
	return c.readAll(c.popping.All(ctx))
}

// handle hides the constructors of ends that a ring and its own ends have.
type handle interface {
	Len() int
	Cap() int
	ProducerAlive() bool
	ConsumerAlive() bool
	PopWaiting() bool
	PushWaiting() bool
	SetStart(pos uint64)
	SetEnds(producers, consumers ring.Abandoned)
}

var (
	_ handle = (*ring.SPSC[byte])(nil)
	_ handle = (*ring.MPMC[byte])(nil)
	_ handle = (*ring.Bytes)(nil)
	_ handle = (*ring.BytesMPMC)(nil)
)
