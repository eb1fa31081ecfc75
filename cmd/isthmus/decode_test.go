package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

type deep struct {
	A int8
	B [3]struct {
		X uint16
		Y [2]leg
		Z struct{}
	}
	C bool
	D float32
	E [2][3]int32
	_ [5]byte
	F uint64
}

// TestDecode compares values with what package json makes of them.
func TestDecode(t *testing.T) {
	d := deep{A: -3, C: true, D: 1.25, E: [2][3]int32{{1, -2, 3}, {4}}, F: math.MaxUint64}
	d.B[1].X = 7
	d.B[2].Y[1] = leg{math.Pi, math.MinInt32}
	for _, v := range []any{
		d, true, int8(-1), uint16(65535), int64(math.MinInt64), int(-5), uint(5), 1e100, [3]leg{{1, 2}, {3, 4}, {5, 6}}, leg{}, struct{ Z [0]int64 }{},
	} {
		typ := reflect.TypeOf(v)
		b := new(bytes.Buffer)
		memory(b, reflect.ValueOf(v))
		data := make([]byte, typ.Size())
		copy(data, b.Bytes())
		text := "struct of nothing"
		if l, err := layout.Of(typ); err == nil {
			text = l.Text
		} else {
			continue
		}
		parsed := parseType(text, uint64(typ.Size()))
		if parsed == nil {
			t.Errorf("%s is not understood", text)
			continue
		}
		got := parsed.value(data)
		var have, want any
		proctest.Check(t, json.Unmarshal(got, &have))
		proctest.Check(t, json.Unmarshal(proctest.Must(json.Marshal(v))(t), &want))
		if m, ok := have.(map[string]any); ok {
			delete(m, "_")
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %s, expected %v", text, got, want)
		}
	}
}

// memory writes a value as it lies in memory.
func memory(b *bytes.Buffer, v reflect.Value) {
	start := b.Len()
	pad := func(to uintptr) { b.Write(make([]byte, int(to)-(b.Len()-start))) }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			pad(v.Type().Field(i).Offset)
			memory(b, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			memory(b, v.Index(i))
		}
	case reflect.Int:
		binary.Write(b, binary.NativeEndian, v.Int())
	case reflect.Uint:
		binary.Write(b, binary.NativeEndian, v.Uint())
	case reflect.Int32: // of a blank field, or not
		binary.Write(b, binary.NativeEndian, int32(v.Int()))
	case reflect.Uint8:
		b.WriteByte(byte(v.Uint()))
	default:
		binary.Write(b, binary.NativeEndian, v.Interface())
	}
	b.Truncate(min(b.Len(), start+int(v.Type().Size()))) // an int of 32 bits, little-endian
	pad(v.Type().Size())
}

func TestDecodeText(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"ab\x00\x00", `"ab"`},
		{"a\"\\b", `"a\"\\b"`},
		{"a\n\x00\x00", `"a\u000a"`},
		{"a\x1b\x00\x00", `[97,27,0,0]`},
		{"\x00\x00\x00\x00", `[0,0,0,0]`},
		{"\xff\xfe\x00a", `[255,254,0,97]`},
	} {
		if got := string(parseType("[4]uint8", 4).value([]byte(c.data))); got != c.want {
			t.Errorf("%q: %s, expected %s", c.data, got, c.want)
		}
	}
	for f, want := range map[float64]string{math.Inf(-1): `"-Inf"`, math.NaN(): `"NaN"`, 0.5: "0.5"} {
		data := binary.NativeEndian.AppendUint64(nil, math.Float64bits(f))
		if got := string(parseType("float64", 8).value(data)); got != want {
			t.Errorf("%s, expected %s", got, want)
		}
	}
}

// TestDecodeHostile parses texts that are none, or of values that are too long.
func TestDecodeHostile(t *testing.T) {
	for _, text := range []string{
		"", "[", "[]", "[2]", "[-1]int8", "{", "{}", "{A", "{A 0", "{A 0 ", "{A 0 int8", "{A 9 int8}", "{A 1 int64}", "{A 0 int8,B 0 int8}",
		"[99999999999999999999]int8", "[1099511627777]int8", "[1099511627776][1099511627776]int8", "{A 18446744073709551615 int8}", "string", "int8 ",
	} {
		for _, size := range []uint64{0, 1, 2, 8, 1 << 40} {
			if typ := parseType(text, size); typ != nil && size > 0 && text != "{A 0 int8" {
				t.Errorf("%q of %d bytes is %+v", text, size, typ)
			}
		}
	}
	if v := parseType("[1000000000]{}", 0); v == nil || v.value(nil) != nil {
		t.Error("a value that is too long")
	}
	random := proctest.Random(t)
	const parts = "[2]{A 08intufloa64,}"
	for range 20000 {
		var b []byte
		for range random.IntN(30) {
			b = append(b, parts[random.IntN(len(parts))])
		}
		if typ := parseType(string(b), 8); typ != nil {
			typ.value(make([]byte, 8))
		}
	}
}
