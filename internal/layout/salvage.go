package layout

import (
	"bytes"
	"fmt"
	"math/bits"
)

// Salvage reads of the header in mem what can be read, where Decode fails. The version of
// the layout is 0, and the error ErrCorrupt, if mem is no segment at all. The geometry is
// empty if the header says none that a segment can have, or is of another version or byte
// order. The file may be shorter than it says.
func Salvage(mem []byte) (h Header, version uint32, err error) {
	if len(mem) < headerEnd || !bytes.Equal(mem[offMagic:offMagic+len(magic)], []byte(magic)) {
		return Header{}, 0, fmt.Errorf("file has no segment header: %w", ErrCorrupt)
	}
	b := [headerEnd]byte(mem)
	version = native.Uint32(b[offVersion:])
	if native.Uint32(b[offByteOrder:]) == bits.ReverseBytes32(byteOrderMark) {
		return Header{}, bits.ReverseBytes32(version), nil
	}
	if version != Version {
		return Header{}, version, nil
	}
	h = Header{Flags: native.Uint32(b[offFlags:]), AppVersion: native.Uint64(b[offAppVersion:])}
	size := native.Uint64(b[offArenaSize:])
	procs, objects := native.Uint32(b[offMaxProcs:]), native.Uint32(b[offMaxObjects:])
	if size <= MaxFile && procs <= MaxProcs && objects <= MaxObjects {
		h.Geometry, _ = Compute(int64(size), int(procs), int(objects))
	}
	return h, version, nil
}
