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
	s.size = size
	s.signalling = signalling
	s.fence = core.WakerFence()
	s.word = wordAt(mem, 0)
	_ = mem[queueOffset+15]
	s.queue.Init((*wait.Words)(unsafe.Pointer(&mem[queueOffset])), core, true)
	s.weighty = (*uint32)(unsafe.Pointer(&mem[weightyOffset]))
	s.repairer = wordAt(mem, repairerOffset)
	if signalling {
		return
	}
	s.lines = make([]line, core.MaxProcs())
	for i := range s.lines {
		off := linesOffset + uintptr(i)*arch.CacheLine
		s.lines[i] = line{owner: wordAt(mem, off), permits: wordAt(mem, off+8)}
	}
	s.busy = uint64(core.Slot()) + 1
	s.mine = s.lines[core.Slot()].permits
}

// wordAt returns the word off bytes into mem.
func wordAt(mem []byte, off uintptr) *uint64 {
	_ = mem[off+7]
	return (*uint64)(unsafe.Pointer(&mem[off]))
}
