// Package semaphore provides a counting semaphore between processes.
//
// Its methods are those of golang.org/x/sync/semaphore.Weighted, so that code
// moves from goroutines to processes by changing the constructor. On top of
// that it brings back the permits of a process that died, and it can serve for
// signalling between processes.
//
// For mutual exclusion use [github.com/isthmus-go/isthmus/shm.Lock], which is
// cheaper and tells that an owner died inside. To hand over data, use
// [github.com/isthmus-go/isthmus/ring].
package semaphore
