package process

import (
	"reflect"
	"unsafe"
)

// bytesOf returns the bytes of *v.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// stringOf returns *v, whose kind is string, as one.
func stringOf[T any](v *T) *string { return (*string)(unsafe.Pointer(v)) }

// elementsOf returns the bytes of the elements of a slice, each of size bytes.
func elementsOf(slice reflect.Value, size int) []byte {
	return unsafe.Slice((*byte)(slice.UnsafePointer()), slice.Len()*size)
}
