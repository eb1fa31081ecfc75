package shm

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// init makes this process's side of the lock at the start of mem.
func (l *ownerLock) init(core *segment.Segment, mem []byte) {
	_ = mem[ownerLockSize-1]
	l.word = cellAt(mem)
	l.queue.Init((*wait.Words)(unsafe.Pointer(&mem[queueOffset])), core, false)
	l.core = core
	l.id = uint64(core.ID())
	l.fence = core.WakerFence()
}
