package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// slots is an array of slots in shared memory, each a state word followed by
// its payload, so that a hand-over moves one cache line.
type slots[T any] struct {
	base unsafe.Pointer
	mask uint64
}

// stride is the distance between two slots: 8 bytes more than a T, rounded up
// to 8.
func stride[T any]() uint64 {
	return uint64(8+unsafe.Sizeof(*(*T)(nil))+7) &^ 7 // a T of its own might go to the heap
}

// newSlots takes body, which must have room for capacity slots.
func newSlots[T any](body []byte, capacity uint64) slots[T] {
	_ = body[capacity*stride[T]()-1]
	return slots[T]{base: unsafe.Pointer(&body[0]), mask: capacity - 1}
}

// word returns the state word of the slot of pos. The mask keeps it inside the
// object, whatever pos is.
func (s *slots[T]) word(pos uint64) *uint64 {
	return (*uint64)(unsafe.Add(s.base, (pos&s.mask)*stride[T]()))
}

// value returns the payload of the slot of pos.
func (s *slots[T]) value(pos uint64) *T {
	return (*T)(unsafe.Add(s.base, (pos&s.mask)*stride[T]()+8))
}

// write publishes vs in the slots from pos on, each by the sequence number after
// its position, and stops at the end of the ring. It returns how many it wrote.
func (s *slots[T]) write(pos uint64, vs []T) int {
	vs = vs[:min(uint64(len(vs)), s.mask+1-pos&s.mask)]
	slot := unsafe.Pointer(s.word(pos))
	for i := range vs {
		pos++
		*(*T)(unsafe.Add(slot, 8)) = vs[i]
		arch.StoreRelease64((*uint64)(slot), pos)
		slot = unsafe.Add(slot, stride[T]())
	}
	return len(vs)
}

// read copies to dst the messages from pos on, as long as their slots have the
// sequence number after their position, and stops at the end of the ring. It
// returns how many there were.
func (s *slots[T]) read(pos uint64, dst []T) int {
	dst = dst[:min(uint64(len(dst)), s.mask+1-pos&s.mask)]
	slot := unsafe.Pointer(s.word(pos))
	for i := range dst {
		pos++
		if atomic.LoadUint64((*uint64)(slot)) != pos {
			return i
		}
		dst[i] = *(*T)(unsafe.Add(slot, 8))
		slot = unsafe.Add(slot, stride[T]())
	}
	return len(dst)
}

// before returns n, or how many slots there are from pos on before the end of the
// ring, if they are fewer.
func (s *slots[T]) before(pos, n uint64) uint64 { return min(n, s.mask+1-pos&s.mask) }

// fill publishes vs in the slots from pos on, which do not go past the end of the
// ring, from the last to the first. The last has the state word w, and each other one
// that is larger by step.
func (s *slots[T]) fill(pos uint64, vs []T, w, step uint64) {
	slot := unsafe.Add(unsafe.Pointer(s.word(pos)), uint64(len(vs))*stride[T]())
	for i := len(vs) - 1; i >= 0; i-- {
		slot = unsafe.Add(slot, -int(stride[T]()))
		*(*T)(unsafe.Add(slot, 8)) = vs[i]
		arch.StoreRelease64((*uint64)(slot), w)
		w += step
	}
}

// set stores state words in the n slots from pos on, as fill does.
func (s *slots[T]) set(pos, n, w, step uint64) {
	slot := unsafe.Add(unsafe.Pointer(s.word(pos)), n*stride[T]())
	for range n {
		slot = unsafe.Add(slot, -int(stride[T]()))
		arch.StoreRelease64((*uint64)(slot), w)
		w += step
	}
}

// copy copies the messages from pos on, which do not go past the end of the ring.
func (s *slots[T]) copy(dst []T, pos uint64) {
	slot := unsafe.Pointer(s.word(pos))
	for i := range dst {
		dst[i] = *(*T)(unsafe.Add(slot, 8))
		slot = unsafe.Add(slot, stride[T]())
	}
}
