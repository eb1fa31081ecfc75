package shm

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// init makes this process's side of the lock at the start of mem.
func (l *ownerLock) init(core *segment.Segment, mem []byte) {
	_ = mem[ownerLockSize-1]
	l.word = cellAt(mem)
	l.queue.Init((*uint32)(unsafe.Pointer(&mem[queueOffset])), cellAt(mem[priorityOffset:]), core)
	l.core = core
	l.id = uint64(core.ID())
	l.fence = core.WakerFence()
}
