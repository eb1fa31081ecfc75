package layout

import (
	"bytes"
	"fmt"
	"strings"
)

// A directory entry. All of it but the state is written under the creation lock
// before the state says published, and never again.
const (
	offState       = 0  // u32: stateFree, then statePublished; never back
	offKind        = 4  // u32
	offOff         = 8  // u64: of the object, from the start of the file
	offSize        = 16 // u64: bytes of the object
	offCapacity    = 24 // u64: elements
	offFingerprint = 32 // u64: of the element type
	offElemSize    = 40 // u64
	offEntryFlags  = 48 // u64
	offName        = 56 // NUL-padded
	offTypeName    = offName + MaxName
	entryReserved  = offTypeName + maxTypeName
	entryEnd       = entryReserved + 16

	// MaxName is the most bytes that an object's name can have.
	MaxName     = 96
	maxTypeName = 88

	stateFree      = 0
	statePublished = 1
)

var _ [EntrySize]byte = [entryEnd]byte{}

// Entry is a decoded directory entry.
type Entry struct {
	Kind        Kind
	Off         uint64
	Size        uint64
	Capacity    uint64
	Fingerprint uint64
	ElemSize    uint64
	Flags       uint64
	Name        string
	TypeName    string // for messages only, perhaps cut short
}

// Encode writes all of e but its state to mem.
func (e Entry) Encode(mem []byte) {
	native.PutUint32(mem[offKind:], uint32(e.Kind))
	native.PutUint64(mem[offOff:], e.Off)
	native.PutUint64(mem[offSize:], e.Size)
	native.PutUint64(mem[offCapacity:], e.Capacity)
	native.PutUint64(mem[offFingerprint:], e.Fingerprint)
	native.PutUint64(mem[offElemSize:], e.ElemSize)
	native.PutUint64(mem[offEntryFlags:], e.Flags)
	clear(mem[offName:])
	copy(mem[offName:offName+MaxName], e.Name)
	copy(mem[offTypeName:offTypeName+maxTypeName], e.TypeName)
}

// Publish makes the entry in mem visible. The store pairs with the load in
// ReadEntry.
func Publish(mem []byte) {
	Word(mem, offState).Store(statePublished)
}

// Used reports whether an entry was ever published in mem.
func Used(mem []byte) bool { return Word(mem, offState).Load() != stateFree }

// ReadEntry decodes the entry in mem; ok is false if none is published there.
func ReadEntry(mem []byte) (e Entry, ok bool, err error) {
	switch state := Word(mem, offState).Load(); state {
	case stateFree:
		return Entry{}, false, nil
	case statePublished:
	default:
		return Entry{}, false, fmt.Errorf("directory entry in state %d: %w", state, ErrCorrupt)
	}
	var b [EntrySize]byte
	copy(b[:], mem)
	return Entry{
		Kind:        Kind(native.Uint32(b[offKind:])),
		Off:         native.Uint64(b[offOff:]),
		Size:        native.Uint64(b[offSize:]),
		Capacity:    native.Uint64(b[offCapacity:]),
		Fingerprint: native.Uint64(b[offFingerprint:]),
		ElemSize:    native.Uint64(b[offElemSize:]),
		Flags:       native.Uint64(b[offEntryFlags:]),
		Name:        text(b[offName : offName+MaxName]),
		TypeName:    text(b[offTypeName : offTypeName+maxTypeName]),
	}, true, nil
}

// text returns the NUL-padded string in b, without what a cut left of a rune.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.ToValidUTF8(string(b), "")
}
