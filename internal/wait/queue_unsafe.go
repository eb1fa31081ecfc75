package wait

import "unsafe"

// both returns the words of both Events as one.
func (w *Words) both() *uint64 { return (*uint64)(unsafe.Pointer(&w.events)) }
