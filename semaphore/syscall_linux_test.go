package semaphore_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// marker is a path that does not exist. Asking for it is the system call that
// the operations are between.
const marker = "/isthmus-marker"

const opRounds = 1000

// uncontendedOps calls every operation that does not have to wait, with a system
// call before and after.
func uncontendedOps() {
	debug.SetGCPercent(-1) // the collector may interrupt this thread
	runtime.LockOSThread()
	seg, err := shm.Create(segmentName, segmentSize, nil)
	if err != nil {
		log.Fatal(err)
	}
	sem, err := semaphore.New(seg, "sem", 3, nil)
	if err != nil {
		log.Fatal(err)
	}
	signals, err := semaphore.New(seg, signalling, 0, &semaphore.Options{Signalling: true})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	syscall.Access(marker, 0)
	for range opRounds {
		sem.Acquire(ctx, 1)
		sem.TryAcquire(2)
		sem.Release(3)
		signals.Release(1)
		signals.Acquire(ctx, 1)
	}
	syscall.Access(marker, 0)
	seg.Close()
	shm.Remove(segmentName, nil)
}

// TestNoSystemCall lets pass the few calls that the runtime may make meanwhile: an
// operation that made one would make it each time.
func TestNoSystemCall(t *testing.T) {
	if calls := callsBetweenMarkers(t, "uncontended ops"); len(calls) > opRounds/100 {
		t.Errorf("uncontended operations made %d system calls, beginning with\n%s", len(calls), strings.Join(calls[:10], "\n"))
	}
}

// callsBetweenMarkers runs this binary in a role, and returns the system calls
// that the thread that asked for the marker made between the two times.
func callsBetweenMarkers(t *testing.T, role string) []string {
	t.Helper()
	if race.Enabled {
		t.Skip("the race detector makes system calls of its own")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace: ", err)
	}
	out := filepath.Join(t.TempDir(), "strace")
	cmd := exec.Command(strace, "-f", "-o", out, os.Args[0])
	// A preempted thread would make a system call to return from the signal.
	cmd.Env = append(os.Environ(), "ROLE="+role, "GODEBUG=asyncpreemptoff=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(text), "PTRACE") {
			t.Skipf("strace may not trace: %s", text)
		}
		t.Fatalf("%v: %s", err, text)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var thread string
	var calls []string
	markers := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		pid, call, _ := strings.Cut(lines.Text(), " ")
		switch {
		case strings.Contains(call, fmt.Sprintf("%q", marker)):
			markers++
			thread = pid
		case strings.Contains(call, "_PRIVATE"):
			// The runtime wakes a thread of its own. Ours are shared futexes.
		case markers == 1 && pid == thread && !strings.Contains(call, "resumed>"):
			calls = append(calls, call)
		}
	}
	if markers != 2 {
		t.Fatalf("there are %d markers in what strace wrote, expected 2", markers)
	}
	return calls
}
