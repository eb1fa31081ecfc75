package history

import (
	"os"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A tape is what the processes write their histories on: a file of its own, not
// a segment.
type tape struct {
	clock   uint64
	started uint64 // the round that is on
	pages   [maxPlayers]page
}

const (
	maxPlayers = 8 // with the referee
	maxRecords = 256
)

// A page is what one player writes in one round.
type page [maxRecords]record

// A record is an operation. It has begun when call is not 0, and returned when
// ret is not.
type record struct {
	input
	output
	call, ret uint64
}

// An input says what is to be done, with which numbers.
type input struct {
	kind kind
	a, b uint64
}

// An output says what came of it.
type output struct {
	ok uint64 // 1: done; 0: not done, and nothing has changed
	n  uint64 // how many of v count
	v  [maxBatch]uint64
}

const maxBatch = 3

// tick returns the time.
func (t *tape) tick() uint64 { return atomic.AddUint64(&t.clock, 1) }

func mapTape(t proctest.Fataler, path string) (*tape, *mapping.Mapping) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	proctest.Check(t, err)
	defer f.Close()
	proctest.Check(t, f.Truncate(int64(tapeSize)))
	m, err := mapping.Map(f, tapeSize)
	proctest.Check(t, err)
	return tapeAt(m.Bytes()), m
}

func newTape(t *testing.T, path string) *tape {
	tape, m := mapTape(t, path)
	t.Cleanup(func() { proctest.Check(t, m.Unmap()) })
	return tape
}
