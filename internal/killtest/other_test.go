//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
		if r.err != nil {
			r.values = append(r.values, 0)
			c.Send("error", errorCode(r.err), r.err)
			continue
		}
		c.Send(joined(r.values))
	}
})

func joined(values []uint64) string { return strings.Trim(fmt.Sprint(values), "[]") }

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

// parse undoes the printing of a result.
func parse(line string) (r result) {
	for fields := strings.Fields(line); len(fields) > 0; fields = fields[1:] {
		if fields[0] == "error" {
			r.err = fmt.Errorf("%s", line)
			if len(fields) > 1 && codes[fields[1]] != nil {
				r.err = codes[fields[1]]
			}
			return r
		}
		var x uint64
		if _, err := fmt.Sscan(fields[0], &x); err != nil {
			r.err = fmt.Errorf("unintelligible: %q", line)
			return r
		}
		r.values = append(r.values, x)
	}
	return r
}
