package ring

import (
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

func newMemory(mem []byte) memory {
	return memory{
		closed: word32(mem, closedOffset),
		head:   word64(mem, headOffset),
		tail:   word64(mem, tailOffset),
		lends:  word32(mem, lendsOffset),
		body:   mem[bodyOffset:],
	}
}

func newLocal(core *segment.Segment, obj segment.Object) *local {
	mem := obj.Mem
	return &local{
		push:     side{last: newcomer},
		pop:      side{last: newcomer},
		shared:   obj,
		canPop:   wait.NewEvent(word32(mem, 0), core),
		canPush:  wait.NewEvent(word32(mem, canPushOffset), core),
		producer: core.NewHold(layout.Word64(mem, producerOffset)),
		consumer: core.NewHold(layout.Word64(mem, consumerOffset)),
	}
}

func word32(mem []byte, off uint64) *uint32 {
	_ = mem[off+3]
	return (*uint32)(unsafe.Pointer(&mem[off]))
}

func word64(mem []byte, off uint64) *uint64 {
	_ = mem[off+7]
	return (*uint64)(unsafe.Pointer(&mem[off]))
}
