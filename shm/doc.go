// Package shm shares memory between processes: segments, which are mapped files
// with named objects in them, and the objects Value, Array, Table and Lock. Packages
// semaphore and ring put more kinds of object into the same segments.
//
// Both sides run the same lines. A constructor finds the object of that name in
// the segment, or creates it, zeroed:
//
//	seg, err := shm.OpenOrCreate("jobs", 1<<20, nil)
//	total, err := shm.NewValue[int64](seg, "total")
//	mu, err := shm.NewLock(seg, "mu")
//
// A Value is one variable; a Table has many, each with a version, and whoever waits
// for another version of one sleeps until it comes. An Array is memory like that of
// a slice, in which only elements of a word's size are read and written whole.
//
// Two sides that disagree about an object's kind, element type or size get
// ErrMismatch. Element types are plain: numbers of fixed size, int and uint,
// bools, and arrays and structs of them. Others are refused with ErrNotPlain
// and the path of the offending field.
//
// # When not to use it
//
// Not across machines, nor across architectures: a segment is in the layout of
// the machine that made it. Not between goroutines of one process, which have
// channels and package sync. Not with peers that are not trusted at all: what
// this package reads from a segment it validates, so that a corrupt peer cannot
// make it touch memory outside of an object, but a peer can always destroy what
// is shared, and one that may resize the file can make every access to it fault
// (a sealed segment, see Anonymous, cannot be resized). So can one that punches
// holes into it (fallocate(2), MADV_REMOVE), as soon as there is no memory left to
// fill them; no seal helps against that.
//
// # What it guarantees
//
// A segment has its name only once it is whole. No process ever opens one half
// made, and a process killed while it makes one leaves nothing behind.
//
// A process may be killed at any instruction. What it held is known to be
// abandoned as soon as the kernel has closed its files; the objects say what
// they then do. Closing a Segment counts as dying: what this process still holds
// through it is abandoned, to the other processes at once.
//
// Using a Segment, or an object in it, after Close is an error or, in methods
// that return none, a panic. It is never a memory fault: an operation that Close
// catches in the middle goes on with private memory, and the mapping itself goes
// when the last handle is unreachable. (Windows cannot take the file away from
// under a mapping: there such an operation finishes on the shared memory.)
//
// # Who may open a segment
//
// Segment files have mode 0600 unless Options say otherwise. A file is opened
// only if it is a regular file, not a link, and belongs to the effective user,
// or to one whom Options.TrustedUIDs names. The uid that stands for all whom a
// user namespace does not map belongs to nobody unless it is named.
//
// Who may write to the file can destroy what is shared. Who may only read it can
// keep new processes from attaching.
package shm
