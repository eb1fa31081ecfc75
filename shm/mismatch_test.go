package shm_test

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// Types that are not plain.
type (
	named1 struct {
		A int
		B string
	}
	deep struct {
		Meta [3]struct {
			OK   bool
			Data []byte
		}
	}
	next struct {
		Next *next
	}
)

func TestNotPlain(t *testing.T) {
	s := shared.Named(t)
	testNotPlain[string](t, s.Segment, "string is a string")
	testNotPlain[*int](t, s.Segment, "*int is a pointer")
	testNotPlain[[]int](t, s.Segment, "[]int is a slice")
	testNotPlain[map[int]int](t, s.Segment, "map[int]int is a map")
	testNotPlain[chan int](t, s.Segment, "chan int is a chan")
	testNotPlain[func()](t, s.Segment, "func() is a func")
	testNotPlain[error](t, s.Segment, "error is an interface")
	testNotPlain[uintptr](t, s.Segment, "uintptr is a uintptr")

	testNotPlain[[2]string](t, s.Segment, "[2]string[] is a string")
	testNotPlain[named1](t, s.Segment, "named1.B is a string")
	testNotPlain[deep](t, s.Segment, "deep.Meta[].Data is a slice")
	testNotPlain[next](t, s.Segment, "next.Next is a pointer")
	testNotPlain[struct{}](t, s.Segment, "has no bytes")
	testNotPlain[[0]int](t, s.Segment, "has no bytes")
}

func testNotPlain[T any](t *testing.T, seg *shm.Segment, reason string) {
	t.Helper()
	v, err := shm.NewValue[T](seg, "x")
	proctest.WantError(t, "NewValue", err, shm.ErrNotPlain, `value "x"`, shared.Name, reason)
	a, err := shm.NewArray[T](seg, "x", 3)
	proctest.WantError(t, "NewArray", err, shm.ErrNotPlain, `array "x"`, shared.Name, reason)
	if v != nil || a != nil {
		t.Errorf("%s, and there is an object all the same", reason)
	}
}

// TestMismatch asks for existing objects as something else.
func TestMismatch(t *testing.T) {
	s := shared.Named(t)
	shared.Value[int64](t, s.Segment, "value")
	newArray[int64](t, s.Segment, "array", 5)
	newLock(t, s.Segment, "lock")
	shared.Value[struct{ A, B int32 }](t, s.Segment, "struct")
	for _, test := range []struct {
		what string
		err  error
		says []string
	}{
		{"value as lock", lockError(s.Segment, "value"), []string{"value", "lock"}},
		{"lock as rwlock", rwLockError(s.Segment, "lock"), []string{"lock", "rwlock"}},
		{"value as array", arrayError[int64](s.Segment, "value", 1), []string{"value", "array"}},
		{"lock as value", valueError[int64](s.Segment, "lock"), []string{"lock", "value"}},
		{"array as value", valueError[int64](s.Segment, "array"), []string{"array", "value"}},
		{"longer array", arrayError[int64](s.Segment, "array", 6), []string{"5", "6"}},
		{"shorter array", arrayError[int64](s.Segment, "array", 4), []string{"5", "4"}},
		{"array of another type", arrayError[uint64](s.Segment, "array", 5), []string{"int64", "uint64"}},
		{"array of a smaller type", arrayError[int32](s.Segment, "array", 10), []string{"int64", "int32"}},
		{"value of another sign", valueError[uint64](s.Segment, "value"), []string{"int64", "uint64"}},
		{"value of another kind", valueError[float64](s.Segment, "value"), []string{"int64", "float64"}},
		{"smaller value", valueError[int32](s.Segment, "value"), []string{"int64", "int32"}},
		{"larger value", valueError[[2]int64](s.Segment, "value"), []string{"int64", "[2]int64"}},
		{"other fields' names", valueError[struct{ A, C int32 }](s.Segment, "struct"), []string{"B", "C"}},
		{"other fields' types", valueError[struct{ A, B uint32 }](s.Segment, "struct"), []string{"int32", "uint32"}},
		{"another field", valueError[struct{ A, C int32 }](s.Segment, "struct"), []string{`field "B" (int32 at offset 4) exists, asked for field "C" (int32 at offset 4)`}},
		{"another kind of field", valueError[struct {
			A int32
			B float32
		}](s.Segment, "struct"), []string{`field "B": int32 at offset 4 exists, asked for float32 at offset 4`}},
	} {
		proctest.WantError(t, test.what, test.err, shm.ErrMismatch, append(test.says, shared.Name)...)
	}
	// A peer in another process is told the same.
	p := s.Start(t, "mismatched")
	for range 3 {
		proctest.WantText(t, "a helper's error", p.Recv(), shm.ErrMismatch.Error())
	}
	p.Wait()
}

var _ = proctest.Register("mismatched", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	c.Send(lockError(seg, "value"))
	c.Send(valueError[uint64](seg, "value"))
	c.Send(arrayError[int64](seg, "array", 6))
})

func lockError(seg *shm.Segment, name string) error {
	_, err := shm.NewLock(seg, name)
	return err
}

func rwLockError(seg *shm.Segment, name string) error {
	_, err := shm.NewRWLock(seg, name)
	return err
}

func valueError[T any](seg *shm.Segment, name string) error {
	_, err := shm.NewValue[T](seg, name)
	return err
}

func arrayError[T any](seg *shm.Segment, name string, n int) error {
	_, err := shm.NewArray[T](seg, name, n)
	return err
}

func TestArrayLengths(t *testing.T) {
	s := shared.Named(t)
	for _, n := range []int{0, -1, math.MinInt} {
		proctest.WantError(t, fmt.Sprint(n, " elements"), arrayError[int](s.Segment, "a", n), shm.ErrSize, `array "a"`, shared.Name)
	}
	beyond := shm.ErrSize
	if bits.UintSize == 32 { // no length is more than the largest segment holds
		beyond = shm.ErrNoRoom
	}
	for _, n := range []int{math.MaxInt/8 + 1, math.MaxInt/4 + 2, math.MaxInt} {
		proctest.WantError(t, fmt.Sprint(n, " elements"), arrayError[[9]int](s.Segment, "a", n), beyond, `array "a"`, shared.Name)
	}
	proctest.WantError(t, "too large", arrayError[int64](s.Segment, "a", shared.Size/8+1), shm.ErrNoRoom, `array "a"`, shared.Name)
	newArray[int64](t, s.Segment, "a", shared.Size/8) // exactly what there is
	proctest.WantError(t, "no room", lockError(s.Segment, "mu"), shm.ErrNoRoom, `lock "mu"`, shared.Name)
}

func TestObjectNames(t *testing.T) {
	s := shared.Named(t)
	for _, name := range []string{"", "a\nb", "a\xffb", strings.Repeat("x", 97)} {
		for what, err := range map[string]error{
			"lock":  lockError(s.Segment, name),
			"value": valueError[int](s.Segment, name),
			"array": arrayError[int](s.Segment, name, 1),
		} {
			proctest.WantError(t, what, err, shm.ErrName, what, fmt.Sprintf("%q", name), shared.Name)
		}
	}
	for _, name := range []string{"x", "a/b c", "größe", strings.Repeat("x", 96)} {
		newLock(t, s.Segment, name)
	}
}
