package ring

import (
	"reflect"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// SPSCSize returns how many bytes of a segment an [SPSC] of that capacity takes. The
// size to give [shm.Create] is the sum of the sizes of the objects. It is 0 for a
// capacity that no ring has, and for a T that is not plain.
func SPSCSize[T any](capacity int) int64 { return slottedSize[T](capacity) }

// MPMCSize returns how many bytes of a segment an [MPMC] of that capacity takes. It is
// 0 for a capacity that no ring has, and for a T that is not plain.
func MPMCSize[T any](capacity int) int64 { return slottedSize[T](capacity) }

// BytesSize returns how many bytes of a segment a [Bytes] of that capacity takes. It
// is 0 for a capacity that no ring has.
func BytesSize(capacity int) int64 {
	n, err := roundBytes(capacity)
	if err != nil {
		return 0
	}
	return int64(layout.AlignObject(bodyOffset + n))
}

// BytesMPMCSize returns how many bytes of a segment a [BytesMPMC] of that capacity
// takes. It is 0 for a capacity that no ring has.
func BytesMPMCSize(capacity int) int64 {
	n, err := countChunks(capacity)
	if err != nil {
		return 0
	}
	return int64(layout.AlignObject(bodyOffset + chunksBody(n)))
}

func slottedSize[T any](capacity int) int64 {
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		return 0
	}
	_, size, err := slottedBody[T](capacity)
	if err != nil {
		return 0
	}
	return int64(layout.Room(bodyOffset+size, typ))
}
