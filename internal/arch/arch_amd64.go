package arch

import "sync/atomic"

// Pause executes n spin-wait hints.
//
//go:noescape
func Pause(n uint32)

// StoreRelease32 stores v; everything before it in program order is visible to
// whoever loads v. Processors of this architecture never reorder stores, and
// gc keeps stores in program order: each takes the memory state that the one
// before it has made. The exception are non-temporal stores, which copies of 1 MiB
// and more are made of: the runtime's memmove ends them with an SFENCE of its own, so
// that they too come before v.
//
//go:norace
func StoreRelease32(addr *uint32, v uint32) { *addr = v }

// StoreRelease64 stores v; everything before it in program order is visible to
// whoever loads v. See StoreRelease32.
//
//go:norace
func StoreRelease64(addr *uint64, v uint64) { *addr = v }

// Fence orders all earlier loads and stores before all later ones.
func Fence()

// LoadAfter64 loads *addr after all earlier loads. Processors of this architecture never
// reorder loads. Nor does gc reorder these: to it, an atomic load changes the state of the
// memory, and it schedules a load before the next change of the state that it reads.
func LoadAfter64(addr *uint64) uint64 { return atomic.LoadUint64(addr) }

// LoadFence orders all earlier loads before all later loads. The processor
// does so by itself (x86-TSO); being a call, it keeps the compiler to it too.
func LoadFence()

// StoreFence orders all earlier stores before all later ones. The processor does so
// by itself, but for the non-temporal stores of a large copy that follows.
func StoreFence()

// PrefetchWrite fetches the line of addr, for a store that will follow.
//
//go:noescape
func PrefetchWrite(addr *uint64)
