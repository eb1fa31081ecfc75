package semaphore

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// init makes this process's side of the semaphore in mem.
func (s *state) init(core *segment.Segment, mem []byte, size int64, signalling bool) {
	s.core = core
	s.id = uint64(core.ID())
	s.size = size
	s.signalling = signalling
	s.fence = core.WakerFence()
	s.word = wordAt(mem, 0)
	s.event = wait.NewEvent((*uint32)(unsafe.Pointer(&mem[eventOffset])), core)
	s.weighty = (*uint32)(unsafe.Pointer(&mem[weightyOffset]))
	s.urgent = wordAt(mem, urgentOffset)
	if signalling {
		return
	}
	s.held = make([]*uint64, core.MaxProcs())
	for i := range s.held {
		s.held[i] = wordAt(mem, heldOffset+uintptr(i)*arch.CacheLine)
	}
	s.mine = s.held[core.ID().Slot()]
	s.noneHeld = uint64(core.ID().Generation()) << genShift
}

// wordAt returns the word off bytes into mem.
func wordAt(mem []byte, off uintptr) *uint64 {
	_ = mem[off+7]
	return (*uint64)(unsafe.Pointer(&mem[off]))
}
