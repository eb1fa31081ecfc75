//go:build !isthmus_nofutex

package futex_test

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sleepers counts the waiters on words[i]: it moves them to another word and back,
// without waking them. Nobody else may wake them meanwhile.
func sleepers(t *testing.T, words *[sharedWords]uint32, i int) int {
	t.Helper()
	const elsewhere = sharedWords - 1
	n := requeue(t, &words[i], &words[elsewhere])
	if back := requeue(t, &words[elsewhere], &words[i]); back != n {
		t.Fatalf("moved %d waiters there and %d back", n, back)
	}
	return n
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
