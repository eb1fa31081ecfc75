//go:build !isthmus_nofutex

package futex

// Modes are the ways of waiting that the platform offers.
var Modes = []string{"native", "slices", "poll"}

// SetMode makes the package behave as if the kernel offered no more than the mode
// needs.
func SetMode(mode string) {
	noWaitv.Store(mode != "native")
	noFutex.Store(mode == "poll")
}

// Refused reports which system calls were refused so far.
func Refused() (futex, waitv bool) { return noFutex.Load(), noWaitv.Load() }
