package layout

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The header page (docs/FORMAT.md, F8). The process that makes a segment writes it before the file
// has a name; nobody writes it afterwards, but for two counts, each in a cache line of its
// own.
const (
	offMagic      = 0  // [8]byte
	offByteOrder  = 8  // u32: byteOrderMark in the writer's byte order
	offVersion    = 12 // u32
	offWordSize   = 16 // u32: bits of an int
	offFlags      = 20 // u32
	offMaxProcs   = 24 // u32
	offMaxObjects = 28 // u32
	offFileSize   = 32 // u64
	offDirOff     = 40 // u64
	offArenaOff   = 48 // u64
	offArenaSize  = 56 // u64
	offAppVersion = 64 // u64: the application's own number
	headerEnd     = 72

	offIDs     = 128 // u64: raised by each attacher, see package liveness
	offChanges = 256 // u64: raised by changes of used directory entries, see package segment

	magic         = "ISTHMUS\x00"
	byteOrderMark = 0x01020304

	// Version is that of all that package layout and the protocols say, see docs/FORMAT.md.
	Version = 8
)

const _ uint = HeaderSize - (offChanges + 8)

var native = binary.NativeEndian

// Flags recorded in the header when the segment is made. Each is a feature (docs/FORMAT.md, F9).
const (
	// FlagAsymmetric says that publishers issue no fence, and sleepers a
	// process-wide barrier.
	FlagAsymmetric = 1 << iota

	knownFlags  = FlagAsymmetric
	neededFlags = 1<<16 - 1 // who does not know one of these must not open the segment
)

// Header is the decoded header page.
type Header struct {
	Flags      uint32
	AppVersion uint64
	Geometry
}

// Encode writes h to the first HeaderSize bytes of mem.
func (h Header) Encode(mem []byte) {
	b := mem[:HeaderSize]
	copy(b[offMagic:], magic)
	native.PutUint32(b[offByteOrder:], byteOrderMark)
	native.PutUint32(b[offVersion:], Version)
	native.PutUint32(b[offWordSize:], bits.UintSize)
	native.PutUint32(b[offFlags:], h.Flags)
	native.PutUint32(b[offMaxProcs:], uint32(h.MaxProcs))
	native.PutUint32(b[offMaxObjects:], uint32(h.MaxObjects))
	native.PutUint64(b[offFileSize:], uint64(h.FileSize))
	native.PutUint64(b[offDirOff:], uint64(h.DirOff))
	native.PutUint64(b[offArenaOff:], uint64(h.ArenaOff))
	native.PutUint64(b[offArenaSize:], uint64(h.ArenaSize))
	native.PutUint64(b[offAppVersion:], h.AppVersion)
}

// Decode reads the header of a file of fileSize bytes whose first HeaderSize
// bytes are mem. It fails with ErrCorrupt where the file is damaged or no segment, and
// with ErrMismatch where it is a segment of another version or architecture.
func Decode(mem []byte, fileSize int64) (Header, error) {
	b := [headerEnd]byte(mem)

	if !bytes.Equal(b[offMagic:offMagic+len(magic)], []byte(magic)) {
		return Header{}, fmt.Errorf("file has no segment header: %w", ErrCorrupt)
	}
	switch mark := native.Uint32(b[offByteOrder:]); mark {
	case byteOrderMark:
	case bits.ReverseBytes32(byteOrderMark):
		return Header{}, fmt.Errorf("byte order is %s, this machine's is %s: %w", otherOrder, nativeOrder, ErrMismatch)
	default:
		return Header{}, fmt.Errorf("byte order mark is %#x: %w", mark, ErrCorrupt)
	}
	if v := native.Uint32(b[offVersion:]); v != Version {
		return Header{}, fmt.Errorf("layout version is %d, this program's is %d: %w", v, Version, ErrMismatch)
	}
	if w := native.Uint32(b[offWordSize:]); w != bits.UintSize {
		return Header{}, fmt.Errorf("word size is %d bits, this program's is %d: %w", w, bits.UintSize, ErrMismatch)
	}
	flags := native.Uint32(b[offFlags:])
	if unknown := flags & neededFlags &^ knownFlags; unknown != 0 {
		return Header{}, fmt.Errorf("features are %#x, of which this program does not know %#x: %w", flags, unknown, ErrMismatch)
	}

	size := native.Uint64(b[offArenaSize:])
	procs := native.Uint32(b[offMaxProcs:])
	objects := native.Uint32(b[offMaxObjects:])
	if size%PageSize != 0 || size > MaxFile || procs > MaxProcs || objects > MaxObjects {
		return Header{}, fmt.Errorf("header says %d processes, %d objects, %d bytes: %w", procs, objects, size, ErrCorrupt)
	}
	g, err := Compute(int64(size), int(procs), int(objects))
	if err != nil {
		return Header{}, fmt.Errorf("header: %v: %w", err, ErrCorrupt)
	}
	if native.Uint64(b[offFileSize:]) != uint64(g.FileSize) ||
		native.Uint64(b[offDirOff:]) != uint64(g.DirOff) ||
		native.Uint64(b[offArenaOff:]) != uint64(g.ArenaOff) {
		return Header{}, fmt.Errorf("header's offsets do not add up: %w", ErrCorrupt)
	}
	if fileSize != int64(g.FileSize) {
		return Header{}, fmt.Errorf("file has %d bytes of %d: %w", fileSize, g.FileSize, ErrCorrupt)
	}
	return Header{Flags: flags, AppVersion: native.Uint64(b[offAppVersion:]), Geometry: g}, nil
}

var nativeOrder, otherOrder = orders()

func orders() (this, other string) {
	if native.Uint16([]byte{0, 1}) == 1 {
		return "big-endian", "little-endian"
	}
	return "little-endian", "big-endian"
}
