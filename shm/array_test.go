package shm_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestArraySizes has elements of every size: a word's and others.
func TestArraySizes(t *testing.T) {
	s := shared.Named(t)
	other := s.Another(t)
	testArray(t, s.Segment, other, true, false)
	testArray[int8](t, s.Segment, other, -1, 1)
	testArray[uint16](t, s.Segment, other, 0xffff, 0x1234)
	testArray[int32](t, s.Segment, other, -1, 1)
	testArray[float32](t, s.Segment, other, -1, 1)
	testArray[uint64](t, s.Segment, other, 1<<63, 1)
	testArray[float64](t, s.Segment, other, -1, 1)
	testArray[int](t, s.Segment, other, -1, 1)
	testArray(t, s.Segment, other, [2]uint8{1, 2}, [2]uint8{255, 255})
	testArray(t, s.Segment, other, [3]uint8{1, 2, 3}, [3]uint8{255, 255, 255})
	testArray(t, s.Segment, other, [4]uint8{1, 2, 3, 4}, [4]uint8{255, 255, 255, 255})
	testArray(t, s.Segment, other, [5]uint8{1, 2, 3, 4, 5}, [5]uint8{255, 255, 255, 255, 255})
	testArray(t, s.Segment, other, [3]uint16{1, 2, 3}, [3]uint16{4, 5, 6})
	testArray(t, s.Segment, other, [2]float32{1, 2}, [2]float32{3, 4})
	testArray(t, s.Segment, other, padded4{1, 2}, padded4{3, 4})
	testArray(t, s.Segment, other, padded8{1, 2}, padded8{3, 4})
	testArray[complex128](t, s.Segment, other, 1i, -1)
	testArray(t, s.Segment, other, large24{[2]int64{1, 2}, 3}, large24{B: 1})
	testArray(t, s.Segment, other, [1000]int{999: 1}, [1000]int{1})
}

// testArray stores a and b in turn. What one Segment stores the other loads.
func testArray[T comparable](t *testing.T, one, two *shm.Segment, a, b T) {
	t.Helper()
	const n = 9
	name := fmt.Sprintf("%T", a)
	v, w := newArray[T](t, one, name, n), newArray[T](t, two, name, n)
	if v.Len() != n || w.Len() != n {
		t.Errorf("%s: the lengths are %d and %d", name, v.Len(), w.Len())
	}
	want := make([]T, n)
	check := func(what string) {
		t.Helper()
		for i, x := range want {
			if v.Load(i) != x || w.Load(i) != x {
				t.Fatalf("%s: after %s element %d is %v and %v, expected %v", name, what, i, v.Load(i), w.Load(i), x)
			}
		}
	}
	check("NewArray")
	for i := range n {
		v.Store(i, a)
		want[i] = a
		check("Store")
	}
	for i := 1; i < n; i += 2 {
		w.Store(i, b)
		want[i] = b
		check("Store by another")
	}
	got := make([]T, n)
	if k := w.CopyOut(0, got); k != n || !slices.Equal(got, want) || !slices.Equal(w.View(), want) {
		t.Errorf("%s: CopyOut returned %d and %v, View %v, expected %v", name, k, got, w.View(), want)
	}
	slices.Reverse(want)
	want[0] = b
	if k := v.CopyIn(0, want); k != n {
		t.Errorf("%s: CopyIn returned %d", name, k)
	}
	check("CopyIn")
}

// TestArrayBounds has every access outside of an array panic as slices do, and do
// nothing else.
func TestArrayBounds(t *testing.T) {
	s := shared.Named(t)
	const n = 3
	a, bytes := newArray[int64](t, s.Segment, "a", n), newArray[uint8](t, s.Segment, "bytes", n)
	next := newArray[int64](t, s.Segment, "next", n) // the arena's next bytes
	none := []int64{}
	for _, i := range []int{-1, n, n + 1, math.MaxInt, math.MinInt} {
		for name, f := range map[string]func(){
			"Load":             func() { a.Load(i) },
			"Store":            func() { a.Store(i, 1) },
			"SwapAt":           func() { shm.SwapAt(a, i, 1) },
			"CompareAndSwapAt": func() { shm.CompareAndSwapAt(a, i, 0, 1) },
			"AddAt":            func() { shm.AddAt(a, i, 1) },
			"Load of a byte":   func() { bytes.Load(i) },
			"Store of a byte":  func() { bytes.Store(i, 1) },
			"AddAt of a byte":  func() { shm.AddAt(bytes, i, 1) },
			"View":             func() { a.View()[i] = 1 },
		} {
			if _, ok := proctest.PanicOf(f).(runtime.Error); !ok {
				t.Errorf("%s at %d of %d: %v, expected a bounds error", name, i, n, proctest.PanicOf(f))
			}
		}
		if i == n {
			continue // as in a[n:], which is empty
		}
		for name, f := range map[string]func(){
			"CopyIn":  func() { a.CopyIn(i, none) },
			"CopyOut": func() { a.CopyOut(i, none) },
		} {
			if _, ok := proctest.PanicOf(f).(runtime.Error); !ok {
				t.Errorf("%s at %d of %d: %v, expected a bounds error", name, i, n, proctest.PanicOf(f))
			}
		}
	}
	for i := range n {
		if a.Load(i) != 0 || bytes.Load(i) != 0 || next.Load(i) != 0 {
			t.Errorf("element %d was changed", i)
		}
	}
}

// TestArrayCopies copies at the ends, and more than fits.
func TestArrayCopies(t *testing.T) {
	a := newArray[int](t, shared.Named(t).Segment, "a", 5)
	for _, test := range []struct {
		off  int
		src  []int
		want []int
	}{
		{0, []int{1, 2, 3, 4, 5}, []int{1, 2, 3, 4, 5}},
		{1, []int{7}, []int{1, 7, 3, 4, 5}},
		{3, []int{8, 9, 10, 11}, []int{1, 7, 3, 8, 9}},
		{5, []int{6}, []int{1, 7, 3, 8, 9}},
		{2, nil, []int{1, 7, 3, 8, 9}},
	} {
		fits := min(len(test.src), a.Len()-test.off)
		if n := a.CopyIn(test.off, test.src); n != fits || !slices.Equal(a.View(), test.want) {
			t.Errorf("CopyIn(%d, %v) returned %d and made %v", test.off, test.src, n, a.View())
		}
		dst := make([]int, 3)
		fits = min(len(dst), a.Len()-test.off)
		if n := a.CopyOut(test.off, dst); n != fits || !slices.Equal(dst[:n], test.want[test.off:][:n]) {
			t.Errorf("CopyOut(%d) returned %d and %v", test.off, n, dst)
		}
	}
	if v := a.View(); len(v) != 5 || cap(v) != 5 {
		t.Errorf("View has length %d and capacity %d", len(v), cap(v))
	}
}

func TestArrayAll(t *testing.T) {
	a := newArray[int](t, shared.Named(t).Segment, "a", 5)
	for i := range a.Len() {
		a.Store(i, i*i)
	}
	seen := 0
	for i, x := range a.All() {
		if i != seen || x != i*i {
			t.Errorf("All yields %d, %d as number %d", i, x, seen)
		}
		if seen++; i == 3 {
			break
		}
	}
	if seen != 4 {
		t.Errorf("All yielded %d times before the break", seen)
	}
}

// TestArrayWords swaps and adds elements of every word size.
func TestArrayWords(t *testing.T) {
	s := shared.Named(t)
	testWords(t, s.Segment, true, false)
	testWords[int8](t, s.Segment, -1, 7)
	testWords[uint16](t, s.Segment, 0xffff, 7)
	testWords[int32](t, s.Segment, -1, 7)
	testWords[uint64](t, s.Segment, 1<<64-1, 7)
	testWords[float32](t, s.Segment, -1, 7)
	testWords[float64](t, s.Segment, -1, 7)
	testWords[small](t, s.Segment, -1, 7)
}

func testWords[T shm.Word](t *testing.T, seg *shm.Segment, x, y T) {
	t.Helper()
	var zero T
	a := newArray[T](t, seg, fmt.Sprintf("%T", x), 9)
	for i := range a.Len() {
		if old := shm.SwapAt(a, i, x); old != zero {
			t.Errorf("%T: SwapAt(%d) returned %v, expected zero", x, i, old)
		}
		if shm.CompareAndSwapAt(a, i, y, zero) || a.Load(i) != x {
			t.Errorf("%T: CompareAndSwapAt(%d) changed what is not equal", x, i)
		}
		if !shm.CompareAndSwapAt(a, i, x, y) || a.Load(i) != y {
			t.Errorf("%T: CompareAndSwapAt(%d) did not change what is equal", x, i)
		}
		if old := shm.SwapAt(a, i, zero); old != y {
			t.Errorf("%T: SwapAt(%d) returned %v, expected %v", x, i, old, y)
		}
	}
}
