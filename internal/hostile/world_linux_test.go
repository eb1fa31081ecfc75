package hostile

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

// A world is a segment with an object of each kind, and a second mapping of its
// file, through which it is spoilt.
type world struct {
	maker *shm.Segment // stays attached: a peer who is alive
	dead  uint32       // the id of one who is not
	mem   []byte       // the second mapping
	image []byte       // what it has to be at the beginning of a program
	parts []part

	*handles // of a Segment of its own, between the posts of a fence
	fence    *fence

	storm *storm
	watch *watch
	tally tally
}

// A part is a range of bytes of the segment: an object, or what all objects have
// in common, and then its name is empty.
type part struct {
	name     string
	off, end int
}

const (
	arenaSize  = 40960
	maxProcs   = 4
	maxObjects = 32
)

// kinds are the objects, in the order of their creation in world 0. In world n
// the first n come last, so that the ends of all kinds of object are at the end
// of the mapping once.
var kinds = []string{
	"value", "large", "array", "odd", "lock", "rwlock", "semaphore", "signal", "spsc", "mpmc", "bytes", "table", "wide",
	"event", "once", "group", "reports", "letters", "work", "cast", "gated", "recursive", "barrier", "goOn",
	"cond", "pipe",
}

// newWorld makes world n.
func newWorld(n int) (w *world, err error) {
	w = &world{}
	w.maker, err = shm.Anonymous(arenaSize, &shm.Options{MaxProcs: maxProcs, MaxObjects: maxObjects})
	if err != nil {
		return nil, err
	}
	// The objects before the last take what they take; the last ends where the
	// segment does.
	order := append(append([]string{}, kinds[n:]...), kinds[:n]...)
	used := 0
	for _, kind := range order {
		used += sizes[kind]
	}
	if _, err := shm.NewArray[uint64](w.maker, "filler", (arenaSize-used)/8); err != nil {
		return nil, err
	}
	h := &handles{seg: w.maker}
	for _, kind := range order {
		if err := h.open(kind); err != nil {
			return nil, err
		}
	}
	if err := h.furnish(); err != nil {
		return nil, err
	}
	info, err := w.maker.File().Stat()
	if err != nil {
		return nil, err
	}
	w.mem, err = unix.Mmap(int(w.maker.File().Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	if err := w.survey(); err != nil {
		return nil, err
	}
	gone, err := shm.FromFile(w.maker.File(), nil)
	if err != nil {
		return nil, err
	}
	w.dead = uint32(segment.Of(gone).ID())
	if err := gone.Close(); err != nil {
		return nil, err
	}
	w.vacate()
	w.image = append([]byte(nil), w.mem...)
	w.storm = newStorm()
	w.watch = newWatch(func() {
		w.storm.over.Store(true)
		copy(w.mem, w.image)
	})
	return w, w.reopen()
}

// survey finds the parts of the segment.
func (w *world) survey() error {
	h, err := layout.Decode(w.mem, int64(len(w.mem)))
	if err != nil {
		return err
	}
	for i := range h.MaxObjects {
		e, state, err := layout.ReadEntry(h.Entry(w.mem, i))
		if err != nil {
			return err
		}
		if state == layout.Published {
			w.parts = append(w.parts, part{e.Name, int(e.Off), int(e.Off + e.Size)})
		}
	}
	if last := w.parts[len(w.parts)-1]; last.end != len(w.mem) {
		return fmt.Errorf("%s ends at %d of %d", last.name, last.end, len(w.mem))
	}
	w.parts = append(w.parts,
		part{"", 0, len(w.mem)},
		part{"", layout.TableOff, h.DirOff},
		part{"", h.DirOff, h.ArenaOff})
	return nil
}

// reopen attaches anew, between the posts of a new fence. Nothing of what the
// operations so far have left on the Go side remains.
func (w *world) reopen() error {
	if err := w.detach(); err != nil {
		return err
	}
	copy(w.mem, w.image)
	seg, fence, err := openFenced(w.maker.File(), len(w.mem))
	if err != nil {
		return err
	}
	w.handles, w.fence = &handles{seg: seg}, fence
	for _, kind := range kinds {
		if err := w.open(kind); err != nil {
			return err
		}
	}
	// The first push, the first pop and the first subscriber say who does that.
	w.lossy.claim()
	w.lossless.claim()
	err = errors.Join(w.lossy.producer.Detach(), w.lossless.producer.Detach(), w.lossless.subscriber.Detach(),
		w.mpmc.TryPush([2]uint64{1, 2}), w.wide.TryPush(nil),
		w.work.TryPut([2]uint64{1, 2}), w.letters.TryPut([2]uint64{1, 2}))
	_, err1 := w.mpmc.TryPop()
	_, err2 := w.wide.TryPop(nil)
	t, err3 := w.work.TryGet()
	l, err4 := w.letters.TryGet()
	if err := errors.Join(err, err1, err2, err3, err4); err != nil {
		return err
	}
	if err := errors.Join(t.Ack(), l.Ack()); err != nil {
		return err
	}
	w.vacate()
	copy(w.image, w.mem) // and it says who is attached
	return nil
}

func (w *world) detach() error {
	if w.handles == nil {
		return nil
	}
	w.fence.remove()
	err := w.seg.Close()
	w.handles = nil
	return err
}

// close ends the world.
func (w *world) close() error {
	w.storm.close()
	w.watch.close()
	return errors.Join(w.detach(), w.maker.Close(), unix.Munmap(w.mem))
}

// fencing is held by whoever waits for a mapping in a hole.
var fencing sync.Mutex

// openFenced opens the segment in f, which has size bytes, between the posts of a
// fence.
func openFenced(f *os.File, size int) (*shm.Segment, *fence, error) {
	fencing.Lock()
	defer fencing.Unlock()
	for range 100 { // the runtime, or the collector, may have come between
		fence, err := newFence(size)
		if err != nil {
			return nil, nil, err
		}
		seg, err := shm.FromFile(f, nil)
		fence.unplug()
		if err == nil && fence.full() {
			return seg, fence, nil
		}
		fence.remove()
		if err != nil {
			return nil, nil, err
		}
		if err := seg.Close(); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, errors.New("no mapping came to lie in a fence")
}

// handles are those of the objects, nil where there is none.
type handles struct {
	seg    *shm.Segment
	found  map[string]bool
	value  *shm.Value[int64]
	large  *shm.Value[[5]int64]
	array  *shm.Array[uint16]
	odd    *shm.Array[[3]uint32]
	lock   *shm.Lock
	rwlock *shm.RWLock
	sem    *semaphore.Semaphore
	signal *semaphore.Semaphore
	spsc   *ring.SPSC[[3]uint32]
	mpmc   *ring.MPMC[[2]uint64]
	bytes  *ring.Bytes
	wide   *ring.BytesMPMC
	table  *shm.Table[[2]uint64]
	pipe   *shmnet.Conn
	roles
	syncs
	works
	casts
}

// sizes are those of the objects in the segment.
var sizes = map[string]int{
	"value": 128, "large": 256 + 4*64, "array": 256, "odd": 128, "lock": 128, "rwlock": 128 * (2 + maxProcs),
	"semaphore": 128 * (1 + maxProcs), "signal": 128,
	"spsc": 640 + 16*24, "mpmc": 640 + 16*24, "bytes": 640 + 256,
	"table": 17*40 + 25*(8+16), "wide": 640 + 16*(24+64),
	"event": 128, "once": 128, "group": 128 * (1 + maxProcs), "reports": 128 * (1 + maxProcs),
	"letters": 640 + 16*40, "work": 640 + 16*40,
	"cast": 640 + 16*24, "gated": 640 + 64*128 + 16*24,
	"recursive": 128, "barrier": 128 * (1 + maxProcs), "goOn": 128 * (1 + maxProcs),
	"cond": 128 * (3 + maxProcs), "pipe": 4096 + 2*pipeBuffer,
}

// open opens the object of a kind.
func (h *handles) open(kind string) (err error) {
	s := h.seg
	switch kind {
	case "value":
		h.value, err = shm.NewValue[int64](s, kind)
	case "large":
		h.large, err = shm.NewValue[[5]int64](s, kind)
	case "array":
		h.array, err = shm.NewArray[uint16](s, kind, 100)
	case "odd":
		h.odd, err = shm.NewArray[[3]uint32](s, kind, 9)
	case "lock":
		h.lock, err = shm.NewLock(s, kind)
	case "rwlock":
		h.rwlock, err = shm.NewRWLock(s, kind)
	case "semaphore":
		h.sem, err = semaphore.New(s, kind, 3, nil)
	case "signal":
		h.signal, err = semaphore.New(s, kind, 1, &semaphore.Options{Signalling: true, Bound: 5})
	case "spsc":
		h.spsc, err = ring.NewSPSC[[3]uint32](s, kind, 16)
	case "mpmc":
		h.mpmc, err = ring.NewMPMC[[2]uint64](s, kind, 16)
	case "bytes":
		h.bytes, err = ring.NewBytes(s, kind, 256)
	case "wide":
		h.wide, err = ring.NewBytesMPMC(s, kind, 16*64)
	case "table":
		h.table, err = shm.NewTable[[2]uint64](s, kind, 17)
	case "pipe":
		h.pipe, err = openPipe(s)
	case "letters", "work":
		err = h.works.open(s, kind)
	default:
		var ok bool
		if ok, err = h.casts.open(s, kind); !ok {
			err = h.syncs.open(s, kind)
		}
	}
	if h.found == nil {
		h.found = map[string]bool{"filler": true, "segment": true}
	}
	h.found[kind] = err == nil
	return err
}

// furnish leaves bytes in the pipe, and messages and a few laps in the rings.
func (h *handles) furnish() error {
	if _, err := h.pipe.Write(make([]byte, 1500)); err != nil {
		return err
	}
	h.claim("")
	for i := range 13 {
		err := errors.Join(
			h.producer.TryPush([3]uint32{1, 2, 3}),
			h.mpmc.TryPush([2]uint64{1, 2}),
			h.byteProducer.TryPush(make([]byte, 20+i)),
			h.wide.TryPush(make([]byte, 16*i)),
			h.work.TryPut([2]uint64{1, 2}),
			h.letters.TryPut([2]uint64{1, 2}),
			h.lossy.producer.TryPush([2]uint64{1, 2}),
			h.lossless.producer.TryPush([2]uint64{1, 2}))
		if err != nil {
			return err
		}
		if i < 3 {
			continue
		}
		_, err1 := h.consumer.TryPop()
		_, err2 := h.mpmc.TryPop()
		_, err3 := h.byteConsumer.TryPop(nil)
		_, err4 := h.wide.TryPop(nil)
		t, err5 := h.work.TryGet()
		if i%4 == 0 { // the others stay with the maker
			err5 = errors.Join(err5, t.Ack())
		}
		t, err6 := h.letters.TryGet()
		if err := errors.Join(err1, err2, err3, err4, err5, err6, t.Ack()); err != nil {
			return err
		}
	}
	return errors.Join(h.lossy.producer.Detach(), h.lossless.producer.Detach(), h.lossless.subscriber.Detach(), h.producer.Detach(), h.consumer.Detach(), h.byteProducer.Detach(), h.byteConsumer.Detach())
}
