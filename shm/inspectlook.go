package shm

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
)

// look is Inspect's look at one object, whose memory may be anything. It reads what
// docs/FORMAT.md says, and shares no code with the operations: so its tests, across both,
// check that document.
type look struct {
	*inspection
	e   layout.Entry
	o   *ObjectInfo
	mem []byte // what is there of the object
	cut bool   // and it was not enough

	places map[place]int // of who is in a list
	crowd  bool          // and somebody is not
}

type place struct {
	list *[]Holder
	id   uint64
}

func (l *look) fault(format string, args ...any) {
	l.o.Faults = append(l.o.Faults, fmt.Sprintf(format, args...))
}

// word loads the word at a multiple of 8 bytes, 0 if it is not there.
func (l *look) word(off uint64) uint64 {
	if !l.has(off, 8) {
		return 0
	}
	return layout.At[atomic.Uint64](l.mem, off).Load()
}

// half loads the word of 32 bits at a multiple of 4 bytes.
func (l *look) half(off uint64) uint32 {
	if !l.has(off, 4) {
		return 0
	}
	return layout.At[atomic.Uint32](l.mem, off).Load()
}

func (l *look) has(off, n uint64) bool {
	size := uint64(len(l.mem))
	ok := off%n == 0 && off <= size && n <= size-off
	if !ok && !l.cut {
		l.cut = true
		l.fault("has no bytes at %d of it", off)
	}
	return ok
}

// sleepers reports whether anybody may sleep on the Event at off.
func (l *look) sleepers(off uint64) bool { return l.half(off)&1 != 0 }

// queued reports whether anybody may sleep in the Queue at off, which has two Events.
func (l *look) queued(off uint64) bool { return l.word(off)&(1|1<<32) != 0 }

// who returns who has the id in the low bits of a word, nil if there is none.
func (l *look) who(w uint64) *Holder {
	id := layout.ID(w & (1<<layout.IDBits - 1))
	if id == 0 {
		return nil
	}
	h := l.holder(id)
	return &h
}

// most is how many of those who hold something are named: more than there can be are alive.
const most = 2 * layout.MaxProcs

// add adds n of what id has to a list.
func (l *look) add(list *[]Holder, id uint64, n int64) {
	if n <= 0 {
		return
	}
	at := place{list, id & (1<<layout.IDBits - 1)}
	if at.id == 0 {
		l.fault("%d of something is nobody's", n)
		return
	}
	i, ok := l.places[at]
	switch {
	case ok:
		(*list)[i].Count += n
	case len(*list) < most:
		h := l.holder(layout.ID(at.id))
		h.Count = n
		l.places[at] = len(*list)
		*list = append(*list, h)
	default:
		l.crowd = true
	}
}

// ledger calls each with the lines of a ledger at off, as far as they have an owner.
func (l *look) ledger(off uint64, each func(owner, count, line uint64)) {
	for slot := range uint64(l.header.MaxProcs) {
		line := off + slot*128
		if owner := l.word(line); owner != 0 && !l.cut {
			each(owner, l.word(line+8), line)
		}
	}
}

// describe reads what the entry says of the elements, where room is that of the object.
func (l *look) describe(room []byte) {
	if l.e.TypeName == "" {
		return
	}
	t := TypeInfo{Name: l.e.TypeName, Text: layout.Printable(l.e.Text(room)), Size: int64(l.e.ElemSize), Fingerprint: l.e.Fingerprint}
	for _, p := range layout.Parts(l.e.Text(room)) {
		if p.Path != "" {
			t.Fields = append(t.Fields, FieldInfo{Path: layout.Printable(p.Path), Type: p.Type, Offset: int64(p.Off)})
		}
	}
	l.o.Type = t
}

// attendance reads who uses the object of directory entry i, who pushes and who pops.
func (l *look) attendance(i int) {
	g := l.header.Geometry
	if g.ArenaOff > len(l.inspection.mem) {
		return
	}
	for side, list := range map[layout.Side]*[]Holder{
		layout.User: &l.o.Users, layout.Producer: &l.o.Producers, layout.Consumer: &l.o.Consumers,
	} {
		for k := range g.AttendWords() {
			for w := g.Attendance(l.inspection.mem, i, side, k).Load() &^ layout.AttendDied; w != 0; w &= w - 1 {
				slot := k*layout.AttendSlots + bits.TrailingZeros64(w)
				if slot >= l.inspection.table.Slots() {
					l.fault("process slot %d, which there is not, attends it", slot)
					break
				}
				if id, fate := l.inspection.table.Tenant(slot); fate != liveness.Left && id>>layout.IDBits == 0 {
					h := l.holder(id)
					h.Alive = fate == liveness.Alive
					*list = append(*list, h)
				}
			}
		}
	}
}
