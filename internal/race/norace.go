//go:build !race

// Package race tells the race detector about synchronization through shared
// memory. The detector watches the Go heap only, so an edge is marked on a
// heap variable that stands for the shared object. Without the race build tag
// everything here compiles to nothing.
package race

// Enabled reports whether the race detector is built in.
const Enabled = false

// Edge stands for a shared object, one per object and process.
type Edge struct{}

// Acquire orders all earlier Releases of the edge before what follows.
func (*Edge) Acquire() {}

// Release orders what came before it before all later Acquires of the edge.
func (*Edge) Release() {}
