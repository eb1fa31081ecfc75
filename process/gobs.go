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

// keptRoom is how long a value may be so that what has encoded, or decoded, it is kept: both keep
// as much memory.
const keptRoom = 1 << 16

// gobEncoder appends gobs to out. Once it has said what the type is, that is about.
type gobEncoder struct {
	out   []byte
	gob   *gob.Encoder
	about []byte
}

func (e *gobEncoder) Write(b []byte) (int, error) {
	e.out = append(e.out, b...)
	return len(b), nil
}

// append appends the gob of a value. No other is encoded for that, not even the zero value: its
// type may be unable to. An encoder that has failed is not kept.
func (g *gobs[T]) append(b []byte, v *T) ([]byte, error) {
	e, _ := g.encoders.Get().(*gobEncoder)
	first := e == nil
	if first {
		e = &gobEncoder{}
		e.gob = gob.NewEncoder(e)
	}
	if first && g.keep {
		e.out = nil
	} else {
		e.out = append(binary.AppendUvarint(b, uint64(len(e.about))), e.about...)
	}
	if err := e.gob.Encode(&box[T]{*v}); err != nil {
		return b, err
	}
	out := e.out
	e.out = nil
	if first && g.keep {
		e.about = bytes.Clone(out[:types(out)])
		out = append(binary.AppendUvarint(b, uint64(len(e.about))), out...)
	}
	if g.keep && len(out)-len(b) <= keptRoom {
		g.encoders.Put(e)
	}
	return out, nil
}

// types returns the length of the messages of a gob before the value: the number of the type is
// negative in each.
func types(b []byte) (n int) {
	for {
		length, at := gobUint(b[n:])
		if id, _ := gobUint(b[n+at:]); id&1 == 0 {
			return n
		}
		n += at + int(length)
	}
}

// gobUint returns an unsigned number of a gob, and its length: one byte below 128, or minus the
// number of those that follow, and these.
func gobUint(b []byte) (u uint64, n int) {
	if b[0] < 1<<7 {
		return uint64(b[0]), 1
	}
	n = 1 + -int(int8(b[0]))
	for _, c := range b[1:n] {
		u = u<<8 | uint64(c)
	}
	return u, n
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
	if n > 0 && len(b) <= keptRoom {
		g.decoders.Put(d)
	}
	return boxed.V, nil
}
