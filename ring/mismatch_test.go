package ring_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
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
	proctest.Must(ring.NewWorkQueue[uint64](s, "work", 8))(t)
	newWorkQueue := func(name string, capacity int) error {
		_, err := ring.NewWorkQueue[uint64](s, name, capacity)
		return err
	}
	newMPMC := func(name string, capacity int) error { _, err := ring.NewMPMC[uint64](s, name, capacity); return err }
	newBytes := func(name string, capacity int) error { _, err := ring.NewBytes(s, name, capacity); return err }
	_, signed := ring.NewSPSC[int64](s, "spsc", 8)
	_, shorter := ring.NewMPMC[uint32](s, "mpmc", 8)
	_, renamed := ring.NewMPMC[namedLike](s, "pairs", 8)
	_, pointers := ring.NewSPSC[withPointer](s, "new", 8)
	_, slices := ring.NewMPMC[[]byte](s, "new", 8)
	proctest.Must(ring.NewBroadcast[uint64](s, "cast", 8))(t)
	newCast := func(name string, capacity int, opts ...ring.Option) error {
		_, err := ring.NewBroadcast[uint64](s, name, capacity, opts...)
		return err
	}
	_, castPointers := ring.NewBroadcast[withPointer](s, "new", 8)
	_, nothing := ring.NewMPMC[struct{}](s, "new", 8)
	for _, test := range []struct {
		what  string
		err   error
		want  error
		parts string // of the message
	}{
		{"an SPSC as MPMC", newMPMC("spsc", 8), shm.ErrMismatch, `"spsc" "test"`},
		{"an MPMC as WorkQueue", newWorkQueue("mpmc", 8), shm.ErrMismatch, `"mpmc" "test"`},
		{"a WorkQueue as MPMC", newMPMC("work", 8), shm.ErrMismatch, `"work" "test"`},
		{"a larger WorkQueue", newWorkQueue("work", 9), shm.ErrMismatch, `"work" 8 16`},
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

		{"a Broadcast as SPSC", newSPSC("cast", 8), shm.ErrMismatch, `"cast" "test"`},
		{"an SPSC as Broadcast", newCast("spsc", 8), shm.ErrMismatch, `"spsc" "test"`},
		{"a larger Broadcast", newCast("cast", 9), shm.ErrMismatch, `"cast" 8 16`},
		{"a lossless Broadcast", newCast("cast", 8, ring.Lossless), shm.ErrMismatch, `"cast"`},
		{"capacity 0 of a Broadcast", newCast("new", 0), ring.ErrCapacity, `"new" 0`},
		{"a Broadcast with a string", castPointers, shm.ErrNotPlain, `"new" withPointer.Meta[].Name string`},

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
