package ring_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type withPointer struct {
	ID   int32
	Meta [2]struct{ Name string }
}

type namedOtherwise struct {
	A, B uint32
}

type namedLike struct {
	A, C uint32
}

// TestMismatch gives New what it cannot make, or what exists and is different.
// The error says what is wrong, and with which ring.
func TestMismatch(t *testing.T) {
	s := newSegment(t)
	proctest.Must(ring.NewSPSC[uint64](s, "spsc", 8))(t)
	proctest.Must(ring.NewMPMC[uint64](s, "mpmc", 8))(t)
	proctest.Must(ring.NewMPMC[namedOtherwise](s, "pairs", 8))(t)
	proctest.Must(ring.NewBytes(s, "bytes", 512))(t)
	proctest.Must(shm.NewValue[uint64](s, "value"))(t)
	proctest.Must(ring.NewSPSC[uint64](s, "spsc", 5))(t) // is 8
	proctest.Must(ring.NewBytes(s, "bytes", 257))(t)     // is 512

	newSPSC := func(name string, capacity int) error { _, err := ring.NewSPSC[uint64](s, name, capacity); return err }
	newMPMC := func(name string, capacity int) error { _, err := ring.NewMPMC[uint64](s, name, capacity); return err }
	newBytes := func(name string, capacity int) error { _, err := ring.NewBytes(s, name, capacity); return err }
	_, signed := ring.NewSPSC[int64](s, "spsc", 8)
	_, shorter := ring.NewMPMC[uint32](s, "mpmc", 8)
	_, renamed := ring.NewMPMC[namedLike](s, "pairs", 8)
	_, pointers := ring.NewSPSC[withPointer](s, "new", 8)
	_, slices := ring.NewMPMC[[]byte](s, "new", 8)
	_, nothing := ring.NewMPMC[struct{}](s, "new", 8)
	for _, test := range []struct {
		what  string
		err   error
		want  error
		parts string // of the message
	}{
		{"an SPSC as MPMC", newMPMC("spsc", 8), shm.ErrMismatch, `"spsc" "test"`},
		{"an MPMC as SPSC", newSPSC("mpmc", 8), shm.ErrMismatch, `"mpmc" "test"`},
		{"an MPMC as Bytes", newBytes("mpmc", 8), shm.ErrMismatch, `"mpmc"`},
		{"a Bytes as SPSC", newSPSC("bytes", 512), shm.ErrMismatch, `"bytes"`},
		{"a Value as SPSC", newSPSC("value", 8), shm.ErrMismatch, `"value"`},
		{"a larger SPSC", newSPSC("spsc", 9), shm.ErrMismatch, `"spsc" 8 16`},
		{"a smaller MPMC", newMPMC("mpmc", 4), shm.ErrMismatch, `"mpmc" 8 4`},
		{"a larger Bytes", newBytes("bytes", 513), shm.ErrMismatch, `"bytes" 512 1024`},
		{"another type", signed, shm.ErrMismatch, `"spsc" uint64 int64`},
		{"a shorter type", shorter, shm.ErrMismatch, `"mpmc" uint64 uint32`},
		{"another field", renamed, shm.ErrMismatch, `"pairs"`},

		{"capacity 0", newSPSC("new", 0), ring.ErrCapacity, `"new" 0`},
		{"capacity -1", newMPMC("new", -1), ring.ErrCapacity, `"new" -1`},
		{"capacity -1 of Bytes", newBytes("new", -1), ring.ErrCapacity, `"new" -1`},
		{"a capacity too large", newMPMC("new", 1<<30+1), ring.ErrCapacity, fmt.Sprint(`"new" `, 1<<30+1)},
		{"a capacity without room", newSPSC("new", 1<<20), shm.ErrNoRoom, `"new"`},
		{"a type with a string", pointers, shm.ErrNotPlain, `"new" withPointer.Meta[].Name string`},
		{"slices", slices, shm.ErrNotPlain, `"new"`},
		{"a type of no bytes", nothing, shm.ErrNotPlain, `"new"`},
		{"no name", newSPSC("", 8), shm.ErrName, `""`},
		{"a long name", newMPMC(strings.Repeat("x", 97), 8), shm.ErrName, `xxx`},
	} {
		if test.err == nil {
			t.Errorf("%s: no error", test.what)
			continue
		}
		checkIs(t, test.what, test.err, test.want)
		for _, part := range strings.Fields(test.parts) {
			if !strings.Contains(test.err.Error(), part) {
				t.Errorf("%s: %q does not say %s", test.what, test.err, part)
			}
		}
	}
}

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

// TestPushAllClosed wants nothing counted that has not reached the segment.
func TestPushAllClosed(t *testing.T) {
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			q := newQueue(t, newSegment(t), kind, "closed", 16)
			s := shared.Open(t)
			p := proctest.Must(newQueue(t, s, kind, "closed", 16).Producer())(t)
			proctest.Check(t, s.Close())
			n, err := p.PushAll(background, 0, 4)
			checkIs(t, "PushAll", err, shm.ErrSegmentClosed)
			if n != 0 {
				t.Errorf("PushAll counts %d messages", n)
			}
			if mapping.Severs() && q.Len() != 0 {
				t.Errorf("%d messages are in the ring", q.Len())
			}
		})
	}
}
