//go:build !amd64 && !arm64

package arch

import "sync/atomic"

var pauses atomic.Uint32

// Pause spends roughly the time of n spin-wait hints without touching a line
// that another processor writes.
func Pause(n uint32) {
	for range n {
		pauses.Load()
	}
}

// StoreRelease32 stores v; everything before it in program order is visible to
// whoever loads v.
func StoreRelease32(addr *uint32, v uint32) { atomic.StoreUint32(addr, v) }

// StoreRelease64 stores v; everything before it in program order is visible to
// whoever loads v.
func StoreRelease64(addr *uint64, v uint64) { atomic.StoreUint64(addr, v) }

// LoadAfter64 loads *addr after all earlier loads.
func LoadAfter64(addr *uint64) uint64 {
	LoadFence()
	return atomic.LoadUint64(addr)
}

// PrefetchWrite does nothing here.
func PrefetchWrite(*uint64) {}
