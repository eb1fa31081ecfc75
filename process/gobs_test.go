package process_test

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"
	"math/big"
	"reflect"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

type leaf struct{ N int }

type tree struct {
	Name     string
	Children []*tree
	Leaves   map[string]leaf
	Big      *big.Int
}

// refuses cannot be encoded if it is odd, nor decoded if it is four.
type refuses int

func (r refuses) GobEncode() ([]byte, error) {
	if r%2 == 1 {
		return nil, fmt.Errorf("%d is odd", int(r))
	}
	return []byte{byte(r)}, nil
}

func (r *refuses) GobDecode(b []byte) error {
	if *r = refuses(b[0]); *r == 4 {
		return fmt.Errorf("four")
	}
	return nil
}

// TestGobs encodes values twice each, and decodes them in another order, with decoders that have
// read the type and such that have not.
func TestGobs(t *testing.T) {
	t.Run("of one type", func(t *testing.T) {
		wantGobs(t, true, tree{}, tree{Name: "a", Big: big.NewInt(-7)},
			tree{Name: "b", Children: []*tree{{Name: "c", Leaves: map[string]leaf{"x": {3}}}}})
	})
	t.Run("pointers", func(t *testing.T) { wantGobs(t, true, nil, big.NewInt(5), big.NewInt(0)) })
	t.Run("maps", func(t *testing.T) { wantGobs(t, true, map[string][]string{"a": {"b"}}, nil) })
	t.Run("interfaces", func(t *testing.T) {
		gob.Register(leaf{})
		gob.Register(tree{})
		wantGobs[any](t, false, leaf{1}, tree{Name: "a"}, nil, 5)
		wantGobs(t, false, map[string][]any{"a": {leaf{1}}}, map[string][]any{"b": {tree{Name: "a"}}})
	})
}

func wantGobs[T any](t *testing.T, kept bool, values ...T) {
	t.Helper()
	g := process.NewGobs[T]()
	var gobs [][]byte
	for _, v := range append(values, values...) {
		gobs = append(gobs, proctest.Must(g.Append([]byte("before"), &v))(t)[len("before"):])
	}
	for range 2 {
		for i := len(gobs) - 1; i >= 0; i-- {
			want := values[i%len(values)]
			for _, from := range []process.Gobs[T]{g, process.NewGobs[T]()} {
				if got := proctest.Must(from.Decode(gobs[i]))(t); !reflect.DeepEqual(got, want) {
					t.Errorf("%v came as %v", want, got)
				}
			}
		}
	}
	if g.Kept() != kept {
		t.Errorf("%T: kept is %v", values, g.Kept())
	}
}

// TestGobsOfOthers decodes what a process has written in which the types have other numbers.
func TestGobsOfOthers(t *testing.T) {
	g := process.NewGobs[leaf]()
	own := proctest.Must(g.Append(nil, &leaf{1}))(t)
	type named struct{ N int }
	type other struct{ V named } // these are the numbers
	var types, whole bytes.Buffer
	e := gob.NewEncoder(&whole)
	proctest.Check(t, e.Encode(other{named{2}}))
	types.Write(whole.Bytes())
	whole.Reset()
	proctest.Check(t, e.Encode(other{named{2}}))
	about := types.Bytes()[:types.Len()-whole.Len()]
	theirs := append(binary.AppendUvarint(nil, uint64(len(about))), types.Bytes()...)
	for _, b := range [][]byte{own, theirs, theirs, own, own, theirs} {
		want := leaf{1}
		if !bytes.Equal(b, own) {
			want = leaf{2}
		}
		if got := proctest.Must(g.Decode(b))(t); got != want {
			t.Errorf("%v came as %v", want, got)
		}
	}
}

// TestGobsFail goes on after values that cannot be encoded, or decoded.
func TestGobsFail(t *testing.T) {
	g := process.NewGobs[[]refuses]()
	two := []refuses{2}
	good := proctest.Must(g.Append(nil, &two))(t)
	for range 3 {
		if _, err := g.Append(nil, &[]refuses{2, 3}); err == nil {
			t.Error("an odd number was encoded")
		}
		four := proctest.Must(g.Append(nil, &[]refuses{2, 4}))(t)
		if _, err := g.Decode(four); err == nil {
			t.Error("four was decoded")
		}
		for n := range good {
			if _, err := g.Decode(good[:n]); err == nil {
				t.Errorf("%d of %d bytes were decoded", n, len(good))
			}
		}
		if got := proctest.Must(g.Decode(good))(t); !reflect.DeepEqual(got, two) {
			t.Errorf("%v came as %v", two, got)
		}
	}
}

func BenchmarkGobs(b *testing.B) {
	g := process.NewGobs[*big.Int]()
	v := new(big.Int).MulRange(1, 500)
	for b.Loop() {
		encoded, err := g.Append(nil, &v)
		if err == nil {
			_, err = g.Decode(encoded)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// labelled has a text, which gob does not ask for.
type labelled struct{ V any }

func (l labelled) MarshalText() ([]byte, error) { return fmt.Append(nil, l.V), nil }

// halfTold has a text too, and a field that gob does not send.
type halfTold struct {
	N int
	s string
}

func (s halfTold) MarshalText() ([]byte, error) { return []byte(s.s), nil }

// TestGobsText has gob send values with a text as all others: a text is not what it sends.
func TestGobsText(t *testing.T) {
	gob.Register(leaf{})
	g := process.NewGobs[labelled]()
	var last []byte
	for range 2 {
		last = proctest.Must(g.Append(nil, &labelled{leaf{1}}))(t)
	}
	if got, err := process.NewGobs[labelled]().Decode(last); err != nil || got != (labelled{leaf{1}}) {
		t.Errorf("came as %v: %v", got, err)
	}
	if process.Whole(reflect.TypeFor[halfTold]()) == nil {
		t.Error("a field that is not exported counts as sent")
	}
}

// present cannot be encoded if it is absent.
type present struct{ n *int }

func (p present) GobEncode() ([]byte, error) { return []byte{byte(*p.n)}, nil }

func (p *present) GobDecode(b []byte) error {
	n := int(b[0])
	p.n = &n
	return nil
}

// TestGobsWithoutZero encodes values of a type whose zero value cannot be encoded.
func TestGobsWithoutZero(t *testing.T) {
	one, two := 1, 2
	wantGobs(t, true, [1]present{{&one}}, [1]present{{&two}})
	wantGobs(t, true, [1]*leaf{{1}}, [1]*leaf{{2}})
}

// TestGobsHuge encodes and decodes a huge value: its memory does not stay.
func TestGobsHuge(t *testing.T) {
	g := process.NewGobs[map[string][]byte]()
	huge := map[string][]byte{"": make([]byte, 64<<20)}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	proctest.Must(g.Decode(proctest.Must(g.Append(nil, &huge))(t)))(t)
	small := map[string][]byte{"": nil}
	for range 3 { // what is kept and used stays over a collection
		proctest.Must(g.Decode(proctest.Must(g.Append(nil, &small))(t)))(t)
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(huge)
	if more := int64(after.HeapAlloc) - int64(before.HeapAlloc); more > 32<<20 {
		t.Errorf("%d bytes stay", more)
	}
}
