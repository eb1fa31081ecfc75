package layout

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type item struct {
	Name string
}

type refused struct {
	OK    int
	Meta  [3]item
	Other *int
}

func TestNotPlain(t *testing.T) {
	for _, test := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[refused](), "refused.Meta[].Name is a string"},
		{reflect.TypeFor[string](), "string is a string"},
		{reflect.TypeFor[*int](), "*int is a pointer"},
		{reflect.TypeFor[[]byte](), "[]uint8 is a slice"},
		{reflect.TypeFor[map[int]int](), "map[int]int is a map"},
		{reflect.TypeFor[chan int](), "chan int is a chan"},
		{reflect.TypeFor[func()](), "func() is a func"},
		{reflect.TypeFor[any](), "interface {} is an interface"},
		{reflect.TypeFor[uintptr](), "uintptr is a uintptr"},
		{reflect.TypeOf(reflect.ValueOf(new(int)).UnsafePointer()), "Pointer is an unsafe.Pointer"},
		{reflect.TypeFor[[2][3]error](), "[2][3]error[][] is an interface"},
		{reflect.TypeFor[struct{ _ *int }](), "struct { _ *int }._ is a pointer"},
		{reflect.TypeFor[struct{ item }](), ".item.Name is a string"},
		{reflect.TypeFor[struct{}](), "struct {} has no bytes"},
		{reflect.TypeFor[[0]int](), "[0]int has no bytes"},
	} {
		_, err := Of(test.typ)
		if !errors.Is(err, ErrNotPlain) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Of(%v): %v, want %q", test.typ, err, test.want)
		}
	}
}

func TestPlain(t *testing.T) {
	type padded struct {
		A uint8
		B uint16
	}
	type blank struct {
		A uint16
		_ uint16
		B uint32
	}
	type big struct {
		A [4]padded
		B complex128
		C bool
	}
	for _, test := range []struct {
		typ     reflect.Type
		padding bool
		mask    []byte // in memory order; nil for 0
	}{
		{reflect.TypeFor[int64](), false, []byte{255, 255, 255, 255, 255, 255, 255, 255}},
		{reflect.TypeFor[float32](), false, []byte{255, 255, 255, 255}},
		{reflect.TypeFor[bool](), false, []byte{255}},
		{reflect.TypeFor[[3]uint8](), false, []byte{255, 255, 255}},
		{reflect.TypeFor[padded](), true, []byte{255, 0, 255, 255}},
		{reflect.TypeFor[[2]padded](), true, []byte{255, 0, 255, 255, 255, 0, 255, 255}},
		{reflect.TypeFor[blank](), true, []byte{255, 255, 0, 0, 255, 255, 255, 255}},
		{reflect.TypeFor[struct {
			A [1 << 30]struct{}
			B uint8
		}](), false, []byte{255}},
		{reflect.TypeFor[[1 << 20]uint8](), false, nil},
		{reflect.TypeFor[complex128](), false, nil},
		{reflect.TypeFor[big](), true, nil},
		{reflect.TypeFor[[2]complex64](), false, nil},
	} {
		p, err := Of(test.typ)
		if err != nil {
			t.Errorf("Of(%v): %v", test.typ, err)
			continue
		}
		if p.Size != test.typ.Size() || p.Align != uintptr(test.typ.Align()) || p.Name != test.typ.String() {
			t.Errorf("Of(%v) = %+v", test.typ, p)
		}
		if p.Padding != test.padding {
			t.Errorf("Of(%v).Padding = %v", test.typ, p.Padding)
		}
		var mask [8]byte
		copy(mask[:], test.mask)
		if want := binary.NativeEndian.Uint64(mask[:]); p.Mask != want {
			t.Errorf("Of(%v).Mask = %#x, want %#x", test.typ, p.Mask, want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	type point struct{ X, Y int32 }
	type same struct{ X, Y int32 }
	same1, _ := Of(reflect.TypeFor[point]())
	same2, _ := Of(reflect.TypeFor[same]())
	if same1.Fingerprint != same2.Fingerprint {
		t.Error("the name of a type is in its fingerprint")
	}

	seen := map[uint64]reflect.Type{}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[point](),
		reflect.TypeFor[struct{ Y, X int32 }](),
		reflect.TypeFor[struct{ X, Y uint32 }](),
		reflect.TypeFor[struct {
			X int32
			_ int32
			Y int32
		}](),
		reflect.TypeFor[struct {
			X int32
			_ [4]byte
			Y int32
		}](),
		reflect.TypeFor[struct{ P point }](),
		reflect.TypeFor[[2]int32](),
		reflect.TypeFor[[2][1]int32](),
		reflect.TypeFor[[1][2]int32](),
		reflect.TypeFor[[3]int32](),
		reflect.TypeFor[int32](),
		reflect.TypeFor[uint32](),
		reflect.TypeFor[float32](),
		reflect.TypeFor[int](),
		reflect.TypeFor[int64](),
		reflect.TypeFor[float64](),
		reflect.TypeFor[complex64](),
	} {
		p, err := Of(typ)
		if err != nil {
			t.Fatal(err)
		}
		if other := seen[p.Fingerprint]; other != nil {
			t.Errorf("%v and %v have the same fingerprint", typ, other)
		}
		seen[p.Fingerprint] = typ
	}
}
