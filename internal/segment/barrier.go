package segment

import (
	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// A publisher that may have to wake a sleeper stores, then loads the word that
// says whether anyone sleeps; the sleeper stores that word, then loads what the
// publisher stores. Each needs a full fence in between. On an asymmetric segment
// publishers leave theirs out, and the sleeper's barrier runs one on every
// processor that any of them is on. A process that such barriers do not reach
// keeps its fence.

// asymmetric is decided by the maker of the segment, for good.
func (s *Segment) asymmetric() bool { return s.header.Flags&layout.FlagAsymmetric != 0 }

// WakerFence reports whether publishers of this process must run a full fence
// before they look for sleepers.
func (s *Segment) WakerFence() bool { return !s.asymmetric() || !canBarrier() }

// Barrier is the sleeper's side. It reports false if publishers of other
// processes may run no fence and it could not run one for them.
func (s *Segment) Barrier() bool {
	if !s.asymmetric() {
		arch.Fence()
		return true
	}
	return barrier()
}

// Symmetric has publishers run fences, and sleepers no barriers: where sleeps are as frequent as
// what is published, a barrier costs more than all these fences. Call it before there are objects, and
// before another process opens the segment.
func (s *Segment) Symmetric() {
	s.header.Flags &^= layout.FlagAsymmetric
	s.header.Encode(s.mem)
}
