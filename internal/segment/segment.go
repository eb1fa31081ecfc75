// Package segment makes, opens and closes segments: mapped files with a process
// table and a directory of named objects. Package shm is its public face.
package segment

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
)

// anonymousName stands for the name of a segment that has none.
const anonymousName = "anonymous"

// Segment is one attachment of this process to a segment.
//
// Its memory stays mapped until the Segment is unreachable, so whoever holds
// memory of it (Object.Mem) must hold the Segment as well, and use it after the
// last access: call Closed, or runtime.KeepAlive.
type Segment struct {
	name   string
	header layout.Header
	mem    []byte
	table  *liveness.Table
	res    *resources

	path string      // of its file, "" if it never had a name
	info os.FileInfo // of its file

	closed  atomic.Bool
	cleanup runtime.Cleanup

	mustExist bool // objects are found, and not made
	dir       directory

	mu    sync.Mutex
	local map[localKey]any // guarded by mu
}

// resources are what a Segment holds outside of the Go heap.
type resources struct {
	mapping *mapping.Mapping
	table   *liveness.Table      // owns the private description of the file
	shared  *os.File             // the description to hand to children, or nil
	holds   atomic.Pointer[Hold] // the last one made

	marks   sync.Mutex // of changes of attendance
	settled bool       // there are none any more; guarded by marks

	once sync.Once
	err  error
}

// newSegment attaches this process to the segment mapped at m. It owns f and m
// from then on, even if it fails.
func newSegment(name string, f *liveness.File, m *mapping.Mapping, h layout.Header, o Options) (*Segment, error) {
	err := prepare(m, o)
	var info os.FileInfo
	if err == nil {
		info, err = f.Stat()
	}
	var table *liveness.Table
	if err == nil {
		table, err = liveness.Attach(f, layout.IDs(m.Bytes()), h.Table(m.Bytes()))
	}
	if err != nil {
		return nil, errors.Join(err, m.Unmap(), f.Close())
	}
	s := &Segment{
		name:      name,
		info:      info,
		header:    h,
		mem:       m.Bytes(),
		table:     table,
		res:       &resources{mapping: m, table: table},
		mustExist: o.MustExist,
		dir:       directory{names: map[string]int{}},
		local:     map[localKey]any{},
	}
	s.cleanup = runtime.AddCleanup(s, (*resources).free, s.res)
	canBarrier() // registers the process before it publishes anything
	atStep(stepAttached)
	s.settle()
	return s, nil
}

func prepare(m *mapping.Mapping, o Options) error {
	if o.HugePages {
		if err := m.HugePages(); err != nil {
			return fmt.Errorf("huge pages: %w", err)
		}
	}
	if o.Populate {
		if err := m.Populate(); err != nil {
			return fmt.Errorf("populate: %w", err)
		}
	}
	return nil
}

// detach makes this attachment dead to the others, whatever fails. The order
// matters: nothing may reach the file once they may think so, unless there is no
// way to keep an operation in flight from it.
func (r *resources) detach() error {
	r.once.Do(func() {
		r.leave()
		atStep(stepLeft)
		err := r.mapping.Sever()
		if err != nil {
			err = fmt.Errorf("operations caught in the middle finish on the segment: %w", err)
		}
		if err != nil || !mapping.Severs() {
			r.settle()
		}
		atStep(stepSevered)
		r.err = errors.Join(err, r.table.Close())
		if r.shared != nil {
			r.err = errors.Join(r.err, r.shared.Close())
		}
	})
	return r.err
}

// settle waits until nobody of this process changes what others rely on, and keeps them
// from it then.
func (r *resources) settle() {
	r.table.Settle()
	r.marks.Lock()
	defer r.marks.Unlock()
	r.settled = true
}

// leave says that this attachment ends in order. Where the file was cut off there is
// nobody to say it to: that must not end the process.
func (r *resources) leave() {
	_ = guarded(func() error {
		for h := r.holds.Load(); h != nil; h = h.next {
			h.leave(uint64(r.table.ID()))
		}
		r.table.Leave()
		return nil
	})
}

// free leaves nothing behind. Nobody can touch the memory any more.
func (r *resources) free() {
	r.detach()
	r.mapping.Unmap()
}

// discard undoes newSegment for a Segment that nobody else has seen.
func (s *Segment) discard() {
	s.cleanup.Stop()
	s.res.free()
	runtime.KeepAlive(s)
}

// Name returns the name of the segment, "anonymous" if it has none.
func (s *Segment) Name() string { return s.name }

// Size returns the room for objects, in bytes.
func (s *Segment) Size() int64 { return int64(s.header.ArenaSize) }

// Replaced reports whether the name of the segment is gone, or is another's by now.
func (s *Segment) Replaced() bool {
	if s.path == "" {
		return false
	}
	now, err := os.Lstat(s.path)
	return err != nil || !os.SameFile(now, s.info)
}

// Path returns the path of the file when it was opened, "" if it never had a name.
func (s *Segment) Path() string { return s.path }

// Info describes the file.
func (s *Segment) Info() os.FileInfo { return s.info }

// File returns the file to hand to a child process, nil for a named segment. It
// is closed with the Segment.
func (s *Segment) File() *os.File { return s.res.shared }

// ID returns the owner ID of this attachment.
func (s *Segment) ID() liveness.ID { return s.table.ID() }

// Slot returns the slot of the process table that this attachment has.
func (s *Segment) Slot() int { return s.table.Slot() }

// Dead reports whether the owner of id has closed its Segment or died.
func (s *Segment) Dead(id liveness.ID) bool {
	dead := s.table.Dead(id)
	runtime.KeepAlive(s)
	return dead
}

// DeadIn is Dead for an owner that has, or had, a slot of the process table.
func (s *Segment) DeadIn(slot int, id liveness.ID) bool {
	dead := s.table.DeadIn(slot, id)
	runtime.KeepAlive(s)
	return dead
}

// SlotFree reports whether a slot of the process table has no owner that is alive.
func (s *Segment) SlotFree(slot int) bool {
	free := s.table.SlotFree(slot)
	runtime.KeepAlive(s)
	return free
}

// MaxProcs returns the number of slots in the process table.
func (s *Segment) MaxProcs() int { return s.header.MaxProcs }

// String names the segment.
func (s *Segment) String() string { return fmt.Sprintf("segment %q", s.name) }

// Closed reports whether Close has been called.
func (s *Segment) Closed() bool { return s.closed.Load() }

// Close detaches from the segment. To the other processes it is as if this one
// had died at that instant. Operations caught in the middle finish on private
// memory, and report ErrClosed.
func (s *Segment) Close() error {
	if !s.closed.CompareAndSwap(false, true) {
		return wrap("close", s.name, ErrClosed)
	}
	err := s.res.detach()
	runtime.KeepAlive(s)
	return wrap("close", s.name, err)
}

// localKey names an object. Its kind and size are part of that, in case somebody
// changes the directory behind our back.
type localKey struct {
	kind      layout.Kind
	off, size uint64
}

// Local returns what this Segment keeps on the Go side for an object, made by
// make on the first call. All handles of the object share it. An object that this Segment
// has used cannot be removed while it is open, so it stays that object's.
func (s *Segment) Local(o Object, make func() any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := localKey{o.Kind, o.Off, uint64(len(o.Mem))}
	v, ok := s.local[key]
	if !ok {
		v = make()
		s.local[key] = v
	}
	return v
}
