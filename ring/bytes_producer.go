package ring

import (
	"context"
	"fmt"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// BytesProducer is the pushing end of a [Bytes]. Only one goroutine at a time may
// use it.
type BytesProducer struct {
	records
	pusher
	reserved []byte // what TryReserve returned last, nil if committed
	padded   uint64 // how much padding goes before it
}

// TryReserve returns space for a message of n bytes. The caller fills the space
// in place and publishes it by Commit. TryReserve returns ErrFull if there is not
// enough space. It returns an error that wraps ErrTooLarge if the ring can never
// have that much. The initial content of the bytes is unspecified. They must not
// be used after Commit, or after the Segment's Close.
func (p *BytesProducer) TryReserve(n int) ([]byte, error) {
	if n < 0 || n > p.maxLen() {
		return nil, p.fault(fmt.Errorf("message of %d bytes, the longest is %d: %w", n, p.maxLen(), ErrTooLarge))
	}
	size := record(uint64(n), 0)
	var pad uint64
	if left := p.capacity - p.offset(p.pos); size > left {
		pad = left
	}
	// The header behind the message needs room as well.
	if need := pad + size + headerSize; need > p.limit-p.pos {
		if err := p.refresh(need); err != nil {
			return nil, err
		}
	}
	p.padded = pad
	p.reserved = p.payload(p.pos+pad, 0, uint64(n))
	return p.reserved, p.check()
}

// refresh looks for room. The records from the one on that the consumer is in are in use.
func (p *BytesProducer) refresh(need uint64) error {
	return p.object.refresh(&p.pusher, need, func(head uint64) uint64 {
		return distance(head, placeOf(p.pos))
	})
}

// Commit publishes the first n bytes of the message that was reserved last. A
// reservation without Commit has no effect.
func (p *BytesProducer) Commit(n int) error {
	if p.reserved == nil {
		return p.fault(ErrNotReserved)
	}
	if n < 0 || n > len(p.reserved) {
		return p.fault(fmt.Errorf("commit of %d bytes, %d are reserved: %w", n, len(p.reserved), ErrTooLarge))
	}
	p.write(n)
	return p.published(1)
}

// write publishes the reserved message, without waking anybody.
func (p *BytesProducer) write(n int) { p.put(p.padded, record(uint64(n), 0), committed|uint64(n)) }

// put publishes records that take size bytes behind padding, of which the first has that
// header, and the others theirs.
func (p *BytesProducer) put(pad, size, header uint64) {
	p.pushed.Release()
	pos := p.pos + pad
	arch.StoreRelease64(p.header(pos+size), 0) // Invariant 2
	arch.StoreRelease64(p.header(pos), header)
	if pad != 0 { // the padding goes last: until then what is behind it does not count
		arch.StoreRelease64(p.header(p.pos), committed|padding|pad)
	}
	p.pos, p.reserved = pos+size, nil
}

// Reserve returns space as TryReserve does, but waits if there is not enough.
func (p *BytesProducer) Reserve(ctx context.Context, n int) (b []byte, err error) {
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	if b, err = p.TryReserve(n); err != ErrFull {
		return b, err
	}
	err = p.await(ctx, &p.canPush, ErrFull, func() error { b, err = p.TryReserve(n); return err }, nothingToRepair)
	return b, err
}

// TryPush pushes a copy of b if there is space. It returns ErrFull if there is
// not enough.
func (p *BytesProducer) TryPush(b []byte) error {
	m, err := p.TryReserve(len(b))
	if err != nil {
		return err
	}
	copy(m, b)
	return p.Commit(len(b))
}

// Push pushes a copy of b. It waits if there is not enough space. If ctx ends
// first, Push returns an error that wraps the error of ctx, and pushes nothing.
func (p *BytesProducer) Push(ctx context.Context, b []byte) error {
	m, err := p.Reserve(ctx, len(b))
	if err != nil {
		return err
	}
	copy(m, b)
	return p.Commit(len(b))
}

// PushAll pushes copies of all messages in bs. It waits if there is not enough
// space. PushAll returns how many messages it pushed. It pushes fewer than
// len(bs) only if it returns an error. It wakes consumers when all messages are
// pushed, or when there is no more space. A process that dies inside PushAll has
// pushed some messages from the beginning of bs, or none.
func (p *BytesProducer) PushAll(ctx context.Context, bs [][]byte) (n int, err error) {
	if err := p.begin(ctx); err != nil || len(bs) == 0 {
		return 0, p.verdict(err)
	}
	woken := 0
	for n < len(bs) {
		run, err := p.writeMore(bs[n:])
		if err == ErrFull {
			p.published(n - woken)
			woken = n
			if _, err = p.Reserve(ctx, len(bs[n])); err == nil {
				run = p.writeRun(bs[n:], p.padded)
			}
		}
		if err == nil {
			err = p.check()
		}
		if err != nil {
			p.published(n - woken)
			return n, err
		}
		n += run
	}
	return n, p.published(n - woken)
}

// writeMore publishes some of bs, as many as there is room for in one piece, without
// waking anybody.
func (p *BytesProducer) writeMore(bs [][]byte) (n int, err error) {
	// To know of little room makes short records.
	if p.limit-p.pos < p.longRecord()+2*headerSize {
		err = p.refresh(0)
	}
	if err == nil {
		n = p.writeRun(bs, 0)
	}
	if n == 0 && err == nil { // the end of the ring is near
		if _, err = p.TryReserve(len(bs[0])); err == nil {
			n = p.writeRun(bs, p.padded)
		}
	}
	return n, err
}

// longRecord is how much room the messages of a record take, if they are several.
func (p *BytesProducer) longRecord() uint64 { return p.capacity / 8 }

// writeRun publishes as many of bs as there is certainly room for before the end
// of the ring, behind padding, without waking anybody, and returns their number. The
// first header goes last, or the padding's: until then none of them counts.
func (p *BytesProducer) writeRun(bs [][]byte, pad uint64) int {
	mem := p.body[p.offset(p.pos+pad):]
	// The header behind them needs room as well.
	room := max(p.limit-p.pos-pad, headerSize) - headerSize
	n, size, first := writeMany(mem[:min(room, uint64(len(mem)))], bs, uint64(p.maxLen()), p.longRecord())
	if n > 0 {
		p.put(pad, size, first)
	}
	return n
}

// Close closes the ring permanently, and gives up the producer's role. The
// consumer gets the messages that are in the ring, and then ErrClosed.
// [shm.Segment.RemoveObject] explains how to open the ring again.
func (p *BytesProducer) Close() error { return p.leave(ErrClosed) }

// Detach gives up the producer's role, so that another process can continue as
// the producer.
func (p *BytesProducer) Detach() error { return p.leave(ErrDetached) }

func (p *BytesProducer) leave(why error) error {
	p.limit, p.reserved = p.pos, nil
	return p.giveUp(&p.tenure, why)
}
