package ring_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// memory is the shared memory of a ring.
type memory interface {
	Body() []byte
	Words() (wide []func(uint64), narrow []*uint32)
}

// TestCorrupt has the damage that is noticed.
func TestCorrupt(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	spsc := proctest.Must(ring.NewSPSC[uint64](s, "spsc", 4))(t)
	p := proctest.Must(spsc.Producer())(t)
	for n := range uint64(4) {
		proctest.Check(t, p.TryPush(n))
	}
	setWide(spsc, 0, 100)
	checkIs(t, "SPSC push with a head that is ahead", p.TryPush(5), ring.ErrCorrupt)
	checkIs(t, "the same, waiting", p.Push(background, 5), ring.ErrCorrupt)

	mpmc := proctest.Must(ring.NewMPMC[uint64](s, "mpmc", 4))(t)
	setWide(mpmc, 0, 100)
	_, err := mpmc.TryPop()
	checkIs(t, "MPMC pop with a head that is ahead", err, ring.ErrCorrupt)
	_, err = mpmc.Pop(background)
	checkIs(t, "the same, waiting", err, ring.ErrCorrupt)

	for i, header := range []uint64{
		1<<63 | 1<<20,               // longer than the ring
		1<<63 | 1<<62 | 8,           // padding not up to the end
		1<<63 | 1<<41,               // unknown bits
		1<<63 | 1<<61,               // the same
		5,                           // not committed
		1<<63 | 1<<62,               // padding of nothing
		1<<63 | (256/2 - 2*8 + 1),   // longer than MaxLen
		1<<63 | 1<<62 | 256,         // padding all around
		1<<63 | 1<<62 | 0xffff_ffff, // all there is
	} {
		b := proctest.Must(ring.NewBytes(s, fmt.Sprint("bytes", i), 256))(t)
		binary.NativeEndian.PutUint64(b.Body(), header)
		_, err := b.Producer()
		checkIs(t, fmt.Sprintf("producer of header %#x", header), err, ring.ErrCorrupt)
		c := proctest.Must(b.Consumer())(t)
		_, err = c.TryPop(nil)
		checkIs(t, fmt.Sprintf("pop of header %#x", header), err, ring.ErrCorrupt)
		_, err = c.Pop(background, nil)
		checkIs(t, fmt.Sprintf("Pop of header %#x", header), err, ring.ErrCorrupt)
		if n := b.Len(); n != 0 {
			t.Errorf("Len with header %#x is %d", header, n)
		}
	}
}

func setWide(m memory, i int, v uint64) {
	wide, _ := m.Words()
	wide[i](v)
}
