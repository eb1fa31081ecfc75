package sim

import "unsafe"

// place tells a word from the others of one object, whichever attachment it is looked at
// through: all map the same pages.
func place[T uint32 | uint64](p *T) uintptr { return uintptr(unsafe.Pointer(p)) % 4096 }
