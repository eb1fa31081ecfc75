package layout

import (
	"bytes"
	"errors"
	"math/bits"
	"reflect"
	"testing"
)

// TestFeatures opens a segment with features that nobody has to know (docs/FORMAT.md, F9).
func TestFeatures(t *testing.T) {
	h, mem := header(t)
	h.Flags |= 0xabcd << 16
	native.PutUint32(mem[offFlags:], h.Flags)
	if got, err := Decode(mem, int64(h.FileSize)); err != nil || got != h {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFingerprints compares with the numbers of docs/FORMAT.md, F17.
func TestFingerprints(t *testing.T) {
	for _, test := range []struct {
		of   reflect.Type
		want uint64
	}{
		{reflect.TypeFor[int64](), 0x6460ee8a5053a4cc},
		{reflect.TypeFor[[2]uint16](), 0xcec8d6fa3b0f00d},
		{reflect.TypeFor[struct {
			ID    uint64
			Price float64
		}](), 0x1077d7a069d20a51},
	} {
		if p, err := Of(test.of); err != nil || p.Fingerprint != test.want {
			t.Errorf("%v: %#x, %v, want %#x", test.of, p.Fingerprint, err, test.want)
		}
	}
}

func TestSalvage(t *testing.T) {
	whole, mem := header(t)
	for _, test := range []struct {
		what    string
		change  func(mem []byte)
		version uint32
		whole   bool
	}{
		{"nothing", func([]byte) {}, Version, true},
		{"file size", func(mem []byte) { mem[offFileSize]++ }, Version, true},
		{"offsets", func(mem []byte) { mem[offDirOff]++ }, Version, true},
		{"older", func(mem []byte) { native.PutUint32(mem[offVersion:], 3) }, 3, false},
		{"byte order", func(mem []byte) {
			native.PutUint32(mem[offByteOrder:], bits.ReverseBytes32(byteOrderMark))
			native.PutUint32(mem[offVersion:], bits.ReverseBytes32(9))
		}, 9, false},
		{"arena", func(mem []byte) { native.PutUint64(mem[offArenaSize:], 1<<63) }, Version, false},
		{"processes", func(mem []byte) { native.PutUint32(mem[offMaxProcs:], 1<<31) }, Version, false},
		{"objects", func(mem []byte) { native.PutUint32(mem[offMaxObjects:], 0) }, Version, false},
	} {
		b := bytes.Clone(mem)
		test.change(b)
		h, version, err := Salvage(b)
		if err != nil || version != test.version || (h.Geometry == whole.Geometry) != test.whole || !test.whole && h.Geometry != (Geometry{}) {
			t.Errorf("%s: %+v, version %d, %v", test.what, h, version, err)
		}
	}
	for _, b := range [][]byte{nil, mem[:headerEnd-1], make([]byte, HeaderSize)} {
		if _, _, err := Salvage(b); !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
}
