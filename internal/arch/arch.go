// Package arch holds the few processor instructions that sync/atomic does not
// offer: a spin-wait hint, a release store, a load after others, and the three fences.
//
// The release store is the reason for the package. Go's atomic stores are
// sequentially consistent: on amd64 an XCHG, which drains the store buffer and
// costs more than a whole ring operation. Publishing a slot needs release
// order only, which is a plain MOV there.
package arch

// CacheLine is the distance in bytes that keeps two words from sharing a cache
// line, or a pair of lines that the processor fetches together.
const CacheLine = 128

// Line is the size in bytes of one cache line.
const Line = 64
