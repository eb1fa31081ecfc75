package shm

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// newOwnerLock makes this process's side of the lock at the start of mem.
func newOwnerLock(core *segment.Segment, mem []byte) ownerLock {
	_ = mem[ownerLockSize-1]
	return ownerLock{
		word:  (*uint32)(unsafe.Pointer(&mem[0])),
		event: wait.NewEvent((*uint32)(unsafe.Pointer(&mem[4])), core),
		core:  core,
		id:    uint32(core.ID()),
		fence: core.WakerFence(),
	}
}
