//go:build !(freebsd || linux || netbsd) || isthmus_nofutex

package futex

var Modes = []string{"poll"}

func SetMode(string) {}
