//go:build !amd64 && !arm64 && !ppc64 && !ppc64le && !riscv64

package arch

import "sync/atomic"

var fence atomic.Uint32

// Fence orders all earlier loads and stores before all later ones: Go's atomic
// read-modify-writes are full fences on the architectures that are left. (386
// and s390x lock the bus; arm, mips and loong64 put full fences around them.)
func Fence() { fence.Add(1) }

// LoadFence orders all earlier loads before all later loads and stores.
func LoadFence() { fence.Add(1) }

// StoreFence orders all earlier stores before all later ones.
func StoreFence() { fence.Add(1) }
