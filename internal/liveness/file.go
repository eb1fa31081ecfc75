package liveness

import "os"

// File is an open file of which this package locks bytes.
//
// Its description must be private to this process: one that a child inherits
// keeps a dead parent's locks. And where a platform's locks belong to the
// process and go away as it closes any descriptor of the file, package liveness
// must be the one to close every one of them. So a segment file is handed to
// Take as soon as it is open.
type File struct {
	*os.File
	locks locks
}

// locks is what a platform provides: exclusive locks on numbered bytes of a
// file, which the kernel drops when the process is gone.
type locks interface {
	try(n int64) (bool, error)  // lock byte n, unless someone has it
	held(n int64) (bool, error) // whether anyone but this File has byte n
	lock(n int64) error         // lock byte n, waiting for it
	share(n int64) error        // lock byte n together with others who share it, waiting for it
	unlock(n int64) error
	close() error // drop all locks and close the file
}

// Byte n is at base+n, past the end of every segment (docs/FORMAT.md, F12).
const (
	base = 1 << 40

	creationByte = -1
	draftByte    = -2
	gateByte     = -3 // the others are those of IDs
)

// Take makes a File of f, and owns it from then on, even if it fails.
func Take(f *os.File) (*File, error) {
	l, err := newLocks(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{f, l}, nil
}

// Close closes the file and drops every lock taken through it.
func (f *File) Close() error { return f.locks.close() }

// TryDraft takes the lock that says that somebody is still at work on a file
// which has a temporary name, or reports that another File has it.
func (f *File) TryDraft() (bool, error) { return f.locks.try(draftByte) }
