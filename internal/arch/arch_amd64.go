package arch

// Pause executes n spin-wait hints.
//
//go:noescape
func Pause(n uint32)

// StoreRelease32 stores v; everything before it in program order is visible to
// whoever loads v.
//
//go:noescape
func StoreRelease32(addr *uint32, v uint32)

// StoreRelease64 stores v; everything before it in program order is visible to
// whoever loads v.
//
//go:noescape
func StoreRelease64(addr *uint64, v uint64)

// Fence orders all earlier loads and stores before all later ones.
func Fence()

// LoadFence orders all earlier loads before all later loads. The processor
// does so by itself (x86-TSO); being a call, it keeps the compiler to it too.
func LoadFence()
