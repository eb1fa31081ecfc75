// Package ring provides lock-free queues between processes, in shared memory.
//
// There are five kinds of ring. [SPSC] has one producer and one consumer, and is
// the fastest. [MPMC] has any number of producers and consumers. Both carry
// values of one plain type. [Bytes] has one producer and one consumer.
// [BytesMPMC] has any number of producers and consumers. These two carry byte
// messages of any size. [Broadcast] has one producer and any number of subscribers,
// each of which gets every message, a value of one plain type.
//
// A [WorkQueue] has messages that stay until a worker has acknowledged them. They are
// delivered again if the worker dies, and do not stop the ring while they are held.
//
// A ring is used like a Go channel. Push and Pop wait, and take a context.
// TryPush and TryPop do not wait. PushAll and PopInto move many messages at once.
// Reserve and Commit write a message in place. Next and Release read a message in
// place. After Close, consumers drain the ring. All is an iterator over the
// messages.
//
// If Push returns nil, exactly one Pop returns the message (of a Broadcast, one Pop of
// each subscriber, if it does not come too late). Each producer's
// messages come in the order in which it pushed them. This holds even if any
// processes are killed, at any instruction, as long as one consumer is left. In
// the terms of the Go memory model, a Push synchronizes before the Pop of its
// message, across processes too. A message is plain memory: its type cannot hold
// pointers.
//
// An operation that waits spins for some microseconds, and then sleeps in the
// kernel. A wake-up costs nothing if nobody sleeps: a Push or Pop that need not
// wait makes no system call and allocates no memory. Stats has counts for metrics.
//
// Do not use a ring between goroutines of one process: a channel does the same
// and carries pointers. Do not use a ring between machines. Do not use a ring for
// messages that must survive a restart of the machine.
package ring
