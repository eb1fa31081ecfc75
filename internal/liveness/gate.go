package liveness

// The gate (docs/FORMAT.md, F15) is a byte of the file that says that somebody is about to attach, or that
// somebody removes the file's name because nobody is attached. Who attaches has it shared,
// from before a last look that the file still has its name until its own byte is locked.
// Who removes has it alone, from before a look that nobody is alive until the name is gone.
//
// So one of them sees the other: either the newcomer is alive when the remover looks, or it
// finds that the name is gone. A kill at any step opens the gate. Who is stopped while it
// attaches keeps nobody from attaching; one that is stopped while it removes does, from a
// segment that nobody has.

// Enter passes the gate, unless somebody has closed it: then it waits.
func (f *File) Enter() error { return f.locks.share(gateByte) }

// Entered says that this File does not need the gate any more.
func (f *File) Entered() error { return f.locks.unlock(gateByte) }

// CloseGate closes the gate until Entered, or reports that somebody is in it.
func (f *File) CloseGate() (bool, error) { return f.locks.try(gateByte) }
