package tap

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
)

var (
	// ErrGone reports that the ring, or its segment, is not there, or not any more.
	ErrGone = errors.New("it is not there")
	// ErrNoRing reports an object whose messages cannot be copied.
	ErrNoRing = errors.New("messages of that kind of object cannot be watched")

	errEmpty  = errors.New("no message")
	errClosed = errors.New("no message, and none will come")
)

// Event is a message, or how many were missed.
type Event struct {
	// Position is where the message lies, or where the first that was missed lay. Index counts
	// the messages of one position, in a Bytes.
	Position, Index uint64
	// Missed is how far the tap went without a message, in units of the ring: Data is nil then.
	Missed uint64
	// Data is the message, or its first bytes if it has more than the limit; Size is how many it
	// has. Data is good until the next Event.
	Data []byte
	Size uint64
}

// Tap is a ring that is looked at.
type Tap struct {
	Kind     layout.Kind
	Type     string // the text of the type of the messages, "" in rings of bytes
	ElemSize uint64 // of a message, 0 in rings of bytes
	Unit     string // what Missed counts

	view    segment.View
	header  layout.Header
	opts    Options
	name    string // of the object
	index   int    // of its entry
	entry   layout.Entry
	changes uint64
	ring    stream
}

// stream is a ring of one kind. Its steps return errEmpty, errClosed, or an error for good.
type stream interface {
	step() (Event, error)
	renewed() bool // it has not come as far as the place any more
	cursor() *place
}

// Options say what is copied.
type Options struct {
	Oldest bool   // begins with the oldest message that is there, not with the next one
	Limit  int    // how many bytes of a message, 0 for all
	Idle   func() // is called each time when there is no message
}

const (
	shortPause = 20 * time.Microsecond
	longPause  = 5 * time.Millisecond
	lookAgain  = 100 * time.Millisecond // without a message, to see whether the file has its name
	lastPush   = 20 * time.Millisecond  // for a push that was in progress at Close
)

// Watch calls begin with a ring, and what that returns with all that passes through the ring, until
// ctx ends, the ring is closed and drained, or the call returns an error, which Watch wraps; it
// returns nil for the first two. It fails with ErrGone if there is no such object, or if it or its
// segment is removed, and with layout.ErrCorrupt if what it reads cannot be.
func Watch(ctx context.Context, name, object string, seg *segment.Options, opts Options, begin func(*Tap) func(Event) error) error {
	return segment.Look(name, seg, func(v segment.View) error {
		t, err := open(v, object, opts)
		if err != nil {
			return err
		}
		return t.watch(ctx, begin(t))
	})
}

// Name is that of the object.
func (t *Tap) Name() string { return t.name }

// Position is the next one that the tap looks at.
func (t *Tap) Position() uint64 { return t.ring.cursor().pos }

func (t *Tap) watch(ctx context.Context, f func(Event) error) error {
	pause, ended := shortPause, false
	idle := time.Now()
	for ctx.Err() == nil {
		e, err := t.next()
		switch err {
		case nil:
			if err := f(e); err != nil {
				return err
			}
			pause, ended = shortPause, false
			idle = time.Now()
			continue
		case errClosed:
			if ended {
				return nil
			}
			ended = true
			time.Sleep(lastPush)
			continue
		case errEmpty:
		default:
			return t.fault(err)
		}
		if t.opts.Idle != nil {
			t.opts.Idle()
		}
		if time.Since(idle) > lookAgain {
			if !t.view.Named() {
				return fmt.Errorf("segment was removed: %w", ErrGone)
			}
			idle = time.Now()
		}
		time.Sleep(pause)
		pause = min(pause+pause/4, longPause)
	}
	return nil
}

func open(v segment.View, object string, opts Options) (*Tap, error) {
	if len(v.Mem) < layout.HeaderSize {
		return nil, fmt.Errorf("file has %d bytes: %w", len(v.Mem), layout.ErrCorrupt)
	}
	h, err := layout.Decode(v.Mem, v.Info.Size())
	if err != nil {
		return nil, err
	}
	t := &Tap{view: v, header: h, opts: opts, name: object}
	t.changes = layout.Changes(v.Mem).Load()
	if t.index, t.entry, err = t.find(); err != nil {
		return nil, err
	}
	e := t.entry
	t.Kind = e.Kind
	size := uint64(len(v.Mem))
	if e.Off%layout.ObjectAlign != 0 || e.Off < uint64(h.ArenaOff) || e.Off > size || e.Size > e.Room || e.Room > size-e.Off {
		return nil, t.fault(fmt.Errorf("has %d bytes at %d: %w", e.Size, e.Off, layout.ErrCorrupt))
	}
	o := words{mem: v.Mem[e.Off : e.Off+e.Size : e.Off+e.Size], limit: opts.Limit}
	if t.ring, err = newRing(o, e, opts.Oldest); err != nil {
		return nil, t.fault(err)
	}
	t.Unit = "messages"
	if e.Kind == layout.KindBytes || e.Kind == layout.KindBytesMPMC {
		t.Unit = "bytes"
	} else {
		t.Type, t.ElemSize = e.Text(v.Mem[e.Off:e.Off+e.Room]), e.ElemSize
	}
	return t, nil
}

func newRing(o words, e layout.Entry, oldest bool) (stream, error) {
	switch e.Kind {
	case layout.KindSPSC, layout.KindBroadcast:
		return newTrain(o, e, oldest)
	case layout.KindMPMC, layout.KindBytesMPMC:
		return newTrack(o, e, oldest)
	case layout.KindBytes:
		return newRecords(o, e, oldest)
	}
	return nil, ErrNoRing
}

// find returns the entry of the object. A damaged one before it is no matter.
func (t *Tap) find() (int, layout.Entry, error) {
	for i := range t.header.MaxObjects {
		e, state, err := layout.ReadEntry(t.header.Entry(t.view.Mem, i))
		if err == nil && state == layout.Free {
			break
		}
		if err == nil && state != layout.Vacant && (e.Name == t.name || layout.Printable(e.Name) == t.name) {
			return i, e, nil
		}
	}
	return 0, layout.Entry{}, fmt.Errorf("object %q: %w", layout.Printable(t.name), ErrGone)
}

// next is one step, of a ring that is still there (Invariant 3).
func (t *Tap) next() (Event, error) {
	at := *t.ring.cursor()
	e, err := t.ring.step()
	arch.LoadFence()
	changes := layout.Changes(t.view.Mem).Load()
	if changes == t.changes {
		return e, err
	}
	*t.ring.cursor() = at
	entry, state, rerr := layout.ReadEntry(t.header.Entry(t.view.Mem, t.index))
	if rerr != nil || state != layout.Published && state != layout.Removing || entry != t.entry {
		return Event{}, fmt.Errorf("was removed: %w", ErrGone)
	}
	if t.ring.renewed() {
		return Event{}, fmt.Errorf("was removed, and made again: %w", ErrGone)
	}
	t.changes = changes
	return Event{}, errEmpty
}

func (t *Tap) fault(err error) error {
	return fmt.Errorf("%v %q: %w", t.Kind, layout.Printable(t.name), err)
}

// place is where a tap is. In a Bytes, index counts the messages of a record, and those before it
// take so many bytes of it.
type place struct{ pos, index, before uint64 }

func (p *place) cursor() *place { return p }

// gap is the Event of having gone from a position to another one.
func gap(from, to, unit uint64) Event { return Event{Position: from, Missed: (to - from) * unit} }

// words are the memory of a ring. Whoever makes one sees to it that what it reads is there.
type words struct {
	mem   []byte
	limit int
	buf   []byte
}

// The words that all rings have (docs/FORMAT.md, F39).
const (
	offClosed = 4
	offHead   = 256
	offTail   = 384
	offBody   = 640
)

func (o *words) word(off uint64) uint64  { return layout.At[atomic.Uint64](o.mem, off).Load() }
func (o *words) after(off uint64) uint64 { return arch.LoadAfter64(layout.At[uint64](o.mem, off)) }
func (o *words) closed() bool            { return layout.At[atomic.Uint32](o.mem, offClosed).Load() != 0 }

// copy copies n bytes, or the first of them.
func (o *words) copy(off, n uint64) []byte {
	if o.limit > 0 {
		n = min(n, uint64(o.limit))
	}
	o.buf = append(o.buf[:0], o.mem[off:off+n]...)
	if copied != nil {
		copied()
	}
	return o.buf
}

// copied is called in tests when a message is copied, and not yet known to be whole.
var copied func()

// powerOfTwo reports whether n is one.
func powerOfTwo(n uint64) bool { return n != 0 && n&(n-1) == 0 }
