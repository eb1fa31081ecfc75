//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/isthmus-go/isthmus/ring"
)

// queue is the test's own use of a ring, and a ledger of it.
type queue struct {
	*stage
	kind string
	mine []uint64 // messages that the test has pushed, in order
	got  []uint64 // messages that were popped, in order

	count    int  // messages that the test has pushed
	both     *end // of a ring that anybody uses: it counts its tries
	disorder bool // a message may come late, for it was lent to somebody dead
}

func newQueue(s *stage, kind string) *queue {
	q := &queue{stage: s, kind: kind}
	// Make the ring, before anybody else.
	e := must(newEnd(kind, s.seg, consumer))
	if anybody(kind) {
		q.both = &e
	}
	check(e.Detach())
	return q
}

// as does something as the producer or the consumer. The role may be gone then:
// whatever is ended says so.
func (q *queue) as(role string, do func(e end) error, ended ...error) error {
	if q.both != nil {
		return do(*q.both)
	}
	e, err := newEnd(q.kind, q.seg, role)
	if err != nil {
		return err
	}
	err, derr := do(e), e.Detach()
	if len(ended) > 0 {
		derr = nil
	}
	return errors.Join(err, derr)
}

func (q *queue) nextMessage() uint64 { return messageOf(q.round, 128+q.count) }

// tryPush pushes a message if there is room.
func (q *queue) tryPush() bool {
	q.Helper()
	n := q.nextMessage()
	err := q.as(producer, func(e end) error { return e.TryPush(n) })
	if errors.Is(err, ring.ErrFull) {
		return false
	}
	q.must("TryPush", err)
	q.mine = append(q.mine, n)
	q.count++
	return true
}

// pushAll pushes n messages at once, for which there is room.
func (q *queue) pushAll(n int) {
	q.Helper()
	first := q.nextMessage()
	q.must("PushAll", q.as(producer, func(e end) error {
		_, err := e.PushAll(context.Background(), first, first+uint64(n))
		return err
	}))
	for range n {
		q.mine = append(q.mine, q.nextMessage())
		q.count++
	}
}

// push pushes a message, which has to be possible before long, though maybe
// only after a pop. An MPMC's try operations may have to be repeated: they look
// for what the dead have left only now and then.
func (q *queue) push() uint64 {
	q.Helper()
	for start := time.Now(); !q.tryPush(); {
		if !q.tryPop() && time.Since(start) > patience {
			q.fatalf("the ring is neither full nor not")
		}
	}
	return q.mine[len(q.mine)-1]
}

func (q *queue) popAs(ctx context.Context) error {
	return q.as(consumer, func(e end) error {
		n, err := e.Pop(ctx)
		if err == nil {
			q.got = append(q.got, n)
		}
		return err
	})
}

// fill pushes n messages, or as many as fit. In a Bytes those of a batch share a header.
func (q *queue) fill(n int, full bool) {
	q.Helper()
	if q.kind == "Bytes" && !full {
		q.pushAll(n)
		return
	}
	for i := 0; full || i < n; i++ {
		if !q.tryPush() {
			if !full {
				q.fatalf("the ring is full after %d messages", i)
			}
			return
		}
	}
}

// popOne pops a message that is there.
func (q *queue) popOne() {
	q.Helper()
	q.must("TryPop", q.as(consumer, func(e end) error {
		n, err := e.TryPop()
		if err == nil {
			q.got = append(q.got, n)
		}
		return err
	}))
}

// tryPop pops a message if there is one.
func (q *queue) tryPop() bool {
	q.Helper()
	err := q.as(consumer, func(e end) error {
		n, err := e.TryPop()
		if err == nil {
			q.got = append(q.got, n)
		}
		return err
	})
	if !errors.Is(err, ring.ErrEmpty) {
		q.must("TryPop", err)
	}
	return err == nil
}

// drain pops until the message last.
func (q *queue) drain(last uint64) {
	q.Helper()
	for len(q.got) == 0 || q.got[len(q.got)-1] != last {
		q.bounded("Pop", q.popAs)
		if len(q.got) > 100 {
			q.fatalf("there is no end: %x", q.got)
		}
	}
	if q.tryPop() {
		q.fatalf("a message after the last: %x", q.got)
	}
}

// check checks that what was popped is what was pushed: by the test all, and by
// the victim, who was pushing n messages, the first few.
func (q *queue) check(n, atLeast int) {
	q.Helper()
	var mine, victims []uint64
	for _, m := range q.got {
		if m&255 < 128 {
			victims = append(victims, m)
		} else {
			mine = append(mine, m)
		}
	}
	if q.disorder {
		slices.Sort(mine)
	}
	if !same(mine, q.mine) {
		q.fatalf("the test has pushed %x, and of that was popped %x", q.mine, mine)
	}
	for i, m := range victims {
		if m != messageOf(q.round, i) || i >= n {
			q.fatalf("of the victim was popped %x", victims)
		}
	}
	if len(victims) < atLeast {
		q.fatalf("the victim has pushed %d messages, and of that was popped %x", atLeast, victims)
	}
}

// popOrphans pops what was lent to a victim that is dead.
func (q *queue) popOrphans() {
	q.Helper()
	for q.lent() > 0 {
		q.bounded("Pop of a lent message", q.popAs)
	}
}

// tryOrphans pops what was lent to somebody dead, if it is there: it tries as often as it
// takes until a try looks for that.
func (q *queue) tryOrphans() {
	q.Helper()
	for range 64 {
		q.tryPop()
	}
}

// wholeCapacity checks that all room in the empty ring can be used.
func (q *queue) wholeCapacity() {
	q.Helper()
	switch q.kind {
	case "Bytes":
		q.takes(3)
	case "BytesMPMC": // 12 of 16 chunks, and the end of the ring: once more for the others
		q.takes(6)
		q.takes(6)
	default:
		q.takes(slots)
	}
}

// takes checks that the empty ring takes at least so many messages.
func (q *queue) takes(want int) {
	q.Helper()
	q.mine, q.got = nil, nil
	for tries := 0; len(q.mine) < want; tries++ {
		if !q.tryPush() && tries > 1000 {
			q.fatalf("the empty ring took %d messages only", len(q.mine))
		}
	}
	q.fill(0, true)
	for range q.mine {
		q.popOne()
	}
	if q.tryPop() || !same(q.got, q.mine) {
		q.fatalf("pushed %x and popped %x", q.mine, q.got)
	}
}

func same(a, b []uint64) bool { return joined(a) == joined(b) }
