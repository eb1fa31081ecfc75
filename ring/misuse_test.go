package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestNotReserved commits and releases what was never reserved or lent.
func TestNotReserved(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewSPSC[uint64](s, "spsc", 4))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	b := proctest.Must(ring.NewBytes(s, "bytes", 64))(t)
	bp, bc := proctest.Must(b.Producer())(t), proctest.Must(b.Consumer())(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "mpmc", 4))(t)
	for what, err := range map[string]error{
		"SPSC Commit": p.Commit(), "SPSC Release": c.Release(),
		"Bytes Commit": bp.Commit(0), "Bytes Release": bc.Release(),
	} {
		checkIs(t, what, err, ring.ErrNotReserved)
	}

	proctest.Must(p.TryReserve())(t)
	proctest.Check(t, p.TryPush(1)) // takes the place of the reservation
	checkIs(t, "SPSC Commit after a push", p.Commit(), ring.ErrNotReserved)
	proctest.Must(c.TryNext())(t)
	proctest.Must(c.TryPop())(t)
	checkIs(t, "SPSC Release after a pop", c.Release(), ring.ErrNotReserved)
	proctest.Must(bp.TryReserve(3))(t)
	proctest.Check(t, bp.TryPush([]byte("x")))
	checkIs(t, "Bytes Commit after a push", bp.Commit(1), ring.ErrNotReserved)
	proctest.Must(bc.TryNext())(t)
	proctest.Must(bc.TryPop(nil))(t)
	checkIs(t, "Bytes Release after a pop", bc.Release(), ring.ErrNotReserved)

	full, err := q.TryReserve()
	for err == nil {
		proctest.Check(t, full.Commit())
		full, err = q.TryReserve()
	}
	checkIs(t, "TryReserve", err, ring.ErrFull)
	checkIs(t, "Commit of a failed TryReserve", full.Commit(), ring.ErrNotReserved)
	checkIs(t, "Cancel of a failed TryReserve", full.Cancel(), ring.ErrNotReserved)
	l := proctest.Must(q.TryNext())(t)
	checkIs(t, "Commit of what is lent", full.Commit(), ring.ErrNotReserved)
	proctest.Check(t, l.Release())
	checkIs(t, "second Release", l.Release(), ring.ErrNotReserved)
	r1 := proctest.Must(q.TryReserve())(t)
	checkIs(t, "Release of what is reserved", l.Release(), ring.ErrNotReserved)
	proctest.Check(t, r1.Cancel())
	checkIs(t, "second Cancel", r1.Cancel(), ring.ErrNotReserved)
	checkIs(t, "Commit of what was cancelled", r1.Commit(), ring.ErrNotReserved)
}
