package layout

import (
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCompute(t *testing.T) {
	for _, size := range []int64{1, PageSize, PageSize + 1, 1 << 20} {
		for _, procs := range []int{1, 2, 127, MaxProcs} {
			for _, objects := range []int{1, 3, 128, MaxObjects} {
				g, err := Compute(size, procs, objects)
				if err != nil {
					t.Fatal(err)
				}
				if g.DirOff < TableOff+procs*SlotSize || g.AttendOff < g.DirOff+objects*EntrySize || g.AttendOff%8 != 0 ||
					g.ArenaOff < g.AttendOff+objects*attendSize(procs) || g.AttendWords()*AttendSlots < procs ||
					g.ArenaOff%PageSize != 0 || int64(g.ArenaSize) < size || g.ArenaSize%PageSize != 0 ||
					g.FileSize != g.ArenaOff+g.ArenaSize {
					t.Errorf("Compute(%d, %d, %d) = %+v", size, procs, objects, g)
				}
			}
		}
	}
}

func TestComputeRefuses(t *testing.T) {
	for _, test := range []struct {
		size           int64
		procs, objects int
		want           string
	}{
		{0, 1, 1, "size is 0 bytes"},
		{-1, 1, 1, "size is -1 bytes"},
		{math.MinInt64, 1, 1, "bytes, the least is 1"},
		{MaxFile + 1, 1, 1, "the most is"},
		{MaxFile, 1, 1, "more than this machine can map"},
		{math.MaxInt64, 1, 1, "the most is"},
		{PageSize, 0, 1, "room for 0 processes"},
		{PageSize, -1, 1, "room for -1 processes"},
		{PageSize, MaxProcs + 1, 1, "room for 1025 processes"},
		{PageSize, 1, 0, "room for 0 objects"},
		{PageSize, 1, MaxObjects + 1, "room for 65537 objects"},
	} {
		_, err := Compute(test.size, test.procs, test.objects)
		if !errors.Is(err, ErrSize) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Compute(%d, %d, %d): %v, want %q", test.size, test.procs, test.objects, err, test.want)
		}
	}
}

func TestMul(t *testing.T) {
	if n, err := Mul(3, 24); n != 72 || err != nil {
		t.Errorf("Mul(3, 24) = %d, %v", n, err)
	}
	for _, n := range []int{0, -1, math.MinInt, math.MaxInt} {
		if _, err := Mul(n, 1024); !errors.Is(err, ErrSize) && bits.UintSize == 64 {
			t.Errorf("Mul(%d, 1024): %v", n, err)
		}
	}
}

func header(t *testing.T) (Header, []byte) {
	t.Helper()
	g, err := Compute(1<<16, 4, 5)
	if err != nil {
		t.Fatal(err)
	}
	h := Header{Flags: FlagAsymmetric, Geometry: g}
	mem := make([]byte, HeaderSize)
	h.Encode(mem)
	return h, mem
}

func TestHeader(t *testing.T) {
	h, mem := header(t)
	got, err := Decode(mem, int64(h.FileSize))
	if err != nil || got != h {
		t.Errorf("Decode = %+v, %v, want %+v", got, err, h)
	}
}

func TestBadHeader(t *testing.T) {
	put32 := func(off int, v uint32) func([]byte) {
		return func(mem []byte) { native.PutUint32(mem[off:], v) }
	}
	put64 := func(off int, v uint64) func([]byte) {
		return func(mem []byte) { native.PutUint64(mem[off:], v) }
	}
	for _, test := range []struct {
		name    string
		change  func(mem []byte)
		is      error
		message string
	}{
		{"zeros", func(mem []byte) { clear(mem) }, ErrCorrupt, "no segment header"},
		{"magic", func(mem []byte) { mem[7]++ }, ErrCorrupt, "no segment header"},
		{"foreign byte order", put32(offByteOrder, bits.ReverseBytes32(byteOrderMark)), ErrMismatch, "byte order is " + otherOrder + ", this machine's is " + nativeOrder},
		{"damaged byte order", put32(offByteOrder, 7), ErrCorrupt, "byte order mark is 0x7"},
		{"older version", put32(offVersion, 0), ErrMismatch, "version is 0, this program's is 8"},
		{"newer version", put32(offVersion, Version+1), ErrMismatch, "version is 9, this program's is 8"},
		{"word size", put32(offWordSize, 96-bits.UintSize), ErrMismatch, "word size"},
		{"features", put32(offFlags, 0xf1), ErrMismatch, "features are 0xf1, of which this program does not know 0xf0"},
		{"no processes", put32(offMaxProcs, 0), ErrCorrupt, "0 processes"},
		{"other processes", put32(offMaxProcs, 500), ErrCorrupt, "add up"},
		{"many processes", put32(offMaxProcs, math.MaxUint32), ErrCorrupt, "processes"},
		{"no objects", put32(offMaxObjects, 0), ErrCorrupt, "objects"},
		{"many objects", put32(offMaxObjects, math.MaxUint32), ErrCorrupt, "objects"},
		{"arena size", put64(offArenaSize, 1<<15), ErrCorrupt, "add up"},
		{"odd arena size", put64(offArenaSize, 1<<16+1), ErrCorrupt, "bytes"},
		{"no arena", put64(offArenaSize, 0), ErrCorrupt, "bytes"},
		{"huge arena", put64(offArenaSize, math.MaxUint64&^(PageSize-1)), ErrCorrupt, "bytes"},
		{"arena offset", put64(offArenaOff, 0), ErrCorrupt, "add up"},
		{"directory offset", put64(offDirOff, 1<<63), ErrCorrupt, "add up"},
		{"file size", put64(offFileSize, 0), ErrCorrupt, "add up"},
	} {
		h, mem := header(t)
		test.change(mem)
		_, err := Decode(mem, int64(h.FileSize))
		if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: %v, want %v: %q", test.name, err, test.is, test.message)
		}
	}

	h, mem := header(t)
	for _, size := range []int{h.FileSize - 1, h.FileSize + 1, HeaderSize} {
		if _, err := Decode(mem, int64(size)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("file of %d bytes of %d: %v", size, h.FileSize, err)
		}
	}
}

// FuzzDecode checks that whatever a header says, what comes out adds up.
func FuzzDecode(f *testing.F) {
	g, err := Compute(1<<16, 4, 5)
	if err != nil {
		f.Fatal(err)
	}
	mem := make([]byte, HeaderSize)
	Header{Geometry: g}.Encode(mem)
	f.Add(mem[:headerEnd], int64(g.FileSize))
	f.Fuzz(func(t *testing.T, mem []byte, size int64) {
		page := make([]byte, HeaderSize)
		copy(page, mem)
		h, err := Decode(page, size)
		if err != nil {
			return
		}
		want, err := Compute(int64(h.ArenaSize), h.MaxProcs, h.MaxObjects)
		if err != nil || want != h.Geometry || int64(h.FileSize) != size {
			t.Fatalf("accepted %+v for a file of %d bytes", h, size)
		}
	})
}

func TestEntry(t *testing.T) {
	words := make([]uint64, EntrySize/8)
	mem := bytesOf(words)
	e := Entry{
		Kind: KindArray, Off: 1, Size: 2, Capacity: 3, Fingerprint: 4, ElemSize: 5, Flags: 6,
		Name: strings.Repeat("ä", MaxName/2), TypeName: "main.Job", TypeText: "{}", TextLen: 7, Room: 8,
	}
	for i := range mem { // what a killed creator may leave
		mem[i] = byte(rand.Uint32())
	}
	clear(mem[:4])
	e.Encode(mem)
	if _, state, err := ReadEntry(mem); state != Free || err != nil || Used(mem) {
		t.Fatalf("before it is published: %v, %v", state, err)
	}
	for _, want := range []State{Published, Removing, Vacant} {
		SetState(mem, want)
		if got, state, err := ReadEntry(mem); state != want || err != nil || got != e || !Used(mem) {
			t.Errorf("ReadEntry = %+v, %v, %v, want %+v, %v", got, state, err, e, want)
		}
	}

	e.TypeName, e.TypeText = "x"+strings.Repeat("ä", maxTypeName), ""
	e.Encode(mem)
	if got, _, _ := ReadEntry(mem); got.TypeName != e.TypeName[:maxTypeName-1] || got.TypeText != "" {
		t.Errorf("long type name became %q, %q", got.TypeName, got.TypeText)
	}

	e.TypeName = "main.\x1b[2J\nJob"
	e.Encode(mem)
	if got, _, _ := ReadEntry(mem); got.TypeName != "main.\uFFFD[2J\uFFFDJob" {
		t.Errorf("a type name that controls a terminal became %q", got.TypeName)
	}

	words[0] = 4 | 4<<32
	if _, _, err := ReadEntry(mem); !errors.Is(err, ErrCorrupt) {
		t.Errorf("entry in state 4: %v", err)
	}
}

func TestKind(t *testing.T) {
	for k, want := range map[Kind]string{
		KindLock: "lock", KindBytes: "byte ring", KindBytesMPMC: "MPMC byte ring", 0: "object", 99: "object of kind 99",
		math.MaxUint32: "object of kind 4294967295",
	} {
		if got := k.String(); got != want {
			t.Errorf("Kind %d is %q, want %q", uint32(k), got, want)
		}
	}
}
