//go:build unix && !linux

package liveness

import "os"

func newLocks(f *os.File) (locks, error) { return newPOSIXLocks(f) }
