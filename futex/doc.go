// Package futex waits on 32-bit words of memory, and wakes those who wait, across
// processes: it is the kernel's wait-on-address, with contexts and deadlines.
//
// A waiter names a word and the value it has seen there. It sleeps only if the
// word still has that value, and the kernel makes the comparison and the going to
// sleep one step:
//
//	for atomic.LoadUint32(addr) == 0 {
//		if err := futex.Wait(ctx, addr, 0); err != nil {
//			return err
//		}
//	}
//
// Whoever changes the word calls [Wake] afterwards:
//
//	atomic.StoreUint32(addr, 1)
//	futex.Wake(addr, 1)
//
// The word may lie in memory that processes share, at a different address in each
// of them, or in ordinary memory shared by goroutines.
//
// # When not to use it
//
// This is the material that locks and queues are made from; for the locks and
// queues themselves see the packages shm, semaphore and ring. Between goroutines
// of one process, channels and package sync are faster and simpler: a goroutine
// that sleeps in this package holds an operating system thread.
//
// # Guarantees
//
//   - No wake is lost: if the word is changed before Wake is called, every
//     waiter that has seen the old value either does not sleep or can be woken
//     by that call. A wake that was counted by Wake is not swallowed by a
//     context that ends at the same time: the woken call returns nil.
//   - A nil error means woken, or that the value differed, or nothing at all:
//     callers look at the word again and loop.
//   - When a context ends, its own waiter returns and no other waiter wakes.
//   - Deadlines are points on the monotonic clock, so that neither a spurious
//     wake nor a signal prolongs a wait.
//   - Wait without a cancellable context, WaitUntil without one, and Wake do not
//     allocate.
//   - The package does not order memory: use atomic operations on the word.
//     Return from a wait does not synchronize with the call of Wake.
//
// # Platforms
//
// On Linux the kernel does the waiting, by futex(2), and by futex_waitv(2) for
// cancellable contexts and several words. Where a kernel before 5.16 or a sandbox
// refuses the latter, a cancellable wait sleeps in slices of 10 ms.
//
// On FreeBSD (_umtx_op(2)) and NetBSD 10 (futex(2)) the kernel waits on one word,
// and every cancellable wait sleeps in slices. FreeBSD does not count whom it
// wakes: there Wake wakes everybody, and returns 0.
//
// On other platforms, with the build tag isthmus_nofutex, and in a sandbox that
// refuses futex(2), waiters poll: they spin briefly, yield, then
// sleep for up to 1 ms at a time, until the word differs. They notice a change of
// the word only, not a Wake, which returns 0. [Native] tells which it is. (macOS and
// OpenBSD have calls that would do, which Go programs reach only through the
// runtime's private links to the system's library. Windows waits on addresses
// within one process only.)
//
// Nobody can wake a native waiter without the kernel's help. So all processes that
// share a word must be built with the same tag, and none may run in a sandbox that
// refuses futex(2) unless all do.
package futex
