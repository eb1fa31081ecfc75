package layout

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode"
)

// A directory entry (docs/FORMAT.md, F16). All of it is written under the creation lock: the state last, and all
// else while the state is Free or Vacant. The place of the room is written while it is Free
// only.
const (
	offState       = 0                         // u32: a State
	offKind        = 4                         // u32
	offOff         = 8                         // u64: of the room, and the object, from the start of the file
	offSize        = 16                        // u64: bytes of the object
	offCapacity    = 24                        // u64: elements
	offFingerprint = 32                        // u64: of the element type
	offElemSize    = 40                        // u64
	offEntryFlags  = 48                        // u64
	offName        = 56                        // NUL-padded
	offTypeName    = offName + MaxName         // NUL-padded: the name and, if it fits, a NUL and the text of the type
	offRoom        = offTypeName + maxTypeName // u64: bytes of the room
	offTextLen     = offRoom + 8               // u32: of the type's text behind the object, see text.go
	entryReserved  = offTextLen + 4
	entryEnd       = entryReserved + 4

	// MaxName is the most bytes that an object's name can have.
	MaxName     = 96
	maxTypeName = 88
)

var _ [EntrySize]byte = [entryEnd]byte{}

// State is the state of a directory entry. See package segment for the transitions.
type State uint32

// The states are part of the file format.
const (
	Free      State = iota // was never used
	Published              // has an object
	Removing               // has one whose users are being looked for
	Vacant                 // has room
)

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
	TypeText    string // likewise, "" if it is nowhere or behind the object
	TextLen     uint32 // of the text behind the object
	Room        uint64 // bytes from Off on that are this entry's for good
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
	clear(mem[offName:offRoom])
	copy(mem[offName:offName+MaxName], e.Name)
	n := copy(mem[offTypeName:offTypeName+maxTypeName], e.TypeName)
	if e.TypeText != "" {
		copy(mem[offTypeName+n+1:offTypeName+maxTypeName], e.TypeText)
	}
	native.PutUint64(mem[offRoom:], e.Room)
	native.PutUint32(mem[offTextLen:], e.TextLen)
	clear(mem[entryReserved:])
}

// SetState makes s the state of the entry in mem. The store pairs with the load in
// ReadEntry.
func SetState(mem []byte, s State) { At[atomic.Uint32](mem, offState).Store(uint32(s)) }

// Used reports whether an entry was ever published in mem.
func Used(mem []byte) bool { return State(At[atomic.Uint32](mem, offState).Load()) != Free }

// ReadEntry decodes the entry in mem. Of one that is Vacant or Free, only Off and Room
// mean anything, or nothing. It fails with ErrCorrupt in an unknown state.
func ReadEntry(mem []byte) (Entry, State, error) {
	state := State(At[atomic.Uint32](mem, offState).Load())
	if state == Free {
		return Entry{}, Free, nil
	}
	if state > Vacant {
		return Entry{}, state, fmt.Errorf("directory entry in state %d: %w", state, ErrCorrupt)
	}
	var b [EntrySize]byte
	copy(b[:], mem)
	name, typeText, _ := bytes.Cut(b[offTypeName:offTypeName+maxTypeName], []byte{0})
	return Entry{
		Kind:        Kind(native.Uint32(b[offKind:])),
		Off:         native.Uint64(b[offOff:]),
		Size:        native.Uint64(b[offSize:]),
		Capacity:    native.Uint64(b[offCapacity:]),
		Fingerprint: native.Uint64(b[offFingerprint:]),
		ElemSize:    native.Uint64(b[offElemSize:]),
		Flags:       native.Uint64(b[offEntryFlags:]),
		Name:        text(b[offName : offName+MaxName]),
		TypeName:    Printable(text(name)),
		TypeText:    text(typeText),
		TextLen:     native.Uint32(b[offTextLen:]),
		Room:        native.Uint64(b[offRoom:]),
	}, state, nil
}

// Printable replaces what would control the terminal of whoever reads s.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// text returns the NUL-padded string in b, without what a cut left of a rune.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.ToValidUTF8(string(b), "")
}
