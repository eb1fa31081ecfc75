// Bench measures Isthmus between real processes, beside what a Go program
// would otherwise use: pipes, sockets, file locks and, as references inside
// one process, channels and sync.Mutex.
//
//	go run ./bench              # everything, under ten minutes
//	go run ./bench -quick       # the most telling rows, under a minute
//	go run ./bench -run '^roundtrip/(ring.SPSC|pipe)/'
//	go run ./bench -json        # one object a row, and distance of the CPUs
//	go run ./bench -html report.html
//	go test -bench . ./bench    # the same rows as benchmarks, for benchstat
//
// # Rows
//
// A row is named by its workload, its system, its mode if it has one, and its
// message size for round trips, its message size and batch for streams, its
// number of sides for locks and semaphores: roundtrip/ring.SPSC/spin/8,
// stream/pipe/1024/256, lock/flock/2. The flag -list prints all names.
//
//   - roundtrip: a message there and one back, in nanoseconds. The value of a
//     round is the mean of its trips; percentiles come from trips that are
//     timed one by one, and so hold the time of reading the clock once. Mode
//     spin polls, park sleeps at once in every wait, and default is what the
//     blocking calls do by themselves.
//
//   - loaded: round trips in mode default, while one more process computes
//     without a pause on the CPUs of the two. Its p99.9 says most.
//
//   - stream: messages a second from one sender to one receiver, by the
//     receiver's clock. A batch is handed over by one call. Mode zerocopy
//     writes and reads the messages in the ring.
//     System C.SPSC is ring.SPSC with a sender in C, by clients/c, which gcc compiles by -O2 at
//     the first of its rows. There are none if there is no gcc.
//     Its sizes and batches make curves. Of these, and of the rows of shared,
//     -quick takes a few.
//
//   - capacity: the same by the number of slots of a ring: mode slots-64 to
//     slots-1048576. Not with -quick.
//
//   - shared: messages a second through one queue that all sides use, two of
//     them or eight on the same two CPUs. In mode both, each side sends a
//     message or batch and receives one, over and over; in mode split, the
//     first half of the sides sends and the other half receives. From two
//     senders to two receivers, ring.BytesMPMC and a pipe also carry messages
//     of 64 bytes and 1 KiB.
//
//   - lock, semaphore: nanoseconds for a Lock and an Unlock, an Acquire(1)
//     and a Release(1) of a semaphore of one permit. With several sides
//     contending, it is the time from one pair to the next, whoever does it:
//     the wall time divided by the pairs of all. A pipe stands in as a lock
//     the way make's jobserver uses it, with a byte in it that is read and
//     written back.
//
//   - standstill: of eight sides of shared or lock, the longest time that any
//     one of them got nothing done (64 operations), the scheduler's share
//     included; the column max is the longest of all rounds.
//
//   - call: a question and its answer over a connection of shmnet, of a Unix socket or of
//     TCP, in nanoseconds from one call to the next: its mode is the protocol, and its batch
//     how many calls are under way. Mode echo is none, with a connection for each call that is
//     under way. Mode thousand takes another of 1,000 connections each time, at random. Mode connect also
//     connects before, and closes after.
//
//   - idle: the CPU time that one side uses in a second of waiting for what does
//     not come. Not with -quick.
//
//   - create: nanoseconds to make an anonymous segment of a size and to close
//     it, its pages populated or only reserved. Not with -quick.
//
//   - pool: nanoseconds from one task to the next on a pool of two worker processes. A task
//     and its result have 8 bytes. In mode call each task waits for the result of the one before;
//     in mode go 256 are under way, with 256 calls; in mode map they go in chunks, by one call.
//     Chunks have 1,024 tasks where the caller chooses, which is about best there.
//     Isthmus chooses by itself.
//     The system pipe is such a pool on os/exec, pipes and encoding/gob.
//
//   - factorial: nanoseconds for the factorials of 0 to 999, by such pools in chunks of 32, or
//     serial, in the process that wants them. Go and Python multiply by algorithms of their own: compare
//     the rows of each with its serial one. Not with -quick.
//
//   - start: nanoseconds from the start of a process that does nothing to the return of the wait
//     for its end. In Go it is this program. Python's do not import a program of their own. Not with -quick.
//
// # Method
//
// Each side of a row is a process of its own, made by running this executable
// again, and pinned to its own CPU where that can be done, or to one of two by
// turns where there are more of them. The references chan and sync.Mutex are
// goroutines of one process that has both CPUs. The sides of python.Pipe,
// python.Queue and python.Lock are processes of Python's multiprocessing,
// pinned likewise, if there is a python3. python.ring.SPSC has a sender in Python and a
// receiver in Go, and python.shm.Lock is that of clients/python, if that is installed for a
// Python with NumPy (ISTHMUS_PYTHON, /usr/bin/python3 or python3), which then runs all of
// Python's rows. Their blocks of 64 KiB and 1 MiB are arrays of NumPy. In mode with, the pairs
// are with statements. So it is with multiprocessing.Pool and
// concurrent.futures.ProcessPoolExecutor, whose workers are forked.
// The side of a row of pool, factorial or start has both CPUs, and so have the
// processes that it starts, three on two CPUs for a pool. They are not pinned apart,
// as programs would not pin them, in no system.
// The coordinating process sleeps meanwhile. All processes run with
// GOMAXPROCS=2: a second P keeps the Go runtime from taking the only one away
// from a thread that is in a system call.
//
// Rows that compete are measured in interleaved rounds, each with fresh
// processes that are warmed up first. A round is the median of five short
// runs, and the value of a row the median of its rounds, shown with the lowest
// and the highest. Rows of shared and standstill, and those of eight sides, make
// one long run instead of five, so that each side gets its turns.
//
// Virtual CPUs may turn from distant cores into siblings of one, and back. So
// right before and after each round of each row, the coordinator has two more
// processes measure the limit, which sleep otherwise. A round is near, with less
// than 200 ns both times, or far, or else mixed: such a round is made again as
// long as there is time. Where rounds of several kinds occurred, tables have
// columns for each, and there are charts for near and for far. What is compared
// is of one kind; JSON names it as cpus.
//
// On Linux the heading says what share of the two CPUs other processes have at
// the start, and a * marks rows beside whose rounds they had more than 10 %.
//
// Every message carries its number in each of its cache lines, which the
// receiver checks. So all systems move all of a message, copied or not.
// Each is used as one who knows it would, with buffers of the size that suits
// it, up to 1 MiB of messages: see descriptorRows for what that means for the
// kernel's.
//
// This package imports nothing internal, so that it is compiled as a user's is.
// The exception, package park, is not on a measured path: it switches spinning off
// for mode park, which a user cannot.
//
// The system called limit is no system: two words of a shared page that two
// processes poll, or sleep on. It is the least time that the hardware, or the
// kernel, takes there and back.
package main
