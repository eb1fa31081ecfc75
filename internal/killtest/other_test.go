//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// other is a process beside the test and the victim. It executes what its
// operation's row says each time that it is told to.
var _ = proctest.Register("other", func(c *proctest.Child) {
	op := find(c.Arg(0))
	for {
		limit, err := time.ParseDuration(c.Recv())
		c.Check(err)
		wait.SetSlice(limit)
		seg, err := shm.Open(segmentName, nil)
		c.Check(err)
		r := op.other(seg)()
		c.Check(seg.Close())
		c.Send(r)
	}
})

// begin lets the other process begin, and returns when it sleeps.
func (s *stage) begin() {
	s.Helper()
	if s.other == nil {
		s.other = proctest.StartWith(s.T, &proctest.Options{Env: []string{"ISTHMUS_DIR=" + s.dir}}, "other", s.op.name)
		s.Cleanup(func() { s.other.Kill() })
	}
	limit := slice
	if s.gentle && s.scene.wakes {
		limit = time.Hour // only the victim can wake it
	}
	s.other.Send(limit)
	for start := time.Now(); !sleepsOnFutex(s.other.Pid()); time.Sleep(50 * time.Microsecond) {
		if time.Since(start) > patience {
			s.fatalf("the other process does not sleep")
		}
	}
}

// finish waits until the other process is done.
func (s *stage) finish() result {
	s.Helper()
	start := time.Now()
	r := parse(s.other.Recv())
	s.stalled(start)
	return r
}

// sleepsOnFutex reports whether a thread of the process sleeps on a shared futex.
func sleepsOnFutex(pid int) bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		var number int
		var addr, op uint64
		fmt.Sscanf(string(b), "%d 0x%x 0x%x", &number, &addr, &op)
		if number == unix.SYS_FUTEX && op&128 == 0 || number == unix.SYS_FUTEX_WAITV {
			return true
		}
	}
	return false
}
