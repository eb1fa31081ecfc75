package hostile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/shm"
)

// TestMonotonic looks at the clock of every wait in the kernel.
func TestMonotonic(t *testing.T) {
	proctest.MaySkip("sleeper")
	if race.Enabled {
		t.Skip("the race detector makes system calls of its own")
	}
	if !futex.Native() {
		t.Skip("nobody waits in the kernel here")
	}
	calls := proctest.Strace(t, "sleeper", "-e", "trace=futex,futex_waitv")
	waits := map[string]int{}
	for line := range strings.Lines(calls) {
		switch {
		case strings.Contains(line, "CLOCK_REALTIME"):
			t.Errorf("waits on the wall clock: %s", line)
		case strings.Contains(line, "futex_waitv"):
			waits["futex_waitv"]++
		case strings.Contains(line, "_PRIVATE"): // the runtime's, which are relative
		case strings.Contains(line, "FUTEX_WAIT_BITSET"):
			waits["futex"]++
		case strings.Contains(line, "futex(") && strings.Contains(line, "FUTEX_WAIT"):
			t.Errorf("waits for a time, not until one: %s", line)
		}
	}
	if waits["futex"] == 0 || len(waits) == 1 && !strings.Contains(calls, "ENOSYS") {
		t.Errorf("waits were seen by %v", waits)
	}
}

// The sleeper waits for a lock with and without a context.
var _ = proctest.Register("sleeper", func(c *proctest.Child) {
	h, err := furnished(shm.Anonymous(1<<16, nil))
	c.Check(err)
	other, err := furnished(shm.FromFile(h.seg.File(), nil))
	c.Check(err)
	h.lock.Lock()
	const awhile = 500 * time.Millisecond // enough to fall asleep in, on a busy machine too
	ctx, cancel := context.WithTimeout(context.Background(), awhile)
	defer cancel()
	if err := other.lock.LockContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		c.Fatalf("LockContext of a held lock: %v", err)
	}
	unlocked := make(chan bool)
	time.AfterFunc(awhile, func() { h.lock.Unlock(); close(unlocked) })
	other.lock.Lock()
	<-unlocked
	c.Check(other.seg.Close())
	c.Check(h.seg.Close())
})
