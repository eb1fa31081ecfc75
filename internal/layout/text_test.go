package layout

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

type leg struct {
	Price float64
	Size  int32
}

type order struct {
	ID   uint64
	Legs [2]leg
	Meta struct {
		Tags [4]uint8
		OK   bool
	}
}

type price int64

func TestText(t *testing.T) {
	type long struct {
		AVeryLongNameOfAField, AnotherVeryLongNameOfAField, AndYetAnotherVeryLongNameOfAField uint64
	}
	for _, test := range []struct {
		typ           reflect.Type
		text          string
		behind, empty bool // none beside the name
	}{
		{typ: reflect.TypeFor[int32](), text: "int32", empty: true},
		{typ: reflect.TypeFor[[2][3]complex64](), text: "[2][3]complex64", empty: true},
		{typ: reflect.TypeFor[price](), text: "int64"},
		{typ: reflect.TypeFor[leg](), text: "{Price 0 float64,Size 8 int32}"},
		{typ: reflect.TypeFor[order](), text: fmt.Sprintf("{ID 0 uint64,Legs 8 [2]{Price 0 float64,Size 8 int32},Meta %d {Tags 0 [4]uint8,OK 4 bool}}", reflect.TypeFor[order]().Field(2).Offset), behind: true},
		{typ: reflect.TypeFor[long](), text: "{AVeryLongNameOfAField 0 uint64,AnotherVeryLongNameOfAField 8 uint64,AndYetAnotherVeryLongNameOfAField 16 uint64}", behind: true},
		{typ: reflect.TypeFor[struct {
			_ [0]struct{}
			A bool
		}](), text: "{_ 0 [0]{},A 0 bool}"},
	} {
		p, err := Of(test.typ)
		if err != nil {
			t.Fatal(err)
		}
		if p.Text != test.text || (p.Behind() != "") != test.behind {
			t.Errorf("text of %v is %q, and %q is behind", test.typ, p.Text, p.Behind())
		}
		e := Entry{Size: 100}
		e.SetType(p)
		mem := bytesOf(make([]uint64, EntrySize/8))
		e.Encode(mem)
		SetState(mem, Published)
		e, _, err = ReadEntry(mem)
		if err != nil {
			t.Fatal(err)
		}
		room := make([]byte, Room(100, p))
		copy(room[100:], p.Behind())
		if got := e.Text(room); got != p.Text || e.TypeText == "" != (test.behind || test.empty) {
			t.Errorf("entry of %v says %q, and beside the name %q", test.typ, got, e.TypeText)
		}
		if len(room) != int(AlignObject(uint64(100+len(p.Behind())))) {
			t.Errorf("room of %v is %d bytes", test.typ, len(room))
		}
	}
}

// many returns a struct type of n fields.
func many(n int, kind reflect.Type) reflect.Type {
	var fields []reflect.StructField
	for i := range n {
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", i), Type: kind})
	}
	return reflect.StructOf(fields)
}

func TestLongText(t *testing.T) {
	a, b := textOf(many(1000, reflect.TypeFor[int32]())), textOf(many(1001, reflect.TypeFor[int32]()))
	if len(a) > maxText || !strings.HasSuffix(a, " int32,") || a != b {
		t.Errorf("%d bytes: %q", len(a), a[len(a)-20:])
	}
	if d := Difference(a, b); d != "" {
		t.Errorf("they differ behind the cut, and %q", d)
	}
	if d, want := Difference(a, textOf(many(3, reflect.TypeFor[int32]()))), `field "F3" (int32 at offset 12) exists, and was not asked for`; d != want {
		t.Errorf("%q, want %q", d, want)
	}
	if d := Difference(textOf(many(3, reflect.TypeFor[int32]())), a); d != `field "F3" (int32 at offset 12) does not exist` {
		t.Error(d)
	}
	if d := Difference(a[:strings.Index(a, "F3")], a); d != "" {
		t.Errorf("one was cut: %q", d)
	}
}

func TestDifference(t *testing.T) {
	const base = "{ID 0 uint64,Legs 8 [2]{Price 0 float64,Size 8 int32},Meta 40 {Tags 0 [4]uint8,OK 4 bool}}"
	for _, test := range []struct{ old, new, want string }{
		{"", "", ""},
		{"ID 0 uint64", "ID 0 int64", `field "ID": uint64 at offset 0 exists, asked for int64 at offset 0`},
		{"Price 0 float64", "Price 0 float32", `field "Legs[].Price": float64 at offset 8 exists, asked for float32 at offset 8`},
		{"Size 8 int32", "Size 12 int32", `field "Legs[].Size": int32 at offset 16 exists, asked for int32 at offset 20`},
		{"Size 8 int32", "Count 8 int32", `field "Legs[].Size" (int32 at offset 16) exists, asked for field "Legs[].Count" (int32 at offset 16)`},
		{"[2]", "[3]", `field "Legs": [2]struct at offset 8 exists, asked for [3]struct at offset 8`},
		{"[4]uint8", "[5]uint8", `field "Meta.Tags": [4]uint8 at offset 40 exists, asked for [5]uint8 at offset 40`},
		{",OK 4 bool", "", `field "Meta.OK" (bool at offset 44) exists, and was not asked for`},
		{"OK 4 bool", "OK 4 bool,No 5 bool", `field "Meta.No" (bool at offset 45) does not exist`},
		{base, "int64", "struct exists, asked for int64"},
		{base, "[3]" + base, "struct exists, asked for [3]struct"},
	} {
		if got := Difference(base, strings.Replace(base, test.old, test.new, 1)); got != test.want {
			t.Errorf("%q to %q: %s, want %s", test.old, test.new, got, test.want)
		}
	}
	if got := Difference("[2]int32", "[3]int32"); got != "[2]int32 exists, asked for [3]int32" {
		t.Error(got)
	}
}

// FuzzDifference reads texts that may be anything.
// TestDeepText reads a text whose paths would be far longer than itself.
func TestDeepText(t *testing.T) {
	text, n := strings.Repeat("{A 0 ", maxText/5), 0
	for _, p := range Parts(text) {
		n += len(p.Path)
	}
	if n == 0 || n > maxPaths {
		t.Errorf("paths of %d bytes", n)
	}
}

func FuzzDifference(f *testing.F) {
	f.Add("{ID 0 uint64,Legs 8 [2]{Price 0 float64,Size 8 int32}}")
	f.Add("{{{,[[,}")
	f.Add(strings.Repeat("{A 0 ", 800))
	f.Fuzz(func(t *testing.T, text string) {
		if d := Difference(text, text); d != "" {
			t.Errorf("differs from itself: %s", d)
		}
		Difference(text, "{A 0 int8}")
		for _, p := range Parts(text) {
			if strings.ContainsAny(p.Type, "\n\x00\x1b") {
				t.Errorf("type %q", p.Type)
			}
		}
	})
}

// TestDifferenceSpoilt has a length of an array be no number: what it is instead is not
// repeated.
func TestDifferenceSpoilt(t *testing.T) {
	for _, text := range []string{"[\x1b[2J]{A 0 int8}", "[2][\n]{", "[\x1b]int8", "{A 0 [\x1b]{B 0 int8}}"} {
		if got := Difference(text, "{A 0 int8,B 1 int8}"); strings.ContainsAny(got, "\x1b\n") {
			t.Errorf("of %q: %q", text, got)
		}
	}
}
