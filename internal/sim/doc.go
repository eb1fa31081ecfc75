// Package sim plays the real code of the rings that any number of processes share, under a
// scheduler that follows from a seed. Its test makes copies of the sources in which each load,
// store and compare-and-swap of shared memory, and each call of the futex, goes by this
// package (go test -overlay; see overlay_test.go), and runs itself once more on top of them.
// The product's own sources know nothing of it.
//
// Agents push and pop, or put, get and acknowledge, each on an attachment of its own, in one thread: before each access to
// shared memory, and after each one that may have changed it, the scheduler says who goes on.
// Some agents go on for long, some stand still for long, and one may die. Sleeps have no bound.
// So a lost wake-up, and a ring that is stuck, is a deadlock, found at once; and a run is the
// same each time. It takes about a millisecond.
//
//	go test ./internal/sim -sim.time=10m -timeout=0
//	go test ./internal/sim -sim.seed=N -sim.trace -v   # what a run has done, step by step
//
// After a death, those who sleep wake by the bound of their sleep once nobody else can go on,
// and have to find what the dead have left.
//
// It does not see what the memory orderings are for: accesses take effect in the order in
// which they are made. A message is copied in one step, so it is torn only by being copied
// at the wrong time. Goroutines that share an attachment are left to other tests.
package sim
