//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// wideClaim does as much as names somebody who is to die.
func wideClaim(seg *shm.Segment, d death) {
	q := must(ring.NewBytesMPMC(seg, "q", wideRoom))
	if d == inPush {
		must(q.Reserve(context.Background(), wideLen(0)))
	} else {
		must(q.Next(context.Background()))
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
		{"PopInto, a reader dead", popScene{n: 1, dead: inReading, prefill: 1}, pop},
		{"PopInto, a taker dead", popScene{n: 1, dead: inFreeing, prefill: 2}, pop},
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
		{"Push, sleeping, a reader dead", inReading},
		{"Push, a taker dead", inFreeing},
	} {
		c := pushScene{kind: "BytesMPMC", n: 1, full: true, dead: r.dead}
		ops = append(ops, operation{name: "BytesMPMC " + r.name, ring: "BytesMPMC", play: c.play, victim: func(v *victim) func() result {
			e := must(newEnd("BytesMPMC", v.seg, producer))
			return func() result { return failed(e.Push(context.Background(), v.message(0))) }
		}})
	}
	return ops
}
