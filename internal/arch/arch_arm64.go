package arch

import "sync/atomic"

// Pause executes n spin-wait hints.
//
//go:noescape
func Pause(n uint32)

// StoreRelease32 stores v; everything before it in program order is visible to
// whoever loads v. Go's atomic store is an STLR here, a true release store.
func StoreRelease32(addr *uint32, v uint32) { atomic.StoreUint32(addr, v) }

// StoreRelease64 stores v; everything before it in program order is visible to
// whoever loads v. Go's atomic store is an STLR here, a true release store.
func StoreRelease64(addr *uint64, v uint64) { atomic.StoreUint64(addr, v) }

// LoadAfter64 loads *addr after all earlier loads.
func LoadAfter64(addr *uint64) uint64 {
	LoadFence()
	return atomic.LoadUint64(addr)
}

// Fence orders all earlier loads and stores before all later ones.
func Fence()

// LoadFence orders all earlier loads before all later loads and stores.
func LoadFence()

// StoreFence orders all earlier stores before all later ones.
func StoreFence()

// PrefetchWrite fetches the line of addr, for a store that will follow.
//
//go:noescape
func PrefetchWrite(addr *uint64)
