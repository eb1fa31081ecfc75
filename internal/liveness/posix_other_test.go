//go:build !linux

package liveness

import "testing"

func usePOSIXLocks() {}

func withPOSIXLocks(t *testing.T) {
	t.Skip("Linux has two kinds of lock, other platforms one")
}
