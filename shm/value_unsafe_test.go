package shm_test

import (
	"reflect"
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// dirty returns x, of at most 8 bytes, with all bits set that belong to no field.
func dirty[T any](x T) *T {
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		panic(err)
	}
	bits := new(uint64)
	p := (*T)(unsafe.Pointer(bits))
	*p = x
	*bits |= ^typ.Mask
	return p
}
