package shm

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// Inspect says what is in the segment of that name: who is attached, what objects there are,
// and who holds them. It attaches nobody, changes nothing, and does not wait. It needs only
// permission to read the file, of any user, also on a file system that is mounted
// read-only. Of opts, only Dir matters.
//
// What Inspect returns is not of one instant: the users of the segment go on meanwhile. It
// takes time in proportion to the capacities of rings and tables.
//
// A segment that is damaged, or cut off, is read as far as it can be: the Faults of the Info
// and of its objects say what is wrong. Inspect fails with fs.ErrNotExist if there is no
// such file, with fs.ErrPermission if it must not be read, and with [ErrCorrupt] if it is
// no segment at all.
func Inspect(name string, opts *Options) (info *Info, err error) {
	err = segment.Look(name, opts.internal(), func(v segment.View) error {
		info, err = inspect(name, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// inspection is one call of Inspect.
type inspection struct {
	*Info
	mem    []byte
	header layout.Header
	table  *liveness.Table
	known  map[layout.ID]Holder // that are alive, or have a slot
	left   uint64               // how many bytes of objects may be read
}

func inspect(name string, v segment.View) (*Info, error) {
	n := &inspection{
		Info: &Info{
			Name: name, Path: v.Path, Mode: v.Info.Mode().Perm(), UID: v.UID, Created: v.Created,
			FileSize: v.Info.Size(),
		},
		mem: v.Mem, known: map[layout.ID]Holder{}, left: 2 * uint64(len(v.Mem)),
	}
	h, version, err := layout.Salvage(v.Mem)
	if err != nil {
		return nil, err
	}
	n.Format = int(version)
	if len(v.Mem) < layout.HeaderSize {
		n.fault("file has %d bytes, which is less than a header", len(v.Mem))
		return n.Info, nil
	}
	if _, err := layout.Decode(v.Mem, v.Info.Size()); err != nil {
		n.fault("%v", err)
	}
	n.header = h
	n.Version, n.Size = h.AppVersion, int64(h.ArenaSize)
	n.MaxProcs, n.MaxObjects = h.MaxProcs, h.MaxObjects
	if h.FileSize == 0 { // nobody can tell where the rest lies
		return n.Info, nil
	}
	n.processes(v.File)
	n.objects()
	return n.Info, nil
}

func (n *inspection) fault(format string, args ...any) {
	n.Faults = append(n.Faults, fmt.Sprintf(format, args...))
}

// processes reads the process table, as far as it is there.
func (n *inspection) processes(f *liveness.File) {
	end := min(layout.TableOff+n.header.MaxProcs*layout.SlotSize, len(n.mem))
	n.table = liveness.View(f, n.mem[layout.TableOff:end])
	for slot := range n.table.Slots() {
		r := n.table.Record(slot)
		if r.ID == 0 {
			continue
		}
		if r.ID>>layout.IDBits != 0 {
			n.fault("process slot %d has owner id %#x", slot, uint64(r.ID))
			continue
		}
		p := ProcessInfo{ID: uint64(r.ID), Slot: slot, Namespace: r.Namespace, NamespacePID: int(r.PID), Alive: !r.Dead}
		if r.Here {
			p.PID = p.NamespacePID
		}
		if !r.Whole { // it has just come, or merely holds the slot, or died there
			continue
		}
		if p.Alive && p.PID != 0 {
			p.Started = liveness.Started(r.PID)
		}
		n.known[r.ID] = Holder{ID: p.ID, Slot: slot, PID: p.PID, Alive: p.Alive}
		if p.Alive || !r.Left {
			n.Processes = append(n.Processes, p)
		}
	}
}

// holder returns who an ID is.
func (n *inspection) holder(id layout.ID) Holder {
	h, ok := n.known[id]
	if !ok {
		h = Holder{ID: uint64(id), Slot: -1, Alive: id>>layout.IDBits == 0 && !n.table.Dead(id)}
		n.known[id] = h
	}
	return h
}

// objects reads the directory, as far as it is there.
func (n *inspection) objects() {
	next := uint64(n.header.ArenaOff)
	end := next + uint64(n.header.ArenaSize)
	gap := false
	for i := range n.header.MaxObjects {
		off := n.header.DirOff + i*layout.EntrySize
		if off+layout.EntrySize > len(n.mem) {
			n.fault("file ends in directory entry %d of %d", i, n.header.MaxObjects)
			break
		}
		e, state, o := n.entry(i)
		if state == layout.Free {
			gap = true
			continue
		}
		if gap {
			gap = false
			n.fault("directory entry %d is used, and one before is not", i)
		}
		if e.Off != next || e.Room == 0 || e.Room%layout.ObjectAlign != 0 || e.Room > end-min(e.Off, end) {
			n.fault("directory entry %d has %d bytes at %d, expected at %d", i, e.Room, e.Off, next)
		}
		if e.Off <= end && e.Room <= end-e.Off {
			next = e.Off + e.Room
		}
		if o != nil {
			n.Objects = append(n.Objects, *o)
			n.left -= min(n.left, uint64(len(n.part(e))))
		}
	}
	n.Free = int64(min(end-min(next, end), uint64(n.header.ArenaSize))) // next may be anywhere in a spoilt directory
}

// entry reads a directory entry and its object, if it has one: again if somebody has changed
// the directory meanwhile.
func (n *inspection) entry(i int) (e layout.Entry, state layout.State, o *ObjectInfo) {
	for range entryAttempts {
		changes := layout.Changes(n.mem).Load()
		var err error
		e, state, err = layout.ReadEntry(n.header.Entry(n.mem, i))
		switch {
		case err != nil:
			n.fault("directory entry %d: %v", i, err)
			return e, layout.Vacant, nil
		case state == layout.Published || state == layout.Removing:
			o = n.object(i, e)
		default:
			o = nil
		}
		if layout.Changes(n.mem).Load() == changes {
			break
		}
	}
	return e, state, o
}

const entryAttempts = 8

// object reads an object, as far as it is there.
func (n *inspection) object(i int, e layout.Entry) *ObjectInfo {
	o := &look{inspection: n, e: e, places: map[place]int{}, o: &ObjectInfo{
		Name: layout.Printable(e.Name), Kind: e.Kind.String(), Capacity: int64(e.Capacity), Options: e.Flags,
		Offset: int64(e.Off), Size: int64(e.Size), Room: int64(e.Room),
	}}
	if o.o.Name == "" || o.o.Name != e.Name {
		o.fault("has a name that no object can have")
	}
	o.attendance(i)
	size := uint64(len(n.mem))
	switch {
	case e.Off%layout.ObjectAlign != 0 || e.Off < uint64(n.header.ArenaOff):
		o.fault("lies at %d, where no object can", e.Off)
		return o.o
	case uint64(len(n.part(e))) > n.left: // there may be many, and all may be large
		o.fault("lies in others")
		return o.o
	case e.Size == 0 || e.Size > e.Room || uint64(e.TextLen) > e.Room-e.Size:
		o.fault("has %d bytes and %d of text in %d", e.Size, e.TextLen, e.Room)
	case e.Off > size || e.Room > size-e.Off:
		o.fault("is cut off by the end of the file")
	default:
		o.describe(n.mem[e.Off : e.Off+e.Room])
	}
	o.mem = n.part(e)
	if decode := decoders[e.Kind]; decode != nil {
		o.o.State = decode(o)
	} else if e.Kind != layout.KindArray {
		o.fault("is of a kind that this program does not know")
	}
	if o.crowd {
		o.fault("more processes hold something than there can be")
	}
	return o.o
}

// part returns what is there of an object.
func (n *inspection) part(e layout.Entry) []byte {
	size := uint64(len(n.mem))
	at := min(e.Off, size)
	return n.mem[at : at+min(e.Size, size-at)]
}

// decoders read the states of objects. An Array has none.
var decoders = map[layout.Kind]func(*look) any{
	layout.KindValue:         (*look).value,
	layout.KindTable:         (*look).table,
	layout.KindLock:          (*look).lock,
	layout.KindRecursiveLock: (*look).lock,
	layout.KindRWLock:        (*look).rwLock,
	layout.KindCond:          (*look).cond,
	layout.KindEvent:         (*look).event,
	layout.KindOnce:          (*look).once,
	layout.KindWaitGroup:     (*look).waitGroup,
	layout.KindBarrier:       (*look).barrier,
	layout.KindSemaphore:     (*look).semaphore,
	layout.KindSPSC:          (*look).spsc,
	layout.KindMPMC:          (*look).mpmc,
	layout.KindBroadcast:     (*look).broadcast,
	layout.KindBytes:         (*look).bytes,
	layout.KindBytesMPMC:     (*look).bytesMPMC,
	layout.KindWorkQueue:     (*look).workQueue,
	layout.KindPipe:          (*look).pipe,
}
