package ring

// The compiler inlines what a generic function calls where the function is
// instantiated: in the user's module. For a function of another package it has the
// body there only if code that was compiled with this package has inlined it. So the
// rings are instantiated here as well. (The linker drops what nobody uses.)
//
// Test: internal/outside.
var (
	_ SPSC[byte]
	_ MPMC[byte]
	_ WorkQueue[byte]
	_ Broadcast[byte]
)
