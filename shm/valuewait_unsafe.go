package shm

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// initEvent makes this process's side of the Event of a Value, which lies behind its
// cell or its sequence number.
func (l *valueLocal) initEvent(core *segment.Segment, mem []byte, large bool) {
	off := smallEvent
	if large {
		off = largeEvent
	}
	l.changed = wait.NewEvent((*uint32)(unsafe.Pointer(&mem[off])), core)
}

const (
	smallEvent = 8
	largeEvent = seqOffset + 8
)
