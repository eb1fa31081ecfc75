package nats

import (
	"context"
	"reflect"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Sink is the producing end of a ring, for Receive: what ToSPSC, ToMPMC, ToBytes and ToBytesMPMC
// return.
type Sink struct {
	end
	push func(ctx context.Context, data []byte) error
	// position is where the ring ends. It is nil if others may push as well.
	position func() uint64
}

// ToSPSC returns the end of an SPSC or of a Broadcast, the ring of that name in the segment.
func ToSPSC[T any](s *shm.Segment, name string, p *ring.Producer[T]) *Sink {
	enc := newCodec(reflect.TypeFor[T]())
	return &Sink{end: end{s, name, enc.fingerprint}, position: p.Position,
		push: func(ctx context.Context, data []byte) error {
			var v T
			if err := enc.decode(memory(&v), data); err != nil {
				return err
			}
			return p.Push(ctx, v)
		}}
}

// ToMPMC returns an end of an MPMC, the ring of that name in the segment.
func ToMPMC[T any](s *shm.Segment, name string, q *ring.MPMC[T]) *Sink {
	enc := newCodec(reflect.TypeFor[T]())
	return &Sink{end: end{s, name, enc.fingerprint},
		push: func(ctx context.Context, data []byte) error {
			var v T
			if err := enc.decode(memory(&v), data); err != nil {
				return err
			}
			return q.Push(ctx, v)
		}}
}

// ToBytes returns the end of a Bytes, the ring of that name in the segment.
func ToBytes(s *shm.Segment, name string, p *ring.BytesProducer) *Sink {
	return &Sink{end: end{s, name, bytesType}, position: p.Position, push: p.Push}
}

// ToBytesMPMC returns an end of a BytesMPMC, the ring of that name in the segment.
func ToBytesMPMC(s *shm.Segment, name string, q *ring.BytesMPMC) *Sink {
	return &Sink{end: end{s, name, bytesType}, push: q.Push}
}
