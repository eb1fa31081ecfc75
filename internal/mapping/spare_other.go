//go:build !linux

package mapping

// spare is what Sever needs on Linux. Elsewhere it makes do without.
type spare struct{}

func newSpare(int) (spare, error) { return spare{}, nil }

func (*spare) sever(mem []byte) error { return replace(mem) }

func (*spare) free() {}
