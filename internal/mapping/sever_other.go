//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package mapping

// Severs says whether Sever does anything.
const Severs = false

func sever([]byte) error { return nil }
