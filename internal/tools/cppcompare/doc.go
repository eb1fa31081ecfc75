//go:build linux

// Cppcompare measures Isthmus beside what C++ programs use, on this machine. Run it
// from anywhere in the repository; it needs Linux, g++, and for some rows the headers
// of Boost (Debian: libboost-dev).
//
//	go run ./internal/tools/cppcompare           # about a minute
//	go run ./internal/tools/cppcompare -quick    # each row four times
//	go run ./internal/tools/cppcompare -run '^(lock|semaphore)/'
//
// On a machine that is not idle, run it with a real-time priority, for which other
// processes stand back. It must be one that takes turns with its equals (-r): two of
// these at a time under -f wait for each other forever.
//
//	chrt -r 20 go run ./internal/tools/cppcompare
//
// # Rows
//
//   - spsc/8, spsc/64, spsc/1024: messages of so many bytes, one by one, from one
//     process to another. In spsc/1024/in-place, they are written and read in the
//     queue. In spsc/8/batch-256, each call hands over up to 256.
//   - roundtrip/8: a message there and one back, with the calls that wait.
//   - mpmc/1:1: a queue for any number of producers and consumers, with one of each.
//     In mpmc/2:2, each of two processes pushes a message and pops one, over and over.
//   - lock/alone, lock/contended, semaphore/alone, semaphore/contended: a lock and an
//     unlock, or an acquire and a release of the only permit, by one process or by two
//     at a time. With two, it is the time from one pair to the next, whoever does it.
//
// # Systems
//
// The C++ systems are in the folder cpp, and are compiled by g++ -O3:
//
//   - cached indices: Lamport's ring, where each end keeps a copy of the other end's
//     index. This is the algorithm of rigtorp's SPSCQueue.
//   - tickets and turns: each push and pop takes a ticket and waits for its turn at a
//     slot, which has cache lines of its own. This is the algorithm of rigtorp's
//     MPMCQueue.
//   - bulk copy: a batch is copied by memcpy, and one index says that it is there.
//   - bare cache line: two words that two processes poll, the limit of a round trip.
//   - boost: lockfree::spsc_queue, and of interprocess message_queue,
//     interprocess_mutex and interprocess_semaphore.
//   - pthread mutex, plain and robust, and sem_t, all shared between processes.
//
// The queues poll and cannot sleep, except for message_queue. No system but the robust
// mutex survives the death of a process.
//
// # Method
//
// Each side is a process, pinned to the first or the second CPU that this process may
// use. Both languages use the same loops, numbers in each cache line of a message
// that the receiver checks, numbers of slots, and mappings of memory files, populated.
//
// In each of the rounds, all systems of a row get fresh processes. These work by
// turns, in slices of 12 ms, while the others sleep. One turn of each makes a sample.
// The order is turned around from sample to sample. A ratio is taken within each
// sample. So the speed of the machine, which drifts, cancels out. The table has the
// median of the ratios, and in parentheses their middle half. Over 1, Isthmus is
// faster. The figures of the systems themselves are medians as well, but of a machine
// that drifts, and say less.
//
// Virtual CPUs may turn from distant cores into siblings of one, and back. So a bare
// cache line goes to and fro right before and after each sample. Samples of near CPUs
// (less than 200 ns both times), of far ones, and those in which it changed have columns
// of their own.
//
// The last line says what share of the two CPUs other processes had meanwhile. Without
// a real-time priority, ratios mean little if that is more than 10 %. Wide middle
// halves tell as much.
//
// This package imports nothing internal, so that it is compiled as a user's is.
package main
