//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// wideClaim does as much as names somebody who is to die.
func wideClaim(seg *shm.Segment, d death) {
	q := must(ring.NewBytesMPMC(seg, "q", wideRoom))
	switch d {
	case inPush:
		must(q.Reserve(context.Background(), wideLen(0)))
	case inPushAll: // the second is published before the first
		must(q.Reserve(context.Background(), wideLen(0)))
		check(q.TryPush(make([]byte, wideLen(1))))
	default:
		must(q.Next(context.Background()))
	}
}

// turn has the empty ring begin where a batch of two does not come to its end.
func (q *queue) turn() {
	wide := must(ring.NewBytesMPMC(q.seg, "q", wideRoom))
	for binary.NativeEndian.Uint64(q.memory("q")[tailAt:])%(wideRoom/64) > wideRoom/64-4 {
		check(wide.TryPush(nil))
		must(wide.TryPop(nil))
	}
}

// wideRepairs are operations that find what somebody dead has left.
func wideRepairs(pop, next func(e end) result) (ops []operation) {
	for _, r := range []struct {
		name string
		c    popScene
		do   func(e end) result
	}{
		{"PopInto, a producer dead", popScene{n: 1, dead: inPush, prefill: 2}, pop},
		{"PopInto, a producer of two dead", popScene{n: 1, dead: inPushAll, prefill: 2}, pop},
		{"PopInto, a reader dead", popScene{n: 1, dead: inReading, prefill: 1}, pop},
		{"PopInto, a taker dead", popScene{n: 1, dead: inFreeing, prefill: 2}, pop},
		{"PopInto, a consumer of two dead", popScene{n: 1, dead: inPopInto, prefill: 3}, pop},
		{"Next, Release, a reader dead", popScene{n: 1, dead: inReading, prefill: 1, lent: true}, next},
	} {
		r.c.kind = "BytesMPMC"
		ops = append(ops, operation{name: "BytesMPMC " + r.name, ring: "BytesMPMC", play: r.c.play, victim: func(v *victim) func() result {
			e := must(newEnd("BytesMPMC", v.seg, consumer))
			return func() result { return r.do(e) }
		}})
	}
	for _, r := range []struct {
		name string
		dead death
	}{
		{"Push, a producer dead", inPush},
		{"Push, a producer of two dead", inPushAll},
		{"Push, sleeping, a reader dead", inReading},
		{"Push, a taker dead", inFreeing},
		{"Push, a consumer of two dead", inPopInto},
	} {
		c := pushScene{kind: "BytesMPMC", n: 1, full: true, dead: r.dead}
		ops = append(ops, operation{name: "BytesMPMC " + r.name, ring: "BytesMPMC", play: c.play, victim: func(v *victim) func() result {
			e := must(newEnd("BytesMPMC", v.seg, producer))
			return func() result { return failed(e.Push(context.Background(), v.message(0))) }
		}})
	}
	return ops
}
