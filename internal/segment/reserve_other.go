//go:build !linux

package segment

import "os"

// reserve sizes f and allocates all of it, so that running out of space is an
// error here and not a fault at some later access.
func reserve(f *os.File, size int64) error { return writeZeros(f, size) }

func memoryDir() (string, bool) { return "", false }
