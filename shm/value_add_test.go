package shm_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

type (
	small  int8
	middle uint16
)

// TestAdd adds over the ends of every integer type's range.
func TestAdd(t *testing.T) {
	s := shared.Named(t)
	testAdd[int8](t, s.Segment)
	testAdd[int16](t, s.Segment)
	testAdd[int32](t, s.Segment)
	testAdd[int64](t, s.Segment)
	testAdd[int](t, s.Segment)
	testAdd[uint8](t, s.Segment)
	testAdd[uint16](t, s.Segment)
	testAdd[uint32](t, s.Segment)
	testAdd[uint64](t, s.Segment)
	testAdd[uint](t, s.Segment)
	testAdd[small](t, s.Segment)
	testAdd[middle](t, s.Segment)
	testAdd[number](t, s.Segment)
}

func testAdd[T shm.Integer](t *testing.T, seg *shm.Segment) {
	t.Helper()
	var sum T
	name := fmt.Sprintf("%T", sum)
	v, a := shared.Value[T](t, seg, name), newArray[T](t, seg, name+"s", 3)
	top := T(1) << (reflect.TypeFor[T]().Bits() - 1) // the lowest number, if T has a sign
	for i, delta := range []T{1, top, top - 1, 1, 100, ^T(0), top + 3, top / 2, 27} {
		for range 5 {
			sum += delta
			if got := shm.Add(v, delta); got != sum || v.Load() != sum {
				t.Fatalf("%s: Add %d returned %d and left %d, expected %d", name, i, got, v.Load(), sum)
			}
			if got := shm.AddAt(a, 1, delta); got != sum || a.Load(1) != sum {
				t.Fatalf("%s: AddAt %d returned %d and left %d, expected %d", name, i, got, a.Load(1), sum)
			}
		}
	}
	// A carry beyond the type would make the value differ from what it shows.
	if !v.CompareAndSwap(sum, 0) {
		t.Errorf("%s: the value is not what Add returned", name)
	}
	if a.Load(0) != 0 || a.Load(2) != 0 {
		t.Errorf("%s: AddAt changed the neighbours to %d and %d", name, a.Load(0), a.Load(2))
	}
}
