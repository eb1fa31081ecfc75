package nats

import (
	"context"
	"errors"
	"reflect"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Source is the consuming end of a ring, for Forward: what FromSPSC, FromMPMC, FromBytes,
// FromBytesMPMC and FromBroadcast return. It keeps what a Forward has taken and not released, so the next
// Forward of the same consumer in this process needs the same Source. One Forward at a time uses it.
type Source struct {
	end
	id    string // what names the ring in message ids, once a Forward has asked
	state *shm.Value[sent]
	queue []item // lent, not released
	// next lends the next message, and waits for it if it has to.
	next func(ctx context.Context, wait bool) (item, error)
	// release releases the message that was lent first.
	release func() error
	// gather, if not nil, fills an empty queue with all that is in the ring.
	gather func(ctx context.Context) error
	// start is the position that it begins with, if positions only rise.
	start  uint64
	rising bool
	reach  uint64 // a position that the ring has reached
}

// end names an end of a ring.
type end struct {
	segment     *shm.Segment
	name        string
	fingerprint string
}

// item is a lent message.
type item struct {
	pos, missed uint64
	data        []byte
}

// bytesType is the fingerprint of messages of bytes.
const bytesType = "bytes"

// FromSPSC returns the end of an SPSC, the ring of that name in the segment.
func FromSPSC[T any](s *shm.Segment, name string, c *ring.Consumer[T]) *Source {
	enc := newCodec(reflect.TypeFor[T]())
	return &Source{end: end{s, name, enc.fingerprint}, rising: true, start: c.Position(), reach: c.Position(), release: c.Release,
		next: func(ctx context.Context, wait bool) (it item, err error) {
			it.pos = c.Position()
			v, err := either(ctx, wait, c.Next, c.TryNext)
			if err == nil {
				it.data = lend(enc, v)
			}
			return it, err
		}}
}

// FromMPMC returns the end of an MPMC, the ring of that name in the segment.
func FromMPMC[T any](s *shm.Segment, name string, q *ring.MPMC[T]) *Source {
	enc := newCodec(reflect.TypeFor[T]())
	return fromShared(end{s, name, enc.fingerprint}, q.Next, q.TryNext,
		func(l ring.Lent[T]) []byte { return lend(enc, l.Value()) })
}

// FromBytes returns the end of a Bytes, the ring of that name in the segment.
func FromBytes(s *shm.Segment, name string, c *ring.BytesConsumer) *Source {
	return &Source{end: end{s, name, bytesType}, rising: true, start: c.Position(), reach: c.Position(), release: c.Release,
		next: func(ctx context.Context, wait bool) (it item, err error) {
			it.pos = c.Position()
			it.data, err = either(ctx, wait, c.Next, c.TryNext)
			return it, err
		}}
}

// FromBytesMPMC returns the end of a BytesMPMC, the ring of that name in the segment.
func FromBytesMPMC(s *shm.Segment, name string, q *ring.BytesMPMC) *Source {
	return fromShared(end{s, name, bytesType}, q.Next, q.TryNext, ring.LentBytes.Bytes)
}

// FromBroadcast returns a subscriber of the Broadcast of that name in the segment. What the
// subscriber missed is told with the next message. One bridge at a time may use a Broadcast: two would
// share what they remember.
//
// Its messages are copies. Of a lossless ring too, the producer may overwrite a message that is under way. A place
// that waits for the PubAck would not change that: a subscriber that dies is let go within 50 ms, whatever it
// has not read. What keeps messages for the successor of a bridge that is killed is another subscriber, which
// lives, and stays behind what the stream has by an eighth of the ring (FromOldest may begin so much later).
func FromBroadcast[T any](s *shm.Segment, name string, sub *ring.Subscriber[T]) *Source {
	enc := newCodec(reflect.TypeFor[T]())
	var missed uint64 // before the next message
	return &Source{end: end{s, name, enc.fingerprint}, rising: true, start: sub.Position(),
		reach:   sub.Position() + uint64(sub.Len()),
		release: func() error { return nil },
		next: func(ctx context.Context, wait bool) (it item, err error) {
			for {
				v, err := either(ctx, wait, sub.Pop, sub.TryPop)
				var lapped *ring.LappedError
				if errors.As(err, &lapped) {
					missed += lapped.Missed
					continue
				}
				if err == nil {
					it = item{pos: sub.Position() - 1, missed: missed, data: lend(enc, &v)}
					missed = 0
				}
				return it, err
			}
		}}
}

// either calls the operation that waits, or the one that does not.
func either[T any](ctx context.Context, wait bool, next func(context.Context) (T, error), try func() (T, error)) (T, error) {
	if wait {
		return next(ctx)
	}
	return try()
}

// lend returns the encoding of a value: its memory itself where they are the same.
func lend[T any](enc *codec, v *T) []byte {
	mem := memory(v)
	if enc.same {
		return mem
	}
	return enc.encode(make([]byte, 0, enc.wide), mem)
}
