package wait

import (
	"sync/atomic"
	"unsafe"
)

func wordOf(w *atomic.Uint64) *uint64 { return (*uint64)(unsafe.Pointer(w)) }

func eventsOf(w *atomic.Uint64) *[2]uint32 { return (*[2]uint32)(unsafe.Pointer(w)) }
