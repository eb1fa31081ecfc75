package shm

import (
	"os"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// Segment is this process's attachment to a segment: a mapped file that contains
// named objects.
//
// Several goroutines may call its methods at the same time. Several Segments of
// one process on the same file are as separate as the Segments of different
// processes. Each has its own owner identity.
//
// If a Segment and all objects made from it become unreachable, the Segment is
// closed, as if by Close.
type Segment struct {
	core *segment.Segment
}

// Create creates a segment that does not exist yet. It has room for size bytes of
// objects, rounded up to whole pages of 4096 bytes. Each object starts at a
// multiple of 128 bytes. Create fails with fs.ErrExist if a file of that name
// exists.
//
// A name is one element of a path: 1 to 200 bytes of UTF-8, without control
// characters and without / \ : * ? " < > |. Create allocates the space at once.
// If there is too little space, Create fails with [ErrSpace]; a memory fault
// never follows later.
func Create(name string, size int64, opts *Options) (*Segment, error) {
	return newSegment(segment.Create(name, size, opts.internal()))
}

// Open opens a segment that exists. It fails with fs.ErrNotExist if there is no
// segment of that name. It fails with [ErrCorrupt], [ErrMismatch], [ErrUntrusted]
// or fs.ErrPermission if the file of that name must not or cannot be opened.
func Open(name string, opts *Options) (*Segment, error) {
	return newSegment(segment.Open(name, opts.internal()))
}

// OpenOrCreate opens a segment. If the segment does not exist, OpenOrCreate
// creates it as [Create] does. If the segment exists and has room for less than
// size bytes, the error is [ErrMismatch]. The mode and the limits in opts have no
// effect on a segment that exists. Any number of processes may call OpenOrCreate
// at the same time: all of them get the same segment.
func OpenOrCreate(name string, size int64, opts *Options) (*Segment, error) {
	return newSegment(segment.OpenOrCreate(name, size, opts.internal()))
}

// Anonymous creates a segment that has no name. The segment is gone when the last
// process that uses it has ended or closed it. A child process inherits it: put
// [Segment.File] into the ExtraFiles of an exec.Cmd, and call [FromFile] in the
// child. The file is sealed, so that no process can resize it. If a sandbox
// refuses memfd_create, the file is not sealed and lies in the directory of opts.
// Only Linux has such segments; on other systems the error is
// errors.ErrUnsupported.
func Anonymous(size int64, opts *Options) (*Segment, error) {
	return newSegment(segment.Anonymous(size, opts.internal()))
}

// FromFile opens the segment in f, which must be open for reading and writing. It
// validates the segment as [Open] does. FromFile opens a file description of its
// own. f still belongs to the caller, who may close it at once. FromFile works on
// the systems where [Anonymous] works, and needs a mounted /proc.
func FromFile(f *os.File, opts *Options) (*Segment, error) {
	return newSegment(segment.FromFile(f, opts.internal()))
}

// Remove removes the segment of that name, even if processes have it open. Those
// processes can continue to use it, and the name is free for a new segment. The
// memory is released when the last of those processes has closed the segment.
// Remove fails with fs.ErrNotExist if there is no segment of that name. (On
// Windows, the file of a segment that is open gets another name. It is removed
// when a later segment is created in that directory.)
func Remove(name string, opts *Options) error {
	return segment.Remove(name, opts.internal())
}

// List returns the names of the segments in the directory of opts, in sorted
// order. It includes the segments of other users.
func List(opts *Options) ([]string, error) {
	return segment.List(opts.internal())
}

// RemoveStale removes the segments in the directory of opts that a crash has left behind, and
// returns their names. Such a segment has no user who is alive, and at least one whose
// process has ended without Close and whose place nobody has taken since. So do not call
// RemoveStale where segments lie that have to survive a crash of all of their users.
//
// RemoveStale leaves alone a segment that all users have closed: it may wait for the next one.
// It also leaves alone what this process must not open, and files that are no segments of this
// version. Of opts, Dir and TrustedUIDs matter. If RemoveStale returns an error, it has removed
// the other segments all the same.
//
// It never removes a segment that a process has open, or is just opening or creating: that
// process either gets the segment, or finds that there is none. Whoever opens or removes a
// segment in the microseconds in which RemoveStale looks at it waits for that.
func RemoveStale(opts *Options) ([]string, error) {
	return segment.RemoveStale(opts.internal())
}

func newSegment(core *segment.Segment, err error) (*Segment, error) {
	if err != nil {
		return nil, err
	}
	return &Segment{core}, nil
}

// Name returns the name of the segment. The name of an anonymous segment is
// "anonymous". The name of a segment from FromFile is the name of its file.
func (s *Segment) Name() string { return s.core.Name() }

// Size returns the room for objects, in bytes.
func (s *Segment) Size() int64 { return s.core.Size() }

// Replaced reports whether a process has removed this segment since it was
// opened. Another segment of the same name may exist now. This process still uses
// the old memory, which new processes do not see. A program that runs long should
// call Replaced from time to time, and open the segment again if it returns true.
// An anonymous segment is never replaced.
func (s *Segment) Replaced() bool { return s.core.Replaced() }

// RemoveObject removes the object of that name. The name is then free for another
// object. The object's room is free for an object that fits into it, which starts
// as a new one. RemoveObject fails with fs.ErrNotExist if there is no such
// object. It fails with [ErrInUse], and changes nothing, if a live Segment uses
// the object; the error says how many Segments use it. A Segment uses every
// object that its constructors have returned, until the Segment is closed. What
// happens to the handles makes no difference. A constructor that runs at the same
// moment may count as a use, even if it fails.
//
// RemoveObject is the way to open a ring again that was closed and is drained.
// First, every process that used the ring closes its Segment, or dies. Then one
// process opens the segment, removes the ring and creates it again.
func (s *Segment) RemoveObject(name string) error { return s.core.RemoveObject(name) }

// File returns the file of an anonymous segment, to pass it to child processes.
// The file belongs to the Segment: the Segment must stay reachable until the
// children have started, and its Close closes the file. File returns nil if the
// Segment was not made by Anonymous.
func (s *Segment) File() *os.File { return s.core.File() }

// Close detaches this process from the segment. The segment and its objects
// continue to exist. What this Segment holds of them, such as a Lock or permits
// of a Semaphore, is abandoned, as if the process had died. If Close fails, this
// is done all the same; the error says what could not be given back. A second
// Close fails with [ErrSegmentClosed].
func (s *Segment) Close() error { return s.core.Close() }

// String returns a description that names the segment.
func (s *Segment) String() string { return s.core.String() }

func init() {
	segment.Of = func(s any) *segment.Segment { return s.(*Segment).core }
}
