// Package killtest stops a process at any instruction of an operation, and there
// kills it, or lets it stay for a while, or lets another of its threads do something.
//
// A [Tracer] starts processes under ptrace(2). Such a process prepares its
// operation, and calls [Mark] right before and right after it. In between the
// tracer moves its main thread on by single instructions, or from system call
// to system call, while all its other threads stand still: so the same
// instructions are executed each time. A point of the operation is an instruction of the
// program that is executed for the n-th time, to which breakpoints lead, and a number of
// steps from there. If the thread falls asleep in the kernel, waiting for others,
// that is a point as well. There [Process.Kill] ends it, or [Process.Aside] lets
// only the other threads run.
//
// The package knows nothing of what is tested. The table of the module's
// operations, what must hold when a process dies in the middle of each, and
// what the others may do while it is stopped, are in the package's tests.
//
// It works on Linux, on amd64, and on arm64 with the atomic instructions of
// ARMv8.1: without them atomic operations are loops around exclusive accesses,
// which a single-stepped thread never gets out of.
package killtest

import "runtime"

// Mark is a point that the tracer stops at. It is fatal to a process that is not
// traced.
func Mark() { runtime.Breakpoint() }
