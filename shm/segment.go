package shm

import (
	"os"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// Segment is this process's attachment to a segment: a mapped file that holds
// named objects.
//
// Its methods may be called by several goroutines at once. Several Segments of
// one process on one file are as separate as those of different processes, each
// with an owner identity of its own.
//
// A Segment that becomes unreachable, with all objects made from it, is closed
// as if by Close.
type Segment struct {
	core *segment.Segment
}

// Create makes a segment that does not exist, with room for size bytes of
// objects, rounded up to whole pages of 4096 bytes. Objects start at multiples
// of 128 bytes. It fails with fs.ErrExist if there is a file of that name.
//
// A name is one element of a path: 1 to 200 bytes of UTF-8, without control
// characters and / \ : * ? " < > |. The space is allocated at once: too little
// of it is ErrSpace here, never a fault later.
func Create(name string, size int64, opts *Options) (*Segment, error) {
	return newSegment(segment.Create(name, size, opts.internal()))
}

// Open opens a segment that exists. It fails with fs.ErrNotExist if there is
// none of that name, and with ErrCorrupt, ErrMismatch, ErrUntrusted or
// fs.ErrPermission if the file of that name is not fit to be opened.
func Open(name string, opts *Options) (*Segment, error) {
	return newSegment(segment.Open(name, opts.internal()))
}

// OpenOrCreate opens a segment or, if it does not exist, makes it as Create
// does. One that exists and has room for less than size bytes is ErrMismatch;
// the mode and the limits in opts do not matter to one that exists. Whatever the
// number of processes that call it at the same time, all get the same segment.
func OpenOrCreate(name string, size int64, opts *Options) (*Segment, error) {
	return newSegment(segment.OpenOrCreate(name, size, opts.internal()))
}

// Anonymous makes a segment that has no name and goes away with the last process
// that uses it. A child gets it by inheritance: put File into the ExtraFiles of
// an exec.Cmd, and there call FromFile. The file is sealed, so that nobody can
// resize it, unless a sandbox refuses memfd_create: then it is an unsealed one
// in the directory of opts. Only Linux has such segments; elsewhere the error is
// errors.ErrUnsupported.
func Anonymous(size int64, opts *Options) (*Segment, error) {
	return newSegment(segment.Anonymous(size, opts.internal()))
}

// FromFile opens the segment in f, which must be open for reading and writing,
// and validates it as Open does. It makes a description of its own: f stays the
// caller's, who may close it at once. It works where Anonymous does, and needs
// /proc to be mounted.
func FromFile(f *os.File, opts *Options) (*Segment, error) {
	return newSegment(segment.FromFile(f, opts.internal()))
}

// Remove removes the segment of that name, whoever has it open; those go on with
// it, and the name is free for another. Its memory is released when the last of
// them has closed it. It fails with fs.ErrNotExist if there is none. (On
// Windows the file of one that is open gets another name, and is removed when a
// later segment is made in that directory.)
func Remove(name string, opts *Options) error {
	return segment.Remove(name, opts.internal())
}

// List returns the names of the segments in the directory of opts, in order,
// those of other users included.
func List(opts *Options) ([]string, error) {
	return segment.List(opts.internal())
}

func newSegment(core *segment.Segment, err error) (*Segment, error) {
	if err != nil {
		return nil, err
	}
	return &Segment{core}, nil
}

// Name returns the name of the segment. An anonymous one is called "anonymous",
// and one from FromFile as its file is.
func (s *Segment) Name() string { return s.core.Name() }

// Size returns the room for objects, in bytes.
func (s *Segment) Size() int64 { return s.core.Size() }

// Replaced reports whether another process has removed this segment, and maybe
// made another of the same name, since it was opened. This process then goes on
// with memory that newcomers do not see: programs that run long ask from time to
// time, and open the segment again. An anonymous segment is never replaced.
func (s *Segment) Replaced() bool { return s.core.Replaced() }

// RemoveObject removes the object of that name. Its name is free for another, and its room
// for one that fits into it, which begins as new. It fails with fs.ErrNotExist if there is
// none, and with ErrInUse if anybody uses it who is alive, which changes nothing. A Segment
// uses all objects that its constructors have returned, until it is closed, whatever
// becomes of the handles. The error says how many Segments use the object.
//
// This is how a ring that was closed and is drained is opened again: all who used it close
// their Segments, or die; then one opens the segment, removes the ring and makes it anew.
func (s *Segment) RemoveObject(name string) error { return s.core.RemoveObject(name) }

// File returns the file of an anonymous segment, to hand it to child processes.
// It belongs to the Segment, which must stay reachable until they have started,
// and whose Close closes it. File is nil for a Segment that Anonymous did not
// make.
func (s *Segment) File() *os.File { return s.core.File() }

// Close detaches from the segment. The segment itself and its objects stay; what
// this Segment holds of them, a Lock or permits of a Semaphore, is abandoned, as
// if the process had died. That is so even if Close fails, which says what could
// not be given back. A second Close fails with ErrSegmentClosed.
func (s *Segment) Close() error { return s.core.Close() }

// String names the segment.
func (s *Segment) String() string { return s.core.String() }

func init() {
	segment.Of = func(s any) *segment.Segment { return s.(*Segment).core }
}
