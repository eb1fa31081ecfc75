package liveness

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// A forker attaches, and makes a child without exec, as C code in the process may.
var _ = proctest.Register("forker", func(c *proctest.Child) {
	t, _, err := attach(c.Arg(0), 4)
	c.Check(err)
	var fd uintptr // of the file: all others are to close with the parent
	c.Check(t.locks.(*ofdLocks).conn.Control(func(f uintptr) { fd = f }))
	flags, stack := uintptr(unix.SIGCHLD), uintptr(0)
	if runtime.GOARCH == "s390x" { // which has them the other way round
		flags, stack = stack, flags
	}
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, flags, stack, 0, 0, 0, 0)
	if pid == 0 {
		for other := range uintptr(256) {
			if other != fd {
				unix.RawSyscall(unix.SYS_CLOSE, other, 0, 0)
			}
		}
		for {
			unix.RawSyscall(unix.SYS_PPOLL, 0, 0, 0) // asleep, until it is killed
		}
	}
	if errno != 0 {
		c.Check(errno)
	}
	c.Send("id", uint64(t.ID()), pid)
	c.Recv()
})

// TestForkedChild kills a process whose forked child has inherited its locks: it is
// dead all the same.
func TestForkedChild(t *testing.T) {
	if pidNamespace() == 0 {
		t.Skip("/proc/self/ns/pid cannot be read")
	}
	path := filepath.Join(t.TempDir(), "table")
	a := mustAttach(t, path, 4)
	if _, ok := a.locks.(*ofdLocks); !ok {
		t.Skip("no open-file-description locks: a child inherits none")
	}
	p := proctest.Start(t, "forker", path)
	var id ID
	var child int
	if _, err := fmt.Sscanf(p.Recv(), "id %d %d", &id, &child); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Kill(child, unix.SIGKILL) })
	if a.Dead(id) {
		t.Error("the parent looks dead")
	}
	p.Kill()
	if held, err := a.locks.held(int64(id)); !held || err != nil {
		t.Fatalf("the child has not inherited the lock: %v, %v", held, err)
	}
	if !a.Dead(id) {
		t.Error("the parent was killed, and its child keeps it alive")
	}
	if b := mustAttach(t, path, 4); b.Slot() == a.Slot() || !b.Dead(id) || b.Dead(a.ID()) {
		t.Error("a newcomer sees it in another way")
	}
}
