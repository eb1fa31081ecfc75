package ring

import "unsafe"

// slots is an array of slots in shared memory, each a state word followed by
// its payload, so that a hand-over moves one cache line.
type slots[T any] struct {
	base unsafe.Pointer
	mask uint64
}

// stride is the distance between two slots: 8 bytes more than a T, rounded up
// to 8.
func stride[T any]() uint64 {
	var x T
	return uint64(8+unsafe.Sizeof(x)+7) &^ 7
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
