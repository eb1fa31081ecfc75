package shm

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// init makes this process's side of the lock at the start of mem.
func (l *ownerLock) init(core *segment.Segment, mem []byte) {
	_ = mem[ownerLockSize-1]
	l.word = cellAt(mem)
	events := (*[2]uint32)(unsafe.Pointer(&mem[queueOffset]))
	l.queue.Init(events, cellAt(mem[queueOffset:]), cellAt(mem[priorityOffset:]), core, false)
	l.core = core
	l.id = uint64(core.ID())
	l.fence = core.WakerFence()
}
