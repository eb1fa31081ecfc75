package hostile

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/shm"
)

// TestMonotonic looks at the clock of every wait in the kernel.
func TestMonotonic(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector makes system calls of its own")
	}
	if !futex.Native() {
		t.Skip("nobody waits in the kernel here")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace: ", err)
	}
	out := filepath.Join(t.TempDir(), "strace")
	cmd := exec.Command(strace, "-f", "-e", "trace=futex,futex_waitv", "-o", out, os.Args[0])
	cmd.Env = append(os.Environ(), envRole+"=sleeper")
	if text, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(text), "PTRACE") {
			t.Skipf("strace may not trace: %s", text)
		}
		t.Fatalf("%v: %s", err, text)
	}
	calls, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	waits := map[string]int{}
	for line := range strings.Lines(string(calls)) {
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
	if waits["futex"] == 0 || len(waits) == 1 && !strings.Contains(string(calls), "ENOSYS") {
		t.Errorf("waits were seen by %v", waits)
	}
}

// fallAsleep waits for a lock with and without a context.
func fallAsleep() {
	h, err := furnished(shm.Anonymous(1<<16, nil))
	if err != nil {
		panic(err)
	}
	other, err := furnished(shm.FromFile(h.seg.File(), nil))
	if err != nil {
		panic(err)
	}
	h.lock.Lock()
	if got := other.do("wait in vain"); got != "in vain" {
		panic(got)
	}
	time.AfterFunc(30*time.Millisecond, h.lock.Unlock)
	other.lock.Lock()
	other.seg.Close()
	h.seg.Close()
}
