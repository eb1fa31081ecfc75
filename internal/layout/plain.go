package layout

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"reflect"
)

// Type describes a plain Go type: one whose values mean the same in every
// process that maps them.
type Type struct {
	Size        uintptr
	Align       uintptr
	Fingerprint uint64 // of kinds, offsets, sizes, array lengths and field names
	Name        string
	Text        string // of its layout, see text.go
	// Padding says that some byte of the type belongs to no named field. Such
	// bytes are unspecified: two equal values may differ in them.
	Padding bool
	// Mask has 0xff for every byte that belongs to a named field, when the
	// value lies at the lowest address of an otherwise zero 64-bit word. It is
	// 0 for types of more than 8 bytes.
	Mask uint64
}

// Of describes t. A type that holds anything other than numbers, bools, and
// arrays and structs of them is refused with ErrNotPlain by the path of the
// first offending field, as in "Job.Meta[].Name is a string".
//
// Blank fields count as padding, as they do for Go's ==.
func Of(t reflect.Type) (Type, error) {
	name := t.Name()
	if name == "" {
		name = t.String()
	}
	h := fnv.New64a()
	covered, err := walk(h, t, name)
	if err != nil {
		return Type{}, err
	}
	if t.Size() == 0 {
		return Type{}, fmt.Errorf("%s has no bytes: %w", name, ErrNotPlain)
	}
	p := Type{
		Size:        t.Size(),
		Align:       uintptr(t.Align()),
		Fingerprint: h.Sum64(),
		Name:        t.String(),
		Text:        textOf(t),
		Padding:     covered != t.Size(),
	}
	if t.Size() <= 8 {
		var word [8]byte
		cover(word[:], t)
		p.Mask = native.Uint64(word[:])
	}
	return p, nil
}

// walk hashes the layout of t and returns how many of its bytes named fields
// cover.
func walk(h hash.Hash64, t reflect.Type, path string) (covered uintptr, err error) {
	io.WriteString(h, t.Kind().String())
	hashInt(h, uint64(t.Size()))
	switch t.Kind() {
	case reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return t.Size(), nil
	case reflect.Array:
		hashInt(h, uint64(t.Len()))
		elem, err := walk(h, t.Elem(), path+"[]")
		return elem * uintptr(t.Len()), err
	case reflect.Struct:
		hashInt(h, uint64(t.NumField()))
		for f := range t.Fields() {
			hashInt(h, uint64(len(f.Name)))
			io.WriteString(h, f.Name)
			hashInt(h, uint64(f.Offset))
			n, err := walk(h, f.Type, path+"."+f.Name)
			if err != nil {
				return 0, err
			}
			if f.Name != "_" {
				covered += n
			}
		}
		return covered, nil
	default:
		return 0, fmt.Errorf("%s is %s: %w", path, withArticle(t.Kind()), ErrNotPlain)
	}
}

func hashInt(h hash.Hash64, n uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], n)
	h.Write(b[:])
}

// cover sets the bytes of mem that belong to named fields of t.
func cover(mem []byte, t reflect.Type) {
	switch t.Kind() {
	case reflect.Array:
		if size := t.Elem().Size(); size > 0 {
			for i := range t.Len() {
				cover(mem[uintptr(i)*size:], t.Elem())
			}
		}
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Name != "_" {
				cover(mem[f.Offset:], f.Type)
			}
		}
	default:
		for i := range t.Size() {
			mem[i] = 0xff
		}
	}
}

func withArticle(k reflect.Kind) string {
	switch k {
	case reflect.Pointer:
		return "a pointer"
	case reflect.Interface:
		return "an interface"
	case reflect.UnsafePointer:
		return "an unsafe.Pointer"
	default:
		return "a " + k.String()
	}
}
