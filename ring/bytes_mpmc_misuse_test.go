package ring_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteNotReserved commits and releases what was never reserved or lent, or long ago.
func TestByteNotReserved(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "wide", 1024))(t)
	var none ring.ReservedBytes
	r, err := none, error(nil)
	for n := 0; err == nil; n++ {
		if none, err = q.TryReserve(100); err == nil {
			r = none
			proctest.Check(t, r.Commit(n))
		}
	}
	checkIs(t, "TryReserve", err, ring.ErrFull)
	checkIs(t, "Commit of a failed TryReserve", none.Commit(0), ring.ErrNotReserved)
	checkIs(t, "Cancel of a failed TryReserve", none.Cancel(), ring.ErrNotReserved)
	checkIs(t, "second Commit", r.Commit(1), ring.ErrNotReserved)
	checkIs(t, "Cancel after Commit", r.Cancel(), ring.ErrNotReserved)
	l := proctest.Must(q.TryNext())(t)
	proctest.Check(t, l.Release())
	checkIs(t, "second Release", l.Release(), ring.ErrNotReserved)
	proctest.Must(q.TryNext())(t)
	checkIs(t, "Release of an earlier one", l.Release(), ring.ErrNotReserved)
}

// TestByteCorrupt has the damage that is noticed.
func TestByteCorrupt(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	pops := map[string]func(q *ring.BytesMPMC) error{
		"TryPop":  func(q *ring.BytesMPMC) error { _, err := q.TryPop(nil); return err },
		"Pop":     func(q *ring.BytesMPMC) error { _, err := q.Pop(background, nil); return err },
		"PopInto": func(q *ring.BytesMPMC) error { _, _, err := q.PopInto(background, nil, make([]int, 2)); return err },
		"TryNext": func(q *ring.BytesMPMC) error { _, err := q.TryNext(); return err },
		"Next":    func(q *ring.BytesMPMC) error { _, err := q.Next(background); return err },
	}
	for i, length := range []uint64{129, 513, 1 << 20, 1 << 40, 1 << 63, ^uint64(0)} {
		q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint("length", i), 1024))(t)
		proctest.Check(t, q.TryPush(make([]byte, 100)))
		binary.NativeEndian.PutUint64(q.Body()[8:], length)
		for what, pop := range pops {
			checkIs(t, fmt.Sprintf("%s of length %#x", what, length), pop(q), ring.ErrCorrupt)
		}
	}
	q := proctest.Must(ring.NewBytesMPMC(s, "ahead", 1024))(t)
	setWide(q, 0, 100)
	for what, pop := range pops {
		checkIs(t, what+" with a head that is ahead", pop(q), ring.ErrCorrupt)
	}
}
