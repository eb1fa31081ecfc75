package storm

import "unsafe"

// sizeOf returns the size of a T.
func sizeOf[T any]() int { return int(unsafe.Sizeof(*new(T))) }

// at takes mapped memory for a T.
func at[T any](mem []byte) *T {
	_ = mem[sizeOf[T]()-1]
	return (*T)(unsafe.Pointer(unsafe.SliceData(mem)))
}
