// Package semaphore provides a counting semaphore between processes.
//
// The semaphore has the methods of golang.org/x/sync/semaphore.Weighted. To move
// code from goroutines to processes, change only the constructor. In addition,
// the permits of a process that died come back, and a semaphore can be used for
// signals between processes.
//
// For mutual exclusion, use [github.com/isthmus-go/isthmus/shm.Lock]: it is
// cheaper, and it reports that an owner died while it held the lock. To pass
// data, use [github.com/isthmus-go/isthmus/ring].
package semaphore
