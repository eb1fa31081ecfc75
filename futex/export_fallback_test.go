//go:build !linux || isthmus_nofutex

package futex

var Modes = []string{"poll"}

func SetMode(string) {}
