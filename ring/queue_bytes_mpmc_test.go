package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A bytesMPMCQueue is both of its ends.
type bytesMPMCQueue struct {
	*ring.BytesMPMC
}

// newBytesMPMC makes a ring with about that many messages' room.
func newBytesMPMC(s *shm.Segment, name string, capacity int, opts ...ring.Option) (queue, error) {
	r, err := ring.NewBytesMPMC(s, name, 128*capacity, opts...)
	return bytesMPMCQueue{r}, err
}

// text makes message n. Its length follows from n, from 8 up to 300 bytes and to what
// the ring can hold.
func (q bytesMPMCQueue) text(n uint64) []byte {
	b := make([]byte, 8+n*37%uint64(min(300, q.MaxLen())-7))
	fill(b, n)
	return b
}

// read is the inverse of text.
func (q bytesMPMCQueue) read(b []byte, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	if len(b) < 8 {
		return 0, fmt.Errorf("message of %d bytes", len(b))
	}
	n := number(b)
	if !bytes.Equal(b, q.text(n)) {
		return n, fmt.Errorf("message %d is torn: %x", n, b)
	}
	return n, nil
}

func (q bytesMPMCQueue) isMPMC()                     {}
func (q bytesMPMCQueue) Mask() uint64                { return ^uint64(0) }
func (q bytesMPMCQueue) Producer() (producer, error) { return q, nil }
func (q bytesMPMCQueue) Consumer() (consumer, error) { return q, nil }
func (q bytesMPMCQueue) Detach() error               { return nil }

func (q bytesMPMCQueue) TryPush(n uint64) error { return q.BytesMPMC.TryPush(q.text(n)) }
func (q bytesMPMCQueue) Push(ctx context.Context, n uint64) error {
	return q.BytesMPMC.Push(ctx, q.text(n))
}

func (q bytesMPMCQueue) PushAll(ctx context.Context, from, to uint64) (int, error) {
	var bs [][]byte
	for n := from; n < to; n++ {
		bs = append(bs, q.text(n))
	}
	return q.BytesMPMC.PushAll(ctx, bs)
}

func (q bytesMPMCQueue) TryReserve(n uint64) (func() error, error) {
	return q.write(n)(q.BytesMPMC.TryReserve(q.room(n)))
}

func (q bytesMPMCQueue) Reserve(ctx context.Context, n uint64) (func() error, error) {
	return q.write(n)(q.BytesMPMC.Reserve(ctx, q.room(n)))
}

// room is how much to reserve for message n: at times more than it has.
func (q bytesMPMCQueue) room(n uint64) int {
	return min(len(q.text(n))+int(n%3)*50, q.MaxLen())
}

func (q bytesMPMCQueue) write(n uint64) func(ring.ReservedBytes, error) (func() error, error) {
	return func(r ring.ReservedBytes, err error) (func() error, error) {
		k := copy(r.Bytes(), q.text(n))
		return func() error { return r.Commit(k) }, err
	}
}

func (q bytesMPMCQueue) TryPop() (uint64, error) { return q.read(q.BytesMPMC.TryPop(nil)) }
func (q bytesMPMCQueue) Pop(ctx context.Context) (uint64, error) {
	return q.read(q.BytesMPMC.Pop(ctx, nil))
}

func (q bytesMPMCQueue) PopInto(ctx context.Context, most int) (ns []uint64, err error) {
	lens := make([]int, most)
	b, k, err := q.BytesMPMC.PopInto(ctx, nil, lens)
	for _, l := range lens[:k] {
		n, torn := q.read(b[:l], nil)
		if torn != nil {
			return nil, torn
		}
		ns, b = append(ns, n), b[l:]
	}
	return ns, err
}

func (q bytesMPMCQueue) TryNext() (uint64, func() error, error) {
	return q.look(q.BytesMPMC.TryNext())
}

func (q bytesMPMCQueue) Next(ctx context.Context) (uint64, func() error, error) {
	return q.look(q.BytesMPMC.Next(ctx))
}

func (q bytesMPMCQueue) look(l ring.LentBytes, err error) (uint64, func() error, error) {
	n, err := q.read(l.Bytes(), err)
	return n, l.Release, err
}

func (q bytesMPMCQueue) All(ctx context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for b, err := range q.BytesMPMC.All(ctx) {
			if !yield(q.read(b, err)) {
				return
			}
		}
	}
}
