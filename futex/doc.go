// Package futex lets a goroutine wait on a 32-bit word of memory until a
// goroutine of this or another process wakes it. It is the kernel's
// wait-on-address, with contexts and deadlines.
//
// A waiter passes the address of a word and the value that it has read there. The
// waiter sleeps only if the word still has that value. The kernel compares the
// value and puts the waiter to sleep in one atomic step:
//
//	for atomic.LoadUint32(addr) == 0 {
//		if err := futex.Wait(ctx, addr, 0); err != nil {
//			return err
//		}
//	}
//
// A goroutine that changes the word calls [Wake] afterwards:
//
//	atomic.StoreUint32(addr, 1)
//	futex.Wake(addr, 1)
//
// The word may lie in memory that processes share, at a different address in each
// process. It may also lie in ordinary memory that goroutines share.
//
// # When not to use it
//
// This package is a building block for locks and queues. For the locks and queues
// themselves, see the packages shm, semaphore and ring. Between goroutines of one
// process, channels and package sync are faster and simpler: a goroutine that
// sleeps in this package holds an operating system thread.
//
// # Guarantees
//
//   - No wake is lost. If the word is changed before Wake is called, every waiter
//     that has seen the old value either does not sleep or can be woken by that
//     call. If Wake counts a waiter as woken and the waiter's context ends at the
//     same time, the waiter returns nil.
//   - A nil error has one of three meanings: the waiter was woken, the value
//     differed, or the waiter returned for no reason. Callers read the word again
//     and loop.
//   - When a context ends, only the waiter with that context returns. No other
//     waiter wakes.
//   - Deadlines are points on the monotonic clock. So neither a spurious wake nor
//     a signal makes a wait longer.
//   - Wait and WaitUntil do not allocate if the context cannot be cancelled. Wake
//     does not allocate.
//   - The package does not order memory: use atomic operations on the word. The
//     return from a wait does not synchronize with the call of Wake.
//
// # Platforms
//
// On Linux, the kernel does the waiting. A wait on one word uses futex(2) if its
// context cannot be cancelled. A wait with a cancellable context, or on several
// words, uses futex_waitv(2). If the kernel is older than 5.16, or a sandbox
// refuses futex_waitv, a cancellable wait sleeps in slices of 10 ms.
//
// On FreeBSD (_umtx_op(2)) and NetBSD 10 (futex(2)), the kernel waits on one
// word, and every cancellable wait sleeps in slices. FreeBSD does not count the
// waiters that it wakes. On FreeBSD, Wake wakes all waiters and returns 0.
//
// Waiters poll in three cases: on other platforms, with the build tag
// isthmus_nofutex, and in a sandbox that refuses futex(2). A waiter that polls
// spins briefly, yields, and then sleeps for up to 1 ms at a time, until the word
// differs. It notices only a change of the word. It does not notice a Wake, and
// Wake returns 0. [Native] reports whether the kernel does the waiting. (macOS
// and OpenBSD have suitable calls, but Go programs can reach them only through
// the runtime's private links to the system's library. Windows waits on addresses
// within one process only.)
//
// A native waiter can be woken only with the kernel's help. So all processes that
// share a word must be built with the same tag. If one of them runs in a sandbox
// that refuses futex(2), all of them must.
package futex
