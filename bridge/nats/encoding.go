package nats

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
)

// The portable encoding of a plain type: its numbers one after another, in the order of
// declaration, little-endian, without padding. int, uint and uintptr take 8 bytes, bool one (0 or 1),
// floats are IEEE 754, a complex number is its two floats. Fields called _ are left out. The
// fingerprint is FNV-64a of the text that describe writes.

// number is one number of a type: where it lies in memory, and how many bytes it has there and
// in the encoding.
type number struct {
	offset, size, wide int
	signed, truth      bool
}

// codec encodes a type.
type codec struct {
	size, wide  int
	numbers     []number
	same        bool // memory is the encoding
	fingerprint string
}

// newCodec returns the codec of a plain type.
func newCodec(t reflect.Type) *codec {
	c := &codec{size: int(t.Size())}
	h := fnv.New64a()
	fmt.Fprint(h, c.describe(t, 0))
	c.fingerprint = fmt.Sprintf("%016x", h.Sum64())
	c.same = c.size == c.wide && binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	for at, n := 0, 0; n < len(c.numbers); n++ {
		x := c.numbers[n]
		c.same = c.same && x.offset == at && x.size == x.wide && !x.truth
		at += x.wide
	}
	return c
}

// describe adds the numbers of t, which lies at an offset, and returns its portable text: as
// {ID uint64,Legs [2]{Price float64}}.
func (c *codec) describe(t reflect.Type, offset int) string {
	switch k := t.Kind(); k {
	case reflect.Struct:
		text := "{"
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" {
				continue
			}
			text += f.Name + " " + c.describe(f.Type, offset+int(f.Offset)) + ","
		}
		return text + "}"
	case reflect.Array:
		text := ""
		for i := range t.Len() {
			text = c.describe(t.Elem(), offset+i*int(t.Elem().Size()))
		}
		return "[" + strconv.Itoa(t.Len()) + "]" + text
	case reflect.Complex64, reflect.Complex128:
		half := int(t.Size()) / 2
		c.add(number{offset: offset, size: half, wide: half})
		c.add(number{offset: offset + half, size: half, wide: half})
		return k.String()
	default:
		n := number{offset: offset, size: int(t.Size()), wide: int(t.Size()), truth: k == reflect.Bool}
		n.signed = k == reflect.Int
		if k == reflect.Int || k == reflect.Uint || k == reflect.Uintptr {
			n.wide = 8
		}
		c.add(n)
		return k.String()
	}
}

func (c *codec) add(n number) {
	c.numbers = append(c.numbers, n)
	c.wide += n.wide
}

// encode appends the encoding of the memory of a value.
func (c *codec) encode(dst, mem []byte) []byte {
	for _, n := range c.numbers {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], load(mem[n.offset:], n))
		dst = append(dst, word[:n.wide]...)
	}
	return dst
}

// decode writes the value of an encoding to memory that is zero.
func (c *codec) decode(mem, enc []byte) error {
	if len(enc) != c.wide {
		return fmt.Errorf("%d bytes, want %d: %w", len(enc), c.wide, ErrLength)
	}
	for _, n := range c.numbers {
		var word [8]byte
		copy(word[:], enc[:n.wide])
		x := binary.LittleEndian.Uint64(word[:])
		if n.truth && x > 1 || n.wide > n.size && !fits(x, n) {
			return fmt.Errorf("%#x in a number of %d bytes: %w", x, n.size, ErrLength)
		}
		store(mem[n.offset:], n, x)
		enc = enc[n.wide:]
	}
	return nil
}

// fits reports whether an int or uint of 8 bytes goes into one of 4.
func fits(x uint64, n number) bool {
	if n.signed {
		return int64(x) == int64(int32(x))
	}
	return x == uint64(uint32(x))
}

func load(mem []byte, n number) uint64 {
	switch n.size {
	case 1:
		return uint64(mem[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(mem))
	case 4:
		x := binary.NativeEndian.Uint32(mem)
		if n.signed {
			return uint64(int64(int32(x)))
		}
		return uint64(x)
	default:
		return binary.NativeEndian.Uint64(mem)
	}
}

func store(mem []byte, n number, x uint64) {
	switch n.size {
	case 1:
		mem[0] = byte(x)
	case 2:
		binary.NativeEndian.PutUint16(mem, uint16(x))
	case 4:
		binary.NativeEndian.PutUint32(mem, uint32(x))
	default:
		binary.NativeEndian.PutUint64(mem, x)
	}
}
