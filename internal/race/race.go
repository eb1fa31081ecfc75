//go:build race

// Package race tells the race detector about synchronization through shared
// memory. The detector watches the Go heap only, so an edge is marked on a
// heap variable that stands for the shared object. Without the race build tag
// everything here compiles to nothing.
package race

// Enabled reports whether the race detector is built in.
const Enabled = true

// Edge stands for a shared object, one per object and process.
type Edge struct{ mark byte }

// Acquire orders all earlier Releases of the edge before what follows.
func (e *Edge) Acquire() { acquire(&e.mark) }

// Release orders what came before it before all later Acquires of the edge.
func (e *Edge) Release() { releaseMerge(&e.mark) }
