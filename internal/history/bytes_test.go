package history

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// A queue of messages of bytes, first in, first out: each takes one chunk of the ring or
// some, and all of them together at most what the ring has. Where the next would be torn
// by the ring's end, up to wasted chunks stay unused.
const (
	chunk     = 64
	chunks    = 8
	maxChunks = 3
	wasted    = maxChunks - 1
)

var bytesMPMCSubject = &subject{players: 4, open: openBytesMPMC, finish: finishBytesMPMC, model: queueModel(bytesRoom), adjust: excuseOneByOne}

// chunksOf returns how many chunks the message that stands for v takes.
func chunksOf(v uint64) int { return 1 + int(v%maxChunks) }

func bytesRoom(s string, v uint64) (surely, maybe bool) {
	n := chunksOf(v)
	for ; s != ""; s = s[8:] {
		n += chunksOf(first(s))
	}
	return n <= chunks-wasted, n <= chunks
}

func newBytesMPMC(p *player) bytesMPMCQueue {
	return bytesMPMCQueue{proctest.Must(ring.NewBytesMPMC(p.seg, p.name, chunk*chunks))(p.t)}
}

func openBytesMPMC(p *player) (turn, leave func()) { return p.useQueue(newBytesMPMC(p)), nothing }

func finishBytesMPMC(p *player) {
	q := newBytesMPMC(p)
	proctest.Check(p.t, q.Close())
	p.popAll(q)
}

// appendValue appends the message that stands for v.
func appendValue(b []byte, v uint64) []byte {
	for n := len(b) + chunksOf(v)*chunk; len(b) < n; {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func parseValue(b []byte) (uint64, error) {
	if len(b) >= 8 {
		if v := binary.LittleEndian.Uint64(b); string(b) == string(appendValue(nil, v)) {
			return v, nil
		}
	}
	return 0, fmt.Errorf("a message is torn: %x", b)
}

// excuseOneByOne is excuse for a ring whose PopInto pops one message after the other,
// with those between them that others pop.
func excuseOneByOne(history []event) []event {
	var single []event
	for _, e := range history {
		in, out := e.input, e.output
		if in.kind == popInto {
			e.input = input{kind: pop}
		}
		switch {
		case in.kind == popInto && e.pending:
			single = append(single, slices.Repeat([]event{e}, int(in.a))...)
		case in.kind == popInto && e.ok == 1:
			for _, v := range out.v[:out.n] {
				e.output = did(v)
				single = append(single, e)
			}
		default:
			single = append(single, e)
		}
	}
	return excuse(single)
}

type bytesMPMCQueue struct{ *ring.BytesMPMC }

func (q bytesMPMCQueue) TryPush(v uint64) error { return q.BytesMPMC.TryPush(appendValue(nil, v)) }

func (q bytesMPMCQueue) Push(ctx context.Context, v uint64) error {
	return q.BytesMPMC.Push(ctx, appendValue(nil, v))
}

func (q bytesMPMCQueue) pushInPlace(ctx context.Context, v uint64, pause func()) error {
	b := appendValue(nil, v)
	r, err := q.Reserve(ctx, len(b))
	if err != nil {
		return err
	}
	copy(r.Bytes(), b)
	pause()
	return r.Commit(len(b))
}

func (q bytesMPMCQueue) TryPop() (uint64, error) { return popped(q.BytesMPMC.TryPop(nil)) }

func (q bytesMPMCQueue) Pop(ctx context.Context) (uint64, error) {
	return popped(q.BytesMPMC.Pop(ctx, nil))
}

func popped(b []byte, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	return parseValue(b)
}

func (q bytesMPMCQueue) PopInto(ctx context.Context, dst []uint64) (int, error) {
	lens := make([]int, len(dst))
	b, n, err := q.BytesMPMC.PopInto(ctx, nil, lens)
	for i := range n {
		var wrong error
		if dst[i], wrong = parseValue(b[:lens[i]]); wrong != nil {
			return 0, wrong
		}
		b = b[lens[i]:]
	}
	return n, err
}

func (q bytesMPMCQueue) popInPlace(ctx context.Context, pause func()) (uint64, error) {
	l, err := q.Next(ctx)
	if err != nil {
		return 0, err
	}
	pause()
	v, err := parseValue(l.Bytes())
	if err != nil {
		return 0, err
	}
	return v, l.Release()
}
