package process

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"reflect"
	"sync"
)

// gobs turns values of one type into gobs, and back. A gob says what its type is before it has the
// value, so that it can be read alone. To say that, and to understand it, takes ten times as long
// as a small value. So encoders and decoders are kept that have done so already. A kept encoder
// writes values only, and what it said of the type is put before each. A kept decoder goes on
// behind that if it is what it has read before: it may come from a process that numbers types
// in another order.
//
// An encoded value is the length of what is said of the type, that, and the rest.
type gobs[T any] struct {
	keep     bool      // all values have the same types in them
	encoders sync.Pool // of *gobEncoder
	decoders sync.Pool // of *gobDecoder
}

// box is a value as gob takes each: a nil pointer, or an interface, only as a field.
type box[T any] struct{ V T }

func newGobs[T any]() *gobs[T] {
	return &gobs[T]{keep: !dynamic(reflect.TypeFor[T](), map[reflect.Type]bool{})}
}

// dynamic reports whether values of a type may differ in the types that are in them.
func dynamic(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t.Kind() == reflect.Interface {
		return true
	}
	if seen[t] || encodesItself(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return dynamic(t.Elem(), seen)
	case reflect.Map:
		return dynamic(t.Key(), seen) || dynamic(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if dynamic(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// gobEncoder appends gobs to out. If it is kept, it has said already what the type is: about.
type gobEncoder struct {
	out   []byte
	gob   *gob.Encoder
	kept  bool
	about []byte
}

func newGobEncoder() *gobEncoder {
	e := &gobEncoder{}
	e.gob = gob.NewEncoder(e)
	return e
}

func (e *gobEncoder) Write(b []byte) (int, error) {
	e.out = append(e.out, b...)
	return len(b), nil
}

// encoder returns an encoder that is kept, if one can be.
func (g *gobs[T]) encoder() *gobEncoder {
	if !g.keep {
		return newGobEncoder()
	}
	if e, ok := g.encoders.Get().(*gobEncoder); ok {
		return e
	}
	e := newGobEncoder()
	err := e.gob.Encode(&box[T]{})
	n := len(e.out)
	err = errors.Join(err, e.gob.Encode(&box[T]{}))
	if e.about, e.kept = bytes.CutSuffix(e.out[:n:n], e.out[n:]); !e.kept || err != nil {
		return newGobEncoder()
	}
	return e
}

func (g *gobs[T]) append(b []byte, v *T) ([]byte, error) {
	e := g.encoder()
	e.out = append(binary.AppendUvarint(b, uint64(len(e.about))), e.about...)
	if err := e.gob.Encode(&box[T]{*v}); err != nil {
		return b, err
	}
	b, e.out = e.out, nil
	if e.kept {
		g.encoders.Put(e)
	}
	return b, nil
}

// gobDecoder reads gobs from in. It has read what is said about the type.
type gobDecoder struct {
	in    bytes.Reader
	gob   *gob.Decoder
	about []byte
}

func (g *gobs[T]) decode(b []byte) (v T, err error) {
	n, at := binary.Uvarint(b)
	if at <= 0 || n > uint64(len(b)-at) {
		return v, errors.New("gob: cut off")
	}
	b = b[at:]
	d, _ := g.decoders.Get().(*gobDecoder)
	if d != nil && bytes.Equal(d.about, b[:n]) {
		d.in.Reset(b[n:])
	} else {
		d = &gobDecoder{about: bytes.Clone(b[:n])}
		d.in.Reset(b)
		d.gob = gob.NewDecoder(&d.in)
	}
	var boxed box[T]
	if err := d.gob.Decode(&boxed); err != nil {
		return v, err
	}
	d.in.Reset(nil)
	if n > 0 {
		g.decoders.Put(d)
	}
	return boxed.V, nil
}
