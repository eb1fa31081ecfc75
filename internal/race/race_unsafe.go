//go:build race

package race

import (
	"runtime"
	"unsafe"
)

func acquire(p *byte)      { runtime.RaceAcquire(unsafe.Pointer(p)) }
func releaseMerge(p *byte) { runtime.RaceReleaseMerge(unsafe.Pointer(p)) }
