package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// typ is a type, as its text says it (docs/FORMAT.md, F17). The text may be anything.
type typ struct {
	kind        reflect.Kind // a number, Bool, Array or Struct
	size, align uint64
	elem        *typ // of an array
	length      uint64
	fields      []field
}

type field struct {
	name string
	off  uint64
	typ  *typ
}

// kinds are the types that are made of no others.
var kinds = func() map[string]*typ {
	m := map[string]*typ{}
	for _, t := range []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](),
		reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](),
		reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](),
		reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](),
	} {
		m[t.String()] = &typ{kind: t.Kind(), size: uint64(t.Size()), align: uint64(t.FieldAlign())}
	}
	return m
}()

const (
	mostDepth = 32      // of types in types
	mostSize  = 1 << 40 // of a type
	mostValue = 1 << 20 // bytes of a value that is written
)

// parseType returns the type of a text, nil if it is none of that size: it may have been cut.
func parseType(text string, size uint64) *typ {
	p := parser{text}
	t := p.typ(0)
	if t == nil || p.rest != "" || t.size != size {
		return nil
	}
	return t
}

type parser struct{ rest string }

func (p *parser) skip(c string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, c)
	return ok
}

// until returns what comes before a character, and skips both.
func (p *parser) until(c string) string {
	before, rest, _ := strings.Cut(p.rest, c)
	p.rest = rest
	return before
}

func (p *parser) typ(depth int) *typ {
	switch {
	case depth > mostDepth:
		return nil
	case p.skip("["):
		n, err := strconv.ParseUint(p.until("]"), 10, 64)
		elem := p.typ(depth + 1)
		if err != nil || elem == nil || n > mostSize || elem.size > 0 && n > mostSize/elem.size {
			return nil
		}
		return &typ{kind: reflect.Array, size: n * elem.size, align: elem.align, elem: elem, length: n}
	case p.skip("{"):
		return p.structure(depth)
	}
	i := strings.IndexAny(p.rest, ",}")
	if i < 0 {
		i = len(p.rest)
	}
	t := kinds[p.rest[:i]]
	p.rest = p.rest[i:]
	return t
}

// structure reads a struct behind its brace. Its size is as gc makes it.
func (p *parser) structure(depth int) *typ {
	t := &typ{kind: reflect.Struct, align: 1}
	end := uint64(0)
	for !p.skip("}") {
		name := p.until(" ")
		off, err := strconv.ParseUint(p.until(" "), 10, 64)
		f := p.typ(depth + 1)
		if err != nil || f == nil || off > mostSize || off < end || off%f.align != 0 {
			return nil
		}
		if end, t.align = off+f.size, max(t.align, f.align); end > mostSize {
			return nil
		}
		if t.size = end; f.size == 0 && end > 0 {
			t.size++ // so that a pointer to it points into the struct
		}
		t.fields = append(t.fields, field{name, off, f})
		p.skip(",")
	}
	t.size = (t.size + t.align - 1) / t.align * t.align
	return t
}

// value returns the value of a type in JSON, nil if it is too long.
func (t *typ) value(data []byte) []byte {
	b, ok := t.append(nil, data)
	if !ok {
		return nil
	}
	return b
}

func (t *typ) append(b, data []byte) (_ []byte, ok bool) {
	if ok = len(b) < mostValue; !ok {
		return b, false
	}
	word := binary.NativeEndian
	var bits uint64 // of a number
	switch t.size {
	case 1:
		bits = uint64(data[0])
	case 2:
		bits = uint64(word.Uint16(data))
	case 4:
		bits = uint64(word.Uint32(data))
	case 8:
		bits = word.Uint64(data)
	}
	switch t.kind {
	case reflect.Struct:
		b = append(b, '{')
		for i, f := range t.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(quote(b, f.name), ':')
			if b, ok = f.typ.append(b, data[f.off:]); !ok {
				return b, false
			}
		}
		return append(b, '}'), true
	case reflect.Array:
		return t.array(b, data)
	case reflect.Bool:
		return strconv.AppendBool(b, bits != 0), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		unused := 64 - 8*t.size
		return strconv.AppendInt(b, int64(bits<<unused)>>unused, 10), true
	case reflect.Float32:
		return float(b, float64(math.Float32frombits(uint32(bits))), 32), true
	case reflect.Float64:
		return float(b, math.Float64frombits(bits), 64), true
	case reflect.Complex64:
		re, im := math.Float32frombits(word.Uint32(data)), math.Float32frombits(word.Uint32(data[4:]))
		return fmt.Appendf(b, `"%v"`, complex(re, im)), true
	case reflect.Complex128:
		re, im := math.Float64frombits(word.Uint64(data)), math.Float64frombits(word.Uint64(data[8:]))
		return fmt.Appendf(b, `"%v"`, complex(re, im)), true
	}
	return strconv.AppendUint(b, bits, 10), true
}

// float appends a number, or what JSON has no numbers for as a string.
func float(b []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Appendf(b, `"%v"`, f)
	}
	return strconv.AppendFloat(b, f, 'g', -1, bits)
}

// array appends an array: text as a string, without the zeros at its end.
func (t *typ) array(b, data []byte) (_ []byte, ok bool) {
	if t.elem.kind == reflect.Uint8 {
		if s := strings.TrimRight(string(data[:t.length]), "\x00"); s != "" && isText(s) {
			return quote(b, s), true
		}
	}
	b = append(b, '[')
	for i := range t.length {
		if i > 0 {
			b = append(b, ',')
		}
		if b, ok = t.elem.append(b, data[i*t.elem.size:]); !ok {
			return b, false
		}
	}
	return append(b, ']'), true
}

// isText reports whether s is made of what can be read.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) })
}

// quote appends a string in JSON, in which all that is not printable is escaped.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"', r == '\\':
			b = append(b, '\\', byte(r))
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		default:
			for _, c := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, `\u%04x`, c)
			}
		}
	}
	return append(b, '"')
}
