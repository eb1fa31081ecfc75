package process

import (
	"encoding"
	"encoding/gob"
	"fmt"
	"reflect"
)

// whole returns why gob would leave out a part of some value of a type, or nil. Gob says nothing of
// fields that it does not send.
func whole(t reflect.Type) error { return wholeBut(t, map[reflect.Type]bool{}) }

func wholeBut(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || encodesItself(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return wholeBut(t.Elem(), seen)
	case reflect.Map:
		if err := wholeBut(t.Key(), seen); err != nil {
			return err
		}
		return wholeBut(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			why := ""
			switch kind := bare(f.Type).Kind(); {
			case !f.IsExported():
				why = "is not exported"
			case kind == reflect.Chan || kind == reflect.Func:
				why = "is a " + kind.String()
			}
			if why != "" {
				return fmt.Errorf("gob: field %s of type %v %s, and would be lost", f.Name, t, why)
			}
			if err := wholeBut(f.Type, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// bare returns what a type points to.
func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// What gob asks. It does not ask an encoding.TextMarshaler.
var itself = []reflect.Type{reflect.TypeFor[gob.GobEncoder](), reflect.TypeFor[encoding.BinaryMarshaler]()}

// encodesItself reports whether gob leaves it to a type what is sent.
func encodesItself(t reflect.Type) bool {
	for _, i := range itself {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}
