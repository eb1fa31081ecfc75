package liveness

import "testing"

func usePOSIXLocks() { ofd = false }

func withPOSIXLocks(t *testing.T) {
	usePOSIXLocks()
	t.Cleanup(func() { ofd = true })
}
