package process

import (
	"fmt"
	"reflect"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// A codec turns arguments, or results, into bytes. Both sides are the same program, so that
// plain types, strings, and slices of plain types are their bytes. All others are gob.
type codec[T any] struct {
	how   how
	size  int   // of a plain T, or of an element
	fault error // why gob would not send all of a T, or nil
	gobs  *gobs[T]
}

type how uint8

const (
	asPlain how = iota
	asString
	asSlice
	asGob
)

func codecOf[T any]() codec[T] {
	t := reflect.TypeFor[T]()
	if plain(t) {
		return codec[T]{how: asPlain, size: int(t.Size())}
	}
	switch {
	case t.Kind() == reflect.String:
		return codec[T]{how: asString}
	case t.Kind() == reflect.Slice && t.Elem().Size() > 0 && plain(t.Elem()):
		return codec[T]{how: asSlice, size: int(t.Elem().Size())}
	}
	return codec[T]{how: asGob, fault: whole(t), gobs: newGobs[T]()}
}

// plain reports whether all that a value is, is in its bytes.
func plain(t reflect.Type) bool {
	if t.Size() == 0 {
		return t.Kind() == reflect.Struct && t.NumField() == 0
	}
	_, err := layout.Of(t)
	return err == nil
}

// fixed returns the length of each encoded value, if they have the same.
func (c codec[T]) fixed() (size int, ok bool) { return c.size, c.how == asPlain }

// append appends the bytes of v to b. The error, or panic, of a type's own encoder is its error.
func (c codec[T]) append(b []byte, v T) (_ []byte, err error) {
	switch c.how {
	case asPlain:
		return append(b, bytesOf(&v)...), nil
	case asString:
		return append(b, *stringOf(&v)...), nil
	case asSlice:
		return append(b, elementsOf(reflect.ValueOf(&v).Elem(), c.size)...), nil
	}
	if c.fault != nil {
		return nil, c.fault
	}
	defer notPanic(&err)
	return c.gobs.append(b, &v)
}

// decode returns the value whose bytes are b. It keeps none of b.
func (c codec[T]) decode(b []byte) (v T, err error) {
	switch c.how {
	case asPlain:
		if len(b) != c.size {
			return v, fmt.Errorf("%d bytes, of which it has %d", len(b), c.size)
		}
		copy(bytesOf(&v), b)
		return v, nil
	case asString:
		*stringOf(&v) = string(b)
		return v, nil
	case asSlice:
		if n := len(b) / c.size; n > 0 {
			s := reflect.MakeSlice(reflect.TypeFor[T](), n, n)
			copy(elementsOf(s, c.size), b)
			reflect.ValueOf(&v).Elem().Set(s)
		}
		return v, nil
	}
	defer notPanic(&err)
	return c.gobs.decode(b)
}

// notPanic makes a panic an error.
func notPanic(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v", r)
	}
}
