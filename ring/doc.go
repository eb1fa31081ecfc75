// Package ring provides lock-free queues between processes, in shared memory.
//
// There are four. [SPSC] has one producer and one consumer, and is the fastest.
// [MPMC] has any number of both. Both carry values of one plain type. [Bytes]
// has one producer and one consumer, [BytesMPMC] any number of both, and they carry
// byte messages of any size.
//
// The shapes are those of a Go channel. Push and Pop wait, under a context;
// TryPush and TryPop do not; PushAll and PopInto move many messages at once;
// Reserve and Commit write a message in place, Next and Release read one in
// place; Close lets consumers drain the ring; All is a loop over what comes.
//
// Every message whose Push returned nil is returned by exactly one Pop, in its
// producer's order, whichever processes are killed at whichever instruction,
// so long as a consumer is left. A Push synchronizes before the Pop of its
// message, in the terms of the Go memory model, across processes too. A message
// is plain memory: it must not hold pointers, and does not.
//
// Where the ring is empty or full, waiting spins for some microseconds, and
// then sleeps in the kernel. Nobody pays for a wake-up where nobody sleeps: a
// Push or Pop that need not wait makes no system call and allocates nothing.
//
// When not to use it: between goroutines of one process, where a channel does
// the same and carries pointers; between machines; for messages that must
// survive a restart of the machine.
package ring
