//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	segmentName = "s"
	segmentSize = 24576 // a lossless Broadcast has lines for its subscribers
)

// patience is how long anything may take.
var patience = proctest.Timeout()

// operation is a row of the table.
type operation struct {
	name    string
	outside bool // the victim is not attached when it begins
	fresh   bool // a new segment for every victim
	draft   bool // the victim makes a file
	inside  bool // the operation marks its beginning itself
	long    bool // stopped at system calls and after changes only
	lets    bool // it lets others go, and does not notice when they close the Segment

	ring  string // the kind of the ring "q", if it is an operation of that
	first bool   // the first that the victim does there

	// It is stopped after each change of the segment, and each execution of this
	// function, if it names one, whichever other points are chosen by chance.
	changes bool
	after   string

	c string // the operation of testdata/victim.c, if the victim is in C

	// victim prepares the operation in the victim, and returns it.
	victim func(v *victim) func() result
	// other prepares what the other process does when it is told to.
	other func(seg *shm.Segment) func() result
	// play returns what the test does around the operation.
	play func(s *stage) scene
}

// joins reports whether the victim joins both sides of the ring before the operation, as
// whoever goes on pushing and popping has.
func (op *operation) joins() bool { return anybody(op.ring) && !op.first }

// scene is what happens around one operation, in the order of the fields. Any
// may be nil.
type scene struct {
	// wakes says that the operation, once ended, has woken the other process.
	wakes bool

	ready func() // before the victim starts, or when it has joined the ring
	set   func() // the victim is about to begin
	// asleep is called when the operation sleeps, maybe again, and maybe too
	// soon: what it waits for has to happen now.
	asleep func()
	// paused is called with the victim stopped at a point. The others do what
	// they can, and must not do what they may not. What it returns is called
	// once the victim goes on, unless it is nil.
	paused func() func()
	// dying is called with the victim stopped, right before it is killed.
	dying func()
	// alive is called with the victim stopped right after its operation.
	alive func(o outcome)
	check func(o outcome)
}

// outcome is how a victim ended.
type outcome struct {
	ended  bool // the operation did
	result      // if it ended
}

// stage is where an operation is tested.
type stage struct {
	*testing.T
	op    *operation
	dir   string
	opts  *shm.Options
	seg   *shm.Segment // the test's attachment
	view  []byte       // the segment's file, mapped by the harness
	round uint64
	other *proctest.Proc
	out   *os.File
	link  *os.File // to the standard input of the present victim

	fate   fate  // of the victims
	gentle bool  // nobody is killed before its operation has ended
	scene  scene // the present one
	always bool  // the point is one that is tried whichever others are

	cVictim string           // the victim in C, compiled
	program killtest.Program // of the victim
	tracer  *killtest.Tracer
	live    *killtest.Process
	where   string
	stall   time.Duration // the longest that anybody waited after a death
}

func newStage(t *testing.T, op *operation, f fate, cpu int) *stage {
	t.Helper()
	s := &stage{T: t, op: op, fate: f, program: killtest.Self}
	tracer, err := killtest.NewTracer(cpu)
	if err != nil {
		t.Skip(err)
	}
	s.tracer = tracer
	if !*allFlag {
		tracer.StepOver()
	}
	s.dir = must(os.MkdirTemp(os.Getenv("ISTHMUS_DIR"), ""))
	s.opts = &shm.Options{Dir: s.dir, MaxProcs: 4, MaxObjects: 8}
	s.out = must(os.CreateTemp(t.TempDir(), ""))
	t.Cleanup(func() {
		tracer.Close()
		s.out.Close()
		if s.link != nil {
			s.link.Close()
		}
		if s.seg != nil {
			s.leave()
		}
		if left := must(os.ReadDir(s.dir)); len(left) != 0 && !t.Failed() {
			t.Errorf("left in the segment directory: %v", left)
		}
		os.RemoveAll(s.dir)
	})
	return s
}

// enter makes the segment.
func (s *stage) enter() {
	s.seg = must(shm.Create(segmentName, segmentSize, s.opts))
	s.watch(filepath.Join(s.dir, "isthmus."+segmentName))
}

// leave removes it.
func (s *stage) leave() {
	s.unwatch()
	if err := s.seg.Close(); err != nil && !errors.Is(err, shm.ErrSegmentClosed) {
		s.Error(err)
	}
	if err := shm.Remove(segmentName, s.opts); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Error(err)
	}
	s.seg = nil
}

// watch maps a segment's file.
func (s *stage) watch(path string) {
	f := must(os.OpenFile(path, os.O_RDWR, 0))
	defer f.Close()
	size := int(must(f.Stat()).Size())
	s.view = must(unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED))
}

func (s *stage) unwatch() {
	if s.view != nil {
		check(unix.Munmap(s.view))
		s.view = nil
	}
}

// memory returns the bytes of an object.
func (s *stage) memory(name string) []byte {
	h := must(layout.Decode(s.view, int64(len(s.view))))
	for i := range h.MaxObjects {
		e, state, err := layout.ReadEntry(h.Entry(s.view, i))
		if err == nil && state == layout.Published && e.Name == name {
			return s.view[e.Off : e.Off+e.Size]
		}
	}
	s.fatalf("no object %q", name)
	return nil
}

// victimID returns the owner id of the victim, which is attached.
func (s *stage) victimID() uint64 {
	s.Helper()
	return binary.NativeEndian.Uint64(s.victimSlot())
}

// victimSlot returns its slot of the process table.
func (s *stage) victimSlot() []byte {
	s.Helper()
	h := must(layout.Decode(s.view, int64(len(s.view))))
	table := h.Table(s.view)
	for i := range h.MaxProcs {
		slot := table[len(table)/h.MaxProcs*i:]
		if binary.NativeEndian.Uint32(slot[16:]) == uint32(s.live.Pid()) {
			return slot
		}
	}
	s.fatalf("the victim is not in the process table")
	return nil
}

// overlook has a copy of the segment agree with it in when each process was last seen:
// everybody writes that, at any time, and nothing depends on it but who looks next.
func (s *stage) overlook(before []byte) {
	h := must(layout.Decode(s.view, int64(len(s.view))))
	then, now := h.Table(before), h.Table(s.view)
	size := len(now) / h.MaxProcs
	for seen := slotSeen; seen < len(now); seen += size {
		copy(then[seen:], now[seen:seen+8])
	}
}

// slotSeen is where a slot says when its owner was last seen.
const slotSeen = 56

// wide returns the 64-bit word at an offset of an object.
func (s *stage) wide(name string, off int) uint64 {
	return binary.NativeEndian.Uint64(s.memory(name)[off:])
}

// word returns the 32-bit word at an offset of an object.
func (s *stage) word(name string, off int) uint32 {
	return binary.NativeEndian.Uint32(s.memory(name)[off:])
}

// fatalf fails the test with the point, and what the victim printed.
func (s *stage) fatalf(format string, args ...any) {
	s.Helper()
	out, _ := os.ReadFile(s.out.Name())
	s.Fatalf("%s\n%s\nthe victim printed %q", s.where, fmt.Sprintf(format, args...), out)
}

// must fails the test if err is not nil.
func (s *stage) must(what string, err error) {
	s.Helper()
	if err != nil {
		s.fatalf("%s: %v", what, err)
	}
}

// is fails the test if err is not want.
func (s *stage) is(what string, err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.fatalf("%s: got %v, want %v", what, err, want)
	}
}

// bounded calls what the others have to be able to do after a death.
func (s *stage) bounded(what string, f func(ctx context.Context) error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	start := time.Now()
	s.must(what, f(ctx))
	s.stalled(start)
}

func (s *stage) stalled(since time.Time) { s.stall = max(s.stall, time.Since(since)) }

// background calls f in a goroutine and returns a function that waits for it.
func (s *stage) background(what string, f func()) (wait func(limit time.Duration) bool) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return func(limit time.Duration) bool {
		s.Helper()
		start := time.Now()
		select {
		case <-done:
			s.stalled(start)
			return true
		case <-time.After(limit):
			if limit >= patience {
				s.fatalf("%s: not within %v", what, limit)
			}
			return false
		}
	}
}
