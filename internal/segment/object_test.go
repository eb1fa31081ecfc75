package segment

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func typeOf[T any](t *testing.T) layout.Type {
	t.Helper()
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestObject(t *testing.T) {
	proctest.Dir(t)
	a, b := mustCreate(t, "s", nil), mustOpen(t, "s")
	type job struct{ A, B int32 }
	spec := Spec{
		Kind: layout.KindArray, Name: "x", Type: typeOf[job](t), Capacity: 3, Flags: 5, Size: 24,
		Init: func(mem []byte) { mem[23] = 42 },
	}
	o := mustObject(t, a, spec)
	if !o.Created || len(o.Mem) != 24 || cap(o.Mem) != 24 || o.Mem[23] != 42 || o.Off%layout.ObjectAlign != 0 {
		t.Errorf("created %+v", o)
	}
	o.Mem[0] = 1
	found := mustObject(t, b, spec)
	if found.Created || found.Off != o.Off || !bytes.Equal(found.Mem, o.Mem) {
		t.Errorf("created %+v, found %+v", o, found)
	}

	for i := range 20 {
		next := mustObject(t, []*Segment{a, b}[i%2], Spec{Kind: layout.KindLock, Name: fmt.Sprint(i), Size: uint64(1 + 60*i)})
		if !next.Created || next.Off < o.Off+uint64(len(o.Mem)) || next.Off%layout.ObjectAlign != 0 {
			t.Errorf("after %d bytes at %d come %d at %d", len(o.Mem), o.Off, len(next.Mem), next.Off)
		}
		o = next
	}

	for _, test := range []struct {
		change func(s *Spec)
		part   string
	}{
		{func(s *Spec) { s.Kind = layout.KindLock }, "exists as array, asked for lock"},
		{func(s *Spec) { s.Type = typeOf[uint64](t) }, "elements of type segment.job (8 bytes), asked for uint64 (8 bytes): struct exists, asked for uint64: "},
		{func(s *Spec) { s.Type = typeOf[struct{ A, C int32 }](t) }, `field "B" (int32 at offset 4) exists, asked for field "C" (int32 at offset 4)`},
		{func(s *Spec) { s.Type = layout.Type{} }, "elements of type segment.job (8 bytes), asked for  (0 bytes)"},
		{func(s *Spec) { s.Capacity = 4 }, "exists with capacity 3, asked for 4"},
		{func(s *Spec) { s.Flags = 4 }, "exists with options 0x5, asked for 0x4"},
		{func(s *Spec) { s.Size = 32 }, "exists with 24 bytes, asked for 32"},
	} {
		other := spec
		test.change(&other)
		_, err := b.Object(other)
		proctest.WantError(t, test.part, err, ErrMismatch, other.Kind.String()+` "x" in segment "s"`, test.part)
	}
}

func TestBadObjects(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	for name, part := range map[string]string{
		"": "name is empty", "a\x00": "control character", "\xff": "not UTF-8",
		strings.Repeat("x", layout.MaxName+1): "name has 97 bytes, the most is 96",
	} {
		_, err := s.Object(Spec{Kind: layout.KindLock, Name: name, Size: 1})
		proctest.WantError(t, part, err, ErrName, `in segment "s"`, part)
	}
	for _, name := range []string{"a/b", "..", strings.Repeat("x", layout.MaxName)} {
		mustObject(t, s, Spec{Kind: layout.KindLock, Name: name, Size: 1})
	}
	_, err := s.Object(Spec{Kind: layout.KindLock, Name: "zero"})
	proctest.WantError(t, "no size", err, ErrSize, `lock "zero" in segment "s"`)
}

func TestFullArena(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	for _, size := range []uint64{testSize + 1, 1 << 40, math.MaxUint64} {
		_, err := s.Object(Spec{Kind: layout.KindBytes, Name: "big", Size: size})
		proctest.WantError(t, "too big", err, ErrFull, `byte ring "big" in segment "s"`, fmt.Sprintf("needs %d bytes, %d are left", size, testSize))
	}
	mustObject(t, s, Spec{Kind: layout.KindLock, Name: "small", Size: 1})
	rest := uint64(testSize - layout.ObjectAlign)
	_, err := s.Object(Spec{Kind: layout.KindLock, Name: "rest", Size: rest + 1})
	proctest.WantError(t, "one byte too many", err, ErrFull, fmt.Sprintf("needs %d bytes, %d are left", rest+1, rest))
	mustObject(t, s, Spec{Kind: layout.KindLock, Name: "rest", Size: rest})
	_, err = s.Object(Spec{Kind: layout.KindLock, Name: "more", Size: 1})
	proctest.WantError(t, "full", err, ErrFull, `lock "more" in segment "s"`, "needs 1 bytes, 0 are left")
	mustObject(t, s, Spec{Kind: layout.KindLock, Name: "small", Size: 1})
}

func TestFullDirectory(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxObjects: 3})
	for _, name := range []string{"a", "b", "c"} {
		mustObject(t, s, Spec{Kind: layout.KindLock, Name: name, Size: 1})
	}
	_, err := s.Object(Spec{Kind: layout.KindLock, Name: "d", Size: 1})
	proctest.WantError(t, "full", err, ErrFull, `lock "d" in segment "s"`, "all 3 directory entries are taken")
	mustObject(t, s, Spec{Kind: layout.KindLock, Name: "c", Size: 1})
}

// TestHostileDirectory checks that no entry makes a slice outside of the arena.
func TestHostileDirectory(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	spec := Spec{Kind: layout.KindLock, Name: "x", Size: 64}
	o := mustObject(t, s, spec)
	entry := s.header.Entry(s.mem, 0)
	good := layout.Entry{Kind: spec.Kind, Off: o.Off, Size: spec.Size, Name: spec.Name, Room: layout.ObjectAlign}
	for _, change := range []func(e *layout.Entry){
		func(e *layout.Entry) { e.Off = 0 },
		func(e *layout.Entry) { e.Off++ },
		func(e *layout.Entry) { e.Off = math.MaxUint64 },
		func(e *layout.Entry) { e.Room = 0 },
		func(e *layout.Entry) { e.Room++ },
		func(e *layout.Entry) { e.Room = testSize + layout.ObjectAlign },
		func(e *layout.Entry) { e.Room = math.MaxUint64 },
		func(e *layout.Entry) { e.TextLen = layout.ObjectAlign },
		func(e *layout.Entry) { e.TextLen = math.MaxUint32 },
		func(e *layout.Entry) { e.Size = 0 },
		func(e *layout.Entry) { e.Size = math.MaxUint64 },
		func(e *layout.Entry) { e.Size = testSize + 1 },
	} {
		bad := good
		change(&bad)
		bad.Encode(entry)
		for _, s := range []*Segment{s, mustOpen(t, "s")} { // who has read it before, and who has not
			_, err := s.Object(spec)
			proctest.WantError(t, fmt.Sprintf("%+v", bad), err, ErrCorrupt, `lock "x" in segment "s"`, "directory entry 0")
		}
	}
	good.Encode(entry)
	mustObject(t, s, spec)
	good.Room = testSize // the next one is past the end
	good.Encode(entry)
	_, err := mustOpen(t, "s").Object(Spec{Kind: layout.KindLock, Name: "y", Size: 1})
	proctest.WantError(t, "no room", err, ErrFull, "0 are left")
	layout.At[atomic.Uint32](entry, 0).Store(7)
	_, err = s.Object(spec)
	proctest.WantError(t, "state", err, ErrCorrupt, "state 7")
}

// TestTwins has two entries of one name.
func TestTwins(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	for _, name := range []string{"x", "y", "z"} {
		mustObject(t, s, Spec{Kind: layout.KindLock, Name: name, Size: 1})
	}
	entry := s.header.Entry(s.mem, 1)
	e, _, err := layout.ReadEntry(entry)
	if err != nil {
		t.Fatal(err)
	}
	e.Name = "x"
	e.Encode(entry)
	_, err = mustOpen(t, "s").Object(Spec{Kind: layout.KindLock, Name: "z", Size: 1})
	proctest.WantError(t, "two of one name", err, ErrCorrupt, "directory entry 1", `"x"`)
}

// BenchmarkObjects makes as many objects as a segment can have, and finds them from
// another attachment.
func BenchmarkObjects(b *testing.B) {
	for _, n := range []int{100, 4096, layout.MaxObjects} {
		for _, what := range []string{"create", "find"} {
			b.Run(fmt.Sprint(what, "/", n), func(b *testing.B) {
				proctest.Dir(b)
				for range b.N {
					b.StopTimer()
					s, err := Create("s", int64(n)*layout.ObjectAlign, &Options{MaxObjects: n})
					if err != nil {
						b.Fatal(err)
					}
					all := func(s *Segment) {
						for i := range n {
							if _, err := s.Object(Spec{Kind: layout.KindLock, Name: fmt.Sprint(i), Size: 1}); err != nil {
								b.Fatal(err)
							}
						}
					}
					if what == "create" {
						b.StartTimer()
						all(s)
						b.StopTimer()
					} else {
						all(s)
						o, err := Open("s", nil)
						if err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
						all(o)
						b.StopTimer()
						o.Close()
					}
					s.Close()
					Remove("s", nil)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/object")
			})
		}
	}
}

func TestLocal(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[any]bool{}
	for range 8 {
		wg.Go(func() {
			v := s.Local(Object{Off: 128}, func() any { return new(int) })
			mu.Lock()
			defer mu.Unlock()
			seen[v] = true
		})
	}
	wg.Wait()
	if len(seen) != 1 {
		t.Errorf("%d values for one object", len(seen))
	}
	if seen[s.Local(Object{Off: 256}, func() any { return new(int) })] {
		t.Error("two objects share a value")
	}
}

func TestBarrier(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	if !s.Barrier() {
		t.Error("no barrier on a segment that this process has made")
	}
	if s.WakerFence() == s.asymmetric() {
		t.Errorf("asymmetric %v, publishers fence %v", s.asymmetric(), s.WakerFence())
	}
}
