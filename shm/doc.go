// Package shm shares memory between processes. A segment is a mapped file that
// contains named objects. This package has the objects Value, Array, Table, Lock,
// RecursiveLock, RWLock, Cond, Event, Once, WaitGroup and Barrier. The packages
// semaphore and ring add more kinds of object to the same segments. [Select] waits
// for one of several operations on them.
//
// All processes run the same lines. A constructor looks for the object of that
// name in the segment. If there is none, it creates one, zeroed:
//
//	seg, err := shm.OpenOrCreate("jobs", 1<<20, nil)
//	total, err := shm.NewValue[int64](seg, "total")
//	mu, err := shm.NewLock(seg, "mu")
//
// A Value is one variable. A Table has many entries, each with a version; a
// goroutine can sleep until the version of an entry changes. An Array is memory
// like that of a slice; only elements of 1, 2, 4 or 8 bytes are read and written
// atomically.
//
// If two processes disagree about an object's kind, element type or size, the
// constructor that comes later fails with [ErrMismatch]. Element types are plain:
// numbers of fixed size, int and uint, bools, and arrays and structs of these. A
// constructor refuses other types with [ErrNotPlain]; the error names the path of
// the field that is not plain.
//
// [Inspect] tells what is in a segment, who holds it and what is wrong with it, from outside.
// [RemoveStale] removes the segments that a crash has left behind.
//
// # When not to use it
//
// Do not use this package between machines, or between processors of different
// architectures: a segment has the memory layout of the machine that created it.
// Do not use it between goroutines of one process: they have channels and package
// sync.
//
// Do not use it with peers that you do not trust at all. This package validates
// what it reads from a segment, so a corrupt peer cannot make it access memory
// outside an object. But a peer can always destroy the shared data. A peer that
// may resize the file can make every access to it fault; a sealed segment (see
// [Anonymous]) cannot be resized. A peer that punches holes into the file
// (fallocate(2), MADV_REMOVE) can make accesses fault when there is no memory
// left to fill the holes; no seal prevents that.
//
// # What it guarantees
//
// A segment gets its name only when it is complete. No process ever opens an
// incomplete segment. A process that is killed while it creates a segment leaves
// nothing behind.
//
// A process may be killed at any instruction. Everything that it held is known to
// be abandoned as soon as the kernel has closed its files. The documentation of
// each object says what happens then. Close of a Segment has the same effect as
// the death of a process: what this process still holds through the Segment is
// abandoned, and the other processes see that at once.
//
// After Close, the use of a Segment, or of an object in it, is an error. Methods
// that return no error panic. Such use never causes a memory fault: if Close
// comes in the middle of an operation, the operation continues on private memory.
// The mapping itself is removed when the last handle is unreachable. (Windows
// cannot remove the file under a mapping. There, such an operation finishes on
// the shared memory.)
//
// A goroutine that another one has let go may close the Segment at once. What lets
// others go and returns nothing does not notice: Unlock, RUnlock, Signal, Broadcast,
// Set, Clear, Abort, Reset, the Done of a WaitGroup, the Release of permits and the
// Store of a Value. All other operations report a Close in their middle, even if they
// have had their effect. If nobody was let go before the Close, it is as if the process
// had died in the operation: there may be no effect, and nobody may be told.
//
// # Who may open a segment
//
// Segment files have mode 0600, unless [Options] set another mode. A process
// opens a file only if it is a regular file, not a link, and belongs to the
// effective user or to a user in Options.TrustedUIDs. One uid stands for all
// users that a user namespace does not map. A file with that uid is refused
// unless TrustedUIDs contains the uid.
//
// A process that may write to the file can destroy what is in it. A process that
// may only read the file can prevent new processes from attaching.
package shm
