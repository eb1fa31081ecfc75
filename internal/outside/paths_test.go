package outside

// hot are the functions that an operation goes through if nothing is in its way.
var hot = []string{
	"ring.(*Producer).Push", "ring.(*Producer).TryPush",
	"ring.(*Producer).Reserve", "ring.(*Producer).TryReserve", "ring.(*Producer).Commit",
	"ring.(*Consumer).Pop", "ring.(*Consumer).TryPop",
	"ring.(*Consumer).Next", "ring.(*Consumer).TryNext", "ring.(*Consumer).Release",
	"ring.(*MPMC).Push", "ring.(*MPMC).TryPush",
	"ring.(*MPMC).Pop", "ring.(*MPMC).TryPop",
	"ring.(*Subscriber).Pop", "ring.(*Subscriber).TryPop", "ring.(*Subscriber).whole",

	"shm.(*Lock).Lock", "shm.(*Lock).TryLock", "shm.(*Lock).Unlock",
	"shm.(*Value).Load", "shm.(*Value).Store", "shm.(*Value).Swap", "shm.(*Value).CompareAndSwap", "shm.Add",
	"shm.(*Array).Load", "shm.(*Array).Store",

	"semaphore.(*Semaphore).Acquire", "semaphore.(*Semaphore).TryAcquire", "semaphore.(*Semaphore).Release",
}

// slow are those that they call if something is.
var slow = []string{
	// The stack is too small, an index is wrong.
	"runtime.morestack_noctxt", "runtime.panicBounds", "runtime.panicshift",

	// The segment is closed, or the caller in error.
	"ring.(*object).segmentClosed",
	"internal/segment.(*Ref).Fault", "runtime.gopanic",

	// The context is no Background, and may have ended.
	"internal/segment.(*Ref).CheckContext",

	// There is no room, or no message, or another has taken it.
	"ring.(*object).refresh", "ring.(*Producer).refresh", "ring.(*Producer).pushSlow", "ring.(*Producer).reserveSlow",
	"ring.(*Consumer).empty", "ring.(*Consumer).popSlow", "ring.(*Consumer).nextSlow",
	"ring.(*MPMC).pushSlow", "ring.(*MPMC).popSlow", "ring.(*MPMC).redeliver", "ring.(*MPMC).soon",
	"ring.(*Subscriber).empty", "ring.(*Subscriber).popSlow", "ring.(*Subscriber).overtaken",
	"ring.(*side).lull", "internal/wait.Lull", "ring.(*object).await", "ring.(*track).awaitMessage",
	"runtime.ifaceeq", // of an error that is ErrFull or ErrEmpty

	// The lock is held, the permits are taken.
	"shm.(*Lock).wait", "shm.(*Lock).misuse", "internal/ownerlock.(*Lock).MakeWay",
	"semaphore.(*Semaphore).acquireSlow", "semaphore.(*Semaphore).tryAcquireSlow", "semaphore.(*Semaphore).releaseSlow",

	// Somebody sleeps, or may sleep where wakers run a fence.
	"internal/ownerlock.(*Lock).Wake",
	"ring.(*object).wake", "ring.(*Subscriber).passed", "ring.(*MPMC).wakeProducers", "ring.(*track).wakeConsumers",
	"internal/wait.(*Event).Notify", "internal/wait.(*Words).Wake", "semaphore.(*state).gave", "shm.(*valueLocal).wakeAll",
	"internal/arch.Fence",

	// The value is a large one.
	"shm.(*Value).loadBig", "shm.(*bigValue).update",

	// Not slow, but instructions that Go does not have: a run of messages is on, a copy was
	// made.
	"internal/arch.PrefetchWrite", "internal/arch.LoadFence",
}
