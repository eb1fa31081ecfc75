package shm_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// Types of all sizes up to a word's, with padding at the end and in the middle.
type (
	padded3 struct{ A, B, C uint8 }
	padded4 struct {
		A uint8
		B uint16
	}
	padded5 struct {
		A [2]uint16
		B bool
	}
	padded6 struct {
		A uint16
		B uint8
		C uint16
	}
	padded8 struct {
		A uint8
		B uint32
	}
	padded8a struct {
		A [3]uint8
		B uint32
	}
	blank8 struct {
		A uint8
		_ [3]uint8
		B uint32
	}
)

// And some of more.
type (
	large16 struct {
		A uint8
		B uint64
	}
	large24 struct {
		A [2]int64
		B float32
	}
	large9 [9]uint8
)

// TestValueSizes has every operation on values of every size.
func TestValueSizes(t *testing.T) {
	s := shared.Named(t)
	other := s.Another(t)
	testValue(t, s.Segment, other, true, false, true)
	testValue[int8](t, s.Segment, other, 0, -1, math.MinInt8)
	testValue[int16](t, s.Segment, other, 0, -1, math.MinInt16)
	testValue[int32](t, s.Segment, other, 0, -1, math.MinInt32)
	testValue[int64](t, s.Segment, other, 0, -1, math.MinInt64)
	testValue[int](t, s.Segment, other, 0, -1, math.MinInt)
	testValue[uint8](t, s.Segment, other, 1, 2, math.MaxUint8)
	testValue[uint16](t, s.Segment, other, 1, 2, math.MaxUint16)
	testValue[uint32](t, s.Segment, other, 1, 2, math.MaxUint32)
	testValue[uint64](t, s.Segment, other, 1, 2, math.MaxUint64)
	testValue[uint](t, s.Segment, other, 1, 2, math.MaxUint)
	testValue[float32](t, s.Segment, other, 1, -1.5, math.MaxFloat32)
	testValue[float64](t, s.Segment, other, 1, -1.5, math.MaxFloat64)
	testValue[complex64](t, s.Segment, other, 1, 1i, -1-1i)
	testValue(t, s.Segment, other, [1]int8{1}, [1]int8{-1}, [1]int8{3})
	testValue(t, s.Segment, other, [3]bool{true}, [3]bool{false, true}, [3]bool{true, true, true})
	testValue(t, s.Segment, other, [5]uint8{1}, [5]uint8{4: 1}, [5]uint8{1, 2, 3, 4, 5})
	testValue(t, s.Segment, other, [7]uint8{1}, [7]uint8{6: 1}, [7]uint8{1, 2, 3, 4, 5, 6, 7})
	testValue(t, s.Segment, other, [2]float32{1}, [2]float32{0, 1}, [2]float32{-1, -1})
	testValue(t, s.Segment, other, padded3{1, 2, 3}, padded3{3, 2, 1}, padded3{C: 255})
	testValue(t, s.Segment, other, padded4{1, 2}, padded4{1, 3}, padded4{255, 65535})
	testValue(t, s.Segment, other, padded5{[2]uint16{1, 2}, true}, padded5{B: true}, padded5{A: [2]uint16{3, 4}})
	testValue(t, s.Segment, other, padded6{1, 2, 3}, padded6{1, 2, 4}, padded6{65535, 255, 65535})
	testValue(t, s.Segment, other, padded8{1, 2}, padded8{2, 2}, padded8{255, math.MaxUint32})
	testValue(t, s.Segment, other, padded8a{[3]uint8{1, 2, 3}, 4}, padded8a{B: 4}, padded8a{A: [3]uint8{1, 2, 3}})
	testValue(t, s.Segment, other, blank8{A: 1, B: 2}, blank8{A: 2, B: 1}, blank8{A: 255, B: math.MaxUint32})
	testValue[complex128](t, s.Segment, other, 1, 1i, -1-1i)
	testValue(t, s.Segment, other, large9{1}, large9{8: 1}, large9{1, 2, 3, 4, 5, 6, 7, 8, 9})
	testValue(t, s.Segment, other, large16{1, 2}, large16{1, 3}, large16{255, math.MaxUint64})
	testValue(t, s.Segment, other, large24{[2]int64{1, 2}, 3}, large24{B: 3}, large24{A: [2]int64{1, 2}})
	testValue(t, s.Segment, other, [1000]int{1}, [1000]int{999: 1}, [1000]int{500: -1})
}

// testValue runs through the operations with different values a, b and c. What one
// Segment writes the other reads.
func testValue[T comparable](t *testing.T, one, two *shm.Segment, a, b, c T) {
	t.Helper()
	name := fmt.Sprintf("%T", a)
	v, w := shared.Value[T](t, one, name), shared.Value[T](t, two, name)
	var zero T
	want := func(what string, got, want T) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s returned %v, expected %v", name, what, got, want)
		}
	}
	is := func(what string, x T) {
		t.Helper()
		want("Load after "+what, v.Load(), x)
		want("Load by another after "+what, w.Load(), x)
	}
	is("NewValue", zero)
	v.Store(a)
	is("Store", a)
	want("Swap", w.Swap(b), a)
	is("Swap", b)
	if v.CompareAndSwap(a, c) {
		t.Errorf("%s: CompareAndSwap of %v succeeded on %v", name, a, b)
	}
	is("CompareAndSwap in vain", b)
	if !v.CompareAndSwap(b, c) {
		t.Errorf("%s: CompareAndSwap failed on %v", name, b)
	}
	is("CompareAndSwap", c)
	want("Update", w.Update(func(x T) T { want("Update's argument", x, c); return a }), a)
	is("Update", a)
	v.Store(zero)
	is("Store of zero", zero)
}

// TestValuePadding shows that the bytes between the fields do not count.
func TestValuePadding(t *testing.T) {
	s := shared.Named(t)
	testPadding(t, s.Segment, padded5{[2]uint16{1, 2}, true})
	testPadding(t, s.Segment, padded8{1, 2})
	testPadding(t, s.Segment, padded8a{[3]uint8{1, 2, 3}, 4})
	testPadding(t, s.Segment, blank8{A: 1, B: 2})
}

func testPadding[T comparable](t *testing.T, seg *shm.Segment, x T) {
	t.Helper()
	v := shared.Value[T](t, seg, fmt.Sprintf("%T", x))
	var zero T
	v.Store(*dirty(x))
	if !v.CompareAndSwap(x, zero) {
		t.Errorf("%T: CompareAndSwap sees what Store left in the padding", x)
	}
	v.Store(x)
	if !v.CompareAndSwap(*dirty(x), *dirty(x)) {
		t.Errorf("%T: CompareAndSwap minds the padding of old", x)
	}
	if !v.CompareAndSwap(x, zero) {
		t.Errorf("%T: CompareAndSwap sees what another left in the padding", x)
	}
	v.Swap(*dirty(x))
	v.Update(func(T) T { return *dirty(x) })
	if !v.CompareAndSwap(x, zero) {
		t.Errorf("%T: CompareAndSwap sees what Update left in the padding", x)
	}
}

// TestValueFloats has floats compared by their bits in a word, by == beyond.
func TestValueFloats(t *testing.T) {
	s := shared.Named(t)
	nan, negative := math.NaN(), math.Copysign(0, -1)
	v := shared.Value[float64](t, s.Segment, "word")
	v.Store(nan)
	if !v.CompareAndSwap(nan, 0) {
		t.Error("CompareAndSwap failed on the same NaN")
	}
	if v.CompareAndSwap(negative, 1) {
		t.Error("CompareAndSwap took -0 for 0")
	}
	w := shared.Value[[2]float64](t, s.Segment, "large")
	if !w.CompareAndSwap([2]float64{negative}, [2]float64{nan}) {
		t.Error("CompareAndSwap of a large value does not take -0 for 0")
	}
	if w.CompareAndSwap([2]float64{nan}, [2]float64{}) {
		t.Error("CompareAndSwap of a large value takes NaN for itself")
	}
}

type number int64

// TestValueTypeNames has two sides agree about the layout, not about names.
func TestValueTypeNames(t *testing.T) {
	s := shared.Named(t)
	a, b := shared.Value[int64](t, s.Segment, "v"), shared.Value[number](t, s.Segment, "v")
	a.Store(-5)
	if got := shm.Add(b, 7); got != 2 || a.Load() != 2 {
		t.Errorf("the value is %d and %d, expected 2", got, a.Load())
	}
	x, y := newArray[[2]int64](t, s.Segment, "a", 3), newArray[[2]number](t, s.Segment, "a", 3)
	x.Store(1, [2]int64{3, 4})
	if got := y.Load(1); got != [2]number{3, 4} {
		t.Errorf("the element is %v", got)
	}
}
