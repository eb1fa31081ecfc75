// Package sim plays the real code of objects that any number of processes share, of rings and of
// Cond, under a scheduler that follows from a seed. Its tests make copies of the sources in which
// each load, store and compare-and-swap of shared memory, and each call of the futex, goes by this
// package (go test -overlay; see overlay_test.go), and run themselves once more on top of them.
// The product's own sources know nothing of it.
//
// Agents push and pop, or put, get and acknowledge, each on an attachment of its own, or wait and
// signal, all in one thread: before each access to shared memory, and after each one that may have
// changed it, the scheduler says who goes on. Some agents go on for long, some stand still for
// long, and some may die. Sleeps have no bound. So a lost wake-up, and a ring that is stuck, is a
// deadlock, found at once; and a run is the same each time. It takes about a millisecond.
//
//	go test ./internal/sim -sim.time=10m -timeout=0
//	go test ./internal/sim -sim.seed=N -sim.trace -v   # what a run has done, step by step
//
// After a death, sleeps end by their bound, some at any time, and all of them once nobody else can
// go on, and those who wake have to find what the dead have left. What the dead still do on their
// way out of the operation that they were in changes nothing.
//
// It does not see what the memory orderings are for: accesses take effect in the order in
// which they are made. A message is copied in one step, so it is torn only by being copied
// at the wrong time. Of a Cond, goroutines share an attachment: the scheduler knows of the mutexes
// and channels by which they wait for each other. Those that share a ring are left to other tests.
package sim
