package sim

import "sync/atomic"

// What the copies call in the place of sync/atomic, of package arch, and of a Fence. Outside
// of a run it is no more than that.

func LoadUint32(p *uint32) uint32 {
	step()
	v := atomic.LoadUint32(p)
	trace("load", place(p), v)
	return v
}

func LoadUint64(p *uint64) uint64 {
	step()
	v := atomic.LoadUint64(p)
	trace("load", place(p), v)
	return v
}

func StoreUint32(p *uint32, v uint32) {
	if !step() {
		return
	}
	atomic.StoreUint32(p, v)
	trace("store", place(p), v)
	step()
}

func StoreUint64(p *uint64, v uint64) {
	if !step() {
		return
	}
	atomic.StoreUint64(p, v)
	trace("store", place(p), v)
	step()
}

func StoreRelease64(p *uint64, v uint64) { StoreUint64(p, v) }

func CompareAndSwapUint32(p *uint32, old, v uint32) bool {
	if !step() {
		return true
	}
	return swapped(atomic.CompareAndSwapUint32(p, old, v), place(p), v)
}

func CompareAndSwapUint64(p *uint64, old, v uint64) bool {
	if !step() {
		return true
	}
	return swapped(atomic.CompareAndSwapUint64(p, old, v), place(p), v)
}

func swapped[T uint32 | uint64](ok bool, at uintptr, v T) bool {
	if !ok {
		trace("failed to swap in", at, v)
		return false
	}
	trace("swap in", at, v)
	step()
	return true
}

func AddUint64(p *uint64, n uint64) (v uint64) {
	if !step() {
		return 0
	}
	v = atomic.AddUint64(p, n)
	trace("add", place(p), v)
	step()
	return v
}

func OrUint64(p *uint64, mask uint64) (old uint64) {
	if !step() {
		return 0
	}
	old = atomic.OrUint64(p, mask)
	trace("or", place(p), old|mask)
	step()
	return old
}

// Barrier is that of a sleeper. There is one thread only.
func Barrier() bool {
	step()
	return true
}

// step lets the others go on. It reports false if who has the turn is dead: what it still does,
// on its way out of the operation that it was in, changes nothing.
func step() (alive bool) {
	if world != nil {
		world.now.pass()
		return !world.now.ended
	}
	return true
}

// AddUint32 is for the bell of a hub, which is no shared memory.
func AddUint32(p *uint32, n uint32) uint32 { return atomic.AddUint32(p, n) }
