//go:build !isthmus_nofutex

package futex_test

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sleepers counts the waiters on words[i]: it moves them to another word and back,
// without waking them. Nobody else may wake them meanwhile. A signal that comes late, such
// as the Go runtime's, takes a waiter away for a moment: then it counts again.
func sleepers(t *testing.T, words *[sharedWords]uint32, i int) int {
	t.Helper()
	const elsewhere = sharedWords - 1
	for {
		n := requeue(t, &words[i], &words[elsewhere])
		if back := requeue(t, &words[elsewhere], &words[i]); back == n {
			return n
		}
	}
}

func requeue(t *testing.T, from, to *uint32) int {
	t.Helper()
	const opRequeue, all = 3, 1 << 30
	n, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(from)), opRequeue,
		0, all, uintptr(unsafe.Pointer(to)), 0)
	if errno != 0 {
		t.Fatalf("requeue: %v", errno)
	}
	return int(n)
}
