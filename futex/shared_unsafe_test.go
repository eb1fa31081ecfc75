//go:build unix

package futex_test

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const sharedWords = 16

// sharedFile makes a file of sharedWords words.
func sharedFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(path, make([]byte, 4*sharedWords), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mapWords maps a file made by sharedFile. The mapping stays until the process
// ends: waiters of a failed test may still be in it.
func mapWords(t interface{ Fatalf(string, ...any) }, path string) *[sharedWords]uint32 {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), 0, 4*sharedWords, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatalf("map %s: %v", path, err)
	}
	return (*[sharedWords]uint32)(unsafe.Pointer(&mem[0]))
}
