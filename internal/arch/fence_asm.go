//go:build ppc64 || ppc64le || riscv64

package arch

// Fence orders all earlier loads and stores before all later ones.
//
// On ppc64 Go's read-modify-writes are no full fence: they lie between two
// LWSYNC, which let a later load pass an earlier store.
func Fence()

// LoadFence orders all earlier loads before all later loads and stores.
func LoadFence()

// StoreFence orders all earlier stores before all later ones.
func StoreFence()
