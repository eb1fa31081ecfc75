package ring

import (
	"reflect"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// SPSCSize returns the size of an SPSC of that capacity, in bytes of the segment.
// It returns 0 if a ring cannot have that capacity, or if T is not plain. The
// size to pass to [shm.Create] is the sum of the sizes of all objects.
func SPSCSize[T any](capacity int) int64 { return slottedSize[T, T](capacity, 0) }

// MPMCSize returns the size of an MPMC of that capacity, in bytes of the segment.
// It returns 0 if a ring cannot have that capacity, or if T is not plain.
func MPMCSize[T any](capacity int) int64 { return slottedSize[T, T](capacity, 0) }

// WorkQueueSize returns the size of a WorkQueue of that capacity, in bytes of the
// segment. It returns 0 if a ring cannot have that capacity, or if T is not plain.
func WorkQueueSize[T any](capacity int) int64 { return slottedSize[T, entry[T]](capacity, 0) }

// BytesSize returns the size of a Bytes of that capacity, in bytes of the
// segment. It returns 0 if a ring cannot have that capacity.
func BytesSize(capacity int) int64 {
	n, err := roundBytes(capacity)
	if err != nil {
		return 0
	}
	return int64(layout.AlignObject(bodyOffset + n))
}

// BytesMPMCSize returns the size of a BytesMPMC of that capacity, in bytes of the
// segment. It returns 0 if a ring cannot have that capacity.
func BytesMPMCSize(capacity int) int64 {
	n, err := countChunks(capacity)
	if err != nil {
		return 0
	}
	return int64(layout.AlignObject(bodyOffset + chunksBody(n)))
}

// BroadcastSize returns the size of a Broadcast of that capacity, with these options, in
// bytes of the segment. It returns 0 if a ring cannot have that capacity, or if T is not
// plain.
func BroadcastSize[T any](capacity int, opts ...Option) int64 {
	return slottedSize[T, T](capacity, linesSize(opts))
}

// slottedSize is that of a ring with so many bytes besides its slots and its head.
func slottedSize[T, P any](capacity int, more uint64) int64 {
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		return 0
	}
	_, size, err := slottedBody[P](capacity)
	if err != nil {
		return 0
	}
	return int64(layout.Room(bodyOffset+more+size, typ))
}
