//go:build (freebsd || netbsd) && !isthmus_nofutex

package futex

// Modes are the ways of waiting that the platform offers.
var Modes = []string{"native", "poll"}

// SetMode makes the package behave as if the kernel offered no more than the mode
// needs.
func SetMode(mode string) { noFutex.Store(mode == "poll") }
