package ledger

import (
	"math/bits"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// Used says which lines of a ledger have ever had an owner, by a bit for each. Bits are only
// set. The zero value has none.
//
// Memory orderings. Set is a read-modify-write, and pairs with the loads of Next: who sets a
// bit and then changes its line is seen by whoever sees that change.
type Used struct {
	words []*uint64
	procs int
}

// UsedSize is how many bytes a Used takes.
const UsedSize = layout.MaxProcs / 8

// NewUsed returns the Used in mem, whose bytes are 0 at first.
func NewUsed(mem []byte, procs int) Used {
	u := Used{procs: procs}
	for i := range (procs + 63) / 64 {
		u.words = append(u.words, layout.At[uint64](mem, 8*uint64(i)))
	}
	return u
}

// Set says that the line of a slot is used.
func (u *Used) Set(slot int) { atomic.OrUint64(u.words[slot/64], 1<<(slot%64)) }

// Next returns the first slot from one on whose line is used, or how many slots there are.
func (u *Used) Next(slot int) int {
	for i := slot / 64; i < len(u.words); i++ {
		w := atomic.LoadUint64(u.words[i])
		if i == slot/64 {
			w &= ^uint64(0) << (slot % 64)
		}
		if w != 0 {
			return min(i*64+bits.TrailingZeros64(w), u.procs)
		}
	}
	return u.procs
}
